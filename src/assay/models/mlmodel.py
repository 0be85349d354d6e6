"""``MLmodel``: the file that says what a folder holds, as MLflow 3 writes and reads it.

Everything that MLflow's file has is kept, what Assay doesn't know included, so that reading and
writing again loses nothing. Format: docs/formats/models.md.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.errors import ArtifactNotFound, AssayError, InvalidModel
from assay.flavors.base import PYTHON_FUNCTION
from assay.models.signatures.schema import Schema, Signature

FILE: Final = "MLmodel"
MLFLOW_VERSION: Final = "3.17.2"
"""The MLflow whose format is written; its clients read it as one of their own."""
MAX_FILE_BYTES: Final = 16 << 20
"""Wide signatures take some megabytes; beyond that it is no ``MLmodel``."""

_NO_ENTRIES: Final = frozenset({"signature", "extra", "registered_model_version"})
"""What of ``Model`` isn't an entry of the file as it stands."""


class Model(msgspec.Struct, kw_only=True):
    """What ``MLmodel`` says of a model."""

    flavors: dict[str, dict[str, Any]] = {}
    """Entry of each flavor by name; ``python_function`` is the face that all share."""
    signature: Signature | None = None
    model_id: str | None = None
    """Id of the logged model, where it is one."""
    model_uuid: str = msgspec.field(default_factory=lambda: uuid.uuid4().hex)
    run_id: str | None = None
    artifact_path: str | None = None
    utc_time_created: str = msgspec.field(
        default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    )
    mlflow_version: str | None = MLFLOW_VERSION
    metadata: dict[str, Any] | None = None
    """What the user wants to be kept with the model; JSON values."""
    saved_input_example_info: dict[str, Any] | None = None
    model_size_bytes: int | None = None
    is_signature_from_type_hint: bool = False
    type_hint_from_example: bool = False
    extra: dict[str, Any] = {}
    """Entries that Assay has no use for, kept as they came."""
    registered_model_version: int | None = None
    """The version that logging it registered, if it did; the file doesn't say."""

    @classmethod
    def load(cls, path: str | Path) -> Model:
        """Read the ``MLmodel`` of a model's folder, or the file itself.

        Raises:
            ArtifactNotFound: there is no such file.
            InvalidModel: it can't be read as one.
        """
        file = Path(path)
        if file.is_dir():
            file = file / FILE
        try:
            with file.open("rb") as stream:
                text = stream.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            raise ArtifactNotFound(str(file)) from None
        except (OSError, ValueError) as error:
            raise InvalidModel(str(path), f"{FILE} can't be opened: {error}") from error
        if len(text) > MAX_FILE_BYTES:
            raise InvalidModel(str(path), f"{FILE} is larger than {MAX_FILE_BYTES >> 20} MB")
        return cls.from_dict(_parse(text, str(path)), where=str(path))

    @classmethod
    def from_dict(cls, entries: dict[str, Any], *, where: str = FILE) -> Model:
        """The model of parsed entries; ``where`` names it in errors.

        Raises:
            InvalidModel: an entry has a wrong type.
        """
        known = {field.name for field in msgspec.structs.fields(cls)} - _NO_ENTRIES
        facts = {key: value for key, value in entries.items() if key in known}
        for name in ("is_signature_from_type_hint", "type_hint_from_example", "flavors"):
            # MLflow writes null where a fact is unknown.
            if facts.get(name, 0) is None:
                del facts[name]
        # YAML reads what looks like a date as one.
        if isinstance(facts.get("utc_time_created"), datetime):
            facts["utc_time_created"] = str(facts["utc_time_created"])
        rest = {k: v for k, v in entries.items() if k not in known and k != "signature"}
        try:
            model = msgspec.convert(facts, cls)
            signature = entries.get("signature")
            model.signature = None if signature is None else Signature.from_dict(signature)
        except (msgspec.ValidationError, AssayError) as error:
            raise InvalidModel(where, f"{FILE} is malformed: {error}") from None
        model.extra = rest
        return model

    def to_dict(self) -> dict[str, Any]:
        """The entries as they are written; those without a value are left out."""
        facts = {
            field.name: getattr(self, field.name)
            for field in msgspec.structs.fields(type(self))
            if field.name not in _NO_ENTRIES
        }
        if self.signature is not None:
            facts["signature"] = self.signature.to_dict()
        return {k: v for k, v in {**self.extra, **facts}.items() if v is not None}

    def to_yaml(self) -> str:
        """The text of the file."""
        import yaml

        return str(
            yaml.dump(
                self.to_dict(),
                Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper),
                default_flow_style=False,
                allow_unicode=True,
            )
        )

    def save(self, path: str | Path) -> None:
        """Write ``MLmodel`` into a folder, or to the file itself."""
        file = Path(path)
        if file.is_dir():
            file = file / FILE
        file.write_text(self.to_yaml(), encoding="utf-8")

    @property
    def model_uri(self) -> str | None:
        """``models:/<model id>`` of a logged model."""
        return None if self.model_id is None else f"models:/{self.model_id}"

    @property
    def python_function(self) -> dict[str, Any] | None:
        """Entry of the face that all models share; ``None`` if this one can't predict."""
        return self.flavors.get(PYTHON_FUNCTION)

    def get_input_schema(self) -> Schema | None:
        """Schema of the inputs, if there is a signature with one."""
        return None if self.signature is None else self.signature.inputs

    def get_output_schema(self) -> Schema | None:
        """Schema of the outputs, if there is a signature with one."""
        return None if self.signature is None else self.signature.outputs

    def get_params_schema(self) -> Any:
        """Schema of the params, if there is a signature with one."""
        return None if self.signature is None else self.signature.params

    def get_model_info(self) -> Model:
        """The model itself: it has the facts that MLflow's ``ModelInfo`` has."""
        return self

    def _repr_html_(self) -> str:
        from html import escape

        rows = {
            "flavors": ", ".join(sorted(self.flavors)),
            "model id": self.model_id or "",
            "run": self.run_id or "",
            "created": self.utc_time_created,
        }
        body = "".join(
            f"<tr><th>{name}</th><td>{escape(text)}</td></tr>"
            for name, text in rows.items()
            if text
        )
        shown = "" if self.signature is None else self.signature._repr_html_()
        return f"<table>{body}</table>{shown}"


def _parse(text: bytes, where: str) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Safe: both loaders make plain values only.
        entries = yaml.load(text, Loader=loader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())[:200]
        raise InvalidModel(where, f"{FILE} is no YAML ({why})") from None
    if not isinstance(entries, dict) or not all(isinstance(key, str) for key in entries):
        raise InvalidModel(where, f"{FILE} holds no entries by name")
    return entries

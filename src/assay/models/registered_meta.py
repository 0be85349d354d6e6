"""The note beside a model's files that says which registered version they were taken from.

MLflow's clients write it as ``registered_model_meta`` into what they download, and Assay into the
images that it builds. It isn't among a model's digests and nobody signs it, so it names a model
and decides nothing. Matched: mlflow/store/artifact/models_artifact_repo.py of 3.17.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

FILE: Final = "registered_model_meta"
_MAX_BYTES: Final = 1_024
_MAX_NAME: Final = 256


class RegisteredMeta(msgspec.Struct, frozen=True):
    """A version of a registered model."""

    name: str
    version: str
    """Its number."""


def write(folder: Path, meta: RegisteredMeta) -> None:
    """Put the note beside a model's files, as MLflow's clients do."""
    import yaml

    content = {"model_name": meta.name, "model_version": meta.version}
    text = yaml.safe_dump(content, default_flow_style=False, allow_unicode=True)
    (folder / FILE).write_text(text, encoding="utf-8")


def read(folder: Path) -> RegisteredMeta | None:
    """What the note says; ``None`` where there is none, or nothing that can be used."""
    import yaml

    # In Python alone, hundreds of brackets in each other take seconds.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with (folder / FILE).open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        content: Any = None if len(text) > _MAX_BYTES else yaml.load(text, Loader=loader)  # noqa: S506
    except (OSError, yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    name, version = content.get("model_name"), content.get("model_version")
    number = str(version) if type(version) is int else version
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME or not name.isprintable():
        return None
    if not isinstance(number, str) or not (number.isascii() and number.isdecimal()):
        return None
    return RegisteredMeta(name, number) if len(number) <= _MAX_NAME else None

"""Sources: where a data set came from, in MLflow's JSON forms.

A source only names a place; nothing here fetches anything.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from assay import entities
from assay.entities import tags

_SCHEME_TYPES = {"http": "http", "https": "http", "file": "local", "": "local", "gs": "gs"}
"""MLflow's names of source types; any other scheme names itself (``s3``, ``abfss`` …)."""


class DatasetSource(msgspec.Struct, frozen=True):
    """A place, by MLflow's type name and the fields of its JSON."""

    source_type: str
    fields: dict[str, Any]
    """``{"uri": …}``, ``{"url": …}`` or, for data made by code, ``{"tags": …}``."""

    @property
    def uri(self) -> str | None:
        """The path or URL, or ``None`` for data that code made."""
        place = self.fields.get("uri") or self.fields.get("url")
        return place if isinstance(place, str) else None

    def to_dict(self) -> dict[str, Any]:
        """The fields."""
        return dict(self.fields)

    def to_json(self) -> str:
        """The fields as JSON text."""
        return msgspec.json.encode(self.fields).decode()


def resolve_source(source: str | os.PathLike[str] | DatasetSource | None) -> DatasetSource:
    """``source`` as a source: a path, a URL, a source already, or ``None`` for the running
    program.
    """
    if isinstance(source, DatasetSource):
        return source
    if source is None:
        return _code_source()
    place = os.fspath(source)
    scheme = urlsplit(place).scheme if "://" in place else ""
    kind = _SCHEME_TYPES.get(scheme, scheme)
    return DatasetSource(kind, {"url" if kind == "http" else "uri": place})


def _code_source() -> DatasetSource:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    notebook = "ipykernel" in sys.modules
    name = os.environ.get("JPY_SESSION_NAME", "notebook") if notebook else sys.argv[0]
    facts = {
        tags.USER: user,
        tags.SOURCE_NAME: Path(name).name or "python",
        tags.SOURCE_TYPE: "NOTEBOOK" if notebook else "LOCAL",
    }
    return DatasetSource("code", {"tags": facts})


def get_source(
    dataset: entities.Dataset | entities.DatasetInput | object,
) -> DatasetSource:
    """The source of a data set as logged (``run.inputs.dataset_inputs[0]``) or as made here.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(dataset, entities.DatasetInput):
        dataset = dataset.dataset
    if isinstance(dataset, entities.Dataset):
        return DatasetSource(
            dataset.source_type, msgspec.json.decode(dataset.source, type=dict[str, Any])
        )
    source = getattr(dataset, "source", None)
    if isinstance(source, DatasetSource):
        return source
    raise TypeError(f"A data set is needed, not {type(dataset).__name__}.")

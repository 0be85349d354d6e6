"""Paths inside a model's folder: what ``MLmodel`` names never leads out of it."""

from __future__ import annotations

from pathlib import Path

from assay.entities.names import artifact_path
from assay.errors import InvalidModel, InvalidName


def inside(folder: Path, relative: object) -> Path:
    """The place of ``relative``, as ``MLmodel`` names it, below the model's ``folder``.

    Raises:
        InvalidModel: it is no relative path, leads out of the folder (by ``..``, as an absolute
            path or through a link), or nothing is there.
    """
    if not isinstance(relative, str):
        raise InvalidModel(str(folder), f"it names {relative!r} where a path is needed")
    try:
        place = folder / artifact_path(relative.rstrip("/"))
    except InvalidName as error:
        raise InvalidModel(
            str(folder), f"it names the path {relative!r}, which must stay inside: {error.why}"
        ) from None
    real = place.resolve()
    if not real.is_relative_to(folder.resolve()):
        raise InvalidModel(str(folder), f"the path {relative!r} leads out of the folder by a link")
    if not real.exists():
        raise InvalidModel(str(folder), f"the file {relative!r} is missing")
    return place

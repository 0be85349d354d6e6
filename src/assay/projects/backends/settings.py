"""Settings of backends: what ``--backend-config`` gives, held against a backend's own struct."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from assay.errors import InvalidInput

Settings = TypeVar("Settings", bound=msgspec.Struct)


def read_settings(kind: type[Settings], config: Mapping[str, Any], *, backend: str) -> Settings:
    """The settings of a backend.

    Raises:
        InvalidInput: one is unknown, or its value doesn't fit; the message names it.
    """
    known = kind.__struct_encode_fields__
    for name in config:
        if name in known:
            continue
        near = difflib.get_close_matches(str(name), known, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise InvalidInput(
            f"The backend {backend} has no setting {str(name)[:80]!r}.{meant} It has"
            f" {', '.join(known)}."
        )
    try:
        return msgspec.convert(dict(config), kind)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`") or "config"
        raise InvalidInput(f"The setting {name!r} of the backend {backend}: {what}.") from None


def storage(folder: str) -> Path | None:
    """The folder that the setting ``storage_dir`` names, made if it isn't there.

    Raises:
        InvalidInput: it can't be made.
    """
    if not folder:
        return None
    place = Path(folder).expanduser()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"The folder {folder!r} can't be used: {error.strerror}.") from None
    return place.absolute()

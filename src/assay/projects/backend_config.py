"""Settings of a backend, as ``--backend-config`` gives them: fields, JSON, or a file of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.errors import InvalidInput

_MAX_BYTES: Final = 1 << 20


def read_config(config: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    """The settings as a dict.

    Args:
        config: a dict, the text of a JSON object, or the path of a file with one.

    Raises:
        InvalidInput: it is none of these.
    """
    if config is None:
        return {}
    if isinstance(config, Mapping):
        return dict(config)
    text = str(config).strip()
    if text.startswith("{"):
        return _decoded(text.encode(), "The backend's settings")
    try:
        with Path(text).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(
            f"The backend's settings {text[:200]!r} are neither JSON nor a file that can be read:"
            f" {error.strerror}."
        ) from None
    if len(content) > _MAX_BYTES:
        raise InvalidInput(f"The backend's settings {text!r} are over {_MAX_BYTES >> 20} MB.")
    return _decoded(content, text)


def _decoded(content: bytes, where: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InvalidInput(f"{where} can't be read as a JSON object: {error}.") from None

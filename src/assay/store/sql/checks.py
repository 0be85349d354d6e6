"""Checks of what comes in, shared by the resources: numbers that fit, locations that are safe.

Names, keys and ids are checked by ``assay.entities``; these are about what a database column takes.
"""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import unquote

from assay import errors
from assay.entities.names import check_value

_INT64: Final = 2**63


def now_ms() -> int:
    """The time now, ms since the epoch."""
    return time.time_ns() // 1_000_000


def check_int(what: str, value: int) -> int:
    """``value`` as a 64-bit integer.

    Raises:
        InvalidInput: it is no integer, or out of range.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise errors.InvalidInput(
            f"Invalid value {value!r} for {what}: it is no integer but a {type(value).__name__}."
        )
    if not -_INT64 <= value < _INT64:
        raise errors.InvalidInput(f"Invalid value {value} for {what}: it doesn't fit 64 bits.")
    return value


def check_location(location: str) -> str:
    """``location`` as the place of an experiment's artifacts.

    Raises:
        InvalidInput: it is a ``runs:`` or ``models:`` URI, has a query or fragment, a ``..``
            segment or control characters, in any spelling.
    """
    check_value("artifact location", location)
    seen, before = location, ""
    while seen != before:
        before, seen = seen, unquote(seen)
    if not seen.strip() or any(ord(c) < 32 or ord(c) == 127 for c in seen):
        raise errors.InvalidName("artifact location", location, "it is empty or holds controls")
    if seen.startswith(("runs:", "models:")):
        raise errors.InvalidName("artifact location", location, "it must name a folder itself")
    if "#" in seen or "?" in seen or "\\" in seen:
        raise errors.InvalidName(
            "artifact location", location, "'?', '#' and backslashes are not allowed"
        )
    if ".." in seen.replace(":", "/").split("/"):
        raise errors.InvalidName("artifact location", location, "'..' is not allowed")
    return location

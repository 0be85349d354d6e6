"""Lengths of time as people write them on the command line."""

from __future__ import annotations

import re

from assay.errors import InvalidInput

_AGE = re.compile(r"(\d{1,6})\s*([smhdw])\Z")
_UNITS_MS = {
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}


def age_ms(text: str) -> int:
    """An age such as ``30d`` in milliseconds.

    Raises:
        InvalidInput: it isn't a number with one of s, m, h, d, w.
    """
    match = _AGE.match(text.strip())
    if match is None:
        raise InvalidInput(f"Invalid age {text!r}: write a number and s, m, h, d or w, as in 30d.")
    return int(match[1]) * _UNITS_MS[match[2]]

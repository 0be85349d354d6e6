"""Values as they are compared: by what they mean, not by how they were written.

``1e-3`` is ``0.001``, ``True`` is ``true``, and JSON is the same in any spacing and order of keys.
The pages compare single cells alike: web/src/features/compare/values.ts.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?\Z")
_WORDS = {
    "nan": "n:nan",
    "inf": "n:inf",
    "+inf": "n:inf",
    "infinity": "n:inf",
    "+infinity": "n:inf",
    "-inf": "n:-inf",
    "-infinity": "n:-inf",
    "true": "b:true",
    "false": "b:false",
}
_MAX_JSON = 20_000
_EXACT_CHARS = 15
"""Of so few digits a float keeps each."""
NOTHING = "-"
"""What an empty cell means."""


def meaning(value: Any) -> str:
    """A text that is equal for cells that mean the same."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "b:true" if value else "b:false"
    if isinstance(value, int | float):
        return _of_text(_digits(value))
    if isinstance(value, str):
        return _of_text(value.strip())
    if isinstance(value, dict | list):
        return "j:" + _canonical(value)
    return _of_text(str(value))


def key_text(value: Any) -> str:
    """A cell as the key of its row: whole numbers alike, however a file keeps them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, dict | list):
        return _canonical(value)
    return _digits(value) if isinstance(value, int) else str(value)


def _of_text(text: str) -> str:
    if _NUMBER.match(text):
        return _of_number(text)
    word = _WORDS.get(text.lower()) if len(text) <= len("+infinity") else None
    if word is not None:
        return word
    if text[:1] in ("[", "{") and len(text) <= _MAX_JSON:
        try:
            return "j:" + _canonical(json.loads(text))
        except (ValueError, RecursionError):
            pass  # looks like JSON only
    return f"t:{text}"


def _of_number(text: str) -> str:
    if len(text) <= _EXACT_CHARS:
        value = float(text)
        # What a float is too small or too large for is told exactly.
        if value and abs(value) != math.inf:
            return f"n:{value!r}"
    try:
        exact = Decimal(text).normalize()
    except ArithmeticError:  # an exponent beyond all measure
        return f"t:{text}"
    if not exact:
        return "n:0"
    short = str(exact)
    return _of_number(short) if len(short) <= _EXACT_CHARS < len(text) else f"n:{short}"


def _digits(value: float) -> str:
    try:
        return repr(value)
    except ValueError:  # Python's own limit on digits
        return hex(int(value))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)

"""JSON text of a model's files, parsed with bounds on its size and depth.

Python's own parser is used, since MLflow writes ``NaN`` and ``Infinity``, which strict ones refuse.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from assay.errors import InvalidInput, LimitExceeded

MAX_CHARS: Final = 16 << 20
"""A signature of 100,000 columns takes a third of it."""
MAX_DEPTH: Final = 256
"""Lists and objects inside each other; a type takes up to three levels."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")


def parse(text: str, *, where: str) -> Any:
    """The value of a JSON text.

    Raises:
        InvalidInput: it is no JSON, or larger or deeper than anything that people have.
    """
    if len(text) > MAX_CHARS:
        raise LimitExceeded(f"The JSON text of {where}", limit=MAX_CHARS, got=len(text))
    if _deeper_than(text, MAX_DEPTH):
        raise InvalidInput(f"{where} is nested more than {MAX_DEPTH} levels deep.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{where} is no JSON: {error}.") from None


def _deeper_than(text: str, limit: int) -> bool:
    if text.count("[") + text.count("{") <= limit:
        return False
    depth = 0
    for bracket in _NOT_BRACKETS.sub("", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > limit:
            return True
    return False


def dump(value: Any) -> str:
    """The text that MLflow writes for a value, byte for byte."""
    return json.dumps(value)

"""Cells of tables as they travel: plain values, bounded in size and depth."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import msgspec

MAX_CELL_CHARS = 32_768
"""Longer texts are cut; the whole is in the file."""
_MAX_DEPTH = 16
_MAX_ITEMS = 1_000
_EXACT = 2**53
"""Integers beyond it are no exact numbers in a browser, so they travel as text."""
_BYTES_SHOWN = 64

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})\Z")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?\Z")
_SPECIAL = frozenset({"nan", "inf", "-inf", "+inf", "infinity", "-infinity"})
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")


class Column(msgspec.Struct, frozen=True):
    """A column's name, and what its cells are: ``integer``, ``number``, ``boolean``, ``text``,
    ``time``, ``binary``, ``json``, ``image`` or ``mixed``.
    """

    name: str
    type: str


def type_of_texts(texts: Iterable[str]) -> str:
    """What cells of a text file are; empty ones tell nothing."""
    kind = ""
    for text in texts:
        if not text:
            continue
        if _INTEGER.match(text):
            kind = kind or "integer"
        elif (_NUMBER.match(text) and not _LEADING_ZERO.match(text)) or text.lower() in _SPECIAL:
            kind = "number"
        elif kind in ("", "boolean") and text.lower() in ("true", "false"):
            kind = "boolean"
            continue
        else:
            return "text"
        if kind == "boolean":
            return "text"
    return kind or "text"


def value_of_text(text: str, kind: str) -> Any:
    """A cell of a text file as a value of its column's type; text that is none stays text."""
    if kind in ("integer", "number"):
        if not text:
            return None
        try:
            return int(text) if _INTEGER.match(text) else float(text)
        except ValueError:
            return text
    if kind == "boolean":
        return {"": None, "true": True, "false": False}.get(text.lower(), text)
    return text


def type_of_values(values: Iterable[Any]) -> str:
    """What cells with JSON values are; nulls tell nothing."""
    kinds = {_kind(value) for value in values if value is not None}
    if len(kinds) == 1:
        return kinds.pop()
    if not kinds:
        return "text"
    return "number" if kinds == {"integer", "number"} else "mixed"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "text"
    # MLflow's ``log_table`` writes pictures as files, and this into the cell.
    if isinstance(value, dict) and value.get("type") == "image" and "filepath" in value:
        return "image"
    return "json"


def number_of(value: Any) -> float:
    """A cell as a number to compare by; NaN where it is none."""
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, str):
        try:
            # Python reads "1_000" as a number, which no other program writes as one.
            return math.nan if "_" in value else float(value)
        except ValueError:
            return math.nan
    return math.nan


def text_of(value: Any) -> str:
    """A cell as the text that a person searches in."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


class Cells:
    """Makes cells plain; remembers whether anything was cut, and how much there is."""

    def __init__(self) -> None:
        self.cut = False
        self.size = 0
        """About how many bytes the cells take on the way."""

    def plain(self, value: Any, depth: int = 0) -> Any:
        """A cell as JSON holds it."""
        self.size += 8
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            return value if -_EXACT <= value <= _EXACT else self._text(_digits(value))
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bytes):
            shown = value[:_BYTES_SHOWN].hex()
            self.cut = self.cut or len(value) > _BYTES_SHOWN
            return self._text(f"{shown}{'…' if len(value) > _BYTES_SHOWN else ''}")
        if isinstance(value, dict | list | tuple):
            return self._nested(value, depth)
        return self._text(str(value))

    def _nested(self, value: Any, depth: int) -> Any:
        if depth >= _MAX_DEPTH or self.size > MAX_PAGE_BYTES:
            self.cut = True
            return "…"
        self.cut = self.cut or len(value) > _MAX_ITEMS
        if isinstance(value, dict):
            first = list(value.items())[:_MAX_ITEMS]
            return {self._text(str(key)): self.plain(item, depth + 1) for key, item in first}
        return [self.plain(item, depth + 1) for item in value[:_MAX_ITEMS]]

    def _text(self, text: str) -> str:
        if len(text) > MAX_CELL_CHARS:
            self.cut = True
            text = text[:MAX_CELL_CHARS] + "…"
        self.size += len(text)
        # Half of a surrogate pair, which JSON can spell, has no form in UTF-8.
        return text.encode("utf-8", "replace").decode() if not text.isascii() else text


MAX_PAGE_BYTES = 16 << 20
"""About what one page of a table may weigh; rows beyond it are left for the next."""


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python's own limit on digits
        return hex(value)

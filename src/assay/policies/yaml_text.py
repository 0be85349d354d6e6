"""YAML of policies: plain values, without anything that surprises.

Plain scalars follow the core schema of YAML 1.2 (section 10.3), so ``no`` and ``2026-03-03`` are
texts and ``1e-3`` is a number. Anchors, aliases, tags, repeated keys and several documents are
refused; size and depth are limited, so no text costs much to read. Nothing is constructed from it
but dicts, lists, texts, numbers and booleans.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import yaml

from assay.errors import InvalidPolicy
from assay.policies.parts import inside, item_of

MAX_BYTES: Final = 65_536
MAX_DEPTH: Final = 8
"""Lists and entries inside each other; a policy needs five."""
_MAX_NUMBER_LENGTH: Final = 40
"""Longer rows of digits, such as a digest may be, are texts."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_FLAGS: Final = {
    text: flag
    for flag in (True, False)
    for text in (str(flag).lower(), str(flag), str(flag).upper())
}
_INTEGER: Final = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")

_SIGNS_OF_MISSING_QUOTES: Final = ("alias", "cannot start any token")
"""Words of PyYAML where somebody wrote ``@champion:`` or ``* -> Archived``."""


def read_yaml(text: str) -> object:
    """The value of the one document in ``text``.

    Raises:
        InvalidPolicy: it is no YAML, too large or too deep, or has more than plain values.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise InvalidPolicy("", f"it has {size:,} bytes, at most {MAX_BYTES:,} are allowed")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _document(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        raise InvalidPolicy("", _told(error)) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise InvalidPolicy("", f"it is no YAML: {' '.join(str(error).split())[:200]}") from None


def _told(error: yaml.MarkedYAMLError) -> str:
    problem = " ".join(str(error.problem or error.context or "it can't be read").split())[:200]
    mark = error.problem_mark or error.context_mark
    place = "" if mark is None else f" in line {mark.line + 1}, column {mark.column + 1}"
    quotes = any(sign in f"{error.context} {problem}" for sign in _SIGNS_OF_MISSING_QUOTES)
    hint = "; texts that begin with '@' or '*' need quotes" if quotes else ""
    return f"it is no YAML: {problem}{place}{hint}"


def _document(events: Iterator[yaml.Event]) -> object:
    next(events)
    if isinstance(next(events), yaml.StreamEndEvent):
        raise InvalidPolicy("", "it is empty")
    value = _value(next(events), events, where="", depth=0)
    next(events)
    if not isinstance(next(events), yaml.StreamEndEvent):
        raise InvalidPolicy("", "it has more than one document ('---')")
    return value


def _value(event: yaml.Event, events: Iterator[yaml.Event], *, where: str, depth: int) -> object:
    _check_plain(event, where)
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if depth == MAX_DEPTH:
        raise InvalidPolicy(where, f"it is nested more than {MAX_DEPTH} deep")
    if isinstance(event, yaml.SequenceStartEvent):
        return _list(events, where=where, depth=depth + 1)
    return _entries(events, where=where, depth=depth + 1)


def _check_plain(event: yaml.Event, where: str) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise InvalidPolicy(where, "anchors ('&name') and aliases ('*name') are not allowed")
    if getattr(event, "tag", None) is not None:
        raise InvalidPolicy(where, "tags ('!name') are not allowed; put the text into quotes")


def _list(events: Iterator[yaml.Event], *, where: str, depth: int) -> list[object]:
    values: list[object] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        values.append(_value(event, events, where=item_of(where, len(values)), depth=depth))
    return values


def _entries(events: Iterator[yaml.Event], *, where: str, depth: int) -> dict[str, object]:
    entries: dict[str, object] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        _check_plain(event, where)
        if not isinstance(event, yaml.ScalarEvent):
            raise InvalidPolicy(where, "the name of an entry must be a text")
        key = event.value
        if key in entries:
            raise InvalidPolicy(inside(where, key), "it is given twice")
        entries[key] = _value(next(events), events, where=inside(where, key), depth=depth)
    return entries


def _scalar(event: yaml.ScalarEvent) -> object:
    text: str = event.value
    if not event.implicit[0]:
        return text  # Quoted, or a block.
    if text in _NULLS:
        return None
    if text in _FLAGS:
        return _FLAGS[text]
    if len(text) > _MAX_NUMBER_LENGTH:
        return text
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    if _NOT_FINITE.match(text):
        return float(text.replace(".", ""))
    return text

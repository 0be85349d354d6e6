"""``Requires-Dist``: which other distributions one declares to need, here and now.

Reads the part of the PyPA specification *Dependency specifiers* that tells names, extras and
markers; versions aren't compared with what is installed. What can't be decided counts as needed:
whoever asks looks only at distributions that were loaded anyway.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from functools import cache
from typing import Final

import msgspec

_SPEC = re.compile(
    r"\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[(?P<extras>[^\]]*)\])?"
    r"(?P<rest>[^;]*)(?:;(?P<marker>.*))?\Z",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^']*'|\"[^\"]*\")|(?P<op>===|~=|[<>=!]=|[<>()])|(?P<word>[A-Za-z_][\w.]*))"
)
_SEPARATORS = re.compile(r"[-_.]+")
_VERSIONS: Final = {"python_version", "python_full_version", "implementation_version"}
_MAX_MARKER: Final = 4000
"""Characters; the longest in use have some hundred. Bounds the nesting of parentheses too."""


class Requirement(msgspec.Struct, frozen=True):
    """One declared requirement."""

    name: str
    """Normalized: lower case, ``-`` between words."""
    extras: tuple[str, ...] = ()
    marker: str = ""
    """Condition under which it is needed; empty: always."""


class _Undecided(Exception):
    """The marker isn't one that can be evaluated."""


def normalized(name: str) -> str:
    """``Foo_Bar.baz`` as indexes compare it: ``foo-bar-baz``."""
    return _SEPARATORS.sub("-", name).lower()


def parse(text: str) -> Requirement | None:
    """The requirement that ``text`` (``dask[array]>=2; python_version < "3.12"``) states;
    ``None`` where it names no distribution.
    """
    match = _SPEC.match(text)
    if match is None:
        return None
    extras = tuple(
        sorted(normalized(e.strip()) for e in (match["extras"] or "").split(",") if e.strip())
    )
    return Requirement(normalized(match["name"]), extras, (match["marker"] or "").strip())


def needed(requirement: Requirement, extras: frozenset[str] = frozenset()) -> bool:
    """Whether its marker holds on this interpreter, with the ``extras`` that were asked for."""
    if not requirement.marker:
        return True
    if len(requirement.marker) > _MAX_MARKER:
        return True
    try:
        return any(_Marker(requirement.marker, extra).value() for extra in ("", *(sorted(extras))))
    except _Undecided:
        return True


@cache
def _surroundings() -> dict[str, str]:
    # Names as the specification lists them.
    return {
        "os_name": os.name,
        "sys_platform": sys.platform,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_version": ".".join(map(str, sys.version_info[:2])),
        "python_full_version": platform.python_version(),
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
    }


class _Marker:
    """Recursive descent over the tokens: ``or`` of ``and`` of comparisons and parentheses."""

    def __init__(self, text: str, extra: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._extra = extra

    def value(self) -> bool:
        found = self._any()
        if self._at != len(self._tokens):
            raise _Undecided
        return found

    def _any(self) -> bool:
        found = self._all()
        while self._accept("or"):
            found = self._all() or found
        return found

    def _all(self) -> bool:
        found = self._one()
        while self._accept("and"):
            found = self._one() and found
        return found

    def _one(self) -> bool:
        if self._accept("("):
            found = self._any()
            if not self._accept(")"):
                raise _Undecided
            return found
        left, operator, right = self._next(), self._operator(), self._next()
        kind = next((word for word in (left, right) if word[0] not in "'\""), "")
        return _compare(self._text(left), operator, self._text(right), kind=kind)

    def _operator(self) -> str:
        word = self._next()
        if word == "not" and self._accept("in"):
            return "not in"
        return word

    def _text(self, word: str) -> str:
        if word[0] in "'\"":
            return word[1:-1]
        if word == "extra":
            return self._extra
        try:
            return _surroundings()[word.replace(".", "_")]
        except KeyError:
            raise _Undecided from None

    def _accept(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == word:
            self._at += 1
            return True
        return False

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise _Undecided
        self._at += 1
        return self._tokens[self._at - 1]


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _Undecided
        found.append(match.group().strip())
        at = match.end()
    if found.count("(") > 50:
        raise _Undecided
    return found


def _compare(left: str, operator: str, right: str, *, kind: str) -> bool:
    if operator in ("in", "not in"):
        return (left in right) == (operator == "in")
    if kind == "extra":
        left, right = normalized(left), normalized(right)
    if kind in _VERSIONS:
        return _compare_versions(left, operator, right)
    comparisons = {
        "==": left == right,
        "===": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }
    if operator not in comparisons:
        raise _Undecided
    return comparisons[operator]


def _compare_versions(left: str, operator: str, right: str) -> bool:
    if right.endswith(".*") and operator in ("==", "!="):
        prefix = _release(right[:-2])
        return (_release(left)[: len(prefix)] == prefix) == (operator == "==")
    one, other = _release(left), _release(right)
    if operator == "~=":
        return one >= other and one[: len(other) - 1] == other[:-1]
    width = max(len(one), len(other))
    one, other = (*one, *[0] * (width - len(one))), (*other, *[0] * (width - len(other)))
    comparisons = {
        "==": one == other,
        "===": one == other,
        "!=": one != other,
        "<": one < other,
        "<=": one <= other,
        ">": one > other,
        ">=": one >= other,
    }
    if operator not in comparisons:
        raise _Undecided
    return comparisons[operator]


def _release(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    if match is None:
        raise _Undecided
    return tuple(int(part) for part in match.group().split("."))

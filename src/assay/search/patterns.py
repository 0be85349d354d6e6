"""Patterns of ``LIKE`` and ``ILIKE``: ``%`` is any text, ``_`` one character, all else itself.

A backslash means itself, as in MLflow on SQLite; ``LIKE 'a!_%' ESCAPE '!'`` makes the next
character plain. ``ILIKE`` takes ASCII letters in either case for the same, in every store.
"""

from __future__ import annotations

from enum import Enum

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TO_LOWER = str.maketrans(_UPPER, _UPPER.lower())


class Wildcard(Enum):
    """A part of a pattern that is no plain character."""

    ANY = "%"
    ONE = "_"


Part = str | Wildcard


def fold_case(text: str) -> str:
    """``text`` with ASCII letters in lower case; others stay, so all stores agree."""
    return text.translate(_TO_LOWER)


def parse_pattern(text: str, escape: str = "") -> list[Part]:
    """The pattern as characters and wildcards.

    Raises:
        ValueError: it ends with the escape character.
    """
    parts: list[Part] = []
    characters = iter(text)
    for character in characters:
        if escape and character == escape:
            plain = next(characters, None)
            if plain is None:
                raise ValueError("a pattern can't end with its escape character")
            parts.append(plain)
        elif character == "%":
            if not parts or parts[-1] is not Wildcard.ANY:  # two in a row mean one
                parts.append(Wildcard.ANY)
        elif character == "_":
            parts.append(Wildcard.ONE)
        else:
            parts.append(character)
    return parts


def matches(parts: list[Part], text: str) -> bool:
    """Whether the whole text fits; time grows with ``len(parts) * len(text)`` at worst."""
    at = part = 0
    resume: tuple[int, int] | None = None
    while at < len(text):
        if part < len(parts) and parts[part] is Wildcard.ANY:
            resume = (part + 1, at)
            part += 1
        elif part < len(parts) and parts[part] in (text[at], Wildcard.ONE):
            part += 1
            at += 1
        elif resume is not None:  # let the last % take one character more
            resume = (resume[0], resume[1] + 1)
            part, at = resume
        else:
            return False
    return all(p is Wildcard.ANY for p in parts[part:])

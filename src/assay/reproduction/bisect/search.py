"""Search: the smallest set of changes that turns a good result into a bad one.

Delta debugging (Zeller and Hildebrandt 2002, *Simplifying and isolating failure-inducing input*):
parts of the set are tried, then the set without each part, in ever finer parts. Where a mix can't
be tried at all (packages that don't go together) the search goes on with others. Few changes are
tried one by one at once, since most results have one cause.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeVar

Answer = Literal["good", "bad", "unknown"]
T = TypeVar("T")

_ONE_BY_ONE: Final = 5
"""Up to so many changes are tried each alone, before halves."""


def smallest(changes: Sequence[T], test: Callable[[list[T]], Answer]) -> list[T]:
    """A smallest set of changes that is bad: no change of it can be left out, as far as mixes can
    be tried.

    Args:
        changes: all of them together are bad; the likeliest first.
        test: what a subset, in the order of ``changes``, comes to.
    """
    left = list(changes)
    parts = _first_parts(left)
    while len(left) >= 2:
        chunks = _split(left, parts)
        smaller = _first_bad(chunks, test)
        if smaller is not None:
            left = smaller
            parts = _first_parts(left)
            continue
        # In two parts, the rest of one is the other.
        rests = [[one for one in left if one not in chunk] for chunk in chunks if parts > 2]
        smaller = _first_bad(rests, test)
        if smaller is not None:
            left = smaller
            parts = max(parts - 1, 2)
        elif parts >= len(left):
            break
        else:
            parts = min(2 * parts, len(left))
    return left


def _first_parts(changes: Sequence[T]) -> int:
    return len(changes) if len(changes) <= _ONE_BY_ONE else 2


def _first_bad(sets: Sequence[list[T]], test: Callable[[list[T]], Answer]) -> list[T] | None:
    return next((one for one in sets if test(one) == "bad"), None)


def _split(changes: Sequence[T], parts: int) -> list[list[T]]:
    """So many parts of nearly the same size, in order."""
    size, rest = divmod(len(changes), parts)
    chunks, start = [], 0
    for place in range(parts):
        end = start + size + (place < rest)
        chunks.append(list(changes[start:end]))
        start = end
    return chunks

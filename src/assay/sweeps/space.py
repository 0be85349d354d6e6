"""The space of a sweep: what each parameter may be, and points of it.

A point is chosen by a sampler; the store keeps it as JSON with the trial's run, and ``read_point``
reads it back exactly, so a sweep needs no database of its own.
"""

from __future__ import annotations

import itertools
import math
import random
from typing import Any, Final

import msgspec

Value = Any
"""What a parameter may be: text, number, flag, nothing, or a list or mapping of those."""
Point = dict[str, Value]
"""A value for each parameter."""

_ROUNDING: Final = 1e-9
"""Of a step's multiple: ``0.1 * 3`` is to end at 0.3."""


class Fixed(msgspec.Struct, frozen=True, tag="fixed"):
    """One value, the same for every trial."""

    value: Value


class Choices(msgspec.Struct, frozen=True, tag="choices"):
    """One of some values; a grid takes each in turn."""

    values: list[Value]


class Range(msgspec.Struct, frozen=True, tag="range"):
    """A number between two, both included."""

    low: float = msgspec.field(name="min")
    high: float = msgspec.field(name="max")
    log: bool = False
    """Uniform in its logarithm."""
    whole: bool = msgspec.field(default=False, name="int")
    """Whole numbers only."""
    step: float | None = None
    """Only ``low``, ``low + step``, ``low + 2 step`` …"""

    def count(self) -> float:
        """How many values there are; infinite for a continuous range."""
        if self.step is None and not self.whole:
            return 1 if self.low == self.high else math.inf
        return math.floor((self.high - self.low) / (self.step or 1) + _ROUNDING) + 1

    def nth(self, index: int) -> float:
        """Value number ``index`` of a range that can be counted."""
        value = self.low + index * (self.step or 1)
        return round(value) if self.whole else min(_trim(value), self.high)


Dimension = Fixed | Choices | Range
Space = dict[str, Dimension]


def _trim(value: float) -> float:
    """``value`` without the noise of a sum: 0.30000000000000004 is 0.3."""
    return float(f"{value:.12g}")


def grid_size(space: Space) -> float:
    """How many points the grid over a space has; infinite if a range can't be counted."""
    return math.prod(_count(dimension) for dimension in space.values())


def grid_point(space: Space, index: int) -> Point:
    """Point number ``index`` of the grid; the last parameter changes first."""
    point: Point = {}
    for name, dimension in reversed(space.items()):
        index, place = divmod(index, int(_count(dimension)))
        point[name] = _nth(dimension, place)
    return {name: point[name] for name in space}


def _count(dimension: Dimension) -> float:
    match dimension:
        case Fixed():
            return 1
        case Choices():
            return len(dimension.values)
        case Range():
            return dimension.count()


def _nth(dimension: Dimension, index: int) -> Value:
    match dimension:
        case Fixed():
            return dimension.value
        case Choices():
            return dimension.values[index]
        case Range():
            return dimension.nth(index)


def random_point(space: Space, chance: random.Random) -> Point:
    """A point by chance: choices with equal weight, ranges uniform, or uniform in the logarithm."""
    return {name: _draw(dimension, chance) for name, dimension in space.items()}


def _draw(dimension: Dimension, chance: random.Random) -> Value:
    match dimension:
        case Fixed():
            return dimension.value
        case Choices():
            return dimension.values[chance.randrange(len(dimension.values))]
        case Range(log=True):
            return _draw_log(dimension, chance)
        case Range():
            count = dimension.count()
            if math.isinf(count):
                return min(chance.uniform(dimension.low, dimension.high), dimension.high)
            return dimension.nth(chance.randrange(int(count)))


def _draw_log(dimension: Range, chance: random.Random) -> float:
    # Half a step wider on both sides, or the ends of a range of whole numbers would be rare.
    half = 0.5 if dimension.whole else 0.0
    drawn = math.exp(
        chance.uniform(math.log(dimension.low - half), math.log(dimension.high + half))
    )
    inside = min(max(drawn, dimension.low), dimension.high)
    return round(inside) if dimension.whole else inside


def point_text(point: Point) -> str:
    """A point as it is kept with its run: JSON."""
    return msgspec.json.encode(point).decode()


def read_point(space: Space, text: str) -> Point | None:
    """The point that was kept as ``text``; ``None`` if it is none of this space."""
    try:
        point = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    if not isinstance(point, dict) or set(point) != set(space):
        return None
    return {name: point[name] for name in space}


def shown_point(point: Point) -> str:
    """A point on one line: ``lr=0.01 depth=3``."""
    return " ".join(
        f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in itertools.islice(point.items(), 20)
    )

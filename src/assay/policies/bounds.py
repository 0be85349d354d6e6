"""Bounds: conditions on one number, by itself and beside that of the present holder.

Limits are computed in decimal from the numbers as people write them: 0.7 and 0.1 give 0.8, so a
value that lies exactly on its limit passes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Final, NamedTuple

import msgspec

_DECIMAL: Final = Context(prec=40)
"""Own, so that nothing a caller sets for its thread plays a part."""
_LARGEST: Final = sys.float_info.max


class Amount(msgspec.Struct, frozen=True):
    """A difference: absolute, or in percent of the magnitude of the holder's number."""

    value: float
    """Not negative."""
    percent: bool = False

    def __str__(self) -> str:
        return f"{number_text(self.value)}{' %' if self.percent else ''}"


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a number must meet; at least one of the first six is given, all that are must hold."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    not_worse_by: Amount | None = None
    """It may be worse than the holder's by up to this."""
    better_by: Amount | None = None
    """It must be better than the holder's, and by at least this."""
    higher_is_better: bool = True
    """Which way is better; plays a part in the last two only."""

    @property
    def compares(self) -> bool:
        """Whether the holder's number is needed."""
        return self.not_worse_by is not None or self.better_by is not None

    @property
    def floor(self) -> tuple[float, bool] | None:
        """The lower end by itself, and whether it is left out."""
        if self.above is not None:
            return self.above, True
        return None if self.at_least is None else (self.at_least, False)

    @property
    def ceiling(self) -> tuple[float, bool] | None:
        """The upper end by itself, and whether it is left out."""
        if self.below is not None:
            return self.below, True
        return None if self.at_most is None else (self.at_most, False)

    def __str__(self) -> str:
        return " and ".join(self._words())

    def _words(self) -> Iterator[str]:
        for sign, limit in (
            (">=", self.at_least),
            (">", self.above),
            ("<=", self.at_most),
            ("<", self.below),
        ):
            if limit is not None:
                yield f"{sign} {number_text(limit)}"
        which = f" ({'higher' if self.higher_is_better else 'lower'} is better)"
        if self.not_worse_by is not None:
            more = f" by more than {self.not_worse_by}" if self.not_worse_by.value else ""
            yield f"not worse than the holder{more}{which}"
        if self.better_by is not None:
            least = f" by at least {self.better_by}" if self.better_by.value else ""
            yield f"better than the holder{least}{which}"


class Limit(NamedTuple):
    """One end that a number is held against."""

    value: float
    lower: bool
    """Whether it is a lower end."""
    open: bool
    """Whether the end itself is too little, or too much."""

    def holds(self, number: float) -> bool:
        """Whether a number lies on the right side; NaN never does."""
        if number == self.value:
            return not self.open
        return number > self.value if self.lower else number < self.value

    def __str__(self) -> str:
        sign = (">" if self.lower else "<") + ("" if self.open else "=")
        return f"{sign} {number_text(self.value)}"


def own_limits(bounds: Bounds) -> list[Limit]:
    """The ends that don't depend on the holder."""
    limits = []
    if bounds.floor is not None:
        limits.append(Limit(bounds.floor[0], lower=True, open=bounds.floor[1]))
    if bounds.ceiling is not None:
        limits.append(Limit(bounds.ceiling[0], lower=False, open=bounds.ceiling[1]))
    return limits


def holder_limits(bounds: Bounds, holder: float) -> list[Limit]:
    """The ends that the holder's number sets; ``holder`` is not NaN."""
    limits = []
    up = bounds.higher_is_better
    if bounds.not_worse_by is not None:
        end = _moved(holder, bounds.not_worse_by, up=not up)
        limits.append(Limit(end, lower=up, open=False))
    if bounds.better_by is not None:
        end = _moved(holder, bounds.better_by, up=up)
        limits.append(Limit(end, lower=up, open=end == holder))
    return limits


def _moved(holder: float, by: Amount, *, up: bool) -> float:
    """The holder's number moved by an amount; an infinite one stays where it is."""
    if not math.isfinite(holder):
        return holder
    start, step = _decimal(holder), _decimal(by.value)
    if by.percent:
        step = _DECIMAL.divide(_DECIMAL.multiply(step, abs(start)), Decimal(100))
    end = _DECIMAL.add(start, step) if up else _DECIMAL.subtract(start, step)
    return min(max(float(end), -_LARGEST), _LARGEST)


def _decimal(number: float) -> Decimal:
    return Decimal(repr(float(number)))


def number_text(number: float) -> str:
    """The shortest text that reads back as the same number: ``1``, ``0.95``, ``1e-05``."""
    return repr(float(number)).removesuffix(".0")

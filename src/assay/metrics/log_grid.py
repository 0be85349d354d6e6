"""Buckets for a logarithmic axis: equal widths in log step, so that each decade has as many.

Borders are rounded to powers of two far smaller than the buckets beside them. Stored cells of the
right decades, where most points lie, then fit between two borders, and no point is decoded for
them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LogGrid", "fits"]

_ROUNDING_BITS: Final = 3
"""A border moves by at most a sixteenth of its bucket."""
_BEYOND: Final = 2.0**63


class LogGrid(NamedTuple):
    """At most ``most`` buckets of about equal widths in log step over a closed range of steps.

    Steps below 1, which have no logarithm, share the first bucket. Where steps are sparser than
    buckets, a step has one of its own.
    """

    most: int
    first_step: int
    last_step: int

    def borders(self) -> NDArray[np.int64]:
        """First step of each bucket but the first."""
        low = max(1, self.first_step)
        begin = [1] if self.first_step < 1 <= self.last_step and self.most > 1 else []
        room = self.most - 1 - len(begin)
        if room < 1 or self.last_step <= low:
            return np.array(begin, np.int64)
        width = (math.log(self.last_step + 1) - math.log(low)) / (room + 1)
        exact = low * np.exp(width * np.arange(1, room + 1))
        sizes = exact * math.expm1(width)
        bits = np.maximum(np.floor(np.log2(sizes)) - _ROUNDING_BITS, 0.0)
        units = np.exp2(bits)
        rounded = np.rint(exact / units) * units
        found = np.unique(rounded[rounded < _BEYOND].astype(np.int64))
        inside = found[(found > low) & (found <= self.last_step)]
        return np.concatenate((np.array(begin, np.int64), inside))


def fits(bits: int, borders: NDArray[np.int64], *, first_step: int, last_step: int) -> bool:
    """Whether no cell of width ``2 ** bits`` between these steps crosses a border."""
    begin, end = np.searchsorted(borders, (first_step, last_step), "right").tolist()
    return not (borders[begin:end] & ((1 << bits) - 1)).any()

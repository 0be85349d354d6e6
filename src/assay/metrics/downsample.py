"""Downsampling: a curve of any length as a few buckets of equal step width, exactly.

Buckets lie on a grid whose unit is a power of two. Stored blocks carry *cells*, their points
aggregated over aligned powers of two, so a coarse bucket is the union of whole cells and no point
is decoded for it; where the grid is finer than a block's cells, its points are read. The result is
the same either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from assay.entities.metrics import History
from assay.metrics.summary import mean_of_slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CELL", "Grid", "cells_of_block", "downsample", "empty_cells", "grid", "reduce_cells"]

CELL: Final = np.dtype(
    [
        ("first_step", "<i8"),
        ("last_step", "<i8"),
        ("last_timestamp", "<i8"),
        ("count", "<u4"),
        ("numbers", "<u4"),
        ("min", "<f8"),
        ("max", "<f8"),
        ("mean", "<f8"),
        ("last", "<f8"),
    ]
)
"""Consecutive points, aggregated; ``numbers`` counts those that are not NaN. Stored as it is: see
docs/formats/metric-blocks.md."""

_MAX_CELLS: Final = 64
"""Cells of a block: 64 bytes each, so a full block pays at most one byte a point for them."""
_MIN_POINTS: Final = 1_024
"""Points from which a block gets cells; fewer are decoded faster than found."""


class Grid(NamedTuple):
    """Equal widths over a closed range of steps."""

    bits: int
    """The unit is ``2 ** bits`` steps; every border is a multiple of it."""
    units: int
    """Units per bucket: 4 to 7, or anything where the unit is a single step."""
    first_step: int
    last_step: int

    def borders(self) -> NDArray[np.int64]:
        """First step of each bucket but the first."""
        low = self.first_step >> self.bits
        buckets = ((self.last_step >> self.bits) - low) // self.units
        numbers = [(low + i * self.units) << self.bits for i in range(1, buckets + 1)]
        return np.array(numbers, np.int64)


def grid(first_step: int, last_step: int, count: int) -> Grid:
    """The finest grid with at most ``count`` buckets over the closed range; ``count`` is at least
    1.
    """
    span = last_step - first_step + 1
    width = max(1, -(-span // count))
    while True:
        bits = max(0, width.bit_length() - 3)
        units = -(-width >> bits)
        if units == 8:
            bits, units = bits + 1, 4
        if ((last_step >> bits) - (first_step >> bits)) // units < count:
            return Grid(bits, units, first_step, last_step)
        width = (units + 1) << bits


def downsample(points: History, borders: NDArray[np.int64]) -> NDArray[np.void]:
    """Sorted points between these borders, each stretch one cell; empty ones are left out."""
    count = len(points.steps)
    if count == 0:
        return empty_cells()
    starts = _starts(points.steps, borders)
    ends = np.append(starts[1:], count)
    values = points.values
    holes = np.isnan(values)
    counts = ends - starts
    numbers = counts
    if holes.any():
        numbers = counts - np.add.reduceat(holes.astype(np.int64), starts)
    cells = np.empty(len(starts), CELL)
    cells["first_step"] = points.steps[starts]
    cells["last_step"] = points.steps[ends - 1]
    cells["last_timestamp"] = points.timestamps[ends - 1]
    cells["count"] = counts
    cells["numbers"] = numbers
    cells["min"] = np.fmin.reduceat(values, starts)
    cells["max"] = np.fmax.reduceat(values, starts)
    cells["mean"] = mean_of_slices(values, starts, numbers)
    cells["last"] = values[ends - 1]
    return cells


def reduce_cells(cells: NDArray[np.void], borders: NDArray[np.int64]) -> NDArray[np.void]:
    """Cells in the order of their points, joined into one between two borders; no cell crosses a
    border.
    """
    if len(cells) == 0:
        return cells
    starts = _starts(cells["first_step"], borders)
    ends = np.append(starts[1:], len(cells))
    joint = np.empty(len(starts), CELL)
    joint["first_step"] = cells["first_step"][starts]
    for name in ("last_step", "last_timestamp", "last"):
        joint[name] = cells[name][ends - 1]
    numbers = np.add.reduceat(cells["numbers"].astype(np.int64), starts)
    joint["count"] = np.add.reduceat(cells["count"].astype(np.int64), starts)
    joint["numbers"] = numbers
    joint["min"] = np.fmin.reduceat(cells["min"], starts)
    joint["max"] = np.fmax.reduceat(cells["max"], starts)
    with np.errstate(all="ignore"):
        weights = cells["numbers"] / np.repeat(np.maximum(numbers, 1), ends - starts)
        shares = np.where(cells["numbers"] > 0, cells["mean"] * weights, 0.0)
        means = np.add.reduceat(shares, starts)
    joint["mean"] = np.where(numbers > 0, means, np.nan)
    return joint


def cells_of_block(points: History) -> tuple[int, bytes] | None:
    """Width as a power of two, and the cells, of a block's sorted points; ``None`` where they don't
    pay.
    """
    if len(points.steps) < _MIN_POINTS:
        return None
    first, last = int(points.steps[0]), int(points.steps[-1])
    bits = max(0, (last - first + 1).bit_length() - 6)
    while (last >> bits) - (first >> bits) >= _MAX_CELLS:
        bits += 1
    return bits, downsample(points, Grid(bits, 1, first, last).borders()).tobytes()


def empty_cells() -> NDArray[np.void]:
    """No cells."""
    return np.empty(0, CELL)


def _starts(steps: NDArray[np.int64], borders: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each stretch between borders begins, without empty ones."""
    begin, end = np.searchsorted(borders, (steps[0], steps[-1]), "right").tolist()
    fresh = np.concatenate(([0], np.searchsorted(steps, borders[begin:end], "left")))
    keep = np.ones(len(fresh), np.bool_)
    keep[1:] = fresh[1:] != fresh[:-1]
    result: NDArray[np.int64] = fresh[keep]
    return result

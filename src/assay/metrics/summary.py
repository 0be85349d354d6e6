"""Summaries: the figures of each series, computed for whole batches at once and merged as points
arrive.

``last`` is MLflow's *latest*: the value at the largest (step, timestamp, value), NaN being the
largest value. ``min``, ``max``, ``mean`` and ``sum_squares`` leave NaN out and are NaN where
nothing else is there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from assay.entities.metrics import MetricSummary, SeriesKey
from assay.metrics.points import GroupedPoints, value_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Figures", "figures_of", "figures_of_point", "mean_of_slices", "merged"]


class Figures(msgspec.Struct, frozen=True, gc=False):
    """What is known about the points of one series."""

    count: int
    nan_count: int
    first_step: int
    first_timestamp: int
    first: float
    last_step: int
    last_timestamp: int
    last: float
    min: float
    max: float
    mean: float
    sum_squares: float

    def summary(self, series: SeriesKey) -> MetricSummary:
        """The same as callers of a store see it."""
        return MetricSummary(
            series=series,
            count=self.count,
            nan_count=self.nan_count,
            first_step=self.first_step,
            last_step=self.last_step,
            last_timestamp=self.last_timestamp,
            last=self.last,
            first=self.first,
            min=self.min,
            max=self.max,
            mean=self.mean,
            sum_squares=self.sum_squares,
        )

    def end(self) -> tuple[int, int, int]:
        """The last point, for comparing series."""
        return (self.last_step, self.last_timestamp, value_key(self.last))


def figures_of_point(step: int, timestamp: int, value: float) -> Figures:
    """The figures of a single point."""
    if math.isnan(value):
        nan = math.nan
        return Figures(1, 1, step, timestamp, nan, step, timestamp, nan, nan, nan, nan, nan)
    square = value * value
    return Figures(
        1, 0, step, timestamp, value, step, timestamp, value, value, value, value, square
    )


def figures_of(grouped: GroupedPoints) -> list[Figures]:
    """The figures of each group; no group is empty."""
    if not len(grouped.groups):
        return []
    steps, times, values = grouped.points
    starts, ends = grouped.starts[:-1], grouped.starts[1:] - 1
    counts = np.diff(grouped.starts)
    holes = np.isnan(values)
    nan_counts = np.zeros_like(counts)
    squares = values
    if holes.any():
        nan_counts = np.add.reduceat(holes.astype(np.int64), starts)
        squares = np.where(holes, 0.0, values)
    with np.errstate(all="ignore"):
        sums = np.add.reduceat(squares * squares, starts)
        sums[nan_counts == counts] = np.nan
        columns = (
            counts,
            nan_counts,
            steps[starts],
            times[starts],
            values[starts],
            steps[ends],
            times[ends],
            values[ends],
            np.fmin.reduceat(values, starts),
            np.fmax.reduceat(values, starts),
            mean_of_slices(values, starts, counts - nan_counts),
            sums,
        )
    return [Figures(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def mean_of_slices(
    values: NDArray[np.float64], starts: NDArray[np.int64], numbers: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean of each slice without NaN, exact in range: a sum that overflows is taken over shares
    instead.

    Args:
        values: shape (n,).
        starts: where each slice begins, ascending, shape (k,); each ends where the next begins.
        numbers: how many values of each slice are not NaN, shape (k,).
    """
    clean = np.where(np.isnan(values), 0.0, values) if int(numbers.sum()) < len(values) else values
    with np.errstate(all="ignore"):
        means: NDArray[np.float64] = np.add.reduceat(clean, starts) / numbers
        if not np.isfinite(means).all() and (numbers > 0).any():
            sizes = np.diff(np.append(starts, len(values)))
            shares = np.add.reduceat(clean / np.repeat(np.maximum(numbers, 1), sizes), starts)
            means = np.where(np.isfinite(means), means, shares)
    means[numbers == 0] = np.nan
    return means


def merged(old: Figures, new: Figures) -> Figures:
    """The figures of both together; they have no point in common."""
    first, last = old, new
    if (new.first_step, new.first_timestamp) <= (old.first_step, old.first_timestamp) and _begin(
        new
    ) < _begin(old):
        first = new
    if (old.last_step, old.last_timestamp) >= (new.last_step, new.last_timestamp):
        last = old if old.end() > new.end() else new
    old_numbers, new_numbers = old.count - old.nan_count, new.count - new.nan_count
    if old_numbers == 0:
        low, high, mean, squares = new.min, new.max, new.mean, new.sum_squares
    elif new_numbers == 0:
        low, high, mean, squares = old.min, old.max, old.mean, old.sum_squares
    else:
        low, high = min(old.min, new.min), max(old.max, new.max)
        mean = _joint_mean(old.mean, new.mean, new_numbers / (old_numbers + new_numbers))
        squares = old.sum_squares + new.sum_squares
    return Figures(
        old.count + new.count,
        old.nan_count + new.nan_count,
        first.first_step,
        first.first_timestamp,
        first.first,
        last.last_step,
        last.last_timestamp,
        last.last,
        low,
        high,
        mean,
        squares,
    )


def _begin(figures: Figures) -> tuple[int, int, int]:
    return (figures.first_step, figures.first_timestamp, value_key(figures.first))


def _joint_mean(old: float, new: float, share: float) -> float:
    step = new - old
    if math.isfinite(step):
        return old + step * share
    return old * (1.0 - share) + new * share

"""Summaries: the figures of each series, computed for whole batches at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.metrics.figures import Figures
from assay.metrics.points import GroupedPoints

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["figures_of", "mean_of_slices"]


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

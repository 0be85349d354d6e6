"""Figures of one series: what is known about its points, and how the figures of two parts join.

``last`` is MLflow's *latest*: the value at the largest (step, timestamp, value), NaN being the
largest value. ``min``, ``max``, ``mean`` and ``sum_squares`` leave NaN out and are NaN where
nothing else is there. Those of whole arrays are computed by ``summary``.
"""

from __future__ import annotations

import math

import msgspec

from assay.entities.metrics import MetricSummary, SeriesKey
from assay.metrics.values import value_key

__all__ = ["Figures", "figures_of_point", "merged"]


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

"""Measures: metrics written so that many weightings of one sample are computed at once.

A bootstrap resample is a count of how often each unit was drawn, so a metric that takes counts
gives the estimate (each unit once), all resamples and all leave-one-out values by one formula, and
without copying rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from assay.evaluation.sample import Floats

Figures = dict[str, Floats]


class Measures(ABC):
    """Metrics of one sample.

    ``units`` is what is drawn: rows, or queries of a ranker. ``base`` is how often each stands in
    the sample, shape (units,). An undefined value is NaN.
    """

    units: int
    base: Floats
    cost: int = 1
    """Passes over the units that one weighting takes, about; for the cap on work."""
    descriptive: frozenset[str] = frozenset()
    """Metrics that get no interval: counts, sums, and those whose bootstrap is known to fail."""

    @abstractmethod
    def figures(self, counts: Floats, *, all_of_them: bool = True) -> Figures:
        """Each metric for each weighting.

        Args:
            counts: float64, shape (b, units), how often each unit counts.
            all_of_them: ``False`` may leave out those in ``descriptive``.

        Returns:
            Arrays of shape (b,) by metric name.
        """

    def estimate(self) -> dict[str, float]:
        """The metrics of the sample itself."""
        return {name: float(value[0]) for name, value in self.figures(self.base[None, :]).items()}


def base_of(size: int, counts: Floats | None) -> Floats:
    """``counts``, or ones."""
    return np.ones(size) if counts is None else counts


def weighted(counts: Floats, weights: Floats | None) -> Floats:
    """What each unit weighs in each weighting, shape (b, units)."""
    return counts if weights is None else counts * weights


def divided(over: Floats, under: Floats, *, otherwise: float = 0.0) -> Floats:
    """``over / under``, and ``otherwise`` where ``under`` is zero."""
    shape = np.broadcast_shapes(over.shape, under.shape)
    quotient: Floats = np.divide(over, under, out=np.full(shape, otherwise), where=under != 0)
    return quotient


def summed_by(weights: Floats, codes: NDArray[np.int64], size: int) -> Floats:
    """Sums of weights by code: shape (b, units) to (b, size)."""
    sums = [np.bincount(codes, weights=row, minlength=size) for row in weights]
    return np.asarray(sums, dtype=np.float64)

"""Metrics of a regressor, with the names and definitions of MLflow's default evaluator.

Beyond these, ``mean_error`` is the mean of prediction minus target: the bias.
"""

from __future__ import annotations

import numpy as np

from assay.evaluation.measures import Figures, Measures, base_of, divided, weighted
from assay.evaluation.sample import Floats, Sample

_ROUNDING = 1e-13
"""Share of a sum of squares that its rounding errors stay below."""


class RegressionMeasures(Measures):
    """Metrics of numeric predictions. All but the largest error are functions of sums over rows.

    ``max_error`` has no interval: the bootstrap of an extreme is inconsistent (Bickel and Freedman
    1981, *Some asymptotic theory for the bootstrap*, section 6).
    """

    descriptive = frozenset({"example_count", "sum_on_target", "mean_on_target", "max_error"})

    def __init__(self, sample: Sample) -> None:
        self.units = len(sample)
        self.base = base_of(self.units, sample.counts)
        self._weights = sample.weights
        self._targets = np.asarray(sample.targets, dtype=np.float64)
        errors = np.asarray(sample.predictions, dtype=np.float64) - self._targets
        self._sizes = np.abs(errors)
        # Centred, so that the variance of targets far from zero keeps its digits.
        centred = self._targets - self._targets.mean()
        smallest = np.finfo(np.float64).eps
        self._columns = np.column_stack(
            [
                np.ones(self.units),
                errors,
                self._sizes,
                errors**2,
                self._sizes / np.maximum(np.abs(self._targets), smallest),
                centred,
                centred**2,
            ]
        )

    def figures(self, counts: Floats, *, all_of_them: bool = True) -> Figures:
        """See ``Measures.figures``."""
        sums = weighted(counts, self._weights) @ self._columns
        total, error, absolute, square, relative, centred, centred_square = sums.T
        mean_square = divided(square, total, otherwise=np.nan)
        found = {
            "mean_absolute_error": divided(absolute, total, otherwise=np.nan),
            "mean_squared_error": mean_square,
            "root_mean_squared_error": np.sqrt(mean_square),
            "mean_absolute_percentage_error": divided(relative, total, otherwise=np.nan),
            "r2_score": _r2(
                square, centred_square - divided(centred**2, total), centred_square, counts
            ),
            "mean_error": divided(error, total, otherwise=np.nan),
        }
        if all_of_them:
            found |= self._descriptions(counts)
        return found

    def _descriptions(self, counts: Floats) -> Figures:
        rows = counts.sum(axis=1)
        sums = weighted(counts, self._weights) @ self._targets
        return {
            "example_count": rows,
            "sum_on_target": sums,
            # Divided by the number of rows also where they have weights, as MLflow does.
            "mean_on_target": divided(sums, rows, otherwise=np.nan),
            "max_error": np.where(counts > 0, self._sizes, -np.inf).max(axis=1),
        }


def _r2(square: Floats, spread: Floats, uncentred: Floats, counts: Floats) -> Floats:
    """scikit-learn's conventions: constant targets give 1 if all is right, else 0."""
    # What is left of equal targets after cancelling is rounding, not spread.
    constant = spread <= _ROUNDING * uncentred
    found = 1 - divided(square, np.where(constant, 0.0, spread))
    found = np.where(constant, np.where(square == 0, 1.0, 0.0), found)
    return np.where(counts.sum(axis=1) < 2, np.nan, found)

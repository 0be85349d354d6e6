"""Metrics of a forecaster: errors, errors scaled by a seasonal naive forecast, and coverage.

Rows are in order of time, of one series or of several named by ``groups``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.errors import InvalidInput
from assay.evaluation.measures import Figures, Measures, base_of, divided, weighted
from assay.evaluation.sample import Floats, Sample, numbers

History = Floats | Mapping[Any, Floats]
"""Targets before the forecasts, oldest first: of the one series, or by series."""


def naive_scale(history: Floats, seasonality: int) -> float:
    """Mean absolute error of the seasonal naive forecast on the history.

    The scale of MASE (Hyndman and Koehler 2006, *Another look at measures of forecast accuracy*);
    ``seasonality`` 1 is the plain naive forecast.

    Raises:
        InvalidInput: the history is no longer than a season, or the naive forecast makes no error.
    """
    values = numbers(history, "history")
    if seasonality < 1 or len(values) <= seasonality:
        raise InvalidInput(
            f"MASE needs a history longer than one season of {seasonality}; it has {len(values)}"
            " values."
        )
    scale = float(np.abs(values[seasonality:] - values[:-seasonality]).mean())
    if scale == 0:
        raise InvalidInput(
            "MASE is undefined: the naive forecast makes no error on the history, which repeats"
            f" itself every {seasonality} steps."
        )
    return scale


def row_scales(sample: Sample, history: History, seasonality: int) -> Floats:
    """The scale of each row's series, shape (n,). Raises ``InvalidInput``."""
    if not isinstance(history, Mapping):
        return np.full(len(sample), naive_scale(history, seasonality))
    if sample.groups is None:
        raise InvalidInput("A history by series needs the series of each row: groups='…'.")
    names, codes = np.unique(sample.groups, return_inverse=True)
    known = {str(name): values for name, values in history.items()}
    missing = [str(name) for name in names if str(name) not in known]
    if missing:
        raise InvalidInput(f"The history lacks the series {', '.join(missing[:5])}.")
    scales = np.array([naive_scale(known[str(name)], seasonality) for name in names])
    return scales[codes]


class ForecastMeasures(Measures):
    """Metrics of forecasts.

    ``symmetric_mean_absolute_percentage_error`` is the mean of 2|y - f| / (|y| + |f|), from 0 to 2
    (Makridakis 1993), 0 where both are zero. ``interval_score`` is that of Gneiting and Raftery
    2007 (*Strictly proper scoring rules, prediction, and estimation*, section 6.2), given what the
    intervals promise to cover.

    Args:
        sample: with ``lower`` and ``upper`` for the metrics of intervals, and ``scales`` (see
            ``row_scales``) for MASE.
        promised: what share of values the intervals promise to cover, in (0, 1).
    """

    descriptive = frozenset({"example_count", "max_error"})

    def __init__(self, sample: Sample, *, promised: float | None = None) -> None:
        self.units = len(sample)
        self.base = base_of(self.units, sample.counts)
        self._weights = sample.weights
        targets = np.asarray(sample.targets, dtype=np.float64)
        forecasts = np.asarray(sample.predictions, dtype=np.float64)
        errors = forecasts - targets
        self._sizes = np.abs(errors)
        smallest = np.finfo(np.float64).eps
        columns = {
            "mean_absolute_error": self._sizes,
            "mean_squared_error": errors**2,
            "mean_error": errors,
            "mean_absolute_percentage_error": self._sizes / np.maximum(np.abs(targets), smallest),
            "symmetric_mean_absolute_percentage_error": divided(
                2 * self._sizes, np.abs(targets) + np.abs(forecasts)
            ),
        }
        if sample.scales is not None:
            columns["mean_absolute_scaled_error"] = self._sizes / sample.scales
        if sample.lower is not None and sample.upper is not None:
            columns |= _interval_columns(targets, sample.lower, sample.upper, promised)
        self._names = list(columns)
        self._columns = np.column_stack([np.ones(self.units), *columns.values()])

    def figures(self, counts: Floats, *, all_of_them: bool = True) -> Figures:
        """See ``Measures.figures``."""
        total, *sums = (weighted(counts, self._weights) @ self._columns).T
        found = {
            name: divided(column, total, otherwise=np.nan)
            for name, column in zip(self._names, sums, strict=True)
        }
        found["root_mean_squared_error"] = np.sqrt(found["mean_squared_error"])
        if all_of_them:
            found["example_count"] = counts.sum(axis=1)
            found["max_error"] = np.where(counts > 0, self._sizes, -np.inf).max(axis=1)
        return found


def _interval_columns(
    targets: Floats, lower: Floats, upper: Floats, promised: float | None
) -> dict[str, Floats]:
    if (lower > upper).any():
        raise InvalidInput("Some lower ends of the intervals are above their upper ends.")
    inside = (targets >= lower) & (targets <= upper)
    columns = {
        "interval_coverage": inside.astype(np.float64),
        "interval_width": upper - lower,
    }
    if promised is not None:
        if not 0 < promised < 1:
            raise InvalidInput(f"interval_level must lie between 0 and 1, not {promised}.")
        outside = np.maximum(lower - targets, 0) + np.maximum(targets - upper, 0)
        columns["interval_score"] = upper - lower + 2 / (1 - promised) * outside
    return columns

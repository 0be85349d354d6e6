from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.errors import InvalidInput
from assay.evaluation.forecasting import ForecastMeasures, naive_scale, row_scales
from assay.evaluation.sample import Sample

TRUE = np.array([10.0, 12.0, 14.0])
GUESS = np.array([11.0, 12.0, 10.0])


def test_errors_are_those_of_their_definitions() -> None:
    found = ForecastMeasures(Sample(TRUE, GUESS)).estimate()

    assert found["mean_absolute_error"] == pytest.approx(5 / 3)
    assert found["root_mean_squared_error"] == pytest.approx((17 / 3) ** 0.5)
    assert found["mean_absolute_percentage_error"] == pytest.approx((1 / 10 + 4 / 14) / 3)
    assert found["symmetric_mean_absolute_percentage_error"] == pytest.approx((2 / 21 + 8 / 24) / 3)
    assert "mean_absolute_scaled_error" not in found


def test_zero_forecast_of_zero_has_no_relative_error() -> None:
    found = ForecastMeasures(Sample(np.zeros(2), np.zeros(2))).estimate()
    assert found["symmetric_mean_absolute_percentage_error"] == 0.0


def test_mase_is_the_error_over_that_of_the_seasonal_naive_forecast() -> None:
    history = np.array([1.0, 5.0, 2.0, 8.0, 4.0, 9.0])
    assert naive_scale(history, 1) == pytest.approx((4 + 3 + 6 + 4 + 5) / 5)
    assert naive_scale(history, 2) == pytest.approx((1 + 3 + 2 + 1) / 4)

    sample = Sample(TRUE, GUESS)
    sample = replace(sample, scales=row_scales(sample, history, 2))
    found = ForecastMeasures(sample).estimate()
    assert found["mean_absolute_scaled_error"] == pytest.approx(5 / 3 / 1.75)


def test_each_series_has_its_own_scale() -> None:
    sample = Sample(TRUE, GUESS, groups=np.array(["a", "b", "a"]))
    scales = row_scales(sample, {"a": np.array([0.0, 2.0]), "b": np.array([0.0, 10.0])}, 1)
    assert scales.tolist() == [2.0, 10.0, 2.0]


@pytest.mark.parametrize(
    ("history", "season", "match"),
    [([1.0, 2.0], 2, "longer than one season"), ([3.0, 3.0, 3.0], 1, "makes no error")],
)
def test_a_history_that_gives_no_scale_is_refused(
    history: list[float], season: int, match: str
) -> None:
    with pytest.raises(InvalidInput, match=match):
        naive_scale(np.array(history), season)


def test_a_series_without_history_is_refused() -> None:
    sample = Sample(TRUE, GUESS, groups=np.array(["a", "b", "a"]))
    with pytest.raises(InvalidInput, match="lacks the series b"):
        row_scales(sample, {"a": np.array([0.0, 2.0])}, 1)


def test_intervals_are_measured_by_coverage_width_and_score() -> None:
    sample = Sample(TRUE, GUESS, lower=GUESS - 2, upper=GUESS + 2)
    found = ForecastMeasures(sample, promised=0.8).estimate()

    assert found["interval_coverage"] == pytest.approx(2 / 3)
    assert found["interval_width"] == 4.0
    assert found["interval_score"] == pytest.approx(4 + (2 / 0.2) * 2 / 3)


def test_crossed_intervals_are_refused() -> None:
    with pytest.raises(InvalidInput, match="above their upper"):
        ForecastMeasures(Sample(TRUE, GUESS, lower=GUESS + 1, upper=GUESS - 1))

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from assay.evaluation.regression import RegressionMeasures
from assay.evaluation.sample import Sample


@given(
    seed=st.integers(0, 10_000),
    size=st.integers(2, 200),
    weighted=st.booleans(),
    offset=st.sampled_from([0.0, 1e6]),
)
def test_metrics_agree_with_scikit_learn(
    seed: int, size: int, weighted: bool, offset: float
) -> None:
    random = np.random.default_rng(seed)
    true = random.normal(size=size) + offset
    guess = true + random.normal(size=size)
    weights = random.uniform(0.1, 2, size) if weighted else None
    found = RegressionMeasures(Sample(true, guess, weights)).estimate()
    expected = {
        "mean_absolute_error": sk.mean_absolute_error(true, guess, sample_weight=weights),
        "mean_squared_error": sk.mean_squared_error(true, guess, sample_weight=weights),
        "root_mean_squared_error": sk.root_mean_squared_error(true, guess, sample_weight=weights),
        "r2_score": sk.r2_score(true, guess, sample_weight=weights),
        "max_error": sk.max_error(true, guess),
        "mean_absolute_percentage_error": sk.mean_absolute_percentage_error(
            true, guess, sample_weight=weights
        ),
        "mean_error": np.average(guess - true, weights=weights),
        "sum_on_target": true.sum() if weights is None else (true * weights).sum(),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
@pytest.mark.parametrize(("error", "score"), [(0.0, 1.0), (1.0, 0.0)])
def test_constant_targets_score_one_if_all_is_right_else_zero(
    value: float, error: float, score: float
) -> None:
    # scikit-learn means this too, but takes the rounding of a mean of 0.1s for spread.
    true = np.full(7, value)
    assert RegressionMeasures(Sample(true, true + error)).estimate()["r2_score"] == score


def test_one_row_has_no_r2() -> None:
    found = RegressionMeasures(Sample(np.array([1.0]), np.array([2.0]))).estimate()
    assert np.isnan(found["r2_score"])
    assert found["mean_absolute_error"] == 1.0

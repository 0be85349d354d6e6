"""statsmodels, Prophet and pmdarima: what forecasts and regressions are kept with."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pmdarima
import prophet
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from pmdarima.pipeline import Pipeline
from pmdarima.preprocessing import FourierFeaturizer

from assay.errors import InvalidInput
from assay.flavors.base import flavor_named
from assay.models.loading import load_pyfunc
from tests.frameworks.flavor_checks import Case, FlavorContract, assert_same, told_without
from tests.frameworks.tables import features, target

pytestmark = pytest.mark.filterwarnings("ignore:pmdarima flavor is deprecated:FutureWarning")


def _series(rows: int = 48) -> np.ndarray:
    months = np.arange(rows)
    noise = np.random.default_rng(1).normal(scale=0.3, size=rows)
    return 10 + 0.2 * months + 3 * np.sin(months * np.pi / 6) + noise


@cache
def least_squares() -> Any:
    return sm.OLS(target(), features()).fit()


def by_formula() -> Any:
    """Made anew each time: MLflow's ``remove_data`` takes the data from the model itself."""
    return smf.ols("y ~ a + b", features().assign(y=target())).fit()


@cache
def autoregression() -> Any:
    return sm.tsa.ARIMA(_series(), order=(1, 1, 0)).fit()


def _span() -> pd.DataFrame:
    return pd.DataFrame({"start": [45], "end": [50]})


def _over_span(native: Any, data: Any) -> Any:
    return native.predict(start=int(data["start"][0]), end=int(data["end"][0]))


@cache
def forecaster() -> prophet.Prophet:
    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).setLevel(logging.ERROR)
    days = pd.date_range("2024-01-01", periods=48, freq="D")
    model = prophet.Prophet(yearly_seasonality=False, uncertainty_samples=50)
    return model.fit(pd.DataFrame({"ds": days, "y": _series()}))


def _days() -> pd.DataFrame:
    return pd.DataFrame({"ds": pd.date_range("2024-02-20", periods=4, freq="D")})


def _middle(native: Any, data: Any) -> Any:
    # The limits are drawn by chance.
    return native.predict(data)["yhat"]


@cache
def arima() -> Any:
    return pmdarima.ARIMA(order=(1, 1, 0), suppress_warnings=True).fit(_series())


@cache
def pipeline() -> Any:
    steps = [
        ("fourier", FourierFeaturizer(m=12, k=1)),
        ("arima", pmdarima.ARIMA(order=(1, 0, 0), suppress_warnings=True)),
    ]
    return Pipeline(steps).fit(_series())


def _periods() -> pd.DataFrame:
    return pd.DataFrame({"n_periods": [5]})


def _limits() -> pd.DataFrame:
    return pd.DataFrame({"n_periods": [5], "return_conf_int": [True], "alpha": [0.1]})


def _ahead(native: Any, data: Any) -> Any:
    return native.predict(n_periods=int(data["n_periods"][0]))


_statsmodels = partial(Case, flavor="statsmodels", runs_code=True)
_pmdarima = partial(Case, flavor="pmdarima", runs_code=True, native=_ahead)

CASES = [
    _statsmodels("least-squares", model=least_squares, data=features),
    _statsmodels("formula", model=by_formula, data=features),
    _statsmodels("without-data", model=by_formula, data=features, options={"remove_data": True}),
    _statsmodels("series", model=autoregression, data=_span, native=_over_span),
    Case("prophet", "prophet", forecaster, _days, native=_middle, same_as_mlflow=False),
    _pmdarima("arima", model=arima, data=_periods),
    _pmdarima("limits", model=arima, data=_limits),
    _pmdarima("pipeline", model=pipeline, data=_periods),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestStatistics(FlavorContract):
    """Pickles, and Prophet's JSON."""


def test_fitted_data_stays_with_the_model_that_is_saved_without_it(tmp_path: Path) -> None:
    model = by_formula()
    replace(CASES[2], model=lambda: model).save(tmp_path / "m")

    assert model.model.endog is not None
    assert load_pyfunc(tmp_path / "m").get_raw_model().model.endog is None


def test_prophet_answers_the_same_twice_and_leaves_the_global_generator_alone() -> None:
    predictor = flavor_named("prophet").predictor(forecaster(), {})
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)

    first = predictor.predict(_days())

    assert np.random.random() == expected
    assert_same(predictor.predict(_days()), first)


def test_prophet_that_was_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="fit"):
        flavor_named("prophet").save(prophet.Prophet(), tmp_path)


@pytest.mark.parametrize(
    "data",
    [pd.DataFrame({"n_periods": [1, 2]}), pd.DataFrame({"n": [1]}), [[1]], {"n_periods": 1.5}],
    ids=["rows", "name", "list", "fraction"],
)
def test_pmdarima_says_what_it_predicts_from(data: Any) -> None:
    with pytest.raises(InvalidInput, match="n_periods"):
        flavor_named("pmdarima").predictor(arima(), {}).predict(data)


def test_series_of_statsmodels_says_what_it_predicts_from() -> None:
    with pytest.raises(InvalidInput, match="start"):
        flavor_named("statsmodels").predictor(autoregression(), {}).predict(features())


def test_model_that_is_not_fitted_is_no_statsmodels_result(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"fit\(\)"):
        flavor_named("statsmodels").save(sm.OLS(target(), features()), tmp_path)


@pytest.mark.parametrize(
    ("case", "name"), [(CASES[0], "statsmodels"), (CASES[4], "prophet"), (CASES[5], "pmdarima")]
)
def test_missing_framework_is_named(tmp_path: Path, case: Case, name: str) -> None:
    case.save(tmp_path / "m")

    told = told_without({name}, tmp_path / "m")

    assert len(told) == 2
    assert all(f"pip install '{name}==" in one for one in told)

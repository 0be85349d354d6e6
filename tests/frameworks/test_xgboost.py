"""XGBoost: boosters and estimators, in each of its formats."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xgboost as xgb

from assay.errors import InvalidInput, InvalidModel, UntrustedModel
from assay.flavors.base import flavor_named
from assay.models.loading import load_native, load_pyfunc
from assay.models.saving import Extras, save
from tests.frameworks.entries import change_entry
from tests.frameworks.flavor_checks import Case, FlavorContract, assert_same, told_without
from tests.frameworks.tables import classes, features, ranks, target

# Real MLflow gives the old ending to XGBoost, which then guesses.
pytestmark = pytest.mark.filterwarnings(
    "ignore:(?s).*(Unknown file format|Saving model in the UBJSON format)"
)


@cache
def booster() -> xgb.Booster:
    return xgb.train({"max_depth": 2}, xgb.DMatrix(features(), target()), num_boost_round=4)


@cache
def classifier() -> xgb.XGBClassifier:
    return xgb.XGBClassifier(n_estimators=4, max_depth=2).fit(features(), classes())


@cache
def ranker() -> xgb.XGBRanker:
    model = xgb.XGBRanker(n_estimators=4, max_depth=2)
    return model.fit(features(), classes(), qid=ranks())


@cache
def with_categories() -> xgb.XGBRegressor:
    model = xgb.XGBRegressor(n_estimators=4, enable_categorical=True)
    return model.fit(_categories(), target())


def _categories() -> pd.DataFrame:
    table = features()
    return table.assign(kind=pd.Categorical.from_codes(classes() % 3, list("abc")))


def _booster_predict(native: Any, data: Any) -> Any:
    return native.predict(xgb.DMatrix(data))


def _proba(native: Any, data: Any) -> Any:
    return native.predict_proba(data)


CASES = [
    Case("booster", "xgboost", booster, features, native=_booster_predict),
    Case(
        "booster-json",
        "xgboost",
        booster,
        features,
        native=_booster_predict,
        options={"model_format": "json"},
    ),
    Case(
        "booster-xgb",
        "xgboost",
        booster,
        features,
        native=_booster_predict,
        options={"model_format": "xgb"},
    ),
    Case("classifier", "xgboost", classifier, features, native=_proba),
    Case("ranker", "xgboost", ranker, features),
    Case("categories", "xgboost", with_categories, _categories, golden=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestXgboost(FlavorContract):
    """Files of XGBoost itself: no code runs."""


def test_params_reach_the_booster_and_unknown_ones_do_not(tmp_path: Path) -> None:
    save(booster(), flavor_named("xgboost"), tmp_path / "m", extras=Extras(pip_requirements=["x"]))
    native = load_pyfunc(tmp_path / "m")._predictor

    margin = native.predict(features(), {"pred_leaf": True, "speed": 3})

    assert_same(margin, booster().predict(xgb.DMatrix(features()), pred_leaf=True))


def test_class_of_another_package_is_code(tmp_path: Path) -> None:
    CASES[3].save(tmp_path / "m")
    change_entry(tmp_path / "m", "xgboost", model_class="antigravity.Booster")

    for load in (load_native, load_pyfunc):
        with pytest.raises(UntrustedModel, match="antigravity"):
            load(tmp_path / "m", trust=False)


@pytest.mark.parametrize("name", ["xgboost.core.DMatrix", "xgboost.sklearn.json", "os.system"])
def test_class_that_is_no_model_is_never_made(tmp_path: Path, name: str) -> None:
    CASES[3].save(tmp_path / "m")
    change_entry(tmp_path / "m", "xgboost", model_class=name)

    with pytest.raises(InvalidModel, match="no class of XGBoost models"):
        load_native(tmp_path / "m", trust=True)


def test_model_that_was_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="XGBClassifier"):
        flavor_named("xgboost").save(xgb.XGBClassifier(), tmp_path)


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="ubj, json, xgb"):
        flavor_named("xgboost").save(booster(), tmp_path, model_format="onnx")


def test_requirements_are_found_by_loading_the_model(tmp_path: Path) -> None:
    save(classifier(), flavor_named("xgboost"), tmp_path / "m")

    wanted = (tmp_path / "m" / "requirements.txt").read_text()

    assert "xgboost" in wanted
    assert "scikit-learn" in wanted


def test_missing_framework_is_named_with_the_version_that_saved_the_model(tmp_path: Path) -> None:
    CASES[0].save(tmp_path / "m")

    told = told_without({"xgboost"}, tmp_path / "m")

    assert len(told) == 2
    assert all(f"pip install 'xgboost=={xgb.__version__}'" in one for one in told)


def test_estimator_without_scikit_learn_says_so(tmp_path: Path) -> None:
    CASES[3].save(tmp_path / "m")

    told = told_without({"sklearn"}, tmp_path / "m")

    assert len(told) == 2
    assert all("pip install 'scikit-learn'" in one for one in told)

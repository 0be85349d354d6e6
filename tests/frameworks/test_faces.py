"""The modules of flavors: MLflow's names of functions and arguments."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest

from assay.errors import InvalidInput, MissingFramework
from assay.flavors.base import flavor_named

NAMES = [
    "catboost",
    "h2o",
    "lightgbm",
    "onnx",
    "paddle",
    "pmdarima",
    "prophet",
    "statsmodels",
    "xgboost",
]
NOT_HERE = {
    "fastai": {"data": "model.fastai"},
    "h2o": {"data": "model.h2o"},
    "paddle": {"pickled_model": "model"},
}
"""Flavors whose frameworks these tests don't have, with the entries that MLflow writes."""


@pytest.mark.parametrize("name", [*NAMES, "fastai"])
def test_module_has_the_functions(name: str) -> None:
    module = importlib.import_module(f"assay.{name}")

    assert module.__all__ == ["load_model", "log_model", "save_model"]


@pytest.mark.filterwarnings("ignore:pmdarima flavor is deprecated:FutureWarning")
@pytest.mark.parametrize("name", NAMES)
def test_model_has_the_name_that_mlflow_gives_it(name: str) -> None:
    theirs = importlib.import_module(f"mlflow.{name}")

    assert (
        next(iter(inspect.signature(theirs.save_model).parameters)) == flavor_named(name).argument
    )


def test_model_is_saved_and_loaded_by_the_module(tmp_path: Path) -> None:
    import xgboost

    import assay.xgboost

    rows = np.arange(12.0).reshape(6, 2)
    model = xgboost.XGBRegressor(n_estimators=2).fit(rows, rows[:, 0])
    assay.xgboost.save_model(
        xgb_model=model, path=tmp_path / "m", input_example=rows[:2], pip_requirements=["xgboost"]
    )

    loaded = assay.xgboost.load_model(tmp_path / "m")

    assert loaded.predict(rows).tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize("name", NOT_HERE)
def test_framework_that_is_not_here_is_named(name: str, tmp_path: Path) -> None:
    flavor = flavor_named(name)

    for attempt in (
        lambda: flavor.load(tmp_path, NOT_HERE[name]),
        lambda: flavor.save(object(), tmp_path),
    ):
        with pytest.raises(MissingFramework, match=f"pip install '{flavor.packages[0]}"):
            attempt()


@pytest.mark.parametrize("name", NOT_HERE)
def test_format_that_runs_code_says_so_whatever_the_entry_says(name: str, tmp_path: Path) -> None:
    assert flavor_named(name).hazards(tmp_path, NOT_HERE[name])
    assert flavor_named(name).hazards(tmp_path, {})


@pytest.mark.parametrize("name", NOT_HERE)
def test_unknown_option_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no_such_option"):
        flavor_named(name).save(object(), tmp_path, no_such_option=1)

"""CatBoost: each class in each format that CatBoost reads back."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import catboost as cb
import numpy as np
import pandas as pd
import pytest

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import flavor_named
from assay.models.loading import load_native
from tests.frameworks.entries import change_entry
from tests.frameworks.flavor_checks import Case, FlavorContract, told_without, write_files
from tests.frameworks.tables import classes, features, ranks, target

_SMALL = {"iterations": 4, "depth": 2, "verbose": 0, "allow_writing_files": False}


@cache
def classifier() -> cb.CatBoostClassifier:
    names = ["no" if one == 0 else "yes" for one in classes()]
    return cb.CatBoostClassifier(**_SMALL).fit(features(), names)


@cache
def regressor() -> cb.CatBoostRegressor:
    return cb.CatBoostRegressor(**_SMALL).fit(features(), target())


@cache
def ranker() -> cb.CatBoostRanker:
    return cb.CatBoostRanker(**_SMALL).fit(features(), classes(), group_id=ranks())


@cache
def plain() -> cb.CatBoost:
    return cb.CatBoost({**_SMALL, "loss_function": "RMSE"}).fit(features(), target())


@cache
def with_categories() -> cb.CatBoostRegressor:
    return cb.CatBoostRegressor(**_SMALL).fit(_categories(), target(), cat_features=["kind"])


def _categories() -> pd.DataFrame:
    kinds = ["red" if one == 0 else "blue" for one in classes()]
    return features().assign(kind=kinds)


def _array() -> np.ndarray:
    return features().to_numpy()


def _pool() -> cb.Pool:
    return cb.Pool(_categories(), target(), cat_features=["kind"])


def _proba(native: Any, data: Any) -> Any:
    return native.predict_proba(data)


CASES = [
    Case("classifier", "catboost", classifier, features, native=_proba),
    Case("regressor", "catboost", regressor, features),
    Case("ranker", "catboost", ranker, features),
    Case("plain", "catboost", plain, features),
    Case("categories", "catboost", with_categories, _categories),
    Case("json", "catboost", classifier, features, options={"format": "json"}),
    Case(
        "json-categories",
        "catboost",
        with_categories,
        _categories,
        options={"format": "json", "pool": _pool()},
    ),
    Case("coreml", "catboost", regressor, _array, options={"format": "coreml"}),
    Case("onnx", "catboost", regressor, features, options={"format": "onnx"}, golden=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestCatboost(FlavorContract):
    """Files of CatBoost itself: no code runs."""


@pytest.mark.parametrize("content", [b"", b"{}", b"garbage" * 50], ids=["none", "json", "text"])
@pytest.mark.parametrize("form", ["cbm", "json", "coreml", "onnx"])
def test_file_of_something_else_is_told(tmp_path: Path, form: str, content: bytes) -> None:
    flavor, facts = write_files(CASES[1], tmp_path)
    (tmp_path / "model.cb").write_bytes(content)

    with pytest.raises(InvalidModel):
        flavor.load(tmp_path, {**facts, "save_format": form})


@pytest.mark.parametrize(
    "facts", [{"model_type": "Pool"}, {"save_format": "python"}, {"data": "../model.cb"}], ids=str
)
def test_entry_that_names_something_else_is_refused(tmp_path: Path, facts: dict[str, str]) -> None:
    CASES[1].save(tmp_path / "m")
    change_entry(tmp_path / "m", "catboost", **facts)

    with pytest.raises(InvalidModel):
        load_native(tmp_path / "m", trust=True)


def test_format_that_catboost_cannot_read_back_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't read the others"):
        flavor_named("catboost").save(regressor(), tmp_path, format="cpp")


def test_model_that_was_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't keep this model"):
        flavor_named("catboost").save(cb.CatBoostRegressor(), tmp_path)


def test_missing_framework_is_named_with_the_version_that_saved_the_model(tmp_path: Path) -> None:
    CASES[1].save(tmp_path / "m")

    told = told_without({"catboost"}, tmp_path / "m")

    assert len(told) == 2
    assert all(f"pip install 'catboost=={cb.__version__}'" in one for one in told)

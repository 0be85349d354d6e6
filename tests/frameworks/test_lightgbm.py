"""LightGBM: boosters as text, estimators with skops or pickled."""

from __future__ import annotations

import pickle
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm as lgb
import pytest

from assay.errors import InvalidInput, InvalidModel, UntrustedModel
from assay.flavors.base import flavor_named
from assay.models.loading import hazards_of, load_native, load_pyfunc
from tests.frameworks.entries import change_entry
from tests.frameworks.flavor_checks import Case, FlavorContract, told_without, write_files
from tests.frameworks.tables import classes, features, ranks, target

_SMALL = {"n_estimators": 4, "num_leaves": 4, "verbose": -1}


@cache
def booster() -> lgb.Booster:
    data = lgb.Dataset(features(), target())
    return lgb.train({"num_leaves": 4, "verbose": -1}, data, num_boost_round=4)


@cache
def classifier() -> lgb.LGBMClassifier:
    names = ["no" if one == 0 else "yes" for one in classes()]
    return lgb.LGBMClassifier(**_SMALL).fit(features(), names)


@cache
def ranker() -> lgb.LGBMRanker:
    sizes = [10] * (len(ranks()) // 10)
    return lgb.LGBMRanker(**_SMALL).fit(features(), classes(), group=sizes)


def _loss(truth: Any, predicted: Any) -> tuple[Any, Any]:
    return predicted - truth, truth * 0 + 1


@cache
def with_own_loss() -> lgb.LGBMRegressor:
    return lgb.LGBMRegressor(objective=_loss, **_SMALL).fit(features(), target())


CASES = [
    Case("booster", "lightgbm", booster, features),
    Case("classifier", "lightgbm", classifier, features),
    # MLflow's list of harmless types has no rankers.
    Case(
        "ranker",
        "lightgbm",
        ranker,
        features,
        mlflow_options={"skops_trusted_types": ["lightgbm.sklearn.LGBMRanker"]},
    ),
    Case(
        "cloudpickle",
        "lightgbm",
        classifier,
        features,
        options={"serialization_format": "cloudpickle"},
        runs_code=True,
    ),
    Case(
        "pickle",
        "lightgbm",
        classifier,
        features,
        options={"serialization_format": "pickle"},
        runs_code=True,
    ),
    Case(
        "own-loss",
        "lightgbm",
        with_own_loss,
        features,
        runs_code=True,
        mlflow_options={"serialization_format": "cloudpickle"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestLightgbm(FlavorContract):
    """Text and skops run no code, pickles do."""


class Bomb:
    """Tells by an error that it was unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("code of the model ran",))


@pytest.mark.parametrize(
    "facts",
    [
        {"serialization_format": "skops"},
        {"serialization_format": None, "model_class": "lightgbm.basic.Booster"},
        {"serialization_format": "text"},
        {"serialization_format": None},
        {"serialization_format": "pickle", "model_class": None},
        {"serialization_format": "pickle", "model_class": "other.Model"},
    ],
    ids=str,
)
def test_pickle_under_another_name_is_never_read_without_trust(
    tmp_path: Path, facts: dict[str, Any]
) -> None:
    CASES[1].save(tmp_path / "m")
    change_entry(tmp_path / "m", "lightgbm", **facts)
    (tmp_path / "m" / "model.skops").write_bytes(pickle.dumps(Bomb()))

    for load in (load_native, load_pyfunc):
        with pytest.raises((InvalidModel, UntrustedModel)):
            load(tmp_path / "m", trust=False)


def test_types_that_the_entry_adds_are_hazards(tmp_path: Path) -> None:
    CASES[1].save(tmp_path / "m")
    change_entry(tmp_path / "m", "lightgbm", skops_trusted_types=["os.system"])

    assert hazards_of(tmp_path / "m") == ["model.skops holds the types os.system"]


@pytest.mark.parametrize("kept", [0.1, 0.3, 0.5, 0.7, 0.9], ids=str)
def test_text_that_was_cut_is_told_before_lightgbm_reads_it(tmp_path: Path, kept: float) -> None:
    flavor, facts = write_files(CASES[0], tmp_path)
    content = (tmp_path / "model.lgb").read_bytes()
    trees = content[: content.index(b"end of trees")]
    (tmp_path / "model.lgb").write_bytes(trees[: int(len(trees) * kept)])

    with pytest.raises(InvalidModel):
        flavor.load(tmp_path, facts)


def test_skops_that_cannot_keep_the_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="serialization_format='cloudpickle'"):
        flavor_named("lightgbm").save(with_own_loss(), tmp_path, serialization_format="skops")

    assert list(tmp_path.iterdir()) == []


def test_missing_framework_is_named(tmp_path: Path) -> None:
    CASES[1].save(tmp_path / "m")

    told = told_without({"lightgbm"}, tmp_path / "m")

    assert len(told) == 2
    assert all(f"pip install 'lightgbm=={lgb.__version__}'" in one for one in told)

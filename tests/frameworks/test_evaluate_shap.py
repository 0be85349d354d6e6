"""Importances by the real SHAP, of the models it knows and of those it has to call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRegressor

from assay.errors import InvalidInput
from assay.evaluation.result import EvaluationResult
from assay.fluent.evaluate import evaluate

pytestmark = pytest.mark.filterwarnings("ignore")

FEATURES = ["strong", "weak", "noise"]


def data(classes: int = 2) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(300, 3)), columns=FEATURES)
    frame["value"] = 3 * frame.strong + frame.weak + 0.1 * random.normal(size=300)
    frame["label"] = pd.qcut(frame.value, classes, labels=False)
    return frame


def explained(model: Any, target: str, frame: pd.DataFrame, **config: Any) -> EvaluationResult:
    return evaluate(
        model,
        frame,
        targets=target,
        feature_names=FEATURES,
        model_type="classifier" if target == "label" else "regressor",
        evaluator_config={"log_model_explainability": True, **config},
        bootstrap=0,
        log=False,
    )


@pytest.mark.parametrize(
    ("model", "target", "classes"),
    [
        (RandomForestClassifier(20, random_state=0), "label", 2),
        (RandomForestClassifier(20, random_state=0), "label", 3),
        (RandomForestRegressor(20, random_state=0), "value", 2),
        (XGBClassifier(n_estimators=20, n_jobs=1), "label", 2),
        (XGBClassifier(n_estimators=20, n_jobs=1), "label", 3),
        (XGBRegressor(n_estimators=20, n_jobs=1), "value", 2),
        (LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1), "label", 2),
        (make_pipeline(StandardScaler(), LogisticRegression()), "label", 2),
        (make_pipeline(StandardScaler(), LogisticRegression()), "label", 3),
    ],
    ids=lambda one: type(one).__name__ if hasattr(one, "fit") else str(one),
)
def test_shap_ranks_features_by_what_they_do(model: Any, target: str, classes: int) -> None:
    frame = data(classes)
    result = explained(model.fit(frame[FEATURES], frame[target]), target, frame)

    assert result.importance_method == "mean absolute SHAP value", result.notes
    assert [one.feature for one in result.importances] == FEATURES
    assert result.importances[0].value > 2 * result.importances[1].value
    assert "feature_importances_plot" in result.artifacts


def test_a_plain_function_is_explained_by_calling_it() -> None:
    frame = data()
    result = explained(lambda rows: 3 * rows["strong"] + rows["weak"], "value", frame)

    assert result.importance_method == "mean absolute SHAP value", result.notes
    first, second, third = result.importances
    assert first.value / second.value == pytest.approx(3, rel=0.2)
    assert third.value == pytest.approx(0, abs=1e-9)


def test_columns_of_text_are_shuffled_instead_and_that_is_told() -> None:
    frame = data()
    frame["noise"] = np.where(frame.noise > 0, "yes", "no")
    result = explained(lambda rows: 3 * rows["strong"] + rows["weak"], "value", frame)

    assert result.importance_method.startswith("permutation")
    assert any(note.startswith("shap can't explain this model") for note in result.notes)
    assert [one.feature for one in result.importances] == FEATURES
    with pytest.raises(InvalidInput, match="shap can't explain this model"):
        explained(
            lambda rows: 3 * rows["strong"] + rows["weak"],
            "value",
            frame,
            explainability_algorithm="shap",
        )


def test_permutation_can_be_asked_for() -> None:
    frame = data()
    model = RandomForestClassifier(20, random_state=0).fit(frame[FEATURES], frame.label)
    result = explained(model, "label", frame, explainability_algorithm="permutation")
    assert result.importance_method == "permutation, increase of log loss"

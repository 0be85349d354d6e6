"""The same models on the same data, evaluated by MLflow's default evaluator and by ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from assay.evaluation.metrics import make_metric
from assay.evaluation.result import EvaluationResult
from assay.evaluation.thresholds import MetricThreshold
from assay.fluent.evaluate import evaluate

pytestmark = [pytest.mark.mlflow, pytest.mark.filterwarnings("ignore")]

FEATURES = ["a", "b", "c"]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")


def data(classes: int) -> pd.DataFrame:
    random = np.random.default_rng(3)
    frame = pd.DataFrame(random.normal(size=(300, 3)), columns=FEATURES)
    score = frame.a + random.normal(size=300)
    frame["label"] = pd.qcut(score, classes, labels=False)
    frame["value"] = 3 * frame.a - frame.b + random.normal(size=300)
    return frame


def logged(model: Any) -> str:
    # Named requirements spare MLflow the process that finds them out.
    made = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
    return str(made.model_uri)


def both(
    model: Any, frame: pd.DataFrame, target: str, model_type: str, **config: Any
) -> tuple[dict[str, float], EvaluationResult]:
    with mlflow.start_run():
        uri = logged(model)
        theirs = mlflow.models.evaluate(
            uri,
            frame[[*FEATURES, target]],
            targets=target,
            model_type=model_type,
            evaluator_config={"log_model_explainability": False, **config},
        )
    loaded = mlflow.pyfunc.load_model(uri)
    ours = evaluate(
        loaded,
        frame[[*FEATURES, target]],
        targets=target,
        model_type=model_type,
        evaluator_config={"log_model_explainability": False, **config},
        bootstrap=0,
        log=False,
    )
    return theirs.metrics, ours


@pytest.mark.parametrize(
    ("classes", "config"),
    [
        (2, {}),
        (2, {"pos_label": 0, "metric_prefix": "val_"}),
        (4, {}),
        (4, {"average": "macro"}),
    ],
)
def test_classifiers_have_mlflows_metrics(classes: int, config: dict[str, Any]) -> None:
    frame = data(classes)
    model = LogisticRegression().fit(frame[FEATURES], frame.label)
    theirs, ours = both(model, frame, "label", "classifier", **config)

    assert {name: ours.metrics[name] for name in theirs} == pytest.approx(theirs)


def test_weighted_classifiers_have_mlflows_metrics() -> None:
    frame = data(2)
    model = LogisticRegression().fit(frame[FEATURES], frame.label)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(frame))
    theirs, ours = both(model, frame, "label", "classifier", sample_weights=weights)

    assert {name: ours.metrics[name] for name in theirs} == pytest.approx(theirs)


@pytest.mark.parametrize("weighted", [False, True])
def test_regressors_have_mlflows_metrics(weighted: bool) -> None:
    frame = data(2)
    model = LinearRegression().fit(frame[FEATURES], frame.value)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(frame))
    config = {"sample_weights": weights} if weighted else {}
    theirs, ours = both(model, frame, "value", "regressor", **config)

    assert {name: ours.metrics[name] for name in theirs} == pytest.approx(theirs)


def test_plots_have_mlflows_names() -> None:
    frame = data(2)
    model = LogisticRegression().fit(frame[FEATURES], frame.label)
    with mlflow.start_run():
        theirs = mlflow.models.evaluate(
            logged(model),
            frame[[*FEATURES, "label"]],
            targets="label",
            model_type="classifier",
            evaluator_config={"log_model_explainability": False},
        )
    _, ours = both(model, frame, "label", "classifier")

    assert set(theirs.artifacts) - set(ours.artifacts) == set()


def test_metrics_made_for_mlflow_are_computed() -> None:
    frame = data(2)

    def worst(predictions: Any, targets: Any, metrics: Any) -> float:
        return float(np.max(np.abs(predictions - targets)))

    metrics = [
        made(eval_fn=worst, greater_is_better=False, name="worst")
        for made in (mlflow.models.make_metric, make_metric)
    ]
    for metric in metrics:
        result = evaluate(
            None,
            frame,
            predictions="a",
            targets="value",
            model_type="regressor",
            extra_metrics=[metric],
            bootstrap=0,
            log=False,
        )
        assert result.metrics["worst"] == np.max(np.abs(frame.a - frame.value))


@pytest.mark.parametrize(
    ("options", "value", "baseline"),
    [
        ({"threshold": 0.7, "greater_is_better": True}, 0.7, 0.5),
        ({"threshold": 0.7, "greater_is_better": False}, 0.71, 0.5),
        ({"min_absolute_change": 0.25, "greater_is_better": True}, 0.75, 0.5),
        ({"min_absolute_change": 0.25, "greater_is_better": False}, 0.375, 0.5),
        ({"min_relative_change": 0.5, "greater_is_better": True}, 0.75, 0.5),
        ({"min_relative_change": 0.1, "greater_is_better": True}, 0.0, 0.0),
        ({"min_relative_change": 0.1, "greater_is_better": True}, 0.5, 0.0),
        ({"min_relative_change": 0.1, "greater_is_better": True}, -0.5, -1.0),
        ({"min_relative_change": 0.1, "greater_is_better": False}, -1.05, -1.0),
    ],
)
def test_thresholds_decide_as_mlflows(
    options: dict[str, Any], value: float, baseline: float
) -> None:
    from mlflow.models.evaluation.validation import (
        ModelValidationFailedException,
        validate_evaluation_results,
    )

    from assay.errors import ThresholdsNotMet
    from assay.fluent import evaluate as fluent

    def passes(validate: Any, made: Any, results: list[Any], error: type[Exception]) -> bool:
        try:
            validate({"m": made(**options)}, *results)
        except error:
            return False
        return True

    theirs = [mlflow.models.EvaluationResult({"m": one}, {}) for one in (value, baseline)]
    ours = [EvaluationResult("regressor", {"m": one}) for one in (value, baseline)]

    assert passes(
        fluent.validate_evaluation_results, MetricThreshold, ours, ThresholdsNotMet
    ) == passes(
        validate_evaluation_results,
        mlflow.models.MetricThreshold,
        theirs,
        ModelValidationFailedException,
    )

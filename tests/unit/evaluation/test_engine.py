"""Whole evaluations in process, without logging: real scikit-learn models on small data."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from assay.errors import InvalidInput
from assay.evaluation.bootstrap import Settings
from assay.evaluation.engine import evaluate_request
from assay.evaluation.evaluators import Evaluation, EvaluatorOutput, plan
from assay.evaluation.inputs import Request
from assay.evaluation.metrics import MetricValue, make_metric
from assay.evaluation.predicting import predictor_of
from assay.evaluation.result import EvaluationResult
from assay.evaluation.thresholds import MetricThreshold

PNG = b"\x89PNG"


def frame(size: int = 240, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    data = pd.DataFrame(random.normal(size=(size, 3)), columns=["a", "b", "c"])
    data["land"] = random.choice(["DE", "FR"], size)
    data["y"] = (data.a + 0.3 * random.normal(size=size) > 0).astype(int)
    data["cost"] = 2 * data.a - data.b + random.normal(size=size)
    return data


def evaluated(evaluators: Any = None, config: Any = None, **request: Any) -> EvaluationResult:
    chosen = plan(evaluators, config)
    for name in ("model", "baseline"):
        if request.get(name) is not None:
            request[name] = predictor_of(request[name])
    defaults: dict[str, Any] = {"settings": Settings(resamples=200)}
    return evaluate_request(Request(config=chosen.default or {}, **(defaults | request)), chosen)


@pytest.fixture(scope="module")
def classifier() -> LogisticRegression:
    data = frame(seed=1)
    return LogisticRegression().fit(data[["a", "b", "c"]], data.y)


def test_a_classifier_gets_metrics_intervals_plots_and_importances(
    classifier: LogisticRegression,
) -> None:
    data = frame()
    result = evaluated(
        model_type="classifier", data=data, targets="y", model=classifier, slices="land"
    )

    assert result.metrics["accuracy_score"] == classifier.score(data[["a", "b", "c"]], data.y)
    assert result.metrics["score"] == result.metrics["accuracy_score"]
    assert result.intervals["roc_auc"].holds(result.metrics["roc_auc"])
    assert {f"{one.by}={one.name}": one.rows for one in result.slices} == {
        f"land={name}": count for name, count in data.land.value_counts().items()
    }
    assert set(result.artifacts) == {
        "confusion_matrix",
        "roc_curve_plot",
        "precision_recall_curve_plot",
        "calibration_curve_plot",
        "lift_curve_plot",
        "feature_importances_plot",
    }
    assert all(one.content.startswith(PNG) for one in result.artifacts.values())
    assert result.importances[0].feature == "a"
    assert result.table["prediction"][:3] == classifier.predict(data[["a", "b", "c"]])[:3].tolist()
    assert result.passed
    assert result.exit_code == 0


@pytest.mark.parametrize("library", ["pandas", "polars", "mapping", "arrays"])
def test_every_form_of_data_gives_the_same(library: str) -> None:
    data = frame()
    model = LogisticRegression().fit(data[["a", "b", "c"]].to_numpy(), data.y.to_numpy())
    plain = data[["a", "b", "c"]].to_numpy()
    forms: dict[str, dict[str, Any]] = {
        "pandas": {"data": data, "targets": "y", "feature_names": ["a", "b", "c"]},
        "polars": {"data": pl.from_pandas(data), "targets": "y", "feature_names": ["a", "b", "c"]},
        "mapping": {
            "data": {name: data[name].to_numpy() for name in ("a", "b", "c", "y")},
            "targets": "y",
        },
        "arrays": {"data": plain, "targets": data.y.to_numpy()},
    }

    def ask(features: Any) -> Any:
        if isinstance(features, dict):
            return model.predict(np.column_stack(list(features.values())))
        return model.predict(np.asarray(features))

    result = evaluated(model_type="classifier", model=ask, **forms[library])
    assert result.metrics["accuracy_score"] == model.score(plain, data.y)
    assert {one.feature for one in result.importances} == (
        {"feature_1", "feature_2", "feature_3"} if library == "arrays" else {"a", "b", "c"}
    )


def test_predictions_need_no_model() -> None:
    data = pd.DataFrame({"truth": ["x", "y", "y", "z"] * 10, "guess": ["x", "y", "z", "z"] * 10})
    result = evaluated(model_type="classifier", data=data, targets="truth", predictions="guess")

    assert result.metrics["accuracy_score"] == 0.75
    rows = list(csv.DictReader(io.StringIO(result.artifacts["per_class_metrics"].content.decode())))
    assert [row["positive_class"] for row in rows] == ["x", "y", "z"]
    assert [float(row["recall_score"]) for row in rows] == [1.0, 0.5, 1.0]


def test_a_regressor_gets_residuals() -> None:
    data = frame()
    features = ["a", "b", "c"]
    model = LinearRegression().fit(data[features], data.cost)
    result = evaluated(
        model_type="regressor", data=data[[*features, "cost"]], targets="cost", model=model
    )

    assert result.metrics["r2_score"] == pytest.approx(result.metrics["score"])
    assert {"residuals_plot", "residuals_histogram", "predicted_actual_plot"} <= set(
        result.artifacts
    )
    assert [one.feature for one in result.importances[:2]] == ["a", "b"]


def test_a_ranker_is_resampled_and_sliced_by_query() -> None:
    random = np.random.default_rng(0)
    data = pd.DataFrame(
        {
            "query": np.repeat(np.arange(40), 6),
            "device": np.repeat(["phone", "desk"], 120),
            "relevance": random.integers(0, 3, 240),
        }
    )
    data["score"] = data.relevance + random.normal(size=240)
    request: dict[str, Any] = {
        "model_type": "ranker",
        "data": data,
        "targets": "relevance",
        "predictions": "score",
        "groups": "query",
    }
    result = evaluated(slices="device", config={"k": [3]}, **request)

    assert result.metrics["query_count"] == 40
    assert result.intervals["ndcg_at_3"].holds(result.metrics["ndcg_at_3"])
    assert [one.metrics["query_count"] for one in result.slices] == [20, 20]
    with pytest.raises(InvalidInput, match="cuts queries"):
        evaluated(slices="relevance", **request)


def test_a_forecaster_is_held_against_the_naive_forecast() -> None:
    steps = np.arange(96)
    season = np.sin(steps * np.pi / 6) * 10
    data = {
        "y": season[60:],
        "forecast": season[60:] + np.random.default_rng(0).normal(size=36),
        "low": season[60:] - 2,
        "high": season[60:] + 2,
    }
    config = {"history": season[:60] + np.arange(60) / 6, "seasonality": 12, "interval_level": 0.9}
    result = evaluated(
        config={**config, "lower": "low", "upper": "high"},
        model_type="forecaster",
        data=data,
        targets="y",
        predictions="forecast",
    )

    assert result.metrics["mean_absolute_scaled_error"] == pytest.approx(
        result.metrics["mean_absolute_error"] / 2.0
    )
    assert result.metrics["interval_coverage"] == 1.0
    assert result.intervals["mean_absolute_error"].method == "percentile"
    assert "forecast_plot" in result.artifacts


def test_a_baseline_is_compared_on_the_same_rows(classifier: LogisticRegression) -> None:
    data = frame()
    worse = DummyClassifier().fit(data[["a", "b", "c"]], data.y)
    threshold = MetricThreshold(min_absolute_change=0.1, greater_is_better=True, confident=True)
    result = evaluated(
        model_type="classifier",
        data=data,
        targets="y",
        model=classifier,
        baseline=worse,
        thresholds={"accuracy_score": threshold},
    )

    assert result.baseline is not None
    assert result.baseline.metrics["roc_auc"] == 0.5
    assert result.baseline.differences["accuracy_score"].low > 0.1
    assert result.passed
    assert "baseline" in result.report()


def test_a_baseline_may_be_predictions_with_other_labels() -> None:
    data = {"y": ["a", "b"] * 20, "new": ["a", "b"] * 20, "old": ["a", "c"] * 20}
    result = evaluated(
        model_type="classifier",
        data=data,
        targets="y",
        predictions="new",
        baseline_predictions="old",
    )
    assert result.baseline is not None
    assert result.baseline.metrics["accuracy_score"] == 0.5
    assert result.metrics["accuracy_score"] == 1.0


def test_failed_thresholds_are_told_in_the_report_and_the_exit_code(
    classifier: LogisticRegression,
) -> None:
    result = evaluated(
        model_type="classifier",
        data=frame(),
        targets="y",
        model=classifier,
        thresholds={"log_loss": MetricThreshold(threshold=0.001, greater_is_better=False)},
    )
    assert result.exit_code == 1
    assert "FAILED: 1 of 1 thresholds" in result.report()
    assert result.failures[0] in result.report()


def test_own_metrics_and_evaluators_add_to_the_result(classifier: LogisticRegression) -> None:
    def lands(evaluation: Evaluation) -> EvaluatorOutput:
        assert evaluation.model is classifier
        return EvaluatorOutput(
            {"lands": float(evaluation.data["land"].nunique())}, {"lands.txt": b"DE FR"}
        )

    gain = make_metric(
        eval_fn=lambda predictions, targets, price: MetricValue(
            list((predictions == targets) * price), aggregate_results={"sum": 3}
        ),
        greater_is_better=True,
        name="gain",
    )
    result = evaluated(
        ["default", lands],
        {"price": 2},
        model_type="classifier",
        data=frame(),
        targets="y",
        model=classifier,
        extra_metrics=[gain],
    )
    assert result.metrics["lands"] == 2
    assert result.metrics["gain/sum"] == 3
    assert result.artifacts["lands"].content == b"DE FR"
    assert set(result.table["gain/score"]) == {0, 2}


def test_without_the_default_evaluator_only_others_count() -> None:
    data = {"y": [0.0, 1.0], "p": [0.0, 1.0]}
    result = evaluated(
        lambda evaluation: {"one": 1},
        model_type="regressor",
        data=data,
        targets="y",
        predictions="p",
    )
    assert result.metrics == {"one": 1.0}


def test_a_prefix_stands_before_metrics_and_files(classifier: LogisticRegression) -> None:
    result = evaluated(
        config={"metric_prefix": "val_"},
        model_type="classifier",
        data=frame(),
        targets="y",
        model=classifier,
        slices="land",
        thresholds={"val_accuracy_score": MetricThreshold(threshold=0.5, greater_is_better=True)},
    )
    assert result.passed
    assert "val_accuracy_score" in result.metrics
    assert result.artifacts["roc_curve_plot"].file == "val_roc_curve_plot.png"
    assert "240 rows" in result.report()


def test_probabilities_of_trees_and_of_functions_are_found() -> None:
    data = frame()
    features = data[["a", "b", "c"]]
    trees = RandomForestClassifier(20, random_state=0).fit(features, data.y)
    by_model = evaluated(model_type="classifier", data=data, targets="y", model=trees)
    by_function = evaluated(
        model_type="classifier",
        data=data,
        targets="y",
        feature_names=["a", "b", "c"],
        model=lambda rows: trees.predict_proba(rows)[:, 1],
    )
    assert by_function.metrics["roc_auc"] == by_model.metrics["roc_auc"]
    assert "probabilities" in by_function.notes[0]


def test_undefined_metrics_are_left_out_and_told() -> None:
    data = {"y": [1, 1, 1, 1], "p": [0.9, 0.8, 0.3, 0.6]}
    result = evaluated(
        config={"label_list": [0, 1]},
        model_type="classifier",
        data=data,
        targets="y",
        predictions="p",
    )
    assert "roc_auc" not in result.metrics
    assert "Undefined on these rows: roc_auc." in result.notes


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        ({"model_type": "question-answering"}, "model_type must be one of"),
        ({"targets": None}, "needs targets"),
        ({"targets": "nope"}, "no column 'nope' for the targets"),
        ({"predictions": None}, "Give a model, or predictions"),
        ({"targets": [1, 2, 3]}, "one length"),
        ({"data": pd.DataFrame({"y": [], "p": []})}, "no rows"),
        ({"slices": "nope"}, "no column 'nope' for the slice"),
        ({"feature_names": ["q"]}, "lack the features q"),
        ({"data": {"y": [1.0, np.nan], "p": [1.0, 2.0]}}, "1 of the targets are missing"),
        ({"data": {"y": ["a", "b"], "p": [1.0, 2.0]}}, "targets must be numbers"),
        ({"sample_weight": [1.0, -1.0]}, "negative"),
        (
            {"thresholds": {"m": MetricThreshold(min_absolute_change=1, greater_is_better=True)}},
            "needs a baseline",
        ),
        ({"thresholds": {"m": 0.5}}, "MetricThreshold objects"),
    ],
)
def test_bad_requests_are_refused_with_the_reason(request_: dict[str, Any], match: str) -> None:
    defaults: dict[str, Any] = {
        "model_type": "regressor",
        "data": {"y": [1.0, 2.0], "p": [1.0, 2.0]},
        "targets": "y",
        "predictions": "p",
    }
    with pytest.raises(InvalidInput, match=match):
        evaluated(**(defaults | request_))


def test_a_model_that_lacks_its_columns_is_told(classifier: LogisticRegression) -> None:
    with pytest.raises(InvalidInput, match="lack columns that the model was trained on: a"):
        evaluated(
            model_type="classifier",
            data=frame().drop(columns="a"),
            targets="y",
            model=classifier,
        )


def test_an_unknown_evaluator_is_refused() -> None:
    with pytest.raises(InvalidInput, match="there are: default"):
        plan("nope", None)


def test_the_report_shows_text_of_users_as_text() -> None:
    data = {"y": [0.0, 1.0] * 5, "p": [0.0, 1.0] * 5, "s": ["[a](http://b)<i>|"] * 10}
    result = evaluated(model_type="regressor", data=data, targets="y", predictions="p", slices="s")
    assert r"\[a\](http://b)\<i\>\|" in result.report()
    assert "<i>" not in result._repr_html_()


def test_a_result_is_saved_as_files(tmp_path: Any, classifier: LogisticRegression) -> None:
    result = evaluated(model_type="classifier", data=frame(), targets="y", model=classifier)
    result.save(tmp_path / "out")

    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert {"evaluation.json", "report.md", "roc_curve_plot.png"} <= names


def test_without_matplotlib_and_pandas_all_but_plots_is_there() -> None:
    code = """
import sys
for name in ("matplotlib", "pandas", "polars", "sklearn", "scipy", "shap"):
    sys.modules[name] = None
from assay.evaluation.engine import evaluate_request
from assay.evaluation.evaluators import plan
from assay.evaluation.inputs import Request
from assay.evaluation.metrics import make_metric
own = make_metric(eval_fn=lambda predictions, targets: 1.0, greater_is_better=True, name="own")
data = {"y": [0.0, 1.0, 2.0] * 9, "p": [0.0, 1.5, 2.0] * 9}
found = evaluate_request(
    Request("regressor", data, "y", "p", slices="y", extra_metrics=[own]), plan(None, None)
)
assert found.metrics["own"] == 1.0 and len(found.slices) == 3, found
assert found.tables["eval_results_table"]["p"][1] == 1.5
assert any("matplotlib is not installed" in note for note in found.notes), found.notes
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

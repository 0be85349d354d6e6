from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import assay
from assay.errors import ArtifactNotFound, InvalidInput, ThresholdsNotMet
from assay.evaluation.thresholds import MetricThreshold
from assay.fluent.evaluate import evaluate, validate_evaluation_results

FEATURES = ["a", "b"]
REACHED = {"accuracy_score": MetricThreshold(threshold=0.5, greater_is_better=True)}
MISSED = {"accuracy_score": MetricThreshold(threshold=0.999, greater_is_better=True)}


def data(size: int = 120) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(size, 2)), columns=FEATURES)
    frame["land"] = random.choice(["DE", "F/R"], size)
    frame["y"] = (frame.a + 0.5 * random.normal(size=size) > 0).astype(int)
    return frame


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    return LogisticRegression().fit(data()[FEATURES], data().y)


def quick(model: Any, given: Any = None, **options: Any) -> Any:
    defaults: dict[str, Any] = {"model_type": "classifier", "targets": "y", "bootstrap": 200}
    return evaluate(model, data() if given is None else given, **(defaults | options))


def test_all_of_it_goes_to_the_active_run(model: LogisticRegression) -> None:
    with assay.start_run() as run:
        result = quick(model, slices="land", thresholds=REACHED)
    found = assay.get_run(run.info.run_id)

    assert result.run_id == run.info.run_id
    assert found.data.metrics["accuracy_score"] == result.metrics["accuracy_score"]
    interval = result.intervals["roc_auc"]
    assert found.data.metrics["roc_auc/low"] == interval.low
    assert found.data.metrics["roc_auc/high"] == interval.high
    assert found.data.metrics["slice/land/F_R/example_count"] == (data().land == "F/R").sum()
    assert found.data.tags["assay.evaluation.passed"] == "true"
    files = {one.path for one in assay.artifacts.list_artifacts(run_id=run.info.run_id)}
    assert {
        "evaluation_report.md",
        "evaluation.json",
        "eval_results_table.json",
        "roc_curve_plot.png",
        "feature_importances_plot.png",
    } <= files
    uri = f"runs:/{run.info.run_id}"
    assert "PASSED" in assay.artifacts.load_text(f"{uri}/evaluation_report.md")
    assert assay.artifacts.load_dict(f"{uri}/evaluation.json")["passed"] is True
    table = assay.artifacts.load_dict(f"{uri}/eval_results_table.json")
    assert {"a", "b", "y", "prediction"} <= set(table["columns"])
    assert result.artifacts["roc_curve_plot"].uri.endswith("/roc_curve_plot.png")


def test_without_a_run_one_is_started_and_ended(model: LogisticRegression) -> None:
    result = quick(model)

    assert assay.active_run() is None
    assert assay.get_run(result.run_id).info.status == "FINISHED"


def test_without_log_nothing_is_kept(model: LogisticRegression, project: Path) -> None:
    result = quick(model, log=False)

    assert result.run_id is None
    assert not (project / ".assay" / "assay.db").exists()


def test_missed_thresholds_raise_after_all_was_logged(model: LogisticRegression) -> None:
    with assay.start_run() as run, pytest.raises(ThresholdsNotMet) as raised:
        quick(model, thresholds=MISSED)
    found = assay.get_run(run.info.run_id)

    assert raised.value.failures[0].startswith("accuracy_score = ")
    assert raised.value.error_code == "BAD_REQUEST"
    assert run.info.run_id in str(raised.value)
    assert raised.value.result.exit_code == 1  # type: ignore[attr-defined]
    assert found.data.tags["assay.evaluation.passed"] == "false"
    assert "accuracy_score" in found.data.metrics
    assert pickle.loads(pickle.dumps(raised.value)).failures == raised.value.failures


def test_missed_thresholds_may_be_returned(model: LogisticRegression) -> None:
    assert not quick(model, thresholds=MISSED, raise_on_failure=False, log=False).passed


def test_a_data_set_tells_its_targets_and_becomes_an_input(model: LogisticRegression) -> None:
    test = assay.data.from_pandas(data(), targets="y", name="test")
    with assay.start_run() as run:
        result = quick(model, test, targets=None)
    (used,) = assay.get_run(run.info.run_id).inputs.dataset_inputs

    assert used.dataset.name == "test"
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "evaluation")]
    metrics = assay.get_run(run.info.run_id).data.metrics
    assert metrics["accuracy_score"] == result.metrics["accuracy_score"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "polars", "numpy"])
def test_every_data_set_can_be_evaluated(kind: str, tmp_path: Path) -> None:
    frame = data()[[*FEATURES, "y"]]
    plain = LogisticRegression().fit(frame[FEATURES].to_numpy(), frame.y)
    forms: dict[str, Any] = {
        "csv": lambda: frame.to_csv(tmp_path / "t.csv", index=False) or tmp_path / "t.csv",
        "parquet": lambda: frame.to_parquet(tmp_path / "t.parquet") or tmp_path / "t.parquet",
        "polars": lambda: assay.data.from_polars(pl.from_pandas(frame), targets="y"),
        "numpy": lambda: assay.data.from_numpy(
            frame[FEATURES].to_numpy(), targets=frame.y.to_numpy()
        ),
    }
    targets = "y" if kind in ("csv", "parquet") else None
    result = quick(
        lambda rows: plain.predict(np.asarray(rows)), forms[kind](), targets=targets, log=False
    )
    expected = plain.score(frame[FEATURES].to_numpy(), frame.y)
    assert result.metrics["accuracy_score"] == expected


def test_two_evaluations_of_one_run_are_told_apart_by_prefix(model: LogisticRegression) -> None:
    with assay.start_run() as run:
        quick(model, prefix="a_")
        quick(model, prefix="b_")
    found = assay.get_run(run.info.run_id)

    assert found.data.metrics["a_accuracy_score"] == found.data.metrics["b_accuracy_score"]
    files = {one.path for one in assay.artifacts.list_artifacts(run_id=run.info.run_id)}
    assert {"a_evaluation.json", "b_evaluation.json", "b_roc_curve_plot.png"} <= files


def test_metrics_belong_to_the_logged_model(model: LogisticRegression) -> None:
    with assay.start_run():
        made = assay.initialize_logged_model(name="m")
        assay.finalize_logged_model(made.model_id, "READY")
        result = quick(model, model_id=made.model_id)
    metrics = {one.key: one.value for one in assay.get_logged_model(made.model_id).metrics or []}

    assert metrics["accuracy_score"] == result.metrics["accuracy_score"]


def test_params_go_to_the_model() -> None:
    class Scaled:
        def predict(self, rows: Any, params: Any = None) -> Any:
            return rows["a"] * params["factor"]

    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]})
    result = evaluate(
        Scaled(),
        frame,
        model_type="regressor",
        targets="y",
        inference_params={"factor": 2},
        log=False,
    )
    assert result.metrics["max_error"] == 0


def test_weights_as_a_column_are_no_feature() -> None:
    frame = data()[[*FEATURES]].assign(y=lambda d: d.a, w=1.0)
    model = LinearRegression().fit(frame[FEATURES], frame.y)
    result = evaluate(
        model, frame, model_type="regressor", targets="y", sample_weight="w", log=False
    )
    assert result.metrics["r2_score"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ("data.txt", InvalidInput, "neither CSV nor Parquet"),
        ("nope.csv", ArtifactNotFound, "nope.csv"),
        (None, InvalidInput, "needs data"),
    ],
)
def test_data_that_cannot_be_read_are_refused(given: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        evaluate(len, given, model_type="classifier", targets="y")


def test_what_is_no_model_is_refused(project: Path) -> None:
    with pytest.raises(InvalidInput, match="A model is a URI"):
        quick(3)
    with pytest.raises(InvalidInput, match="env_manager"):
        quick(len, env_manager="conda")
    assert not (project / ".assay" / "assay.db").exists()


def test_results_are_validated_against_each_other(model: LogisticRegression) -> None:
    better = quick(model, log=False)
    worse = quick(lambda rows: np.zeros(len(rows), dtype=int), log=False)
    gain = {"accuracy_score": MetricThreshold(min_absolute_change=0.1, greater_is_better=True)}

    validate_evaluation_results(gain, better, worse)
    with pytest.raises(ThresholdsNotMet, match=r"not by 0\.1"):
        validate_evaluation_results(gain, worse, better)
    with pytest.raises(InvalidInput, match="needs a baseline"):
        validate_evaluation_results(gain, better)


def test_slices_that_look_alike_as_keys_stay_apart(model: LogisticRegression) -> None:
    frame = data()
    frame["land"] = np.where(frame.a > 0, "x/y", "x_y")
    with assay.start_run() as run:
        quick(model, frame, slices="land")
    metrics = assay.get_run(run.info.run_id).data.metrics

    counts = [
        value
        for key, value in metrics.items()
        if key.startswith("slice/land/") and key.endswith("/example_count")
    ]
    assert sorted(counts) == sorted(frame.land.value_counts().tolist())


def test_figures_are_json_even_where_undefined(model: LogisticRegression) -> None:
    result = quick(model, slices="y", log=False)
    assert json.loads(json.dumps(result.to_dict()))["slices"][0]["rows"] > 0

"""Searching runs, curves of many runs, summaries, and how they look in a notebook."""

from __future__ import annotations

import math

import pandas as pd
import polars as pl
import pytest

import assay
from assay.entities import ViewType
from assay.errors import InvalidFilter, InvalidInput, RunNotFound


def _three_runs() -> list[str]:
    ids = []
    for number in range(3):
        with assay.start_run(run_name=f"r{number}") as run:
            assay.log_param("n", number)
            for step in range(3):
                assay.log_metric("loss", 1.0 / (step + 1 + number), step=step)
            if number:
                assay.log_metric("extra", number)
        ids.append(run.info.run_id)
    return ids


def test_data_frame_has_the_columns_of_mlflow() -> None:
    ids = _three_runs()
    found = assay.search_runs(order_by=["params.n ASC"])
    assert list(found.columns[:6]) == [
        "run_id",
        "experiment_id",
        "status",
        "artifact_uri",
        "start_time",
        "end_time",
    ]
    assert found["run_id"].tolist() == ids
    assert found["status"].tolist() == ["FINISHED"] * 3
    assert found["params.n"].tolist() == ["0", "1", "2"]
    assert math.isnan(found["metrics.extra"][0])
    assert found["metrics.extra"].tolist()[1:] == [1.0, 2.0]
    assert found["tags.mlflow.runName"].tolist() == ["r0", "r1", "r2"]
    assert isinstance(found["start_time"].dtype, pd.DatetimeTZDtype)


def test_polars_and_list_hold_the_same_runs() -> None:
    _three_runs()
    frame = assay.search_runs(order_by=["params.n ASC"], output_format="polars")
    runs = assay.search_runs(order_by=["params.n ASC"], output_format="list")
    assert isinstance(frame, pl.DataFrame)
    assert frame["run_id"].to_list() == [run.info.run_id for run in runs]
    assert frame["metrics.loss"].to_list() == [run.data.metrics["loss"] for run in runs]
    assert frame.schema["start_time"] == pl.Datetime("ms", "UTC")


@pytest.mark.parametrize("output_format", ["pandas", "polars", "list"])
def test_search_that_finds_nothing_is_empty(output_format: str) -> None:
    found = assay.search_runs(filter_string="metrics.none > 1", output_format=output_format)  # type: ignore[arg-type]
    assert len(found) == 0


def test_filter_order_and_limit_are_kept_to() -> None:
    ids = _three_runs()
    found = assay.search_runs(
        filter_string="metrics.extra > 0", order_by=["metrics.extra DESC"], max_results=1
    )
    assert found["run_id"].tolist() == [ids[2]]


def test_running_and_deleted_runs_are_told_apart() -> None:
    ids = _three_runs()
    assay.delete_run(ids[0])
    assert len(assay.search_runs()) == 2
    deleted = assay.search_runs(run_view_type=ViewType.DELETED_ONLY)
    assert deleted["run_id"].tolist() == [ids[0]]
    with assay.start_run() as run:
        open_ones = assay.search_runs(filter_string="attributes.status = 'RUNNING'")
        assert open_ones["run_id"].tolist() == [run.info.run_id]


def test_experiments_by_name_by_id_and_all_of_them(caplog: pytest.LogCaptureFixture) -> None:
    ids = _three_runs()
    other = assay.set_experiment("other")
    with assay.start_run() as run:
        pass
    assert assay.search_runs()["run_id"].tolist() == [run.info.run_id]
    by_name = assay.search_runs(experiment_names=["other", "nobody's"])
    assert by_name["run_id"].tolist() == [run.info.run_id]
    assert "nobody's" in caplog.text
    by_id = assay.search_runs(experiment_ids=[other.experiment_id, "0"])
    everywhere = assay.search_runs(search_all_experiments=True)
    assert set(by_id["run_id"]) == set(everywhere["run_id"]) == {*ids, run.info.run_id}


def test_mistakes_raise() -> None:
    with pytest.raises(InvalidFilter):
        assay.search_runs(filter_string="metrics.a >")
    with pytest.raises(InvalidInput, match="output_format"):
        assay.search_runs(output_format="arrow")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="not both"):
        assay.search_runs(experiment_ids=["0"], experiment_names=["a"])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_history_of_many_runs_is_one_long_frame(library: str) -> None:
    ids = _three_runs()
    frame = assay.history(ids[:2], "loss", output_format=library)  # type: ignore[arg-type]
    rows = frame.to_dict("records") if library == "pandas" else frame.to_dicts()
    assert [(r["run_id"], r["key"], r["step"], r["value"]) for r in rows] == [
        (ident, "loss", step, 1.0 / (step + 1 + number))
        for number, ident in enumerate(ids[:2])
        for step in range(3)
    ]


def test_history_takes_runs_and_all_keys() -> None:
    _three_runs()
    runs = assay.search_runs(output_format="list", order_by=["params.n ASC"])
    frame = assay.history(runs)
    assert frame.groupby("key").size().to_dict() == {"extra": 2, "loss": 9}
    assert len(assay.history(runs[0], "nothing")) == 0


def test_summary_has_the_figures_of_each_metric() -> None:
    with assay.start_run():
        for step, value in enumerate([3.0, 1.0, 2.0]):
            assay.log_metric("m", value, step=step)
        figures = assay.summary()
    one = figures["m"]
    assert (one.count, one.first, one.last, one.min, one.max, one.mean) == (3, 3, 2, 1, 3, 2)
    assert figures.to_frame()["metric"].tolist() == ["m"]
    assert "mean" in str(figures)
    with pytest.raises(KeyError):
        figures["none"]


def test_summary_needs_a_run() -> None:
    with pytest.raises(InvalidInput, match="name the run"):
        assay.summary()
    with pytest.raises(RunNotFound):
        assay.summary("f" * 32)


def test_text_of_users_is_escaped_in_notebooks() -> None:
    with assay.start_run(run_name="<script>x</script>") as run:
        assay.log_param("p", "<img src=x>")
        assay.log_metric("m", 1)
    assay.create_experiment("<b>bold</b>")
    stored = assay.get_run(run.info.run_id)
    runs = assay.search_runs(output_format="list")
    for html in (
        stored._repr_html_(),  # type: ignore[attr-defined]
        runs._repr_html_(),
        assay.search_experiments()._repr_html_(),  # type: ignore[attr-defined]
        assay.summary(run)._repr_html_(),
    ):
        assert "<table>" in html
        assert "<script" not in html
        assert "<img" not in html
        assert "<b>" not in html

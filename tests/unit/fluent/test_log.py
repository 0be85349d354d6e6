"""Metrics, params and tags: what is kept, and which mistakes raise at the call."""

from __future__ import annotations

import math

import numpy as np
import pytest

import assay
from assay.errors import InvalidInput, InvalidName, ParamChanged, TagNotFound


def test_logging_without_a_run_starts_one() -> None:
    assay.log_metric("m", 0.5)
    run = assay.active_run()
    assert run is not None
    assert assay.get_run(run.info.run_id).data.metrics == {"m": 0.5}


def test_points_come_back_with_step_and_timestamp() -> None:
    with assay.start_run() as run:
        assay.log_metric("m", 1.5, step=3, timestamp=1_700_000_000_123)
        assay.log_metric("m", 0.5, step=4, timestamp=1_700_000_000_456)
    curve = run.history("m")
    assert curve.steps.tolist() == [3, 4]
    assert curve.timestamps.tolist() == [1_700_000_000_123, 1_700_000_000_456]
    assert curve.values.tolist() == [1.5, 0.5]


@pytest.mark.parametrize(
    "value",
    [True, 7, np.float32(0.5), np.int64(3), np.array(2.0), np.array([4.0]), "1.5", 2**53 + 1],
)
def test_every_kind_of_number_is_taken(value: object) -> None:
    with assay.start_run() as run:
        assay.log_metric("m", value)  # type: ignore[arg-type]
        assay.log_metrics({"n": value})  # type: ignore[dict-item]
    expected = float(np.asarray(value, dtype=float).reshape(()))
    assert assay.get_run(run.info.run_id).data.metrics == {"m": expected, "n": expected}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 1e308, 5e-324])
def test_special_values_come_back_bit_equal(value: float) -> None:
    with assay.start_run() as run:
        assay.log_metric("m", value)
    kept = run.history("m").values
    assert kept.tobytes() == np.array([value]).tobytes()


@pytest.mark.parametrize("value", [None, "high", [1, 2], {"a": 1}, np.zeros(2), object(), 10**400])
def test_value_that_is_no_number_raises_and_is_not_kept(value: object) -> None:
    with assay.start_run() as run:
        with pytest.raises(InvalidInput, match="number"):
            assay.log_metric("m", value)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="number"):
            assay.log_metrics({"good": 1.0, "m": value})  # type: ignore[dict-item]
    assert assay.get_run(run.info.run_id).data.metrics == {}


@pytest.mark.parametrize("key", ["", "a\x01", "../a", "/a", "a//b", 1, None, "a" * 251])
def test_key_that_can_not_be_one_raises(key: object) -> None:
    with assay.start_run():
        for call in (assay.log_metric, assay.log_param, assay.set_tag):
            with pytest.raises(InvalidInput):
                call(key, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(("step", "kept"), [(None, 0), (np.int32(5), 5), (3.0, 3), (-1, -1)])
def test_step_is_any_whole_number(step: object, kept: int) -> None:
    with assay.start_run() as run:
        assay.log_metric("m", 1, step=step)  # type: ignore[arg-type]
    assert run.history("m").steps.tolist() == [kept]


@pytest.mark.parametrize("step", [1.5, "x", 2**63, math.nan])
def test_step_that_is_no_whole_number_raises(step: object) -> None:
    with assay.start_run(), pytest.raises(InvalidInput, match="step"):
        assay.log_metric("m", 1, step=step)  # type: ignore[arg-type]


def test_point_of_another_run_goes_there() -> None:
    with assay.start_run() as first:
        pass
    with assay.start_run() as second:
        assay.log_metric("m", 1, run_id=first.info.run_id)
        assay.log_metrics({"n": 2}, run_id=first.info.run_id)
        assay.log_params({"p": 3}, run_id=first.info.run_id)
    stored = assay.get_run(first.info.run_id)
    assert stored.data.metrics == {"m": 1.0, "n": 2.0}
    assert stored.data.params == {"p": "3"}
    assert assay.get_run(second.info.run_id).data.metrics == {}


def test_synchronous_point_is_in_the_store_when_the_call_returns() -> None:
    with assay.start_run() as run:
        assay.log_metric("m", 1, synchronous=True)
        assert run.location is not None
        store = assay.client.connect.open_store(run.location)
        assert store.runs.get(run.info.run_id).data.metrics == {"m": 1.0}
        store.close()


def test_unsynchronous_point_gives_something_to_wait_for() -> None:
    with assay.start_run():
        pending = assay.log_metric("m", 1, synchronous=False)
        assert pending is not None
        pending.wait()


def test_param_is_written_once_and_the_same_again_is_fine() -> None:
    with assay.start_run() as run:
        assert assay.log_param("lr", 0.1) == 0.1
        assay.log_param("lr", 0.1)
        with pytest.raises(ParamChanged, match="lr"):
            assay.log_params({"fresh": 1, "lr": 0.2})
    assert assay.get_run(run.info.run_id).data.params == {"lr": "0.1"}


def test_tag_may_change_and_be_deleted() -> None:
    with assay.start_run() as run:
        assay.set_tag("t", 1)
        assay.set_tags({"t": 2, "u": None})
        assert assay.get_run(run.info.run_id).data.tags["t"] == "2"
        assay.delete_tag("t")
        with pytest.raises(TagNotFound):
            assay.delete_tag("t")
    tags = assay.get_run(run.info.run_id).data.tags
    assert "t" not in tags
    assert tags["u"] == "None"


def test_metric_on_a_data_set_is_a_series_of_its_own_and_the_data_an_input() -> None:
    data = assay.data.from_numpy(np.arange(6), name="holdout")
    with assay.start_run() as run:
        assay.log_metric("acc", 0.5)
        assay.log_metric("acc", 0.9, step=1, dataset=data)
    stored = assay.get_run(run.info.run_id)
    assert run.history("acc").values.tolist() == [0.5]
    on_data = run.history("acc", dataset_name="holdout", dataset_digest=data.digest)
    assert on_data.values.tolist() == [0.9]
    assert [one.dataset.name for one in stored.inputs.dataset_inputs] == ["holdout"]


def test_metric_of_the_active_model_belongs_to_it() -> None:
    with assay.start_run() as run:
        model = assay.create_external_model("net")
        with assay.set_active_model(model_id=model.model_id):
            assay.log_metric("acc", 0.9)
        assay.log_metric("acc", 0.1, step=1)
    assert run.history("acc", model_id=model.model_id).values.tolist() == [0.9]
    assert run.history("acc").values.tolist() == [0.1]
    assert [m.value for m in assay.get_logged_model(model.model_id).metrics] == [0.9]


def test_name_of_the_run_is_its_tag() -> None:
    with assay.start_run(run_name="before") as run:
        assay.set_tag("mlflow.runName", "after")
    assert assay.get_run(run.info.run_id).info.run_name == "after"


def test_invalid_name_is_an_invalid_input() -> None:
    with assay.start_run(), pytest.raises(InvalidName):
        assay.log_metric("a\nb", 1)

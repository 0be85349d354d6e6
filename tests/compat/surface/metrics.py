from __future__ import annotations

import math
import struct
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric

from tests.compat.surface.expect import experiment_id, refused

LARGEST = 1.7976931348623157e308


def check_latest_is_the_largest_step(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    for value, timestamp, step in [(1, 10, 5), (2, 99, 1), (3, 11, 5), (2.5, 11, 5)]:
        client.log_metric(ident, "m", value, timestamp, step)
    assert client.get_run(ident).data.metrics["m"] == 3
    history = [(m.value, m.timestamp, m.step) for m in client.get_metric_history(ident, "m")]
    assert history == [(1, 10, 5), (2.5, 11, 5), (3, 11, 5), (2, 99, 1)]


def check_equal_points_are_kept_once(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    for _ in range(3):
        client.log_metric(ident, "m", 1.0, 10, 1)
    client.log_batch(ident, metrics=[Metric("m", 1.0, 10, 1)] * 3)
    assert len(client.get_metric_history(ident, "m")) == 1


def check_special_values(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    for key, value in {
        "nan": math.nan,
        "inf": math.inf,
        "ninf": -math.inf,
        "zero": -0.0,
        "big": 1e308,
        "tiny": 5e-324,
        "int": 2**53 + 1,
    }.items():
        client.log_metric(ident, key, value, step=-3)
    got = client.get_run(ident).data.metrics
    assert math.isnan(got["nan"])
    assert (got["inf"], got["ninf"]) == (LARGEST, -LARGEST)
    assert struct.pack("d", got["zero"]) == struct.pack("d", -0.0)
    assert (got["big"], got["tiny"], got["int"]) == (1e308, 5e-324, float(2**53 + 1))
    assert math.isnan(client.get_metric_history(ident, "nan")[0].value)
    assert client.get_metric_history(ident, "inf")[0].step == -3


def check_large_steps_and_times(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    client.log_metric(ident, "m", 1, timestamp=2**53 + 1, step=2**62 + 1)
    point = client.get_metric_history(ident, "m")[0]
    assert (point.timestamp, point.step) == (2**53 + 1, 2**62 + 1)


def check_history_of_many_points(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    for start in range(0, 3000, 1000):
        batch = [Metric("m", i / 3, 1000 + i, i) for i in range(start, start + 1000)]
        client.log_batch(ident, metrics=batch)
    history = client.get_metric_history(ident, "m")
    assert [m.step for m in history] == list(range(3000))
    assert [m.value for m in history] == [i / 3 for i in range(3000)]
    assert client.get_metric_history(ident, "none") == []


def check_history_pages(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    client.log_batch(ident, metrics=[Metric("m", i, i, i) for i in range(25)])
    store = client._tracking_client.store
    seen, token, pages = [], None, 0
    while pages == 0 or token:
        page = store.get_metric_history(ident, "m", max_results=10, page_token=token)
        seen += [m.step for m in page]
        token, pages = page.token, pages + 1
    assert (seen, pages) == (list(range(25)), 3)
    with refused("INVALID_PARAMETER_VALUE"):
        store.get_metric_history(ident, "m", max_results=10, page_token="no token of ours")


def check_history_of_several_runs_thinned(client: MlflowClient, folder: Path) -> None:
    idents = [client.create_run(experiment_id()).info.run_id for _ in range(2)]
    for ident in idents:
        client.log_batch(ident, metrics=[Metric("m", i, i, i) for i in range(500)])
    store = client._tracking_client.store
    if not hasattr(store, "get_metric_history_bulk_interval"):
        return
    got = store.get_metric_history_bulk_interval(idents, "m", 20, 100, 400)
    for ident in idents:
        steps = [m.step for m in got if m.run_id == ident]
        assert steps[0] == 100
        assert steps[-1] == 400
        assert len(steps) <= 25
        assert steps == sorted(steps)


def check_bad_metrics(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    for key in ("", "../x", "/x", "a//b", "semi;colon", "k" * 251):
        with refused("INVALID_PARAMETER_VALUE"):
            client.log_metric(ident, key, 1)

from __future__ import annotations

import math
import time
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunStatus, RunTag

from tests.compat.surface.expect import experiment_id, refused


def check_lifecycle(client: MlflowClient, folder: Path) -> None:
    run = client.create_run(experiment_id(), start_time=1000, tags={"t": "1"}, run_name="first")
    ident = run.info.run_id
    assert (run.info.run_name, run.info.status, run.info.start_time) == ("first", "RUNNING", 1000)
    assert run.data.tags["mlflow.runName"] == "first"
    assert run.info.artifact_uri.endswith(f"/{ident}/artifacts")
    client.update_run(ident, status="FAILED", name="second")
    got = client.get_run(ident)
    assert (got.info.status, got.info.run_name) == ("FAILED", "second")
    assert got.data.tags["mlflow.runName"] == "second"
    client.set_terminated(ident, "FINISHED", end_time=5000)
    got = client.get_run(ident)
    assert (got.info.status, got.info.end_time) == ("FINISHED", 5000)
    client.delete_run(ident)
    assert client.get_run(ident).info.lifecycle_stage == "deleted"
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_metric(ident, "m", 1)
    client.restore_run(ident)
    assert client.get_run(ident).info.lifecycle_stage == "active"


def check_name_is_tag(client: MlflowClient, folder: Path) -> None:
    run = client.create_run(experiment_id(), tags={"mlflow.runName": "tagged"})
    assert run.info.run_name == "tagged"
    client.set_tag(run.info.run_id, "mlflow.runName", "again")
    assert client.get_run(run.info.run_id).info.run_name == "again"
    assert client.create_run(experiment_id()).info.run_name


def check_missing_run(client: MlflowClient, folder: Path) -> None:
    for act in (
        lambda: client.get_run("0" * 32),
        lambda: client.log_metric("0" * 32, "a", 1),
        lambda: client.set_tag("0" * 32, "a", "1"),
        lambda: client.delete_run("0" * 32),
        lambda: client.list_artifacts("0" * 32),
    ):
        with refused("RESOURCE_DOES_NOT_EXIST"):
            act()
    with refused("INVALID_PARAMETER_VALUE"):
        client.get_run("../etc")


def check_params_are_immutable(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    client.log_param(ident, "lr", 0.1)
    client.log_param(ident, "lr", 0.1)
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_param(ident, "lr", 0.2)
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_batch(ident, params=[Param("new", "1"), Param("lr", "3")])
    client.log_param(ident, "empty", "")
    client.log_param(ident, "ключ/ü key", "värde 🎉")
    assert client.get_run(ident).data.params == {"lr": "0.1", "empty": "", "ключ/ü key": "värde 🎉"}


def check_long_values(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    client.log_param(ident, "p", "x" * 6000)
    client.set_tag(ident, "t", "y" * 8000)
    data = client.get_run(ident).data
    assert (len(data.params["p"]), len(data.tags["t"])) == (6000, 8000)
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_param(ident, "k" * 251, "v")
    with refused("INVALID_PARAMETER_VALUE"):
        client.set_tag(ident, "../up", "v")


def check_tags(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    client.set_tag(ident, "a", 1)
    client.set_tag(ident, "a", 2)
    assert client.get_run(ident).data.tags["a"] == "2"
    client.delete_tag(ident, "a")
    assert "a" not in client.get_run(ident).data.tags
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.delete_tag(ident, "a")


def check_batch(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    now = int(time.time() * 1000)
    client.log_batch(
        ident,
        metrics=[Metric("m", i / 7, now + i, i) for i in range(800)],
        params=[Param(f"p{i}", str(i)) for i in range(100)],
        tags=[RunTag(f"t{i}", str(i)) for i in range(100)],
    )
    run = client.get_run(ident)
    assert run.data.metrics == {"m": 799 / 7}
    assert len(run.data.params) == 100
    assert run.data.tags["t99"] == "99"
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_batch(ident, tags=[RunTag("ok", "1"), RunTag("bad\0", "1")])
    assert "ok" not in client.get_run(ident).data.tags


def check_batch_is_all_or_nothing(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    client.log_param(ident, "p", "1")
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_batch(
            ident,
            metrics=[Metric("m", 1, 1, 1)],
            params=[Param("q", "1"), Param("p", "2")],
            tags=[RunTag("t", "1")],
        )
    data = client.get_run(ident).data
    assert data.metrics == {}
    assert data.params == {"p": "1"}
    assert "t" not in data.tags


def check_fluent_run(client: MlflowClient, folder: Path) -> None:
    with mlflow.start_run(run_name="outer", description="about", tags={"k": "v"}) as outer:
        mlflow.log_params({"a": 1, "b": "two"})
        mlflow.log_metrics({"x": 1.5, "y": math.pi}, step=3)
        with mlflow.start_run(nested=True) as inner:
            mlflow.log_metric("x", 2)
    got = mlflow.get_run(outer.info.run_id)
    assert got.info.status == "FINISHED"
    assert got.data.params == {"a": "1", "b": "two"}
    assert got.data.metrics == {"x": 1.5, "y": math.pi}
    assert got.data.tags["mlflow.note.content"] == "about"
    assert client.get_parent_run(inner.info.run_id).info.run_id == outer.info.run_id
    try:
        with mlflow.start_run() as broken:
            raise KeyError("x")
    except KeyError:
        pass
    assert RunStatus.to_string(RunStatus.from_string("FAILED")) == "FAILED"
    assert mlflow.get_run(broken.info.run_id).info.status == "FAILED"
    with mlflow.start_run(run_id=outer.info.run_id):
        mlflow.log_metric("later", 1)
    assert mlflow.get_run(outer.info.run_id).data.metrics["later"] == 1


def check_asynchronous_logging(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    done = [client.log_metric(ident, "m", i, step=i, synchronous=False) for i in range(50)]
    for future in done:
        future.wait()
    assert len(client.get_metric_history(ident, "m")) == 50

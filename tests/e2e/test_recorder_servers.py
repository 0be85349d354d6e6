"""A recorder and its servers: an Assay server that goes away and returns, a plain MLflow server."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.client.connect import open_store
from assay.client.recorder import Recorder
from assay.client.status import status
from assay.client.sync import sync
from assay.entities.ids import RunId, new_experiment_id, new_run_id
from assay.entities.metrics import SeriesKey
from assay.entities.names import ArtifactPath
from assay.entities.operations import EnsureExperiment, LogParams, SetTags, StartRun, UpdateRun
from assay.entities.runs import RunStatus
from assay.errors import StoreUnavailable
from assay.store.base import Query
from assay.store.uri import resolve_location
from tests.services.mlflow_client import ServerProcess


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    folder = tmp_path / "server"
    folder.mkdir()
    process = ServerProcess(folder, port=free_port())
    process.start()
    yield process
    process.stop()


def test_a_server_that_was_away_gets_everything_once_and_in_order(
    server: ServerProcess, tmp_path: Path
) -> None:
    location = resolve_location(server.url, cwd=tmp_path, environ={})
    recorder = Recorder(location)
    run_id = recorder.start_run(StartRun(new_run_id(), 1_000, experiment_id="0"))
    for step in range(100):
        recorder.metric(run_id, "loss", float(step), step, 1_000 + step)
    recorder.flush()
    server.stop()
    slow = 0
    for step in range(100, 20_000):
        begin = time.perf_counter()
        recorder.metric(run_id, "loss", float(step), step, 1_000 + step)
        slow += time.perf_counter() - begin > 0.05
    recorder.artifact(run_id, ArtifactPath("a/notes.txt"), b"offline")
    recorder.append(UpdateRun(run_id, status=RunStatus.FINISHED, end_time=9_000))
    with pytest.raises(StoreUnavailable):
        recorder.flush()
    # On a busy machine the scheduler alone may take the thread away for longer.
    assert slow <= 2
    assert recorder.pending.points == 19_900
    server.start()
    recorder.flush(30)
    recorder.close()
    store = open_store(location)
    history = store.metrics.history(run_id, SeriesKey("loss"))
    assert history.steps.tolist() == list(range(20_000))
    assert history.values.tolist() == list(range(20_000))
    run = store.runs.get(run_id)
    assert run.info.status is RunStatus.FINISHED
    store.close()
    stored = list((server.folder / "artifacts").rglob("notes.txt"))
    assert [path.read_bytes() for path in stored] == [b"offline"]
    assert status(location).is_clear


def test_a_whole_run_offline_is_synced_later_and_twice_is_once(
    server: ServerProcess, tmp_path: Path
) -> None:
    server.stop()
    location = resolve_location(server.url, cwd=tmp_path, environ={})
    recorder = Recorder(location)
    run_id = recorder.start_run(StartRun(new_run_id(), 1_000, experiment_id="0"))
    for step in range(1_000):
        recorder.metrics(run_id, {f"m{n}": 1.0 for n in range(100)}, step, 1)
    recorder.append(UpdateRun(run_id, status=RunStatus.FINISHED, end_time=9_000))
    recorder.close()
    server.start()
    begin = time.monotonic()
    assert sync(location).points == 100_000
    assert time.monotonic() - begin < 30
    assert sync(location).points == 0
    store = open_store(location)
    (summary,) = store.metrics.summaries([run_id], ["m42"])[run_id]
    assert summary.count == 1_000
    store.close()


@pytest.mark.slow
def test_a_plain_mlflow_server_makes_the_id_and_takes_everything(
    mlflow_url: str, tmp_path: Path
) -> None:
    location = resolve_location(mlflow_url, cwd=tmp_path, environ={})
    recorder = Recorder(location)
    recorder.append(EnsureExperiment("digits", new_experiment_id()))
    asked = new_run_id()
    run_id = recorder.start_run(StartRun(asked, 1_000, experiment_name="digits", run_name="r1"))
    assert run_id != asked
    for step in range(1_500):
        recorder.metric(run_id, "loss", step / 2, step, 1_000 + step)
    recorder.append(LogParams(run_id, {f"p{n}": str(n) for n in range(150)}))
    recorder.artifact(run_id, ArtifactPath("a/b.txt"), b"hello")
    recorder.append(UpdateRun(run_id, status=RunStatus.FINISHED, end_time=9_000))
    recorder.flush()
    recorder.close()
    store = open_store(location)
    run = store.runs.get(run_id)
    assert run.info.status is RunStatus.FINISHED
    assert run.info.run_name == "r1"
    assert len(run.data.params) == 150
    assert store.metrics.history(run_id, SeriesKey("loss")).steps.tolist() == list(range(1_500))
    store.close()
    assert status(location).is_clear


@pytest.mark.slow
def test_a_run_that_began_offline_gets_the_servers_id_and_keeps_ours_as_a_tag(
    mlflow_url: str, tmp_path: Path
) -> None:
    location = resolve_location(mlflow_url, cwd=tmp_path, environ={})
    recorder = Recorder(location)
    recorded = new_run_id()
    # As it is recorded while the server can't be asked.
    recorder.append(StartRun(recorded, 1_000, experiment_id="0"))
    recorder.metric(recorded, "loss", 1.0, 0, 1_000)
    recorder.append(SetTags(recorded, {"a": "b"}))
    recorder.flush()
    recorder.append(UpdateRun(recorded, status=RunStatus.FINISHED, end_time=9_000))
    recorder.close()
    store = open_store(location)
    query = Query(filter=f"tags.`assay.run_id` = '{recorded}'")
    (run,) = store.runs.search(["0"], query).items
    assert RunId(run.info.run_id) != recorded
    assert run.data.tags["a"] == "b"
    assert run.data.metrics == {"loss": 1.0}
    assert run.info.status is RunStatus.FINISHED
    store.close()

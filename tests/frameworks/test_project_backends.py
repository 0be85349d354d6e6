"""Projects on real clusters of Ray and Dask, on this machine."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import distributed
import msgspec
import pytest

from assay.client.client import Client
from assay.entities import tags
from assay.errors import InvalidInput, StoreUnavailable
from assay.projects.backends import backend
from assay.projects.launch import Resources
from assay.projects.launching import prepare
from tests.services.example_projects import check_runs, repository

pytestmark = pytest.mark.filterwarnings(
    "ignore:::ray",
    "ignore:::distributed",
    "ignore::FutureWarning",
    # Of processes that Ray leaves when a start of it has failed.
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
_STARTS = 4
"""Ray gives up a start after 30 s, which a busy machine may take."""

_MLPROJECT = f"""
name: clustered
entry_points:
  main:
    parameters: {{text: string}}
    command: {sys.executable} main.py {{text}}
  wait:
    command: {sys.executable} wait.py
"""
_MAIN = """
import os, sys
print("got", repr(sys.argv[1]), os.environ["MLFLOW_RUN_ID"], flush=True)
sys.exit(5 if sys.argv[1] == "fail" else 0)
"""
_WAIT = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
print("begun", flush=True)
time.sleep(600)
"""
BACKENDS = pytest.mark.parametrize("name", ["ray", "dask"])


@pytest.fixture(scope="module", autouse=True)
def _clusters() -> Iterator[None]:
    import ray

    from assay.projects.backends import dask
    from assay.projects.backends.ray import _connected

    for _ in range(_STARTS):
        with contextlib.suppress(StoreUnavailable):
            _connected("")
            break
    yield
    ray.shutdown()
    if dask._local is not None:
        dask._local.close()
        dask._local.cluster.close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_TRACKING_URI", str(tmp_path / ".assay"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in (("MLproject", _MLPROJECT), ("main.py", _MAIN), ("wait.py", _WAIT)):
        (folder / name).write_text(text)
    return folder


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 240
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def log_of(run_id: str) -> str:
    try:
        return Client().read_artifact(run_id, "assay/output.log").decode()
    except FileNotFoundError:
        return ""


@BACKENDS
def test_launch_runs_on_a_worker_and_its_log_is_shown(
    name: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = prepare(str(project), parameters={"text": "a '$b\nc"}, backend=name)

    done = backend(name).submit(launch, {}, echo=True).wait()

    run = Client().get_run(launch.run_id)
    assert done
    assert run.info.status == "FINISHED"
    assert f'got "a \'$b\\nc" {launch.run_id}' in log_of(launch.run_id)
    assert launch.run_id in capsys.readouterr().out


@BACKENDS
def test_examples_run_from_git(name: str, project: Path) -> None:
    check_runs(repository(project.parent / "examples"), Client(), name)


@BACKENDS
def test_failure_of_the_command_is_the_runs(name: str, project: Path) -> None:
    launch = prepare(str(project), parameters={"text": "fail"}, backend=name)

    going = backend(name).submit(launch, {}, echo=False)

    assert not going.wait()
    assert going.get_status() == "FAILED"
    assert Client().get_run(launch.run_id).data.tags[tags.EXIT_CODE] == "5"


@BACKENDS
def test_cancelled_run_ends_gently(name: str, project: Path) -> None:
    launch = prepare(str(project), entry_point="wait", backend=name)
    going = backend(name).submit(launch, {}, echo=False)
    until(lambda: "begun" in log_of(launch.run_id))

    going.cancel()

    assert Client().get_run(launch.run_id).info.status == "KILLED"
    assert "asked to end" in log_of(launch.run_id)


@BACKENDS
def test_run_that_waits_for_a_worker_is_cancelled_before_it_begins(
    name: str, project: Path
) -> None:
    cores = os.cpu_count() or 1
    first = [prepare(str(project), entry_point="wait", backend=name) for _ in range(cores)]
    going = [backend(name).submit(one, {}, echo=False) for one in first]
    until(lambda: all("begun" in log_of(one.run_id) for one in first))
    last = prepare(str(project), entry_point="wait", backend=name)
    waiting = backend(name).submit(last, {}, echo=False)

    waiting.cancel()

    assert Client().get_run(last.run_id).info.status == "KILLED"
    assert all(one.get_status() == "RUNNING" for one in going)
    threads = [threading.Thread(target=one.cancel) for one in going]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = backend(name).submit(
        prepare(str(project), parameters={"text": "x"}, backend=name), {}, echo=False
    )
    assert after.wait()
    assert "begun" not in log_of(last.run_id)
    assert Client().get_run(last.run_id).info.status == "KILLED"


@BACKENDS
@pytest.mark.parametrize(
    ("resources", "config", "told"),
    [
        (Resources(gpu=3), {}, "GPU"),
        (Resources(cpu=5_000), {}, "5000"),
        (Resources(), {"adress": "x"}, "Did you mean 'address'"),
        (Resources(), {"resources": {"TPU": 1}}, "TPU"),
    ],
)
def test_what_the_cluster_cant_give_is_refused(
    name: str, project: Path, resources: Resources, config: dict[str, Any], told: str
) -> None:
    launch = prepare(str(project), entry_point="wait", backend=name)
    asked = msgspec.structs.replace(launch, resources=resources)

    with pytest.raises(InvalidInput, match=told):
        backend(name).submit(asked, config, echo=False)


def test_scheduler_that_isnt_there_is_told(project: Path) -> None:
    launch = prepare(str(project), entry_point="wait", backend="dask")

    with pytest.raises((StoreUnavailable, InvalidInput), match="Dask"):
        backend("dask").submit(launch, {"address": "nowhere"}, echo=False)


def test_project_is_sent_to_a_cluster_of_other_processes(project: Path) -> None:
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        launch = prepare(str(project), parameters={"text": "far"}, backend="dask")
        config = {"address": cluster.scheduler_address}

        assert backend("dask").submit(launch, config, echo=False).wait()

    assert "got 'far'" in log_of(launch.run_id)
    assert "project.zip" in [
        one.path.rpartition("/")[2] for one in Client().list_artifacts(launch.run_id, "assay")
    ]


def test_lost_worker_fails_the_run_and_nobody_runs_it_again(project: Path) -> None:
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        launch = prepare(str(project), entry_point="wait", backend="dask")
        config = {"address": cluster.scheduler_address}
        going = backend("dask").submit(launch, config, echo=False)
        until(lambda: "begun" in log_of(launch.run_id))

        cluster.workers[0].process.process.kill()

        assert not going.wait()
    run = Client().get_run(launch.run_id)
    assert run.info.status == "FAILED"
    # Whoever sees it first tells it: the guard of the command, or who waits.
    assert re.search("was lost|was killed", run.data.tags[tags.PROJECT_REASON])

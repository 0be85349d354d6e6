"""Our example projects from a Git URL, on every backend that can run here. Those of clusters are in
``tests/frameworks/test_project_backends.py``.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.client.client import Client
from assay.client.tracking_uri import VARIABLE, current_location
from assay.containers.kubectl import Kubectl
from assay.projects.backends.kubernetes import JobPlace
from assay.projects.backends.kubernetes_jobs import KubernetesSettings
from assay.projects.execute import execute
from assay.projects.launching import prepare, run
from tests.services import kubectl_jobs, slurm
from tests.services.containers import BASE_IMAGE, Podman
from tests.services.example_projects import EXAMPLES, check_runs, repository
from tests.services.mlflow_client import ServerProcess
from tests.unit.client.test_recorder import full_disk

LIMIT_S = 120.0


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Of a fresh place; sources are fetched anew, packages are not."""
    kept = os.environ.get("UV_CACHE_DIR", str(Path("~/.cache/uv").expanduser()))
    monkeypatch.setenv("UV_CACHE_DIR", kept)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / ".assay"))
    for name in ("ASSAY_RUN_ID", "MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Client(tmp_path / ".assay")


@pytest.fixture
def examples(tmp_path: Path) -> tuple[str, str]:
    return repository(tmp_path / "examples")


def test_examples_run_here(client: Client, examples: tuple[str, str]) -> None:
    check_runs(examples, client, "local")


@pytest.fixture
def daemon(examples: tuple[str, str], tmp_path: Path) -> Iterator[str]:
    """The address at which a real git daemon gives the examples out."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    core = subprocess.run(
        ["git", "--exec-path"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert (Path(core) / "git-daemon").exists(), "this git has no daemon"
    process = subprocess.Popen(
        [
            *(f"{core}/git-daemon", "--listen=127.0.0.1", f"--port={port}", "--export-all"),
            f"--base-path={tmp_path}",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + LIMIT_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < deadline, "the git daemon doesn't answer"
            time.sleep(0.02)
        yield f"git://127.0.0.1:{port}/examples"
    finally:
        process.terminate()
        process.wait()


def test_example_runs_from_a_git_daemon(
    client: Client, daemon: str, examples: tuple[str, str]
) -> None:
    done = run(f"{daemon}#words", version="main", echo=False)

    data = client.get_run(done.run_id).data
    assert data.tags["mlflow.source.git.commit"] == examples[1]
    assert data.tags["mlflow.source.git.repoURL"] == daemon


def test_examples_run_as_batch_jobs(
    client: Client, examples: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in slurm.install(tmp_path).items():
        monkeypatch.setenv(name, value)

    check_runs(examples, client, "slurm")


@pytest.fixture
def agent(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Somebody who takes what is in the queue of a server; gives the server's client."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "server").mkdir()
    server = ServerProcess(tmp_path / "server", port=port)
    server.start()
    monkeypatch.setenv(VARIABLE, server.url)
    words = [*("agent", "--queue", "examples"), *("--poll", "0.1"), *("--work", "work")]
    process = subprocess.Popen(
        [sys.executable, "-m", "assay", "-t", server.url, *words], stdout=subprocess.DEVNULL
    )
    try:
        yield Client(server.url)
    finally:
        process.terminate()
        process.wait(LIMIT_S)
        server.stop()


def test_examples_run_with_an_agent(agent: Client, examples: tuple[str, str]) -> None:
    check_runs(examples, agent, "queue", {"queue": "examples"})


@pytest.fixture
def boxed(podman: Podman, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Podman, which has an image of the name that our example of a container takes."""
    for name, value in podman.variables.items():
        monkeypatch.setenv(name, value)
    podman("tag", BASE_IMAGE, "docker.io/library/python:3.11-slim")
    yield
    podman("untag", BASE_IMAGE, "docker.io/library/python:3.11-slim")


@pytest.mark.usefixtures("boxed")
def test_example_runs_in_a_container(client: Client, examples: tuple[str, str]) -> None:
    done = run(f"{examples[0]}#pi", parameters={"points": 10_000}, backend="podman", echo=False)

    check_pi(client, done.run_id, examples[1])


def test_example_runs_as_a_job_of_a_cluster(
    client: Client, examples: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in kubectl_jobs.install(tmp_path, EXAMPLES / "pi").items():
        monkeypatch.setenv(name, value)
    settings = KubernetesSettings(image="registry.example/team/pi:1")
    launch = prepare(f"{examples[0]}#pi", parameters={"points": 10_000}, backend="kubernetes")

    # Not by its name: pods can't log to a folder of this machine, which is refused there.
    place = JobPlace(Kubectl("default", None), settings, {}, current_location())
    outcome = execute(launch, echo=False, place=place)

    assert outcome.status == "FINISHED", outcome.reason
    check_pi(client, launch.run_id, examples[1])


def check_pi(client: Client, run_id: str, commit: str) -> None:
    """The same points fall everywhere."""
    ended = client.get_run(run_id)
    assert ended.info.status == "FINISHED"
    assert ended.data.params == {"points": "10000", "seed": "3"}
    assert ended.data.tags["mlflow.source.git.commit"] == commit
    assert b"pi is near 3.1440\n" in client.read_artifact(run_id, "assay/output.log")


def test_full_disk_of_the_launcher_does_not_hide_how_the_run_ended(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "server").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ServerProcess(tmp_path / "server", port=port)
    server.start()
    try:
        launch = prepare(str(tmp_path / "code"), tracking_uri=server.url)
        with full_disk():
            outcome = execute(launch, echo=False)
        found = Client(server.url).get_run(launch.run_id)
    finally:
        server.stop()

    assert (outcome.status, outcome.exit_code) == ("FAILED", 3)
    assert found.info.status == "FAILED"
    assert found.data.tags["assay.exit_code"] == "3"

"""Queues with a real server and real agents: every job once, whatever dies in the middle."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from assay.client.client import Client
from assay.entities.jobs import Job, JobState
from assay.entities.runs import RunStatus
from assay.entities.tags import PROJECT_REASON
from assay.projects.launch import Resources
from assay.projects.launching import prepare
from assay.projects.queue.submit import QueueBackend, QueueRun
from assay.store.user import local_cause
from tests.services.mlflow_client import ServerProcess

T = TypeVar("T")
LIMIT_S = 120.0
QUICK = 'echo "$MLFLOW_RUN_ID" >> "$1"'
FIRST_TIME_STUCK = 'echo "$$ $PPID" >> "$1"; if [ $(wc -l < "$1") -lt 2 ]; then exec sleep 600; fi'
"""Tells its process and its parent's; only the second one that does it ends."""
STUCK = 'echo "$$ $PPID" >> "$1"; exec sleep 600'
AWAITS = 'echo "$$ $PPID" >> "$1"; while [ ! -e "$1.go" ]; do sleep 0.05; done'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("queue-server"), port=free_port())
    server.start()
    yield server
    server.stop()


class Floor:
    """A project, its server, and the agents that a test starts."""

    def __init__(self, server: ServerProcess, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.client = Client(server.url)
        self.told = folder / "told"
        self.project = folder / "project"
        self.project.mkdir()
        (self.project / "README").write_text("nothing to see\n")
        self._agents: list[subprocess.Popen[bytes]] = []
        self.queue = f"q{os.getpid()}-{folder.name[-20:].strip('-_')}"

    def submit(self, script: str, *, cpu: float = 0, **config: Any) -> QueueRun:
        """Put a shell script into the test's queue; ``$1`` is the file ``told``."""
        launch = prepare(
            str(self.project),
            command=["/bin/sh", "-c", script, "sh", str(self.told)],
            env_manager="local",
            backend="queue",
            tracking_uri=self.server.url,
        )
        launch = msgspec.structs.replace(launch, resources=Resources(cpu=cpu))
        return QueueBackend().submit(launch, {"queue": self.queue, **config}, echo=False)

    def agent(self, *words: str, lease_s: float = 60.0) -> subprocess.Popen[bytes]:
        """Start an agent."""
        work = self.folder / f"work-{len(self._agents)}"
        command = [sys.executable, "-m", "assay", "-t", self.server.url, "agent"]
        options = ["--queue", self.queue, "--poll", "0.1", "--lease", str(lease_s)]
        with (self.folder / f"agent-{len(self._agents)}.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, *options, "--work", str(work), *words],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._agents.append(process)
        return process

    def sweep(self) -> subprocess.Popen[bytes]:
        """Lead the sweep of ``sweep.yaml``."""
        command = [sys.executable, "-m", "assay", "-t", self.server.url, "sweep", "sweep.yaml"]
        with (self.folder / f"agent-sweep-{len(self._agents)}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        self._agents.append(process)
        return process

    def logs(self) -> str:
        """What all agents said."""
        return "\n".join(file.read_text() for file in sorted(self.folder.glob("agent-*.log")))

    def wait_for(self, look: Callable[[], T]) -> T:
        """What ``look`` finds, as soon as it finds something."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            if found := look():
                return found
            time.sleep(0.05)
        pytest.fail(f"it never came; agents said:\n{self.logs()}")

    def started(self, times: int = 1) -> list[int]:
        """Ids of the command that was started last, and of its parent."""

        def look() -> list[int] | None:
            lines = self.told.read_text().splitlines() if self.told.exists() else []
            return [int(word) for word in lines[-1].split()] if len(lines) >= times else None

        found = self.wait_for(look)
        assert found is not None
        return found

    def job(self, run: QueueRun) -> Job:
        return self.client.store.jobs.get(run.job.job_id)

    def ended(self, run: QueueRun) -> Job:
        """The job, when it has ended."""
        self.wait_for(lambda: self.job(run).state.is_final)
        return self.job(run)

    def close(self) -> None:
        for process in self._agents:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self._agents:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
            process.wait()
        self.client.close()


@pytest.fixture
def floor(server: ServerProcess, tmp_path: Path) -> Iterator[Floor]:
    floor = Floor(server, tmp_path)
    yield floor
    floor.close()


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A container without an init keeps what nobody waits for as a zombie.
    state = Path(f"/proc/{pid}/stat")
    with contextlib.suppress(OSError):
        return state.read_text().rpartition(")")[2].split()[0] == "Z"
    return False


def test_two_agents_run_each_of_many_jobs_once(floor: Floor) -> None:
    runs = [floor.submit(QUICK) for _ in range(20)]

    agents = [floor.agent("--once", "--parallel", "2") for _ in range(2)]

    assert [agent.wait(LIMIT_S) for agent in agents] == [0, 0], floor.logs()
    assert Counter(floor.told.read_text().split()) == Counter(run.run_id for run in runs)
    assert all(run.wait() for run in runs)
    statuses = {floor.client.get_run(run.run_id).info.status for run in runs}
    assert statuses == {RunStatus.FINISHED}


def test_job_of_a_killed_agent_is_run_again_by_another(floor: Floor) -> None:
    run = floor.submit(FIRST_TIME_STUCK)
    first = floor.agent("--name", "first")
    command, _ = floor.started()

    first.kill()
    floor.agent("--name", "second")

    assert run.wait(), floor.logs()
    job = floor.job(run)
    assert (job.attempt, job.agent) == (2, "second")
    assert floor.client.get_run(run.run_id).info.status is RunStatus.FINISHED
    floor.wait_for(lambda: is_gone(command))


def test_agent_that_was_away_too_long_leaves_its_job_to_the_other(floor: Floor) -> None:
    run = floor.submit(FIRST_TIME_STUCK)
    first = floor.agent("--name", "first", lease_s=1.5)
    command, _ = floor.started()

    first.send_signal(signal.SIGSTOP)
    floor.agent("--name", "second")
    assert run.wait(), floor.logs()
    first.send_signal(signal.SIGCONT)

    floor.wait_for(lambda: "was left to another agent" in floor.logs())
    assert is_gone(command)
    job = floor.job(run)
    assert (job.attempt, job.agent, job.state) == (2, "second", JobState.FINISHED)
    assert floor.client.get_run(run.run_id).info.status is RunStatus.FINISHED


def test_job_that_loses_its_last_agent_fails_with_the_reason(floor: Floor) -> None:
    run = floor.submit(STUCK, max_attempts=1)
    agent = floor.agent("--name", "only")
    command, _ = floor.started()

    agent.kill()

    assert floor.ended(run).reason == "Agent 'only' was lost. It was attempt 1."
    assert not run.wait()
    ended = floor.client.get_run(run.run_id)
    assert ended.info.status is RunStatus.FAILED
    assert "was lost" in ended.data.tags[PROJECT_REASON]
    floor.wait_for(lambda: is_gone(command))


def test_cancelled_job_ends_and_leaves_nothing_running(floor: Floor) -> None:
    running = floor.submit(STUCK)
    floor.agent(lease_s=3.0)
    command, _ = floor.started()
    waiting = floor.submit(STUCK)

    floor.client.store.jobs.cancel(waiting.job.job_id, cause=local_cause("not needed"))
    running.cancel()

    assert not running.wait(), floor.logs()
    assert running.get_status() == waiting.get_status() == "KILLED"
    floor.wait_for(lambda: is_gone(command))
    assert "cancelled it" in floor.job(running).reason
    for run in (running, waiting):
        assert floor.client.get_run(run.run_id).info.status is RunStatus.KILLED
    assert floor.told.read_text().count("\n") == 1


def test_agent_that_runs_once_takes_what_fits_when_there_is_room_again(floor: Floor) -> None:
    runs = [floor.submit(QUICK, cpu=2) for _ in range(2)]

    agent = floor.agent("--once", "--parallel", "2", "--cpus", "3")

    assert agent.wait(LIMIT_S) == 0, floor.logs()
    assert [run.get_status() for run in runs] == ["FINISHED", "FINISHED"]


def test_killed_process_of_a_job_is_a_failure_with_its_signal(floor: Floor) -> None:
    run = floor.submit(STUCK)
    floor.agent()
    command, child = floor.started()

    os.kill(child, signal.SIGKILL)

    job = floor.ended(run)
    assert job.state is JobState.FAILED
    assert "killed by SIGKILL" in job.reason
    ended = floor.client.get_run(run.run_id)
    assert ended.info.status is RunStatus.FAILED
    assert ended.data.tags[PROJECT_REASON] == job.reason
    floor.wait_for(lambda: is_gone(command))


def test_agent_that_is_terminated_gives_its_job_back(floor: Floor) -> None:
    run = floor.submit(FIRST_TIME_STUCK, max_attempts=1)
    first = floor.agent()
    command, _ = floor.started()

    first.terminate()

    assert first.wait(LIMIT_S) == 0, floor.logs()
    job = floor.job(run)
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)
    assert floor.client.get_run(run.run_id).info.status is RunStatus.SCHEDULED
    assert is_gone(command)
    assert floor.agent("--once").wait(LIMIT_S) == 0
    assert run.wait()


def test_first_ctrl_c_lets_the_job_finish(floor: Floor) -> None:
    run = floor.submit(AWAITS)
    agent = floor.agent()
    floor.started()
    waiting = floor.submit(AWAITS)

    agent.send_signal(signal.SIGINT)
    # What it had ends, what waits is left.
    Path(f"{floor.told}.go").touch()

    assert agent.wait(LIMIT_S) == 0, floor.logs()
    assert run.wait()
    assert waiting.get_status() == "SCHEDULED"
    waiting.cancel()


def test_job_goes_on_while_the_server_is_away(floor: Floor) -> None:
    run = floor.submit(AWAITS)
    floor.agent(lease_s=1.0)
    floor.started()

    floor.server.stop()
    try:
        floor.wait_for(lambda: "goes on, though" in floor.logs())
        Path(f"{floor.told}.go").touch()
    finally:
        floor.server.start()

    assert run.wait(), floor.logs()
    assert floor.job(run).state is JobState.FINISHED


def test_trial_outlives_the_sweep_that_was_killed_and_is_taken_up_again(floor: Floor) -> None:
    (floor.project / "MLproject").write_text(
        "entry_points:\n  main:\n    parameters: {x: float, told: string}\n"
        f"    command: {sys.executable} train.py {{x}} {{told}}\n"
    )
    (floor.project / "train.py").write_text(
        "import pathlib, sys, time, assay\n"
        "told = pathlib.Path(sys.argv[2])\n"
        "with told.open('a') as file: file.write(sys.argv[1] + ' 1\\n')\n"
        "while not told.with_suffix('.go').exists(): time.sleep(0.05)\n"
        "with assay.start_run(): assay.log_metric('loss', float(sys.argv[1]))\n"
    )
    sweep = {
        "project": str(floor.project),
        "parameters": {"x": [1, 2], "told": str(floor.told)},
        "metric": "loss",
        "method": "grid",
        "name": "outlived",
        "env_manager": "local",
        "backend": "queue",
        "backend_config": {"queue": floor.queue},
    }
    (floor.folder / "sweep.yaml").write_text(msgspec.yaml.encode(sweep).decode())
    floor.agent()
    first = floor.sweep()
    floor.wait_for(lambda: floor.told.exists() and floor.told.read_text().startswith("1"))
    first.kill()
    first.wait()

    # It may go on elsewhere: what was begun there is still waited for.
    elsewhere = {k: v for k, v in sweep.items() if k != "backend_config"} | {"backend": "local"}
    (floor.folder / "sweep.yaml").write_text(msgspec.yaml.encode(elsewhere).decode())
    second = floor.sweep()
    floor.wait_for(lambda: floor.logs().count("(outlived)") == 2)
    floor.told.with_suffix(".go").touch()

    assert second.wait(LIMIT_S) == 0, floor.logs()
    assert [line.split()[0] for line in floor.told.read_text().splitlines()] == ["1", "2"]
    runs = floor.client.search_runs(["0"], "params.told != ''")
    assert {run.data.params["x"]: run.info.status for run in runs} == {
        "1": RunStatus.FINISHED,
        "2": RunStatus.FINISHED,
    }
    assert "assay.sweep.attempt" not in {key for run in runs for key in run.data.tags}

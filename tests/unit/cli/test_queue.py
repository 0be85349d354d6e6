"""``assay queue`` and ``assay agent``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.entities.ids import DEFAULT_EXPERIMENT_ID, RunId
from assay.entities.jobs import Capacity, Job, JobState, NewJob
from assay.entities.runs import NewRun
from assay.projects.queue.machine import GPU_VARIABLE, Machine, gpu_names
from assay.store.sql.store import SqlStore
from assay.store.user import local_cause
from tests.unit.cli.conftest import Assay


@pytest.fixture
def store(assay: Assay) -> Iterator[SqlStore]:
    store = assay.store()
    yield store
    store.close()


def enqueue(store: SqlStore, job_id: str, queue: str = "gpu", launch: str = "{}") -> Job:
    run_id = RunId(f"run{job_id}")
    store.runs.create(NewRun(run_id, DEFAULT_EXPERIMENT_ID, 1))
    new = NewJob(job_id=job_id, queue=queue, run_id=run_id, launch=launch)
    return store.jobs.enqueue(new, cause=local_cause())


def lease(store: SqlStore) -> None:
    store.jobs.lease(
        ["gpu"], agent="rig", lease_id="l", lease_s=60, capacity=Capacity(), cause=local_cause()
    )


def test_list_shows_what_is_open_and_all_on_demand(assay: Assay, store: SqlStore) -> None:
    enqueue(store, "aa1")
    enqueue(store, "ab2", queue="cpu")
    enqueue(store, "bb3")
    lease(store)
    store.jobs.cancel("bb3", cause=local_cause("no"))
    head, *rows = assay.lines("queue", "list")
    assert head[:3] == ["job_id", "queue", "state"]
    assert {tuple(row[:3]) for row in rows} == {
        ("aa1", "gpu", "leased"),
        ("ab2", "cpu", "queued"),
    }
    assert [job["job_id"] for job in assay.json("queue", "list", "cpu")] == ["ab2"]
    assert len(assay.json("queue", "list", "--all")) == 3
    assert [job["job_id"] for job in assay.json("queue", "list", "--state", "cancelled")] == ["bb3"]
    assert "queue" in assay("queue", "list", "a b", code=2).output


def test_show_finds_a_job_by_its_beginning_and_by_its_run(assay: Assay, store: SqlStore) -> None:
    enqueue(store, "aa1")
    enqueue(store, "ab2")
    assert dict(assay.lines("queue", "show", "aa"))["run_id"] == "runaa1"
    assert assay.json("queue", "show", "runab2")["job_id"] == "ab2"
    assert "Several jobs begin with 'a'" in assay("queue", "show", "a", code=2).output
    for unknown in ("zz", "../x", ""):
        assert "No job" in assay("queue", "show", unknown, code=2).output


def test_cancel_tells_what_became_of_each(assay: Assay, store: SqlStore) -> None:
    enqueue(store, "aa1")
    lease(store)
    enqueue(store, "bb2")
    said = assay("queue", "cancel", "aa1", "bb2", "--reason", "wrong data").stdout.splitlines()
    assert said == ["aa1: is being ended by agent rig", "bb2: cancelled"]
    assert store.jobs.get("bb2").reason.endswith("cancelled it: wrong data.")
    assert assay("queue", "cancel", "bb2").stdout == "bb2: has ended already (cancelled)\n"
    assert "to be cancelled" in assay("queue", "list").stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--queue", "a b"], "Invalid queue"),
        (["--name", "x" * 300], "Invalid agent"),
        (["--parallel", "0"], "1 to 1000"),
        (["--lease", "0.1"], "A lease lasts"),
        (["--poll", "0"], "looks for jobs"),
        (["--memory", "-1"], "memory_mb"),
        (["--work", "/proc/no/such"], "--work"),
    ],
)
def test_agent_with_wrong_options_says_what_is_wrong(
    assay: Assay, options: list[str], words: str
) -> None:
    assert words in assay("agent", "--once", *options, code=2).output


def test_agent_ends_when_nothing_waits_that_it_could_take(
    assay: Assay, store: SqlStore, tmp_path: Path
) -> None:
    enqueue(store, "aa1", queue="other")
    work = tmp_path / "work"
    done = assay("agent", "--once", "--queue", "gpu", "--work", str(work))
    assert done.stdout.splitlines()[-1] == "0 jobs"
    assert store.jobs.get("aa1").state is JobState.QUEUED
    found = assay.json("agent", "--once", "--name", "rig", "--work", str(work))
    assert found == {"agent": "rig", "jobs": {}}


def test_launch_that_is_not_the_runs_own_fails(
    assay: Assay, store: SqlStore, tmp_path: Path
) -> None:
    enqueue(
        store,
        "aa1",
        launch='{"run_id": "other", "experiment_id": "0", "tracking_uri": "", "project": "."}',
    )
    enqueue(store, "bb2", launch='{"project": 3}')
    done = assay("agent", "--once", "-q", "gpu", "--work", str(tmp_path / "work"), code=1)
    assert done.stdout.splitlines()[-1] == "2 jobs: 2 failed"
    assert "another run's" in store.jobs.get("aa1").reason
    assert "can't be read" in store.jobs.get("bb2").reason


def test_machine_gives_each_job_gpus_of_its_own() -> None:
    machine = Machine(cpu=4, memory_mb=1_000, gpus=["0", "2", "5"])
    first = machine.take(Capacity(cpu=1, gpu=2))
    second = machine.take(Capacity(memory_mb=600, gpu=1))
    assert (first, second) == (["0", "2"], ["5"])
    assert machine.free == Capacity(cpu=3, memory_mb=400, gpu=0)
    machine.release(Capacity(cpu=1, gpu=2), first)
    assert machine.take(Capacity(gpu=2)) == first


def test_gpus_are_those_that_the_agent_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GPU_VARIABLE, "3, 1")
    assert gpu_names() == ["3", "1"]
    for none in ("", "-1"):
        monkeypatch.setenv(GPU_VARIABLE, none)
        assert gpu_names() == []

"""Jobs in SQL: who may take them, and what happens as time passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import errors
from assay.entities.audit import Actor, Cause
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, new_run_id
from assay.entities.jobs import Capacity, Job, JobState, NewJob, new_job_id
from assay.entities.runs import NewRun, RunStatus
from assay.server.auth.tokens import permissions_of
from assay.store.sql.purge import purge_runs
from assay.store.sql.store import SqlStore, open_sql_store

CAUSE = Cause(Actor("alice", origin="test"))
LEASE_S = 60.0


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += int(seconds * 1_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    # Leases hold for minutes: time is moved, there is no other way to see them end.
    clock = Clock()
    monkeypatch.setattr("assay.store.sql.jobs.now_ms", clock)
    return clock


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/a.db")
    yield store
    store.close()


def signed_in(*roles: str) -> Cause:
    return Cause(Actor("bob", roles=roles, verified=True, origin="test"))


def enqueue(store: SqlStore, max_attempts: int = 2) -> Job:
    run_id = new_run_id()
    store.runs.create(NewRun(run_id, DEFAULT_EXPERIMENT_ID, 1))
    new = NewJob(
        job_id=new_job_id(), queue="q", run_id=run_id, launch="{}", max_attempts=max_attempts
    )
    return store.jobs.enqueue(new, cause=CAUSE)


def lease(store: SqlStore, agent: str, lease_id: str, cause: Cause = CAUSE) -> Job | None:
    return store.jobs.lease(
        ["q"], agent=agent, lease_id=lease_id, lease_s=LEASE_S, capacity=Capacity(), cause=cause
    )


@pytest.mark.parametrize("role", ["reader", "writer", "manager", "worker", "ml-lead"])
def test_who_signs_in_without_the_role_takes_no_job(store: SqlStore, role: str) -> None:
    job = enqueue(store)
    with pytest.raises(errors.PermissionDenied, match="role agent"):
        lease(store, "a", "l", signed_in(role))
    lease(store, "a", "l")
    with pytest.raises(errors.PermissionDenied):
        store.jobs.heartbeat(job.job_id, lease_id="l", lease_s=60, cause=signed_in(role))
    with pytest.raises(errors.PermissionDenied):
        store.jobs.finish(job.job_id, lease_id="l", state="failed", cause=signed_in(role))
    with pytest.raises(errors.PermissionDenied):
        store.jobs.give_back(job.job_id, lease_id="l", cause=signed_in(role))


def test_agents_take_jobs_and_judge_no_checks(store: SqlStore) -> None:
    enqueue(store)
    assert lease(store, "a", "l", signed_in("agent")) is not None
    with pytest.raises(errors.PermissionDenied, match="role worker"):
        store.requests.claim("w", cause=signed_in("agent"))
    assert permissions_of(["agent"]) == permissions_of(["writer"])


def test_lease_that_is_prolonged_goes_on(store: SqlStore, clock: Clock) -> None:
    job = enqueue(store)
    lease(store, "a", "l1")
    for _ in range(5):
        clock.passes(LEASE_S - 1)
        store.jobs.heartbeat(job.job_id, lease_id="l1", lease_s=LEASE_S, cause=CAUSE)
    assert lease(store, "b", "l2") is None
    assert store.jobs.get(job.job_id).attempt == 1


def test_agent_that_was_only_cut_off_goes_on_with_what_nobody_took(
    store: SqlStore, clock: Clock
) -> None:
    job = enqueue(store)
    lease(store, "a", "l1")
    store.runs.update(job.run_id, status=RunStatus.RUNNING)
    clock.passes(LEASE_S + 1)
    assert store.jobs.expire() == 1
    assert store.jobs.get(job.job_id).state is JobState.QUEUED
    assert store.runs.get(job.run_id).info.status is RunStatus.SCHEDULED

    beat = store.jobs.heartbeat(job.job_id, lease_id="l1", lease_s=LEASE_S, cause=CAUSE)

    assert (beat.state, beat.attempt) == (JobState.RUNNING, 1)
    assert store.runs.get(job.run_id).info.status is RunStatus.RUNNING
    assert lease(store, "b", "l2") is None


def test_agent_that_comes_back_too_late_can_tell_nothing(store: SqlStore, clock: Clock) -> None:
    job = enqueue(store)
    lease(store, "a", "l1")
    clock.passes(LEASE_S + 1)
    taken = lease(store, "b", "l2")
    assert taken is not None
    assert (taken.agent, taken.attempt) == ("b", 2)
    with pytest.raises(errors.Conflict, match="agent 'b' has it"):
        store.jobs.finish(job.job_id, lease_id="l1", state="finished", cause=CAUSE)


def test_jobs_that_lost_their_last_agent_fail_when_somebody_looks(
    store: SqlStore, clock: Clock
) -> None:
    job = enqueue(store, max_attempts=1)
    lease(store, "a", "l1")
    clock.passes(LEASE_S + 1)
    (found,) = store.jobs.search(queue="q")
    assert found.state is JobState.FAILED
    assert found.reason == "Agent 'a' was lost. It was attempt 1."
    assert store.runs.get(job.run_id).info.status is RunStatus.FAILED
    assert store.jobs.expire() == 0


def test_job_of_a_run_that_ended_is_over_though_its_agent_was_lost(
    store: SqlStore, clock: Clock
) -> None:
    job = enqueue(store)
    lease(store, "a", "l1")
    store.runs.update(job.run_id, status=RunStatus.FINISHED, end_time=9)
    clock.passes(LEASE_S + 1)
    store.jobs.expire()
    assert store.jobs.get(job.job_id).state is JobState.FINISHED
    done = store.jobs.finish(job.job_id, lease_id="l1", state="finished", cause=CAUSE)
    assert done.state is JobState.FINISHED


def test_end_of_a_run_that_was_told_late_counts(store: SqlStore, clock: Clock) -> None:
    job = enqueue(store)
    lease(store, "a", "l1")
    clock.passes(LEASE_S + 1)
    store.jobs.expire()
    store.runs.update(job.run_id, status=RunStatus.FINISHED, end_time=9)
    assert lease(store, "b", "l2") is None
    assert store.jobs.get(job.job_id).state is JobState.FINISHED


def test_many_overdue_jobs_are_all_given_back(store: SqlStore, clock: Clock) -> None:
    for number in range(120):
        enqueue(store)
        lease(store, "a", f"l{number}")
    clock.passes(LEASE_S + 1)
    assert store.jobs.expire() == 120


def test_purged_run_takes_its_jobs_along(store: SqlStore) -> None:
    job = enqueue(store)
    store.runs.delete(job.run_id)
    assert purge_runs(store.database, [job.run_id]) == 1
    with pytest.raises(errors.RegistryItemNotFound):
        store.jobs.get(job.job_id)

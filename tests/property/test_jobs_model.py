"""Jobs against a plain model: agents that lease, prolong, end, give back and vanish as time passes.

After each step every job and its run are what the model says, and no two leases have one job.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from assay import errors
from assay.entities.audit import Actor, Cause
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, RunId, new_run_id
from assay.entities.jobs import Capacity, JobState, NewJob
from assay.entities.runs import NewRun, RunStatus
from assay.store.jobs import Ending
from assay.store.sql.store import SqlStore, open_sql_store

CAUSE = Cause(Actor("alice", origin="test"), "by chance")
LEASE_S = 10
_AGENTS = st.sampled_from(["a", "b", "c"])
_ENDINGS: st.SearchStrategy[Ending] = st.sampled_from(["finished", "failed", "cancelled"])
_STATUS = {
    "queued": RunStatus.SCHEDULED,
    "finished": RunStatus.FINISHED,
    "failed": RunStatus.FAILED,
    "cancelled": RunStatus.KILLED,
}


@dataclass
class Known:
    """What the model knows of a job."""

    job_id: str
    run_id: RunId
    number: int
    priority: int
    max_attempts: int
    state: str = "queued"
    attempt: int = 0
    lease: str = ""
    until: int = 0
    cancel_asked: bool = False

    @property
    def is_held(self) -> bool:
        return self.state in ("leased", "running")

    @property
    def is_over(self) -> bool:
        return self.state in ("finished", "failed", "cancelled")

    def lost(self, *, keeps_lease: bool) -> None:
        if self.cancel_asked:
            self.state = "cancelled"
        elif self.attempt >= self.max_attempts:
            self.state = "failed"
        else:
            self.state = "queued"
            self.lease = self.lease if keeps_lease else ""


class JobMachine(RuleBasedStateMachine):
    """Random agents over one queue."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="assay-jobs-"))
        self.store: SqlStore = open_sql_store(f"sqlite:///{self.folder}/a.db")
        self.now = 1_700_000_000_000
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("assay.store.sql.jobs.now_ms", lambda: self.now)
        self.jobs: list[Known] = []
        self.leases = ["never"]
        """Every lease there ever was."""

    def teardown(self) -> None:
        self.patch.undo()
        self.store.close()
        shutil.rmtree(self.folder)

    @precondition(lambda self: len(self.jobs) < 6)
    @rule(priority=st.integers(0, 1), attempts=st.integers(1, 2))
    def enqueue(self, priority: int, attempts: int) -> None:
        number, run_id = len(self.jobs), new_run_id()
        self.store.runs.create(NewRun(run_id, DEFAULT_EXPERIMENT_ID, 1))
        new = NewJob(
            job_id=f"j{number}",
            queue="q",
            run_id=run_id,
            launch="{}",
            priority=priority,
            max_attempts=attempts,
        )
        self.store.jobs.enqueue(new, cause=CAUSE)
        self.jobs.append(Known(new.job_id, run_id, number, priority, attempts))

    @rule(seconds=st.sampled_from([1, 4, 11]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * 1_000

    @rule()
    def somebody_looks(self) -> None:
        self.store.jobs.search()
        self.leases_end()

    @rule(agent=_AGENTS)
    def lease(self, agent: str) -> None:
        lease = f"l{len(self.leases)}"
        got = self.store.jobs.lease(
            ["q"],
            agent=agent,
            lease_id=lease,
            lease_s=LEASE_S,
            capacity=Capacity(),
            cause=CAUSE,
        )
        self.leases_end()
        waiting = sorted(
            (job for job in self.jobs if job.state == "queued"),
            key=lambda job: (-job.priority, job.number),
        )
        assert (got.job_id if got else None) == (waiting[0].job_id if waiting else None)
        if waiting:
            job = waiting[0]
            job.state, job.attempt, job.lease = "leased", job.attempt + 1, lease
            job.until = self.now + LEASE_S * 1_000
            self.leases.append(lease)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def heartbeat(self, data: st.DataObject) -> None:
        job, lease = self.any_of(data)
        if job.is_over or job.lease != lease:
            with pytest.raises(errors.Conflict):
                self.store.jobs.heartbeat(job.job_id, lease_id=lease, lease_s=LEASE_S, cause=CAUSE)
            return
        beat = self.store.jobs.heartbeat(job.job_id, lease_id=lease, lease_s=LEASE_S, cause=CAUSE)
        assert beat.cancel_asked == job.cancel_asked
        job.state, job.until = "running", self.now + LEASE_S * 1_000

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), ending=_ENDINGS)
    def finish(self, data: st.DataObject, ending: Ending) -> None:
        job, lease = self.any_of(data)
        if job.lease != lease or (job.is_over and job.state != ending):
            with pytest.raises(errors.Conflict):
                self.store.jobs.finish(job.job_id, lease_id=lease, state=ending, cause=CAUSE)
            return
        self.store.jobs.finish(job.job_id, lease_id=lease, state=ending, cause=CAUSE)
        job.state = ending

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), lost=st.booleans())
    def give_back(self, data: st.DataObject, lost: bool) -> None:
        job, lease = self.any_of(data)
        if job.is_over or job.lease != lease:
            with pytest.raises(errors.Conflict):
                self.store.jobs.give_back(job.job_id, lease_id=lease, lost=lost, cause=CAUSE)
            return
        self.store.jobs.give_back(job.job_id, lease_id=lease, lost=lost, cause=CAUSE)
        if lost:
            job.lost(keeps_lease=False)
        elif job.cancel_asked:
            job.state = "cancelled"
        else:
            job.state, job.attempt, job.lease = "queued", job.attempt - 1, ""

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.jobs), "job")
        self.store.jobs.cancel(job.job_id, cause=CAUSE)
        if job.state == "queued":
            job.state = "cancelled"
        elif job.is_held:
            job.cancel_asked = True

    def any_of(self, data: st.DataObject) -> tuple[Known, str]:
        """A job, and a lease that is its own more often than not."""
        job = data.draw(st.sampled_from(self.jobs), "job")
        leases = [job.lease] if job.lease else self.leases
        return job, data.draw(st.sampled_from([*leases, *self.leases]), "lease")

    def leases_end(self) -> None:
        for job in self.jobs:
            if job.is_held and job.until <= self.now:
                job.lost(keeps_lease=True)

    @invariant()
    def jobs_are_what_the_model_says(self) -> None:
        for known in self.jobs:
            # Without a look at the clock: leases end when somebody asks for jobs.
            job = self.store.jobs.get(known.job_id)
            assert (job.state, job.attempt) == (JobState(known.state), known.attempt)
            assert job.cancel_asked == known.cancel_asked
            if known.state in _STATUS:
                status = self.store.runs.get(known.run_id).info.status
                assert status is _STATUS[known.state], (known, status)


TestJobs = JobMachine.TestCase
TestJobs.settings = settings(max_examples=25, stateful_step_count=30)

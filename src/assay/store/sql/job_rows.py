"""Jobs as rows, and the steps that they take in a transaction, each with the run's status.

The row of a job is locked before that of its run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from assay import errors
from assay.entities.ids import RunId
from assay.entities.jobs import MAX_REASON_LENGTH, Capacity, Job, JobState
from assay.entities.lifecycle import LifecycleStage
from assay.entities.runs import RunInfo, RunStatus
from assay.entities.tags import PROJECT_REASON
from assay.store.sql.active import require_active_run
from assay.store.sql.runs import mark_scheduled, run_infos, update_run
from assay.store.sql.statements import Sql
from assay.store.sql.tags import set_run_tags

if TYPE_CHECKING:
    from sqlalchemy import Connection

COLUMNS: Final = (
    "job_id, queue, run_id, experiment_id, launch, state, rank, attempt, max_attempts, cpu,"
    " memory_mb, gpu, author, created, updated, agent, lease_until, cancel_asked, reason, lease_id"
)
_BY_ID = Sql(f"SELECT {COLUMNS} FROM jobs WHERE job_id = ?")  # noqa: S608
_LOCK = Sql(f"SELECT {COLUMNS} FROM jobs WHERE job_id = ? {{FOR UPDATE}}")  # noqa: S608
_OVERDUE = Sql(
    f"SELECT {COLUMNS} FROM jobs WHERE state IN ('leased', 'running') AND lease_until <= ?"  # noqa: S608
    " ORDER BY lease_until, job_id LIMIT ? {FOR UPDATE SKIP LOCKED}"
)
_SET_QUEUED = Sql(
    "UPDATE jobs SET state = 'queued', attempt = ?, lease_id = ?, lease_until = NULL,"
    " updated = ?, reason = ? WHERE job_id = ?"
)
# The id of the lease stays: who tells the end once more is told the same.
_SET_ENDED = Sql(
    "UPDATE jobs SET state = ?, lease_until = NULL, updated = ?, reason = ? WHERE job_id = ?"
)
_STATUS: Final = {
    JobState.FINISHED: RunStatus.FINISHED,
    JobState.FAILED: RunStatus.FAILED,
    JobState.CANCELLED: RunStatus.KILLED,
}
_STATE: Final = {status: state for state, status in _STATUS.items()}


class StoredJob(NamedTuple):
    """A job, and the id of its lease, which is the agent's secret."""

    job: Job
    lease_id: str


def stored_job(row: tuple[Any, ...]) -> StoredJob:
    """The job in a row of ``COLUMNS``."""
    job = Job(
        job_id=row[0],
        queue=row[1],
        run_id=row[2],
        experiment_id=row[3],
        launch=row[4],
        state=JobState(row[5]),
        priority=-row[6],
        attempt=row[7],
        max_attempts=row[8],
        resources=Capacity(row[9], row[10], row[11]),
        author=row[12],
        created=row[13],
        updated=row[14],
        agent=row[15],
        lease_until=row[16],
        cancel_asked=bool(row[17]),
        reason=row[18],
    )
    return StoredJob(job, row[19])


def read_job(conn: Connection, job_id: str) -> Job:
    """The job. Raises ``RegistryItemNotFound``."""
    row = _BY_ID.one(conn, job_id)
    if row is None:
        raise errors.RegistryItemNotFound("job", job_id)
    return stored_job(row).job


def lock_job(conn: Connection, job_id: str) -> StoredJob:
    """The job, nobody else's until the transaction ends. Raises ``RegistryItemNotFound``."""
    row = _LOCK.one(conn, job_id)
    if row is None:
        raise errors.RegistryItemNotFound("job", job_id)
    return stored_job(row)


def lock_leased(conn: Connection, job_id: str, lease_id: str) -> Job:
    """The job that is this lease's, or was and waits for somebody else.

    Raises:
        RegistryItemNotFound: there is no such job.
        Conflict: it isn't this lease's (any more).
    """
    job, current = lock_job(conn, job_id)
    if job.state.is_final or current != lease_id:
        raise errors.Conflict(told_lost(job))
    return job


def told_lost(job: Job) -> str:
    """What somebody is told who thinks that a job is theirs."""
    now = f"agent {job.agent!r} has it" if job.state.is_held else f"it is {job.state.value}"
    return f"The lease of job {job.job_id} has ended: {now}. Drop what you do for it."


def active_run(conn: Connection, run_id: RunId) -> RunInfo | None:
    """A job's run, unless it is deleted."""
    info = run_infos(conn, [run_id]).get(run_id)
    return info if info is not None and info.lifecycle_stage is LifecycleStage.ACTIVE else None


def end(conn: Connection, job: Job, state: JobState, reason: str, *, now: int) -> None:
    """End a job, and its run if that says nothing of it yet."""
    reason = reason[:MAX_REASON_LENGTH]
    _SET_ENDED.run(conn, state.value, now, reason, job.job_id)
    run = active_run(conn, job.run_id)
    if run is None or run.status.is_final:
        return
    if reason:
        require_active_run(conn, job.run_id)
        set_run_tags(conn, job.run_id, {PROJECT_REASON: reason})
    update_run(conn, job.run_id, status=_STATUS[state], end_time=now, run_name=None)


def pass_over(conn: Connection, job: Job, run: RunInfo | None, *, now: int) -> None:
    """End a job that waits for nothing: its run is deleted (``None``) or has ended."""
    if run is None:
        end(conn, job, JobState.CANCELLED, "Its run was deleted while it waited.", now=now)
    elif job.attempt and run.status in (RunStatus.FINISHED, RunStatus.FAILED):
        # What a lost agent had recorded last was late.
        end(conn, job, _STATE[run.status], "", now=now)
    else:
        why = f"Its run has ended ({run.status.value}) while it waited."
        end(conn, job, JobState.CANCELLED, why, now=now)


def queue_again(
    conn: Connection, job: Job, *, counts: bool, reason: str, now: int, lease_id: str = ""
) -> None:
    """Take a job from its agent: back into the queue, or ended if it is over.

    Args:
        conn: the connection.
        job: a job that an agent had.
        counts: whether this was one of its attempts: the agent was lost.
        reason: why.
        now: the time.
        lease_id: the lease that may go on with it until another agent has it.
    """
    run = active_run(conn, job.run_id)
    if run is None:
        end(conn, job, JobState.CANCELLED, "Its run was deleted.", now=now)
    elif run.status in (RunStatus.FINISHED, RunStatus.FAILED):
        end(conn, job, _STATE[run.status], "", now=now)
    elif job.cancel_asked:
        end(conn, job, JobState.CANCELLED, job.reason, now=now)
    elif counts and job.attempt >= job.max_attempts:
        end(conn, job, JobState.FAILED, f"{reason} It was attempt {job.attempt}.", now=now)
    else:
        attempt = job.attempt if counts else job.attempt - 1
        _SET_QUEUED.run(conn, attempt, lease_id, now, reason[:MAX_REASON_LENGTH], job.job_id)
        # What a lost agent did last may have marked it as killed.
        mark_scheduled(conn, job.run_id)


def expire(conn: Connection, *, now: int, most: int) -> int:
    """Give back or fail jobs whose leases have ended; returns how many."""
    overdue = [stored_job(row) for row in _OVERDUE.all(conn, now, most)]
    for job, lease_id in overdue:
        why = f"Agent {job.agent!r} was lost."
        # It may have lost no more than its connection, or the server was away.
        queue_again(conn, job, counts=True, reason=why, now=now, lease_id=lease_id)
    return len(overdue)

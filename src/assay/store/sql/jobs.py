"""Jobs in SQL: queues that agents take runs from, one agent a job."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from assay import errors
from assay.entities.audit import Actor, Cause
from assay.entities.ids import RunId, check_run_id
from assay.entities.jobs import (
    MAX_REASON_LENGTH,
    Capacity,
    Job,
    JobState,
    NewJob,
    check_agent,
    check_capacity,
    check_job_id,
    check_lease,
    check_new_job,
    check_queue,
    check_queues,
)
from assay.entities.names import check_value
from assay.entities.page import Page
from assay.search import page_token as tokens
from assay.search.page_token import Position
from assay.store.jobs import Ending, JobStore
from assay.store.sql.active import require_active_run
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.job_rows import (
    COLUMNS,
    active_run,
    end,
    expire,
    lock_job,
    lock_leased,
    pass_over,
    queue_again,
    read_job,
    stored_job,
    told_lost,
)
from assay.store.sql.runs import mark_running, mark_scheduled, run_info
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_PAGE: Final = 1_000
_AT_ONCE: Final = 50
"""Jobs that one transaction gives back or passes over: writers don't wait long for it."""
_AGENTS: Final = frozenset({"agent", "admin"})
"""Roles that may take jobs, of those who signed in."""
_ENDINGS: Final = {"finished", "failed", "cancelled"}

# Of one queue, for then the index has them in order: the first that fits is the next.
_NEXT = Sql(
    "SELECT rank, created, job_id FROM jobs WHERE state = 'queued' AND queue = ?"
    " AND cpu <= ? AND memory_mb <= ? AND gpu <= ? ORDER BY rank, created, job_id LIMIT 1"
)
_CLAIM = Sql(
    f"SELECT {COLUMNS} FROM jobs WHERE job_id = ? AND state = 'queued'"  # noqa: S608 - constants
    " {FOR UPDATE SKIP LOCKED}"
)
_HELD_BY = (
    "FROM jobs WHERE state IN ('leased', 'running') AND lease_until IS NOT NULL AND lease_id = ?"
)
_HAS_LEASE = Sql(f"SELECT 1 {_HELD_BY}")
_OF_LEASE = Sql(f"SELECT {COLUMNS} {_HELD_BY} {{FOR UPDATE}}")
_ANY_OVERDUE = Sql(
    "SELECT 1 FROM jobs WHERE state IN ('leased', 'running') AND lease_until <= ? LIMIT 1"
)
_OPEN_OF_RUN = Sql(
    "SELECT job_id FROM jobs WHERE run_id = ? AND state IN ('queued', 'leased', 'running')"
)
_INSERT = Sql(
    f"INSERT INTO jobs ({COLUMNS}) VALUES"  # noqa: S608
    " (?, ?, ?, ?, ?, 'queued', ?, 0, ?, ?, ?, ?, ?, ?, ?, '', NULL, ?, '', '')"
    " ON CONFLICT (job_id) DO NOTHING"
)
_TAKE = Sql(
    "UPDATE jobs SET state = 'leased', attempt = attempt + 1, agent = ?, lease_id = ?,"
    " lease_until = ?, updated = ?, reason = '' WHERE job_id = ?"
)
_PROLONG = Sql("UPDATE jobs SET state = ?, lease_until = ?, updated = ? WHERE job_id = ?")
_ASK_CANCEL = Sql("UPDATE jobs SET cancel_asked = ?, reason = ?, updated = ? WHERE job_id = ?")


def require_agent(actor: Actor) -> None:
    """Check that somebody may take jobs.

    Raises:
        PermissionDenied: the caller signed in, and is no agent.
    """
    if actor.verified and not _AGENTS & set(actor.roles):
        raise errors.PermissionDenied(
            f"{actor.name!r} can't take jobs from queues: that needs the role agent."
        )


def _enqueue(conn: Connection, new: NewJob, author: str) -> Job:
    require_active_run(conn, new.run_id)
    info, now = run_info(conn, new.run_id), now_ms()
    given = (
        new.job_id,
        new.queue,
        new.run_id,
        info.experiment_id,
        new.launch,
        -new.priority,
        new.max_attempts,
        new.resources.cpu,
        new.resources.memory_mb,
        new.resources.gpu,
        author,
    )
    waiting = _OPEN_OF_RUN.one(conn, new.run_id)
    if waiting is not None and waiting[0] != new.job_id:
        raise errors.AlreadyExists(
            "job of run", new.run_id, hint=f"It waits as job {waiting[0]}: cancel that first."
        )
    made = _INSERT.run(conn, *given, now, now, False) if not info.status.is_final else 0
    if made:
        mark_scheduled(conn, new.run_id)
        return read_job(conn, new.job_id)
    return _made_before(conn, new, info.status.value)


def _made_before(conn: Connection, new: NewJob, status: str) -> Job:
    try:
        found = read_job(conn, new.job_id)
    except errors.RegistryItemNotFound:
        raise errors.InvalidInput(
            f"Run {new.run_id} has ended ({status}), so no agent can carry it out. Make a new run."
        ) from None
    asked = (new.queue, new.run_id, new.launch, new.priority, new.max_attempts, new.resources)
    if asked != (
        found.queue,
        found.run_id,
        found.launch,
        found.priority,
        found.max_attempts,
        found.resources,
    ):
        raise errors.AlreadyExists("job", new.job_id)
    return found


def _lease(
    conn: Connection,
    queues: list[str],
    *,
    agent: str,
    lease_id: str,
    lease_ms: int,
    capacity: Capacity,
) -> Job | None:
    now = now_ms()
    row = _OF_LEASE.one(conn, lease_id)
    if row is not None:
        job = stored_job(row).job
        if job.agent != agent:
            raise errors.Conflict(told_lost(job))
        _PROLONG.run(conn, job.state.value, now + lease_ms, now, job.job_id)
        return read_job(conn, job.job_id)
    for _ in range(_AT_ONCE):
        job_id = _next(conn, queues, capacity)
        if job_id is None:
            return None
        row = _CLAIM.one(conn, job_id)
        if row is None:
            continue  # somebody else was faster
        job = stored_job(row).job
        run = active_run(conn, job.run_id)
        if run is not None and not run.status.is_final:
            _TAKE.run(conn, agent, lease_id, now + lease_ms, now, job.job_id)
            return read_job(conn, job.job_id)
        pass_over(conn, job, run, now=now)
    return None


def _next(conn: Connection, queues: list[str], capacity: Capacity) -> str | None:
    """Id of the first job of these queues that fits."""
    fits = (capacity.cpu, capacity.memory_mb, capacity.gpu)
    found = [row for queue in queues if (row := _NEXT.one(conn, queue, *fits)) is not None]
    return None if not found else str(min(found)[2])


def _heartbeat(conn: Connection, job_id: str, lease_id: str, lease_ms: int) -> Job:
    job, now = lock_leased(conn, job_id, lease_id), now_ms()
    if job.state is JobState.QUEUED:
        mark_running(conn, job.run_id)
    _PROLONG.run(conn, JobState.RUNNING.value, now + lease_ms, now, job_id)
    return read_job(conn, job_id)


def _finish(conn: Connection, job_id: str, lease_id: str, state: JobState, reason: str) -> Job:
    job, current = lock_job(conn, job_id)
    if current != lease_id or (job.state is not state and job.state.is_final):
        raise errors.Conflict(told_lost(job))
    if job.state is not state:
        end(conn, job, state, reason, now=now_ms())
    return read_job(conn, job_id)


def _give_back(conn: Connection, job_id: str, lease_id: str, lost: bool, reason: str) -> Job:
    job = lock_leased(conn, job_id, lease_id)
    why = reason or f"Agent {job.agent!r} {'was lost' if lost else 'stopped'}."
    queue_again(conn, job, counts=lost, reason=why, now=now_ms())
    return read_job(conn, job_id)


def _cancel(conn: Connection, job_id: str, cause: Cause) -> Job:
    job, _ = lock_job(conn, job_id)
    said = f": {cause.reason}" if cause.reason else ""
    reason = f"{cause.actor.name or 'Somebody'} cancelled it{said}."[:MAX_REASON_LENGTH]
    if job.state is JobState.QUEUED:
        end(conn, job, JobState.CANCELLED, reason, now=now_ms())
    elif job.state.is_held and not job.cancel_asked:
        _ASK_CANCEL.run(conn, True, reason, now_ms(), job_id)
    return read_job(conn, job_id)


class SqlJobs(JobStore):
    """Jobs of a SQL store; a server's loop calls ``expire``, see ``SupportsJobExpiry``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(self, new: NewJob, *, cause: Cause) -> Job:
        """Put a run into a queue."""
        check_new_job(new)
        author = cause.actor.name
        return self._database.write(lambda conn: _enqueue(conn, new, author))

    def lease(
        self,
        queues: Sequence[str],
        *,
        agent: str,
        lease_id: str,
        lease_s: float,
        capacity: Capacity,
        cause: Cause,
    ) -> Job | None:
        """Take the next job that fits."""
        require_agent(cause.actor)
        check_job_id(lease_id, "lease id")
        names, lease_ms = check_queues(queues), check_lease(lease_s)
        check_agent(agent)
        check_capacity(capacity)
        self.expire()
        with self._database.read() as conn:
            # Agents ask all the time, mostly in vain: that must not make writers wait.
            if _next(conn, names, capacity) is None and _HAS_LEASE.one(conn, lease_id) is None:
                return None
        return self._database.write(
            lambda conn: _lease(
                conn, names, agent=agent, lease_id=lease_id, lease_ms=lease_ms, capacity=capacity
            )
        )

    def heartbeat(self, job_id: str, *, lease_id: str, lease_s: float, cause: Cause) -> Job:
        """Prolong a lease."""
        require_agent(cause.actor)
        check_job_id(job_id)
        check_job_id(lease_id, "lease id")
        lease_ms = check_lease(lease_s)
        return self._database.write(lambda conn: _heartbeat(conn, job_id, lease_id, lease_ms))

    def finish(
        self, job_id: str, *, lease_id: str, state: Ending, reason: str = "", cause: Cause
    ) -> Job:
        """Tell how a job ended."""
        require_agent(cause.actor)
        check_job_id(job_id)
        check_job_id(lease_id, "lease id")
        check_value("reason", reason)
        if state not in _ENDINGS:
            raise errors.InvalidInput(f"A job ends as finished, failed or cancelled, not {state}.")
        ended = JobState(state)
        return self._database.write(lambda conn: _finish(conn, job_id, lease_id, ended, reason))

    def give_back(
        self, job_id: str, *, lease_id: str, lost: bool = False, reason: str = "", cause: Cause
    ) -> Job:
        """Put a job back into its queue before it has ended."""
        require_agent(cause.actor)
        check_job_id(job_id)
        check_job_id(lease_id, "lease id")
        check_value("reason", reason)
        return self._database.write(lambda conn: _give_back(conn, job_id, lease_id, lost, reason))

    def cancel(self, job_id: str, *, cause: Cause) -> Job:
        """End a job: at once while it waits, else by its agent."""
        check_job_id(job_id)
        check_value("reason", cause.reason)
        return self._database.write(lambda conn: _cancel(conn, job_id, cause))

    def get(self, job_id: str) -> Job:
        """The job."""
        check_job_id(job_id)
        with self._database.read() as conn:
            return read_job(conn, job_id)

    def search(
        self,
        *,
        queue: str | None = None,
        states: Sequence[JobState] = (),
        run_id: RunId | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[Job]:
        """Jobs, the latest first."""
        if not 1 <= max_results <= MAX_PAGE:
            raise errors.InvalidInput(
                f"Invalid value for parameter 'max_results': it must be within 1 and {MAX_PAGE:,},"
                f" got {max_results}."
            )
        wanted = [JobState(state).value for state in states]
        clauses: list[str] = []
        values: list[Any] = []
        if queue is not None:
            clauses.append("queue = ?")
            values.append(check_queue(queue))
        if wanted:
            clauses.append("state IN (??)")
            values.append(wanted)
        if run_id is not None:
            clauses.append("run_id = ?")
            values.append(check_run_id(run_id))
        print_ = tokens.fingerprint("jobs", queue, wanted, run_id)
        if page_token:
            token = tokens.decode(page_token, fingerprint=print_, types=[int, str])
            created, ident = (position.value for position in token.positions)
            clauses.append("(created < ? OR (created = ? AND job_id > ?))")
            values += [created, created, ident]
        where = f" WHERE {' AND '.join(clauses)}" if clauses else ""
        select = Sql(
            f"SELECT {COLUMNS} FROM jobs{where} ORDER BY created DESC, job_id LIMIT ?"  # noqa: S608
        )
        self.expire()
        with self._database.read() as conn:
            found = [stored_job(row).job for row in select.all(conn, *values, max_results + 1)]
        page, following = found[:max_results], None
        if len(found) > max_results:
            last = [Position(page[-1].created), Position(page[-1].job_id)]
            following = tokens.encode(fingerprint=print_, now_ms=now_ms(), positions=last)
        return Page(page, following)

    def expire(self) -> int:
        """Give back or fail the jobs whose leases have ended; returns how many there were."""
        done = 0
        while True:
            now = now_ms()
            with self._database.read() as conn:
                if _ANY_OVERDUE.one(conn, now) is None:
                    return done
            some = self._database.write(partial(expire, now=now, most=_AT_ONCE))
            done += some
            if some < _AT_ONCE:
                return done

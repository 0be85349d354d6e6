"""``assay queue``: what waits for agents, and what they have."""

from __future__ import annotations

import time

import click

from assay.cli.connection import find_run, opened
from assay.cli.output import Cell, clean, how_long, print_json, print_rows, say, when
from assay.entities.jobs import Job, JobState
from assay.errors import AssayError, InvalidInput, RegistryItemNotFound
from assay.store.base import Store
from assay.store.user import local_cause

_OPEN = [JobState.QUEUED, JobState.LEASED, JobState.RUNNING]
_MAX = 1_000
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def queue() -> None:
    """See what waits in queues, and cancel it. A job is named by its id, or by its run's.

    \b
    Runs get there by `assay run … --backend queue`; `assay agent` takes them.
    """


@queue.command("list")
@click.argument("queue", required=False)
@click.option("--all", "everything", is_flag=True, help="Jobs that have ended, too.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in JobState]),
    help="Only jobs in this state; repeat.",
)
@click.option("--max", "-n", "most", default=100, show_default=True, help="Jobs, at most.")
@_as_json
@click.pass_context
def list_jobs(
    ctx: click.Context,
    /,
    *,
    queue: str | None,
    everything: bool,
    states: tuple[str, ...],
    most: int,
    as_json: bool,
) -> None:
    """List jobs, the latest first: those of a queue, or of all.

    \b
    Examples:
      assay queue list
      assay queue list gpu --state failed
    """
    wanted = [JobState(state) for state in states] or ([] if everything else _OPEN)
    with opened(ctx) as store:
        found = store.jobs.search(queue=queue, states=wanted, max_results=most)
    if as_json:
        print_json(found.items)
        return
    now = time.time_ns() // 1_000_000
    print_rows(
        ("job_id", "queue", "state", "run_id", "agent", "attempt", "waits_or_ran", "reason"),
        [
            (
                job.job_id,
                job.queue,
                _state(job),
                job.run_id,
                job.agent,
                f"{job.attempt}/{job.max_attempts}",
                how_long(job.created, job.updated if job.state.is_final else now),
                job.reason,
            )
            for job in found
        ],
    )


@queue.command("show")
@click.argument("job")
@_as_json
@click.pass_context
def show(ctx: click.Context, /, *, job: str, as_json: bool) -> None:
    """Show one job.

    \b
    Example:
      assay queue show 3f2a
    """
    with opened(ctx) as store:
        found = find_job(store, job)
    if as_json:
        print_json(found)
        return
    asked = found.resources
    rows: list[tuple[str, Cell]] = [
        ("job_id", found.job_id),
        ("queue", found.queue),
        ("state", _state(found)),
        ("run_id", found.run_id),
        ("attempt", f"{found.attempt} of {found.max_attempts}"),
        ("priority", found.priority),
        ("resources", f"{asked.cpu:g} cores, {asked.memory_mb} MB, {asked.gpu} GPUs"),
        ("author", found.author),
        ("created", when(found.created)),
        ("updated", when(found.updated)),
        ("agent", found.agent),
        ("lease_until", when(found.lease_until)),
        ("reason", found.reason),
    ]
    print_rows(("field", "value"), rows)


@queue.command("cancel")
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@click.option("--reason", default="", help="Why; the run keeps it.")
@click.pass_context
def cancel(ctx: click.Context, /, *, jobs: tuple[str, ...], reason: str) -> None:
    """Cancel jobs: those that wait at once, those that run by their agent.

    \b
    Examples:
      assay queue cancel 3f2a
      assay queue cancel 3f2a 77c0 --reason "wrong data"
    """
    with opened(ctx) as store:
        for text in jobs:
            job = find_job(store, text)
            ended = store.jobs.cancel(job.job_id, cause=local_cause(reason))
            say(f"{ended.job_id}: {_told(job, ended)}")


def find_job(store: Store, text: str) -> Job:
    """The job with this id, with the only id that begins so, or of this run.

    Raises:
        RegistryItemNotFound: there is none.
        InvalidInput: several ids begin so.
    """
    try:
        return store.jobs.get(text)
    except (RegistryItemNotFound, InvalidInput):
        latest = store.jobs.search(max_results=_MAX)
    found = [job for job in latest if text and job.job_id.startswith(text)]
    if len(found) > 1:
        some = ", ".join(job.job_id for job in found[:5])
        raise InvalidInput(f"Several jobs begin with {text!r}: {some}. Give more characters.")
    if found:
        return found[0]
    try:
        of_run = store.jobs.search(run_id=find_run(store, text).info.run_id, max_results=1)
    except AssayError:
        raise RegistryItemNotFound("job", text) from None
    if not of_run:
        raise RegistryItemNotFound("job", text)
    return of_run.items[0]


def _state(job: Job) -> str:
    return f"{job.state.value}, to be cancelled" if _is_ending(job) else job.state.value


def _is_ending(job: Job) -> bool:
    return job.cancel_asked and job.state.is_held


def _told(before: Job, now: Job) -> str:
    if before.state.is_final:
        return f"has ended already ({before.state.value})"
    return f"is being ended by agent {clean(now.agent)}" if _is_ending(now) else "cancelled"

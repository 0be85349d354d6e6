"""Child: the process that carries out one job for an agent.

It outlives its agent by moments only: when its input ends, it gives the job back, so that another
agent has it before the lease runs out, and is gone at once. It doesn't end its command gently then:
what it would note of that end could hit the run when another agent is at work on it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from io import RawIOBase
from pathlib import Path
from typing import Final, cast

import msgspec

from assay.client.connect import open_store
from assay.entities.jobs import JobState
from assay.entities.runs import RunStatus
from assay.errors import AssayError, Conflict, NotFound
from assay.projects.backends import backend
from assay.projects.execute import execute, location_of
from assay.projects.launch import Launch, Outcome
from assay.projects.queue.orders import JOB_VARIABLE, OUTCOME_FILE, Order, Work, in_container
from assay.projects.strays import kill_strays, kill_strays_later
from assay.store.base import Store
from assay.store.user import local_cause

_STATUS: Final = {
    JobState.QUEUED: RunStatus.SCHEDULED,
    JobState.LEASED: RunStatus.RUNNING,
    JobState.RUNNING: RunStatus.RUNNING,
    JobState.FINISHED: RunStatus.FINISHED,
    JobState.FAILED: RunStatus.FAILED,
}


class Orders:
    """Hears what the agent says, in a thread."""

    def __init__(self, source: RawIOBase, when_lost: Callable[[], None]) -> None:
        """``when_lost`` is called when the agent is gone, unless it gave an order before."""
        self.stop = threading.Event()
        self.order: Order | None = None
        self._source, self._when_lost = source, when_lost
        threading.Thread(target=self._listen, name="assay-orders", daemon=True).start()

    def _listen(self) -> None:
        for line in self._source:
            self._give(Order(line.decode().strip()))
        self._give(Order.LOST)

    def _give(self, order: Order) -> None:
        # The first order stands: one that is cancelled or taken stays so, though its agent ends.
        if self.order is None:
            self.order = order
            if order is Order.LOST:
                self._when_lost()
        self.stop.set()


def carry_out(work: Work, orders: Orders) -> int:
    """Do the work; returns the exit code."""
    launch = work.launch
    try:
        if in_container(launch):
            outcome = _in_container(launch, orders.stop)
        else:
            outcome = execute(launch, echo=False, stop=orders.stop, work=Path(work.folder))
    except AssayError as error:
        outcome = Outcome("FAILED", None, error.message)
    kill_strays(JOB_VARIABLE, work.marker)
    if orders.order is Order.LOST:
        _with_store(work, _give_back)
    elif orders.order is Order.TAKEN:
        _with_store(work, leave_to_another)
    else:
        _note(work, outcome)
    return 0 if outcome.status == "FINISHED" else 1


def _in_container(launch: Launch, stop: threading.Event) -> Outcome:
    submitted = backend("docker").submit(launch, {}, echo=False)
    over = threading.Event()

    def cancel() -> None:
        stop.wait()
        if not over.is_set():
            submitted.cancel()

    threading.Thread(target=cancel, name="assay-cancel", daemon=True).start()
    submitted.wait()
    over.set()
    status = submitted.get_status()
    ended = status if status in ("FINISHED", "KILLED") else "FAILED"
    return Outcome(ended, None)


def _note(work: Work, outcome: Outcome) -> None:
    file = Path(work.folder) / OUTCOME_FILE
    being_written = file.with_suffix(".part")
    being_written.write_bytes(msgspec.json.encode(outcome))
    being_written.replace(file)


def _give_back(store: Store, work: Work) -> None:
    try:
        store.jobs.give_back(work.job_id, lease_id=work.lease_id, lost=True, cause=local_cause())
    except (Conflict, NotFound):
        leave_to_another(store, work)


def leave_to_another(store: Store, work: Work) -> None:
    """Undo that ending a container here has marked the run as killed: it goes on elsewhere."""
    job = store.jobs.get(work.job_id)
    status = _STATUS.get(job.state)
    if status is not None and store.runs.get(job.run_id).info.status is RunStatus.KILLED:
        store.runs.update(job.run_id, status=status)


def _vanish(work: Work) -> None:
    """The agent is gone: give the job back and be gone, too; a guard kills the command then."""
    if in_container(work.launch):
        return  # a container has to be stopped, or it would stay
    try:
        _with_store(work, _give_back)
        # Not by ourselves: the command's end must not be seen, and told, by who waits for it here.
        kill_strays_later(JOB_VARIABLE, work.marker)
    finally:
        os._exit(1)


def _with_store(work: Work, step: Callable[[Store, Work], None]) -> None:
    """Tell the store something; one that is away, or refuses it, is no reason to stay."""
    store = open_store(location_of(work.launch), patient=False)
    try:
        step(store, work)
    except AssayError as error:
        sys.stderr.write(f"{error.message}\n")
    finally:
        store.close()


def main() -> int:
    """What ``python -m assay.projects.queue.child`` runs."""
    # Without a buffer: its lock, held by a thread that reads, would be in the way of the exit.
    source = cast(RawIOBase, os.fdopen(sys.stdin.fileno(), "rb", buffering=0, closefd=False))
    work = msgspec.json.decode(source.readline(), type=Work)
    return carry_out(work, Orders(source, lambda: _vanish(work)))


if __name__ == "__main__":
    sys.exit(main())

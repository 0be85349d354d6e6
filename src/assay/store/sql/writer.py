"""The writer: one thread that makes all changes of a process to a SQLite file.

Changes that wait while one is being made go into the same transaction, each in a savepoint, so a
commit is paid once for all of them and a change that fails is undone alone. A change that waits for
nobody starts at once: there is no delay for the sake of grouping. Callers wake only when their
transaction is committed.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from assay import errors
from assay.store.base import Done
from assay.store.sql import failures

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
logger = logging.getLogger(__name__)

BUSY_DEADLINE_S: Final = 60.0
"""How long a change waits for other processes before the store counts as unavailable."""
_FIRST_PAUSE_S: Final = 0.001
_LONGEST_PAUSE_S: Final = 0.1
_MAX_GROUP: Final = 512
_MAX_GROUP_S: Final = 0.05
"""A group is committed after this long even if more waits, so that its first caller isn't kept."""


class Link(NamedTuple):
    """One connection, as statements use it and as the driver sees it."""

    connection: Connection
    raw: sqlite3.Connection

    def close(self) -> None:
        """Close both."""
        self.connection.close()


class _Job:
    """A change on its way, and where its caller waits."""

    __slots__ = ("change", "done", "error", "result")

    def __init__(self, change: Callable[[Connection], Any]) -> None:
        self.change = change
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = threading.Lock()
        self.done.acquire()

    def fail(self, error: BaseException) -> None:
        if self.error is None:
            self.error = error

    def finish(self) -> None:
        """Tell the caller; the last thing that happens to a job."""
        self.done.release()


class _DeferredJob(_Job):
    """A change whose caller doesn't wait but is called back."""

    __slots__ = ("callback",)

    def __init__(self, change: Callable[[Connection], Any], callback: Done[Any]) -> None:
        super().__init__(change)
        self.callback = callback

    def finish(self) -> None:
        try:
            self.callback(None if self.error else self.result, self.error)
        except Exception:
            # The loop that asked may have closed; the writer goes on for the others.
            logger.warning("A caller could not be told that its change ended.", exc_info=True)


class _Pause(NamedTuple):
    """Asks the thread to close its connection and wait."""

    reached: threading.Event
    resume: threading.Event


def retry_while_busy(execute: Callable[[str], object], statement: str) -> None:
    """Execute ``statement`` again, with growing pauses, while another process holds the lock.

    Raises:
        StoreUnavailable: it still does after ``BUSY_DEADLINE_S``.
    """
    try:
        execute(statement)
        return
    except sqlite3.OperationalError as error:
        if not failures.is_busy(error):
            raise
    end = time.monotonic() + BUSY_DEADLINE_S
    pause = _FIRST_PAUSE_S
    while True:
        time.sleep(pause)
        try:
            execute(statement)
            return
        except sqlite3.OperationalError as error:
            if not failures.is_busy(error):
                raise
            if time.monotonic() >= end:
                raise failures.translate(error) from error
        pause = min(pause * 2, _LONGEST_PAUSE_S)


class Writer:
    """Queue and thread; the thread starts with the first change."""

    def __init__(self, connect: Callable[[], Link]) -> None:
        self._connect = connect
        self._queue: queue.SimpleQueue[_Job | _Pause | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._link: Link | None = None
        self._stopping = False

    def write(self, change: Callable[[Connection], T]) -> T:
        """Have ``change`` made.

        Returns its result, or raises what it raised, once that is final.
        """
        thread = self._thread or self._start()
        if thread.ident == threading.get_ident():
            raise RuntimeError("a change can't wait for another change")
        job = _Job(change)
        self._put(job, thread)
        job.done.acquire()
        if job.error is not None:
            try:
                raise job.error
            finally:
                job.error = None
        result: T = job.result
        return result

    def submit(self, change: Callable[[Connection], T], done: Done[T]) -> None:
        """Have ``change`` made and ``done`` called by the writer's thread once that is final."""
        if self._stopping:
            raise errors.StoreUnavailable("The store is closed.")
        self._put(_DeferredJob(change, done), self._thread or self._start())

    def _put(self, job: _Job, thread: threading.Thread) -> None:
        self._queue.put(job)
        # Looked at after the put: a close that came in between has drained the queue or will see
        # this job.
        if self._stopping and not thread.is_alive():
            self._drain(errors.StoreUnavailable("The store is closed."))

    def pause(self, timeout_s: float) -> Callable[[], object] | None:
        """Finish what waits and close the connection; no thread starts meanwhile.

        Call what comes back to go on. ``None``: it took too long.
        """
        self._lock.acquire()
        thread = self._thread
        if thread is None or not thread.is_alive():
            return self._lock.release
        self._lock.release()
        resume = threading.Event()
        order = _Pause(threading.Event(), resume)
        self._queue.put(order)
        if order.reached.wait(timeout_s):
            return resume.set
        resume.set()
        return None

    def close(self) -> None:
        """Finish waiting changes, then end the thread."""
        with self._lock:
            self._stopping = True
            thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join()
        self._drain(errors.StoreUnavailable("The store is closed."))

    def _start(self) -> threading.Thread:
        with self._lock:
            if self._stopping:
                raise errors.StoreUnavailable("The store is closed.")
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="assay-writer", daemon=True)
                thread.start()
                self._thread = thread
            return self._thread

    def _run(self) -> None:
        while True:
            order = self._queue.get()
            if isinstance(order, _Job):
                order = self._group(order)
            if isinstance(order, _Pause):
                self._drop_link()
                order.reached.set()
                order.resume.wait()
            elif order is None and self._stopping:
                break
        self._drop_link()

    def _group(self, first: _Job) -> _Pause | None:
        """Make ``first`` and what waits behind it in one transaction.

        Returns an order met on the way.
        """
        jobs = [first]
        order: _Pause | None = None
        stop = False
        try:
            link = self._begin()
            end = time.monotonic() + _MAX_GROUP_S
            self._attempt(first, link)
            while link.raw.in_transaction and len(jobs) < _MAX_GROUP and time.monotonic() < end:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if not isinstance(following, _Job):
                    order, stop = following, following is None
                    break
                jobs.append(following)
                self._attempt(following, link)
            self._commit(jobs, link)
        except Exception as error:  # noqa: BLE001 - the thread outlives any failure; callers get it
            self._abandon(jobs, failures.translate(error))
        for job in jobs:
            job.finish()
        if stop:
            self._queue.put(None)
        return order

    def _begin(self) -> Link:
        link = self._link
        if link is None:
            link = self._link = self._connect()
        retry_while_busy(link.raw.execute, "BEGIN IMMEDIATE")
        return link

    def _attempt(self, job: _Job, link: Link) -> None:
        execute = link.raw.execute
        try:
            execute("SAVEPOINT change")
            job.result = job.change(link.connection)
            execute("RELEASE change")
        except BaseException as error:  # noqa: BLE001 - belongs to the caller, whatever it is
            job.fail(failures.translate(error))
            if link.raw.in_transaction:
                execute("ROLLBACK TO change")
                execute("RELEASE change")

    def _commit(self, jobs: list[_Job], link: Link) -> None:
        raw = link.raw
        if raw.in_transaction:
            retry_while_busy(raw.execute, "COMMIT")
            return
        # A full disk or an I/O error made SQLite undo the whole transaction, other changes of it
        # too.
        reason = next((job.error for job in jobs if job.error is not None), None)
        self._abandon(jobs, reason or errors.StoreUnavailable("The transaction was undone."))

    def _abandon(self, jobs: list[_Job], reason: BaseException) -> None:
        """Nothing of the transaction was kept.

        Tell all its callers, and those who'd meet the same.
        """
        for job in jobs:
            job.fail(reason)
        self._drop_link()
        if isinstance(reason, errors.StoreUnavailable):
            self._drain(reason)

    def _drain(self, reason: BaseException) -> None:
        orders: list[_Pause | None] = []
        while True:
            try:
                order = self._queue.get_nowait()
            except queue.Empty:
                break
            if isinstance(order, _Job):
                order.fail(reason)
                order.finish()
            else:
                orders.append(order)
        for order in orders:
            self._queue.put(order)

    def _drop_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            try:
                if link.raw.in_transaction:
                    link.raw.execute("ROLLBACK")
            except sqlite3.Error:
                pass  # closing undoes the transaction as well
            link.close()

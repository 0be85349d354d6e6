"""Exiting: what a program logged is brought over before the interpreter ends, and a person sees
why it waits.

With the store away the end is not held up: it says how much is kept, where, and how to deliver it.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from assay.client.counting import PendingCounts
from assay.client.shipper import means_no_more_threads
from assay.errors import StoreUnavailable
from assay.store.uri import Location

_log = logging.getLogger(__name__)

TIMEOUT_VARIABLE = "ASSAY_EXIT_TIMEOUT_S"
DEFAULT_TIMEOUT_S = 30.0
"""How long the end of a program waits for a store that answers, but makes no progress."""
SHOW_AFTER_S = 0.7
"""A short wait needs no explanation."""
_PROGRESS_S = 0.2


class Finishing(Protocol):
    """A recorder, as far as its end goes."""

    location: Location

    @property
    def pending(self) -> PendingCounts:
        """What waits."""

    @property
    def last_error(self) -> Exception | None:
        """Why the last delivery failed."""

    def flush(
        self,
        timeout_s: float | None = None,
        on_progress: Callable[[PendingCounts], None] | None = None,
        *,
        retry: bool = True,
    ) -> None:
        """Deliver what waits."""

    def close(self, *, deliver: bool = True) -> None:
        """End."""


_waiting: list[Finishing] = []
_registered = False


def finish_at_exit(recorder: Finishing) -> None:
    """Close the recorder when the process ends."""
    global _registered
    if recorder not in _waiting:
        _waiting.append(recorder)
        _finish_in_worker()
    if not _registered:
        _registered = True
        atexit.register(finish_all)


def _finish_in_worker() -> None:
    """In a process of ``multiprocessing``, which skips ``atexit``: finish with its own hooks."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if multiprocessing is None or util is None or multiprocessing.parent_process() is None:
        return
    util.Finalize(None, finish_all, exitpriority=10)


def forget_recorders() -> None:
    """In a forked child: the parent's recorders are the parent's to close."""
    _waiting.clear()


def finish_all() -> None:
    """Close all recorders."""
    while _waiting:
        recorder = _waiting.pop()
        try:
            _finish(recorder)
        except Exception:  # noqa: BLE001  # the end of a program must not fail over its log
            _log.warning("Closing the journal failed.", exc_info=True)


def _finish(recorder: Finishing) -> None:
    patience_s = _patience_s()
    with _progress_line(recorder):
        try:
            left = recorder.pending.bytes
            while True:
                try:
                    recorder.flush(patience_s, retry=False)
                    break
                except StoreUnavailable:
                    before, left = left, recorder.pending.bytes
                    if recorder.last_error is not None or left >= before:
                        raise
        except StoreUnavailable as error:
            _leave(recorder, error, patience_s=patience_s)
            return
    recorder.close()


def _patience_s() -> float:
    try:
        return float(os.environ.get(TIMEOUT_VARIABLE, DEFAULT_TIMEOUT_S))
    except ValueError:
        return DEFAULT_TIMEOUT_S


def _leave(recorder: Finishing, error: StoreUnavailable, *, patience_s: float) -> None:
    """Close with records that wait; another process delivers them, at once or later."""
    pending, cause = recorder.pending, recorder.last_error
    recorder.close(deliver=False)
    if means_no_more_threads(cause):
        # Not the store is away: Python starts no threads any more. Few programs end as fast.
        from assay.client.handover import deliver_in_new_process

        if deliver_in_new_process(recorder.location, timeout_s=patience_s):
            return
    if not pending:
        return
    _log.warning(
        "%s points, %s other records and %s files are not delivered yet. %s",
        f"{pending.points:,}",
        f"{pending.operations:,}",
        f"{pending.files:,}",
        error.message,
    )


@contextlib.contextmanager
def _progress_line(recorder: Finishing) -> Iterator[None]:
    stream = sys.stderr
    if stream is None or not stream.isatty():
        yield
        return
    shown = False

    def show() -> None:
        nonlocal shown
        pending = recorder.pending
        if pending:
            shown = True
            text = f"assay: delivering {pending.points:,} points, {pending.files:,} files …"
            stream.write(f"\r{text:<70}")
            stream.flush()

    with reporting(show, every_s=_PROGRESS_S, first_s=SHOW_AFTER_S):
        yield
    if shown:
        stream.write("\r" + " " * 70 + "\r")
        stream.flush()


@contextlib.contextmanager
def reporting(
    report: Callable[[], None], *, every_s: float, first_s: float = 0.0
) -> Iterator[None]:
    """Call ``report`` every so often, from another thread, while the block runs."""
    done = threading.Event()

    def repeat() -> None:
        pause = first_s
        while not done.wait(pause):
            report()
            pause = every_s

    thread = threading.Thread(target=repeat, name="assay-progress", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        yield  # no new threads while the interpreter ends: then without a report
        return
    try:
        yield
    finally:
        done.set()
        thread.join()

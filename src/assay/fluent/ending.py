"""Ending: what a run's status says is true, however the process ends.

Leaving a ``with`` block, ``end_run``, the end of the program, an unhandled exception, Ctrl-C and
``SIGTERM`` all come here. What can't come here (``kill -9``, a power cut) is told by the run marker
that the recorder keeps, and ended by whoever delivers the journal.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from assay.context import exits
from assay.context.source import in_notebook
from assay.entities.operations import SetTags, UpdateRun
from assay.entities.runs import RunStatus
from assay.entities.tags import EXIT_CODE
from assay.errors import AssayError
from assay.fluent import capturing
from assay.fluent.active import OpenRun, forget_open, open_runs

_TERMINATION_FLUSH_S = 3.0
"""What ``SIGTERM`` leaves for delivery: schedulers kill after ten seconds or more."""

_watching = False
_fate = RunStatus.FINISHED
"""How runs end that are still active when the program does."""
_fatal: BaseException | None = None
"""The exception that ends the program."""
_ENDED_BY = "_assay_ended_runs"
"""Attribute of an exception: the runs that it ended."""

_log = logging.getLogger(__name__)


def status_of(error: BaseException | None) -> RunStatus:
    """How a run ends that this exception ends; ``None`` and ``sys.exit(0)`` are no failure."""
    if error is None:
        return RunStatus.FINISHED
    if isinstance(error, KeyboardInterrupt):
        return RunStatus.KILLED
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return RunStatus.FINISHED
    return RunStatus.FAILED


def finish(
    run: OpenRun,
    status: RunStatus,
    *,
    error: BaseException | None = None,
    exit_code: int | None = None,
) -> None:
    """Record the end of a run, after what was captured of it.

    ``error`` is what ended it, and ``exit_code`` that of the process, where it is known already.
    """
    capturing.end(run)
    capturing.note_exit(run, error, exit_code)
    if error is not None:
        _remember(error, run)
    # A clock that was set back must not make the run end before it began.
    end_time = max(time.time_ns() // 1_000_000, run.start_time_ms)
    run.recorder.append(UpdateRun(run.run_id, status, end_time))


def _remember(error: BaseException, run: OpenRun) -> None:
    # On the exception itself: kept here, it would keep alive all that its frames hold.
    try:
        ended = vars(error).setdefault(_ENDED_BY, [])
        ended.append(run)
    except (TypeError, AttributeError):
        pass  # a class of its own kind; the run goes without an exit code


def watch() -> None:
    """See to the end of this process, from the first run on."""
    global _watching
    if not _watching:
        _watching = True
        # After the recorder's own hook, hence run before it: the ends are delivered with the rest.
        atexit.register(_end_all)
        _end_in_workers()
        _wrap_excepthook()
    _watch_sigterm()


def _end_in_workers() -> None:
    # Processes of ``multiprocessing`` skip ``atexit``; its own hooks run by falling priority, and
    # the recorder's has 10.
    process, util = (
        sys.modules.get("multiprocessing.process"),
        sys.modules.get("multiprocessing.util"),
    )
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, _end_all, exitpriority=20)


def _end_all() -> None:
    code = None if _fatal is None else exits.exit_code(_fatal)
    for run in open_runs():
        forget_open(run)
        if run.process_id == os.getpid():
            finish(run, _fate, error=_fatal, exit_code=code)


def _wrap_excepthook() -> None:
    if in_notebook():
        return  # a cell that fails does not end the kernel, nor its runs
    before = sys.excepthook

    def note(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        global _fate, _fatal
        _fate, _fatal = status_of(error), error
        _note_exit_code(error)
        return before(kind, error, trace)

    sys.excepthook = note


def _note_exit_code(error: BaseException) -> None:
    """The exception that left a run's block also leaves the program: its exit code is known now."""
    for run in vars(error).get(_ENDED_BY, ()):
        if run.process_id == os.getpid() and run.cpu_before_s is not None:
            try:
                run.recorder.append(SetTags(run.run_id, {EXIT_CODE: str(exits.exit_code(error))}))
            except Exception:  # noqa: BLE001 - the program's own exception must still be told
                _log.debug("The exit code of run %s was not noted.", run.run_id, exc_info=True)


def _watch_sigterm() -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # signals belong to the main thread; without it the run marker tells the truth
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, _frame: FrameType | None) -> None:
    """End the runs as KILLED, then die of the signal as if nobody had caught it.

    The work is done by a thread: this handler may have interrupted code of the main thread that
    holds a lock. A second signal ends the process at once.
    """
    signal.signal(number, signal.SIG_DFL)
    owner = os.getpid()

    def end() -> None:
        try:
            for run in open_runs():
                if run.process_id == owner:
                    forget_open(run)
                    finish(run, RunStatus.KILLED, exit_code=128 + number)
                    run.recorder.flush(_TERMINATION_FLUSH_S, retry=False)
        except AssayError:
            pass  # what is not delivered is in the journal
        finally:
            os.kill(owner, number)

    start: Callable[[], None] = threading.Thread(
        target=end, name="assay-sigterm", daemon=True
    ).start
    try:
        start()
    except RuntimeError:
        os.kill(owner, number)

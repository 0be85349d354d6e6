"""Active runs: which run this thread logs to, and what this process knows of the runs it has open.

Each thread has a stack of its own, as in MLflow: a run started in one thread is not the active one
of another. The list of all open runs is for the end of the process.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import msgspec

from assay.client.recorder import Recorder
from assay.client.tables import Table
from assay.entities.ids import RunId
from assay.entities.operations import StartRun
from assay.store.uri import Location

if TYPE_CHECKING:
    from assay.context.output import OutputLog
    from assay.context.system_metrics import SystemMonitor
    from assay.fluent.live_output import LiveOutput
    from assay.fluent.run import TrackedRun

MAX_REMEMBERED_RUNS = 1_000
"""Runs that are logged to by id and not active here: of so many the params are remembered."""


class OpenRun:
    """A run that this process logs to.

    Holds what mistakes are checked against, which is what this process itself logged: nobody is
    asked, because asking takes a round trip.
    """

    def __init__(self, run_id: RunId, recorder: Recorder, *, started_here: bool) -> None:
        self.run_id = run_id
        self.recorder = recorder
        self.location: Location = recorder.location
        self.started_here = started_here
        """Made by this process, so that nobody else has logged to it before."""
        self.is_described_here = started_here
        """Its surroundings are those of this process: it was made here, or for this process."""
        self.known_tags: frozenset[str] = frozenset()
        """Tags that it had when this process took it up."""
        self.start: StartRun | None = None
        """What recorded its start, if this process did."""
        self.process_id = os.getpid()
        self.start_time_ms = time.time_ns() // 1_000_000
        self.entity: TrackedRun | None = None
        """What ``active_run`` returns; ``None`` for a run that is only logged to by id."""
        self.params: dict[str, str] = {}
        self.tables: dict[str, Table] = {}
        self.table_tag: str | None = None
        self.inputs: set[tuple[str, ...]] = set()
        self.number = 1
        """Which run of its process it is."""
        self.next_step = 0
        """The step of the next ``assay.log`` that names none."""
        self.cpu_before_s: float | None = None
        """Processor time of this process at its start; ``None`` if its exit is not captured."""
        self.output_log: OutputLog | None = None
        self.live_output: LiveOutput | None = None
        self.monitor: SystemMonitor | None = None
        self.capture: threading.Thread | None = None


class _Announcing:
    """Stands for the recorder in a forked child until something is logged.

    The child's journal may reach the store before the parent's, so it says itself that the run
    exists. Said at the first use only: most children, such as loaders of data, never log.
    """

    def __init__(self, run: OpenRun, recorder: Recorder, start: StartRun) -> None:
        self._facts = (run, recorder, start)

    def __getattr__(self, name: str) -> Any:
        run, recorder, start = self._facts
        run.recorder = recorder
        recorder.append(msgspec.structs.replace(start, only_if_missing=True))
        return getattr(recorder, name)


class Here(threading.local):
    """What belongs to this thread."""

    def __init__(self) -> None:
        self.stack: list[OpenRun] = []
        self.top: OpenRun | None = None
        """The last of ``stack``; an attribute of its own because every log call reads it."""
        self.model_id: str | None = None
        self.last_run_id: RunId | None = None
        self.last_location: Location | None = None

    def push(self, run: OpenRun) -> None:
        """Make ``run`` the active one."""
        self.stack.append(run)
        self.top = run
        with _lock:
            _open[run.run_id] = run

    def pop(self) -> OpenRun:
        """Take the active run off."""
        run = self.stack.pop()
        self.top = self.stack[-1] if self.stack else None
        self.last_run_id, self.last_location = run.run_id, run.location
        with _lock:
            _open.pop(run.run_id, None)
        return run


here = Here()
_lock = threading.RLock()
_open: dict[RunId, OpenRun] = {}
_others: dict[tuple[RunId, Location], OpenRun] = {}


def open_runs() -> list[OpenRun]:
    """All runs that threads of this process have active, the innermost first."""
    with _lock:
        return list(reversed(_open.values()))


def find_open(run_id: RunId) -> OpenRun | None:
    """The run with this id, if some thread of this process has it active."""
    return _open.get(run_id)


def forget_open(run: OpenRun) -> None:
    """Take a run off the list of all; its thread's stack finds out when it looks."""
    with _lock:
        _open.pop(run.run_id, None)


def run_by_id(run_id: RunId, recorder: Recorder) -> OpenRun:
    """The run with this id to log to, whether it is active or not."""
    active = _open.get(run_id)
    if active is not None:
        return active
    with _lock:
        key = (run_id, recorder.location)
        known = _others.get(key)
        if known is None:
            if len(_others) >= MAX_REMEMBERED_RUNS:
                _others.pop(next(iter(_others)))
            known = _others[key] = OpenRun(run_id, recorder, started_here=False)
        return known


def _after_fork_in_child() -> None:
    for run in _open.values():
        if run.start is not None and isinstance(run.recorder, Recorder):
            run.recorder = cast("Recorder", _Announcing(run, run.recorder, run.start))


os.register_at_fork(after_in_child=_after_fork_in_child)

"""The program that calls a sweep's function in a process of its own.

It takes tasks from its parent by a pipe, whose descriptor is its argument, and answers with what
comes of them. Each trial's run goes into the journal of this process, so that what it logged
outlives it. When the pipe closes, the sweep's process is gone: the run under way ends as KILLED.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from assay.sweeps.functions import Function, Packed, unpack
from assay.sweeps.trials import Ended, Started, Task, reason_of, run_trial

_LAST_WORDS_S = 10.0
"""How long a run under way has to end when the parent is gone."""


class Hello(msgspec.Struct, frozen=True):
    """What a worker needs before its first task."""

    function: Packed
    path: list[str]
    """``sys.path`` of the parent."""


class Report(msgspec.Struct, frozen=True):
    """A value that the trial under way reported; the parent answers whether to prune."""

    number: int
    step: int
    value: float


class _Parent:
    """The other end of the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._busy = threading.Event()
        self._sending = threading.Lock()

    def listen(self) -> None:
        """Sort what comes in, until nothing does."""
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                break
            if message is None:
                self._tasks.put(None)
                return
            if isinstance(message, bool):
                self._answers.put(message)
            else:
                self._busy.set()
                self._tasks.put(message)
        if self._busy.is_set():
            _end_run_under_way()
        self._tasks.put(None)

    def next_task(self) -> Task | None:
        """The next task; ``None`` at the end."""
        task: Task | None = self._tasks.get()
        return task

    def send(self, message: object) -> None:
        """Tell the parent; a parent that is gone is noticed by ``listen``."""
        try:
            with self._sending:
                self._pipe.send(message)
        except OSError:
            return

    def ended(self, message: Ended) -> None:
        """Tell the parent of a trial's end."""
        self._busy.clear()
        self.send(message)

    def should_prune(self, report: Report) -> bool:
        """Ask the parent."""
        self.send(report)
        return self._answers.get()


def _end_run_under_way() -> None:
    # The handler of the fluent functions ends the run and delivers; without a run, this ends us.
    timer = threading.Timer(_LAST_WORDS_S, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Work until the pipe closes."""
    # Ctrl-C is for the sweep, which then ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = Connection(int(sys.argv[1]))
    hello: Hello = pipe.recv()
    parent = _Parent(pipe)
    threading.Thread(target=parent.listen, name="assay-sweep-pipe", daemon=True).start()
    sys.path[:] = hello.path
    function: Function | None = None
    problem = ""
    try:
        function = unpack(hello.function)
    except Exception as error:  # noqa: BLE001  # user code; the parent tells it
        problem = f"its function can't be loaded: {reason_of(error)}"
    while (task := parent.next_task()) is not None:
        if function is None:
            parent.ended(Ended(task.number, "failed", reason=problem))
        else:
            _work(parent, function, task)


def _work(parent: _Parent, function: Function, task: Task) -> None:
    started: list[Started] = []

    def on_start(event: Started) -> None:
        started.append(event)
        parent.send(event)

    def should_prune(step: int, value: float) -> bool:
        return parent.should_prune(Report(task.number, step, value))

    try:
        ended = run_trial(
            function, task, on_start=on_start, should_prune=should_prune if task.asks else None
        )
    except BaseException as error:  # noqa: BLE001  # the parent waits for an event
        run_id = started[0].run_id if started else ""
        ended = Ended(task.number, "failed", reason=reason_of(error), run_id=run_id)
    parent.ended(ended)

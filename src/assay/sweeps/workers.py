"""Trials in processes: workers that are started when they are needed and kept for the next trial.

A worker is a fresh interpreter rather than a fork: what the sweep's process holds (threads, GPUs,
open connections) doesn't go wrong in it, and the script that started the sweep isn't run again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Pipe
from pathlib import Path

from assay.client.tracking_uri import current_location
from assay.entities import tags
from assay.entities.ids import RunId
from assay.entities.operations import SetTags
from assay.errors import StoreUnavailable
from assay.fluent.reading import current_recorder
from assay.sweeps.executor import ShouldPrune
from assay.sweeps.functions import Packed
from assay.sweeps.trials import Ended, Event, Started, Task
from assay.sweeps.worker import Hello, Report

_log = logging.getLogger(__name__)

_TERM_S = 10.0
"""How long a worker has to end its run before it is killed."""
_CLOSE_S = 60.0
"""How long a worker that has nothing to do may take to deliver what it logged."""
_ROOT = Path(__file__).parents[2]
_PROGRAM = (
    "import sys; sys.path.insert({place}, sys.argv[2]);"
    " from assay.sweeps.worker import main; main()"
).format(place="len(sys.path)" if _ROOT.name.endswith("-packages") else "0")
"""Assay itself is found where it is here: a source tree may stand before an installed one, while a
folder of many packages must not come before the standard library."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class InProcesses:
    """Calls the function in worker processes."""

    def __init__(
        self, function: Packed, should_prune: ShouldPrune, *, parallel: int, echo: bool
    ) -> None:
        """``echo``: what functions print is seen here; it is kept with their runs in any case."""
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._hello = Hello(function, list(sys.path))
        self._should_prune = should_prune
        self._parallel = parallel
        self._echo = echo
        self._workers: list[_Worker] = []

    def start(self, task: Task) -> None:
        """Hand the trial to a worker that is free."""
        self._workers = [one for one in self._workers if not one.is_gone]
        for worker in self._workers:
            if worker.take(task):
                return
        worker = _Worker(self._hello, self.events, self._should_prune)
        worker.begin(parallel=self._parallel, echo=self._echo)
        self._workers.append(worker)
        if not worker.take(task):
            self.events.put(Ended(task.number, "failed", reason="its process didn't start"))

    def cancel(self) -> None:
        """End the workers; the runs of their trials are ``KILLED``."""
        for worker in self._workers:
            worker.terminate()
        deadline = time.monotonic() + _TERM_S
        for worker in self._workers:
            worker.wait(deadline)

    def close(self) -> None:
        """Let the workers deliver what their runs logged, and end."""
        for worker in self._workers:
            worker.hang_up()
        deadline = time.monotonic() + _CLOSE_S
        for worker in self._workers:
            worker.wait(deadline)
        self._workers = []


class _Worker:
    """A worker process, and the thread that listens to it."""

    def __init__(
        self, hello: Hello, events: queue.SimpleQueue[Event], should_prune: ShouldPrune
    ) -> None:
        self._hello = hello
        self._events = events
        self._should_prune = should_prune
        self._task: Task | None = None
        self._run_id = ""
        self._cancelled = False
        self._lock = threading.Lock()
        self.is_gone = False
        self._pipe, self._theirs = Pipe()
        self._thread = threading.Thread(target=self._listen, name="assay-worker", daemon=True)

    def begin(self, *, parallel: int, echo: bool) -> None:
        """Start the process."""
        with self._theirs as theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-P", "-c", _PROGRAM, str(theirs.fileno()), str(_ROOT)],
                pass_fds=[theirs.fileno()],
                env=_environment(parallel),
                stdin=subprocess.DEVNULL,
                stdout=None if echo else subprocess.DEVNULL,
                stderr=None if echo else subprocess.DEVNULL,
                start_new_session=True,
            )
        self._send(self._hello)
        self._thread.start()

    def take(self, task: Task) -> bool:
        """Give it a task; False if it has one, or is gone."""
        with self._lock:
            if self._task is not None or self.is_gone:
                return False
            self._task, self._run_id = task, ""
        self._send(task)
        return True

    def _send(self, message: object) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            return  # it died: the listening thread says so

    def _listen(self) -> None:
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                break
            match message:
                case Report():
                    self._send(self._answer(message))
                case Started():
                    self._run_id = message.run_id
                    self._events.put(message)
                case Ended():
                    self._task = None
                    self._events.put(message)
        with self._lock:
            self.is_gone, task = True, self._task
        self._pipe.close()
        self._process.wait()
        if task is not None:
            self._events.put(self._end_of_dead(task))

    def _answer(self, report: Report) -> bool:
        try:
            return self._should_prune(report.number, report.step, report.value)
        except Exception:  # noqa: BLE001  # the worker waits for an answer
            _log.warning("The pruner fails; trial %d goes on.", report.number, exc_info=True)
            return False

    def _end_of_dead(self, task: Task) -> Ended:
        if self._cancelled:
            return Ended(task.number, "interrupted", run_id=self._run_id)
        code = self._process.returncode
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        if self._run_id:
            recorder = current_recorder()
            with contextlib.suppress(StoreUnavailable):
                # Its journal comes first: it may hold the very start of the run, and its end.
                recorder.flush()
            recorder.append(SetTags(RunId(self._run_id), {tags.SWEEP_STATE: "failed"}))
        return Ended(task.number, "failed", reason=f"its process ended {how}", run_id=self._run_id)

    def terminate(self) -> None:
        """End it and what it started, its run as KILLED."""
        self._cancelled = True
        self._signal(signal.SIGTERM)

    def hang_up(self) -> None:
        """Nothing more comes: it delivers and ends."""
        self._send(None)

    def wait(self, deadline: float) -> None:
        """Until it has ended; killed if that takes too long."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        # Also what it started and left behind.
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._thread.join()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return


def _environment(parallel: int) -> dict[str, str]:
    variables = dict(os.environ)
    variables["ASSAY_TRACKING_URI"] = current_location().opening_uri
    variables["ASSAY_QUIET"] = "1"
    # N workers that each start a thread per core get in each other's way.
    share = str(max(1, (os.cpu_count() or 1) // parallel))
    for name in _THREADS:
        variables.setdefault(name, share)
    for name in ("ASSAY_RUN_ID", "MLFLOW_RUN_ID"):
        variables.pop(name, None)
    return variables

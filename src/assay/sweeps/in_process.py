"""Trials in this process: one after the other in the calling thread, or several in threads.

One by one is the plainest: a debugger, Ctrl-C and functions that can't travel all work. Threads
suit functions that wait, or that leave Python's lock to NumPy, PyTorch and their like.
"""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from assay.sweeps.executor import ShouldPrune
from assay.sweeps.functions import Function
from assay.sweeps.trials import Ended, Event, Task, run_trial


class OneByOne:
    """Calls the function right where the sweep was started."""

    def __init__(self, function: Function, should_prune: ShouldPrune) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._function = function
        self._should_prune = should_prune

    def start(self, task: Task) -> None:
        """Run the trial to its end."""
        ended = Ended(task.number, "interrupted")
        try:
            ended = run_trial(
                self._function,
                task,
                on_start=self.events.put,
                should_prune=partial(self._should_prune, task.number) if task.asks else None,
            )
        finally:
            self.events.put(ended)

    def cancel(self) -> None:
        """Nothing runs while this can be called."""

    def close(self) -> None:
        """Nothing is held."""


class InThreads:
    """Calls the function in some threads of this process."""

    def __init__(self, function: Function, should_prune: ShouldPrune, *, parallel: int) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._one = OneByOne(function, should_prune)
        self._one.events = self.events
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="assay-trial")

    def start(self, task: Task) -> None:
        """Have a thread run the trial."""
        self._pool.submit(self._one.start, task)

    def cancel(self) -> None:
        """Let the trials end by themselves: Python can't stop a thread."""

    def close(self) -> None:
        """Wait for the threads."""
        self._pool.shutdown()

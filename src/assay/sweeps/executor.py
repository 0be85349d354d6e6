"""Executors: the ways to carry out trials, one or several at a time.

An executor promises that each task it took ends in exactly one ``Ended`` event, whatever happens to
the process, container or machine that works on it, and that ``close`` leaves nothing running.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Protocol

from assay.sweeps.trials import Event, Task

ShouldPrune = Callable[[int, int, float], bool]
"""Takes trial number, step and value of what a running trial reported; from any thread."""


class Executor(Protocol):
    """Carries out trials. Its methods are called by one thread, the sweep's."""

    events: queue.SimpleQueue[Event]

    def start(self, task: Task) -> None:
        """Begin a trial. Returns at once, unless trials run one by one in this thread."""
        ...

    def cancel(self) -> None:
        """End all trials that run; their events follow, as interrupted."""
        ...

    def close(self) -> None:
        """Release everything; what the trials logged has been handed over."""
        ...

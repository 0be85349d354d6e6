"""The threads in which models predict, and how many of them hang.

A thread can't be stopped from outside. A prediction that took too long was answered with 504, but
goes on; when all threads are in such predictions, the process is of no use any more and says so.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

HANGS: Final = 3
"""Time-outs after which a prediction that still runs is held to hang."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


class PredictionThreads(ThreadPoolExecutor):
    """Threads that know since when each of them has been busy with the same call."""

    def __init__(self, count: int) -> None:
        super().__init__(count, thread_name_prefix="assay-predict")
        self._count = count
        self._begun: dict[int, float] = {}
        self._next = itertools.count().__next__

    def submit(
        self, fn: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Result]:
        """Have a thread call a function."""
        return super().submit(self._noted, fn, args, kwargs)

    def all_busy_for(self, seconds: float) -> bool:
        """Whether every thread has been in one call for longer than this."""
        begun = list(self._begun.values())
        return len(begun) >= self._count and max(begun) < time.monotonic() - seconds

    def _noted(self, fn: Callable[..., Result], given: Any, named: Any) -> Result:
        number = self._next()
        self._begun[number] = time.monotonic()
        try:
            return fn(*given, **named)
        finally:
            del self._begun[number]

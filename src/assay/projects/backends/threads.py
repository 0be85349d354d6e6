"""Threads: launches that a thread of this process carries out, or follows to their end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

from assay.projects.backends.base import Status
from assay.projects.launch import Launch, Outcome

_LOOK_S: Final = 0.1
CarryOut = Callable[[threading.Event], Outcome]
"""Carries a launch out, and ends it when the event is set."""


class ThreadRun:
    """A launch that a thread of this process carries out. The process ends after it."""

    def __init__(self, launch: Launch, carry_out: CarryOut) -> None:
        self._launch = launch
        self._stop = threading.Event()
        self._outcome: Outcome | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._carry_out, args=(carry_out,), name=f"assay-run-{launch.run_id[:8]}"
        )
        self._thread.start()

    @property
    def run_id(self) -> str:
        """Of the run."""
        return self._launch.run_id

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; ``None`` while it hasn't."""
        return self._outcome

    def wait(self) -> bool:
        """Until it has ended; whether it finished well.

        Ctrl-C, ``SIGTERM`` and a closed terminal cancel it.
        """
        with _signals(self._stop):
            while self._thread.is_alive():
                try:
                    # Looks up now and then: Python handles signals on this thread, and the system
                    # may give one to another thread, which doesn't wake this one.
                    self._thread.join(_LOOK_S)
                except KeyboardInterrupt:
                    self._stop.set()
        if self._error is not None:
            raise self._error
        return self._outcome is not None and self._outcome.status == "FINISHED"

    def get_status(self) -> Status:
        """Its status now."""
        if self._error is not None:
            return "FAILED"
        return "RUNNING" if self._outcome is None else self._outcome.status

    def cancel(self) -> None:
        """End it, and wait until it has ended."""
        self._stop.set()
        self._thread.join()

    def _carry_out(self, carry_out: CarryOut) -> None:
        try:
            self._outcome = carry_out(self._stop)
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            self._error = error


@contextlib.contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """While the main thread waits, what would end us ends the run instead."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # else nohup, or somebody's own
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

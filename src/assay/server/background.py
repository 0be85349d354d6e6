"""Background work of a server process: loops beside the requests, each with a thread of its own.

Every process of a server runs the same loops, and so do other servers over the same database: a
loop takes work only by claiming its rows (a lease that is set by compare-and-set), so that nothing
is done twice at once, and what a killed process had claimed is taken up by another. ``background``
lists the loops; they end before the store closes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from assay.errors import StoreUnavailable
from assay.registry.rules import run_rules
from assay.server.context import Services
from assay.store.jobs import SupportsJobExpiry
from assay.webhooks.addresses import AllowList
from assay.webhooks.loop import DeliveryLoop
from assay.webhooks.outbox import SupportsOutbox, bell
from assay.webhooks.sender import Sender

_logger = logging.getLogger(__name__)

_LONGEST_WAIT_S = 60.0
"""A loop whose rounds fail waits twice as long each time, up to this."""
_STOP_TIMEOUT_S = 2.0
"""All loops together get this long to finish their rounds: a server ends within five seconds. What
a round leaves behind has a lease that ends."""
_LOOK_FOR_RUNS_S = 1.0
"""How soon rules look at a run that has finished. A look at nothing costs one indexed query."""
_LOOK_FOR_MESSAGES_S = 1.0
"""How soon a message is seen that another process wrote, or that is to be tried again."""
_LOOK_FOR_LOST_AGENTS_S = 5.0
"""How soon a lease that ended is seen while nobody asks for jobs."""
_LAST_MESSAGES_S = 1.0
"""How long messages on their way may take when the server ends. Others are sent again."""

Round = Callable[[threading.Event], bool]
"""Works off what is due and tells whether more is due at once. The event is set when the process
ends: a long round looks at it between two pieces of work, and waits for nothing without it."""


class BackgroundLoop:
    """Calls a round again and again: at once while there is more to do, when it is woken, and
    every ``every_s`` seconds.

    An error in a round is logged and the loop goes on. ``wake`` may be called from any thread.
    """

    def __init__(self, name: str, work: Round, *, every_s: float) -> None:
        self.name = name
        self._work, self._every_s = work, every_s
        self._stopping, self._woken = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start its thread; once, in the process that it belongs to."""
        self._thread.start()

    def wake(self) -> None:
        """Let it look for work now."""
        self._woken.set()

    def stop(self) -> None:
        """Let it end after its round; ``join`` waits for that."""
        self._stopping.set()
        self._woken.set()

    def join(self, timeout_s: float) -> bool:
        """Wait until it has ended; returns whether it has."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        wait_s = self._every_s
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                more, wait_s = self._work(self._stopping), self._every_s
            except StoreUnavailable as error:
                _logger.warning("%s: %s", self.name, error)
                more, wait_s = False, min(2 * wait_s, _LONGEST_WAIT_S)
            except Exception:
                # The loop has to outlive whatever one round meets.
                _logger.exception("%s failed; it goes on later", self.name)
                more, wait_s = False, min(2 * wait_s, _LONGEST_WAIT_S)
            if not more and not self._stopping.is_set():
                self._woken.wait(wait_s)


def background(services: Services) -> list[BackgroundLoop]:
    """The loops of a server process, not yet started."""
    return [_webhook_loop(services), _rule_loop(services), _job_loop(services)]


def _rule_loop(services: Services) -> BackgroundLoop:
    """Lets rules look at the runs that have finished."""

    def work(stopping: threading.Event) -> bool:
        run_rules(services.store, stopping)
        return False

    return BackgroundLoop("assay-rules", work, every_s=_LOOK_FOR_RUNS_S)


def _job_loop(services: Services) -> BackgroundLoop:
    """Gives back or fails the jobs of agents that were lost."""
    jobs = services.store.jobs
    assert isinstance(jobs, SupportsJobExpiry), "a server needs a store that knows lost agents"

    def work(_stopping: threading.Event) -> bool:
        jobs.expire()
        return False

    return BackgroundLoop("assay-jobs", work, every_s=_LOOK_FOR_LOST_AGENTS_S)


def _webhook_loop(services: Services) -> BackgroundLoop:
    """Sends what webhooks are to be told."""
    assert isinstance(services.store, SupportsOutbox), "a server needs a store that it can send for"
    sender = Sender(AllowList(services.settings.webhook_allow))
    sending = DeliveryLoop(services.store.outbox, sender)
    loop = BackgroundLoop("assay-webhooks", sending.round, every_s=_LOOK_FOR_MESSAGES_S)
    sending.wake = loop.wake
    bell.add(sending.ring)

    def close() -> None:
        bell.remove(sending.ring)
        if not sending.close(_LAST_MESSAGES_S):
            _logger.info("Messages to webhooks were on their way; they are sent again later")

    services.close_hooks.append(close)
    return loop


def start_background(services: Services) -> None:
    """Start the loops; closing the services ends them. Called once in each process that serves."""
    loops = background(services)
    for loop in loops:
        loop.start()
    services.close_hooks.append(lambda: stop_loops(loops))


def stop_loops(loops: Sequence[BackgroundLoop], timeout_s: float = _STOP_TIMEOUT_S) -> None:
    """End loops, together within ``timeout_s``."""
    for loop in loops:
        loop.stop()
    end = time.monotonic() + timeout_s
    for loop in loops:
        if not loop.join(max(0.0, end - time.monotonic())):
            _logger.warning("%s is still at work; its lease ends by itself", loop.name)

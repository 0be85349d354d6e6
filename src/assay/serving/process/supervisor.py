"""The supervisor: keeps workers answering by what the registry says.

It listens, starts the workers, and looks at the registry. When what is to be served changes, all
workers load and try the new versions while they go on answering with the old ones; only when all
have, all change over. A version that can't be served never takes traffic: the plan before it stays.
"""

from __future__ import annotations

import logging
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from assay.errors import AssayError
from assay.models.batches.pool import Interpreter
from assay.serving.process.address import check_exposure, listen, url_of
from assay.serving.process.crew import Gone, Said, Worker
from assay.serving.process.follow import Follower, Refused
from assay.serving.process.plan import (
    Counted,
    Hung,
    Known,
    Plan,
    Prepare,
    Prepared,
    Use,
    Using,
    Version,
    Wish,
)
from assay.serving.process.refusals import Refusals, content_of
from assay.serving.process.targets import NotFetched, Resolver
from assay.serving.process.wishes import Wishes
from assay.serving.settings import ServingSettings
from assay.serving.threads import HANGS
from assay.serving.watching.ledger import Ledger

if TYPE_CHECKING:
    from assay.serving.log.writer import PredictionLog
    from assay.serving.watching.telling import Teller
    from assay.serving.watching.watch import Watch

_log = logging.getLogger(__name__)
_DEATHS: Final = 20
"""Workers that may die within a minute; then the server gives up, because something is wrong."""
_MINUTE_S: Final = 60.0
_STOPPERS: Final = (signal.SIGTERM, signal.SIGINT)
_COUNT_S: Final = 0.9
"""Between two rounds of counts, of which workers send theirs once a second."""
_SILENCE_S: Final = 10.0
"""Beyond what the time-outs allow, for how long a worker may say nothing."""

Started = Callable[[str], None]
Queue = queue.SimpleQueue


class NotServable(AssayError):
    """None of what was asked for can be served."""


def serve(
    resolver: Resolver,
    settings: ServingSettings,
    interpreter: Interpreter,
    *,
    plan: Plan,
    started: Started | None = None,
    changed: Callable[[Plan], None] | None = None,
    log: PredictionLog | None = None,
    watch: Watch | None = None,
    teller: Teller | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first. SIGHUP restarts the
    workers, one generation after the other, without a moment in which nobody answers.

    Args:
        resolver: tells what to serve.
        settings: how.
        interpreter: the workers' Python.
        plan: what to begin with.
        started: called with the server's URL when it answers.
        changed: called with each plan that all workers answer by; it must not take long.
        log: where predictions are logged, as the settings say; its owner closes it.
        watch: told what goes wrong with versions.
        teller: told what versions answer; started when the server answers.

    Raises:
        InvalidInput: an address beyond this machine without a token and without ``insecure``.
        StoreUnavailable: the address is taken.
        NotServable: the models can't be loaded, or workers keep dying.
    """
    check_exposure(settings)
    with listen(settings) as listener:
        supervisor = _Supervisor(
            resolver,
            settings,
            interpreter,
            listener,
            changed,
            log=log,
            watch=watch,
            teller=teller,
        )
        try:
            supervisor.run(plan, lambda: (started or _announce)(url_of(settings, listener)))
        finally:
            supervisor.end()


class _Supervisor:
    def __init__(
        self,
        resolver: Resolver,
        settings: ServingSettings,
        interpreter: Interpreter,
        listener: socket.socket,
        changed: Callable[[Plan], None] | None,
        *,
        log: PredictionLog | None,
        watch: Watch | None,
        teller: Teller | None,
    ) -> None:
        self._log, self._watch, self._teller = log, watch, teller
        self._resolver, self._settings = resolver, settings
        self._changed = changed
        self._interpreter, self._listener = interpreter, listener
        self._heard: Queue[Any] = Queue()
        self._workers: list[Worker] = []
        self._plan: Plan | None = None
        """What all workers answer by."""
        self._coming: Plan | None = None
        """What they prepare."""
        self._ready: set[Worker] = set()
        self._refusals = Refusals()
        self._ledger = Ledger()
        self._told_at = 0.0
        self._follower = Follower(
            resolver,
            self._heard.put,
            every_s=settings.follow_s,
            takes_wishes=settings.allow_load,
        )
        self._wishes = Wishes(self._follower)
        self._silence_s = HANGS * settings.limits.timeout_s + _SILENCE_S
        self._deaths: list[float] = []
        self._stopping = threading.Event()

    def run(self, plan: Plan, started: Callable[[], None]) -> None:
        """Stay until told to stop, and the workers have ended."""
        for number in _STOPPERS:
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, lambda *_: self._heard.put("restart"))
        self._begin(plan)
        tell: Callable[[], None] | None = started
        while not self._stopping.is_set():
            event = self._next_event()
            if isinstance(event, Said):
                self._hear(event)
            elif isinstance(event, Gone):
                self._replace(event)
            elif isinstance(event, Plan):
                self._refusals.all_fetched()
                self._consider(event)
            elif isinstance(event, NotFetched):
                self._miss(event)
            elif isinstance(event, Refused):
                self._wishes.failed(event.wish, event.reason)
            elif event == "restart":
                self._restart()
            if tell is not None and self._plan is not None:
                tell()
                tell = None
                self._follower.start()
                if self._teller is not None:
                    self._teller.start()

    def _next_event(self) -> Any:
        """What comes next; now and then, when nothing does, workers that say nothing are ended."""
        while True:
            try:
                return self._heard.get(timeout=_COUNT_S)
            except queue.Empty:
                self._end_silent()

    def _end_silent(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.is_using is not None and now - worker.heard_at > self._silence_s:
                _log.error("worker %d says nothing any more and is ended", worker.pid)
                worker.heard_at = now
                worker.kill()

    def end(self) -> None:
        """End all workers: those that are asked nothing at once, others within the time-out."""
        for worker in self._workers:
            worker.terminate()
        left = set(self._workers)
        until = time.monotonic() + self._settings.stop_timeout_s + 1
        while left and (rest := until - time.monotonic()) > 0:
            try:
                event = self._heard.get(timeout=rest)
            except queue.Empty:
                break
            if isinstance(event, Gone):
                left.discard(event.worker)
        for worker in left:
            worker.kill()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()
        self._follower.stop()
        if self._teller is not None:
            self._teller.stop()
        self._heard.put("stop")

    def _begin(self, plan: Plan) -> None:
        self._coming, self._ready = plan, set()
        for _ in range(self._settings.workers):
            self._start(plan)

    def _start(self, plan: Plan) -> None:
        worker = Worker(self._settings, self._listener, self._interpreter, self._heard, self._log)
        self._workers.append(worker)
        worker.tell(Prepare(plan))
        if self._coming is not None and self._coming is not plan:
            # The others prepare it already, and wait for this one before they change over.
            worker.tell(Prepare(self._coming))

    def _hear(self, said: Said) -> None:
        worker, report = said.worker, said.report
        if isinstance(report, Counted):
            self._ledger.note(worker, report.counts)
            self._tell_counts()
            return
        if isinstance(report, Hung):
            _log.error("all threads of worker %d hang; another takes its place", worker.pid)
            self._renew([worker])
            return
        if isinstance(report, Wish):
            self._wishes.add(worker, report)
            return
        if isinstance(report, Using):
            worker.is_using = report.number
            self._settle()
            return
        assert isinstance(report, Prepared)
        if self._coming is not None and report.number == self._coming.number:
            if report.failures:
                self._refuse(self._coming, report.failures)
                return
            self._ready.add(worker)
            if self._ready >= {one for one in self._workers if not one.is_leaving}:
                for one in self._ready:
                    one.tell(Use(report.number))
        elif self._plan is not None and report.number == self._plan.number:
            # A worker that replaces one that died.
            worker.tell(Use(report.number))

    def _settle(self) -> None:
        """When all answer by the plan that was coming, it is the plan."""
        plan = self._coming
        staying = [one for one in self._workers if not one.is_leaving]
        if plan is None or any(one.is_using != plan.number for one in staying):
            return
        if self._plan is not None:
            _log.warning("now answering: %s", ", ".join(one.key for one in plan.versions))
        self._plan, self._coming = plan, None
        if self._changed is not None:
            self._changed(plan)
        self._ledger.begin(plan)
        self._wishes.settled(plan)
        for notice in (one for route in plan.routes for one in route.notices):
            _log.warning("traffic rule: %s", notice)

    def _tell_counts(self) -> None:
        """Once a second: all workers learn what all have counted, and trials are judged."""
        now = time.monotonic()
        if now - self._told_at < _COUNT_S:
            return
        self._told_at = now
        self._end_silent()
        staying = [one for one in self._workers if not one.is_leaving]
        totals = self._ledger.totals()
        drift = {} if self._log is None else self._log.drift(self._plan)
        known = Known(totals, len(staying), self._refusals.all(), drift)
        if self._watch is not None and self._plan is not None:
            self._watch.counted(totals, self._plan)
        if self._teller is not None and self._plan is not None:
            self._teller.counted(totals, self._plan)
        for worker in staying:
            worker.tell(known)
        for ending in self._ledger.endings():
            _log.error("%s %s: %s", ending.name, ending.selector, ending.reason)
            self._follower.end_trial(ending)
            if self._watch is not None:
                self._watch.trial_ended(
                    ending.version, selector=ending.selector, reason=ending.reason
                )

    def _refuse(self, plan: Plan, failures: dict[str, str]) -> None:
        reasons = "; ".join(f"{key}: {reason}" for key, reason in failures.items())
        if self._plan is None:
            raise NotServable(f"This can't be served: {reasons}")
        _log.error("not served, the versions before it stay: %s", reasons)
        if self._watch is not None:
            self._watch.refused(plan, failures)
        self._give_up(plan, reasons)

    def _miss(self, found: NotFetched) -> None:
        """What the registry names now can't be had; the versions before it stay."""
        if not self._refusals.miss(found):
            return
        _log.error("not served, the versions before it stay: %s: %s", found.uri, found.message)
        if self._watch is not None:
            missing = Version(key=found.uri, name=found.name, version=found.version, folder="")
            plan = Plan(number=0, versions=[missing], routes=[])
            self._watch.refused(plan, {found.uri: found.message})

    def _give_up(self, plan: Plan, reasons: str) -> None:
        # Whoever wished for it is told, and may try again; the registry's own is remembered.
        if not self._wishes.refused(reasons):
            self._refusals.keep(plan, reasons)
        self._coming = None

    def _consider(self, plan: Plan) -> None:
        """Change over to what the registry says now, unless that was tried already."""
        if self._coming is not None and content_of(plan) == content_of(self._coming):
            return
        if self._plan is not None and content_of(plan) == content_of(self._plan):
            self._coming = None
            self._wishes.settled(self._plan)
            return
        reason = self._refusals.reason(plan)
        if reason is not None:
            self._wishes.refused(reason)
            return
        self._coming, self._ready = plan, set()
        for worker in self._workers:
            if not worker.is_leaving:
                worker.tell(Prepare(plan))

    def _replace(self, gone: Gone) -> None:
        self._workers.remove(gone.worker)
        self._ready.discard(gone.worker)
        self._ledger.gone(gone.worker)
        if gone.worker.is_leaving:
            return
        _log.error("worker %d ended with status %d", gone.worker.pid, gone.status)
        now = time.monotonic()
        self._deaths = [at for at in self._deaths if now - at < _MINUTE_S] + [now]
        if len(self._deaths) > _DEATHS or self._plan is None:
            raise NotServable("The workers keep dying; the log tells why.")
        if self._coming is not None:
            # It may be what killed the worker.
            reason = "a worker died while it was loaded"
            if self._watch is not None:
                known = {version.key for version in self._plan.versions}
                fresh = {one.key for one in self._coming.versions} - known
                self._watch.refused(self._coming, dict.fromkeys(fresh, reason))
            self._give_up(self._coming, reason)
        self._start(self._plan)

    def _restart(self) -> None:
        self._renew([one for one in self._workers if not one.is_leaving])

    def _renew(self, old: list[Worker]) -> None:
        """Start as many workers as are to go, which they do when the new ones answer."""
        plan = self._plan
        if plan is None:
            return
        for _ in old:
            self._start(plan)
        threading.Thread(target=self._retire, args=(old, plan.number), daemon=True).start()

    def _retire(self, old: list[Worker], number: int) -> None:
        """Let the old generation go when the new one answers."""
        while not self._stopping.wait(0.05):
            fresh = [one for one in list(self._workers) if one not in old]
            if len(fresh) >= len(old) and all(one.is_using is not None for one in fresh):
                for worker in old:
                    worker.stop()
                return


def _announce(url: str) -> None:
    sys.stderr.write(f"Assay answers predictions at {url}/invocations\n")
    sys.stderr.flush()

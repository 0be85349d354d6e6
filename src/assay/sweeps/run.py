"""Leading a sweep: which trial comes next, what came of it, and when to stop.

Everything that must survive goes to the store by the trials' runs (``state``); what is kept here is
only what the loop needs. Executors do the work.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import Empty

import msgspec

from assay.entities import tags
from assay.errors import SweepFailed
from assay.fluent.log import log_metric, set_tags
from assay.fluent.runs import ActiveRun
from assay.sweeps.executor import Executor
from assay.sweeps.guide import Guide
from assay.sweeps.result import best_of
from assay.sweeps.space import Point
from assay.sweeps.spec import SweepSpec, best_key
from assay.sweeps.state import TrialResult
from assay.sweeps.trials import Ended, Started, Task

_log = logging.getLogger(__name__)

FAILURES_AT_START = 5
"""So many trials that fail before any did well mean that the next will fail, too."""
_TICK_S = 0.5
"""How often a sweep that waits looks at the clock."""
_CANCEL_S = 15.0
"""How long it waits for trials that were told to end."""


class Progress(msgspec.Struct, frozen=True):
    """Where a sweep stands."""

    spec: SweepSpec
    run_id: str
    run_name: str
    trials: list[TrialResult]
    """All that were begun, by number."""
    best: TrialResult | None
    changed: TrialResult | None = None
    """The trial that has just begun or ended."""


Observer = Callable[[Progress], None]


class Leader:
    """Leads one sweep from its first trial, or from where it stopped, to its end."""

    def __init__(
        self,
        spec: SweepSpec,
        guide: Guide,
        executor: Executor,
        *,
        parent: ActiveRun,
        task: Callable[[TrialResult], Task],
        observer: Observer | None = None,
    ) -> None:
        self._spec = spec
        self._guide = guide
        self._executor = executor
        self._parent = parent
        self._task = task
        self._observer = observer
        self.trials: dict[int, TrialResult] = {}
        self._again: deque[TrialResult] = deque()
        """Trials that were begun before and are to be tried again, first come first."""
        self._running: set[int] = set()
        self._next = 0
        self._best: TrialResult | None = None
        self._since_best = 0
        self._ended = 0
        self._failures = 0
        """Attempts that failed, until a trial does well."""
        self._last_reason = ""
        self._does_well = False
        self._begun_at = time.monotonic()

    def resume(self, past: list[TrialResult], missing: dict[int, Point]) -> None:
        """Take up earlier trials.

        Args:
            past: what the store knows of them.
            missing: points of numbers that were lost.
        """
        self.trials = {one.number: one for one in past}
        for number, point in missing.items():
            self.trials[number] = TrialResult(number=number, point=point, state="interrupted")
        for one in sorted(self.trials.values(), key=lambda one: one.number):
            if one.state == "interrupted" or one.may_retry(self._spec.retries):
                self._again.append(one)
        ended = sorted((one for one in past if one.has_ended), key=lambda one: one.end_ms)
        for one in ended:
            self._count(one)
            self._note_best(one)
        # What made them fail may have been mended since.
        self._failures = 0
        self._next = max(self.trials, default=-1) + 1

    def lead(self) -> str:
        """Run trials until all are done; returns why it stopped earlier, or ``""``.

        Raises:
            SweepFailed: the first trials all failed.
            AssayError: what keeps any trial from starting.
        """
        reason = ""
        self._show(None)
        while True:
            reason = reason or self._reason_to_stop()
            if not reason:
                self._fill()
            if not self._running:
                return reason
            if self._is_late():
                self.cancel()
                return f"its time of {self._spec.timeout_s:g} s is over"
            with contextlib.suppress(Empty):
                self._take(self._executor.events.get(timeout=_TICK_S))

    def cancel(self) -> None:
        """End the trials that run."""
        self._executor.cancel()
        deadline = time.monotonic() + _CANCEL_S
        while self._running and time.monotonic() < deadline:
            with contextlib.suppress(Empty):
                self._take(self._executor.events.get(timeout=_TICK_S))

    def _fill(self) -> None:
        while len(self._running) < self._spec.parallel:
            one = self._upcoming()
            if one is None:
                return
            self._running.add(one.number)
            self.trials[one.number] = one
            self._executor.start(self._task(one))
            if not self._executor.events.empty():
                return  # one by one: what came of it may end the sweep

    def _upcoming(self) -> TrialResult | None:
        if self._again:
            one = self._again.popleft()
            if one.goes_on:
                return msgspec.structs.replace(one, state="running", goes_on=False)
            attempt = one.attempt + 1 if one.run_id else one.attempt
            return msgspec.structs.replace(one, state="running", attempt=attempt, run_id="")
        if self._next >= self._spec.trials:
            return None
        point = self._guide.ask(self._next)
        if point is None:
            return None
        number, self._next = self._next, self._next + 1
        return TrialResult(number=number, point=point, state="running")

    def _take(self, event: Started | Ended) -> None:
        known = self.trials[event.number]
        if isinstance(event, Started):
            one = msgspec.structs.replace(known, run_id=event.run_id, start_ms=event.start_ms)
            self.trials[event.number] = one
            self._show(one)
            return
        self._running.discard(event.number)
        if event.error is not None and not self._does_well:
            raise event.error
        one = msgspec.structs.replace(
            known,
            state=event.state,
            value=event.value,
            reason=event.reason,
            pruned_at=event.pruned_at,
            run_id=event.run_id or known.run_id,
            failures=known.failures + (event.state == "failed"),
            end_ms=time.time_ns() // 1_000_000,
        )
        self.trials[event.number] = one
        self._judge(one)
        self._show(one)

    def _judge(self, one: TrialResult) -> None:
        """What an ended trial means for the rest."""
        if one.state == "interrupted":
            return
        self._count(one)
        if one.state == "failed":
            _log.warning("Trial %d of the sweep failed: %s", one.number, one.reason)
            if one.may_retry(self._spec.retries):
                self._again.append(one)
                return
        self._guide.tell(one.number, one.value, pruned=one.state == "pruned")
        if self._note_best(one):
            assert one.value is not None
            log_metric(best_key(self._spec.metric.name), one.value, self._ended)
            set_tags({tags.SWEEP_BEST_RUN: one.run_id, tags.SWEEP_BEST_VALUE: repr(one.value)})

    def _count(self, one: TrialResult) -> None:
        self._ended += 1
        self._does_well = self._does_well or one.state != "failed"
        if one.state == "failed":
            self._failures += 1
            self._last_reason = one.reason

    def _note_best(self, one: TrialResult) -> bool:
        """Whether a trial is the best so far."""
        best = best_of(self._spec.metric, [*([self._best] if self._best else []), one])
        if best is one:
            self._best, self._since_best = one, 0
            return True
        self._since_best += 1
        return False

    def _reason_to_stop(self) -> str:
        stop, best = self._spec.stop, self._best
        self._check_failures()
        if stop.target is not None and best is not None and best.value is not None:
            metric = self._spec.metric
            if best.value == stop.target or metric.better(best.value, stop.target):
                return f"trial {best.number} reached the target {stop.target:g}"
        if stop.patience is not None and best is not None and self._since_best >= stop.patience:
            return f"{self._since_best} trials brought nothing better than trial {best.number}"
        return ""

    def _check_failures(self) -> None:
        enough = min(FAILURES_AT_START, self._spec.trials * (1 + self._spec.retries))
        if not self._does_well and self._failures >= enough:
            raise SweepFailed(
                self._parent.info.run_id, failures=self._failures, why=self._last_reason
            )

    def _is_late(self) -> bool:
        limit = self._spec.timeout_s
        return 0 < limit < time.monotonic() - self._begun_at

    def _show(self, changed: TrialResult | None) -> None:
        if self._observer is not None:
            self._observer(self.progress(changed))

    def progress(self, changed: TrialResult | None = None) -> Progress:
        """Where it stands now."""
        info = self._parent.info
        return Progress(
            self._spec, info.run_id, info.run_name, list(self._by_number()), self._best, changed
        )

    def _by_number(self) -> Iterator[TrialResult]:
        return (self.trials[number] for number in sorted(self.trials))

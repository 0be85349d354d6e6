"""Trials of a project's entry point: each a launch that a backend carries out.

A thread waits for each trial. Where a pruner wants to know, another one looks at the metric of all
running trials in the store, so that it works wherever they run and whatever they log with.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

from assay.entities import tags
from assay.entities.ids import RunId
from assay.entities.metrics import SeriesKey
from assay.entities.runs import Run
from assay.errors import AssayError, InvalidInput, MissingExtra, NotFound
from assay.fluent.reading import client_for
from assay.projects.backends import backend
from assay.projects.backends.base import SubmittedRun
from assay.projects.launch import Launch
from assay.projects.launching import prepare, submit
from assay.sweeps.executor import ShouldPrune
from assay.sweeps.spec import SweepSpec
from assay.sweeps.state import attached
from assay.sweeps.trials import Ended, Event, Started, Task, reason_of

_LOOK_S = 0.5
"""How often the metrics of running trials are looked at."""
_ANYBODYS = (InvalidInput, NotFound, MissingExtra)
"""Mistakes that the next trial would meet as well."""

_log = logging.getLogger(__name__)


class EntryPoints:
    """Launches an entry point for each trial."""

    def __init__(self, spec: SweepSpec, should_prune: ShouldPrune, *, prunes: bool) -> None:
        """Raises ``AssayError`` for a backend that isn't there."""
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._spec = spec
        self._backend = backend(spec.backend)
        self._client = client_for()
        self._version = spec.version
        self._running: dict[int, _Running] = {}
        self._lock = threading.Lock()
        self._cancelled = False
        self._pool = ThreadPoolExecutor(spec.parallel, thread_name_prefix="assay-trial")
        self._watch = _Watch(self, should_prune) if prunes else None

    def start(self, task: Task) -> None:
        """Have a thread launch the trial and wait for it."""
        self._pool.submit(self._carry_out, task)

    def _carry_out(self, task: Task) -> None:
        run_id = task.goes_on_as
        try:
            launch = None if run_id else self._prepare(task)
            run_id = launch.run_id if launch else run_id
            run = self._client.get_run(run_id)
            self.events.put(Started(task.number, run_id, run.info.start_time or 0))
            submitted = self._submitted(launch, run)
            one = _Running(task.number, submitted)
            with self._lock:
                self._running[task.number] = one
            if self._cancelled:
                submitted.cancel()
            submitted.wait()
            if self._watch is not None:
                self._watch.tell_rest(one)
            ended = self._ended(task, one)
        except Exception as error:  # noqa: BLE001  # the sweep waits for an event
            _log.debug("Trial %d failed.", task.number, exc_info=error)
            ended = Ended(
                task.number,
                "failed",
                reason=error.message if isinstance(error, AssayError) else reason_of(error),
                run_id=run_id,
                error=error if isinstance(error, _ANYBODYS) else None,
            )
        with self._lock:
            self._running.pop(task.number, None)
        self._note(ended)
        self.events.put(ended)

    def _submitted(self, launch: Launch | None, run: Run) -> SubmittedRun:
        """What goes on: the launch, begun now, or the run of a sweep that has died."""
        if launch is not None:
            return submit(self._backend, launch, self._spec.backend_config, echo=False)
        going = attached(run, self._client)
        if going is None:
            raise InvalidInput(f"Run {run.info.run_id} can't be followed where it runs.")
        return going

    def _prepare(self, task: Task) -> Launch:
        spec = self._spec
        assert spec.project is not None
        launch = prepare(
            spec.project,
            entry_point=spec.entry_point,
            version=self._version,
            parameters=task.point,
            experiment_id=task.experiment_id,
            run_name=task.run_name,
            env_manager=spec.env_manager,
            backend=spec.backend,
            parent_run_id=task.parent_run_id,
            tags=task.run_tags,
            timeout_s=spec.trial_timeout_s,
        )
        # A branch may move while the sweep lasts: all trials run the commit of the first.
        self._version = launch.version or self._version
        return launch

    def _ended(self, task: Task, one: _Running) -> Ended:
        run = self._client.get_run(one.submitted.run_id)
        run_id, name = run.info.run_id, self._spec.metric.name
        status = one.submitted.get_status()
        if one.pruned_at is not None and status != "FINISHED":
            return Ended(task.number, "pruned", run_id=run_id, pruned_at=one.pruned_at)
        if status == "KILLED" and self._cancelled:
            return Ended(task.number, "interrupted", run_id=run_id)
        if status != "FINISHED":
            return Ended(task.number, "failed", reason=_why(run), run_id=run_id)
        value = run.data.metrics.get(name)
        if value is None or math.isnan(value):
            what = f"it logged no metric {name!r}" if value is None else f"its {name!r} is NaN"
            return Ended(task.number, "failed", reason=what, run_id=run_id)
        return Ended(task.number, "completed", value, run_id=run_id)

    def _note(self, ended: Ended) -> None:
        """Keep the verdict with the run."""
        if not ended.run_id or ended.state == "interrupted":
            return
        facts: dict[str, str] = {tags.SWEEP_STATE: ended.state}
        if ended.value is not None:
            facts[tags.SWEEP_VALUE] = repr(ended.value)
        if ended.pruned_at is not None:
            facts[tags.SWEEP_PRUNED] = str(ended.pruned_at)
        try:
            for key, value in facts.items():
                self._client.set_tag(ended.run_id, key, value)
        except AssayError as error:
            _log.warning("Run %s lacks its sweep's verdict: %s", ended.run_id, error.message)

    def running(self) -> list[_Running]:
        """The trials that a backend works on."""
        with self._lock:
            return list(self._running.values())

    def cancel(self) -> None:
        """Cancel all launches."""
        self._cancelled = True
        running = self.running()
        if running:
            with ThreadPoolExecutor(len(running)) as pool:
                list(pool.map(lambda one: one.cancel(), running))

    def close(self) -> None:
        """Wait for the threads; nothing runs any more, unless this is called amid a sweep."""
        if self._watch is not None:
            self._watch.stop()
        if self.running():
            self.cancel()
        self._pool.shutdown()


class _Running:
    """A trial that a backend works on."""

    def __init__(self, number: int, submitted: SubmittedRun) -> None:
        self.number = number
        self.submitted = submitted
        self.pruned_at: int | None = None
        self.seen = 0
        """How many points of the metric there were when they were looked at last."""
        self.told: set[int] = set()
        """Steps that the pruner knows."""
        self.lock = threading.Lock()

    def cancel(self) -> None:
        """End it."""
        try:
            self.submitted.cancel()
        except AssayError as error:
            _log.warning("Run %s can't be ended: %s", self.submitted.run_id, error.message)


class _Watch:
    """Shows the pruner what running trials log."""

    def __init__(self, trials: EntryPoints, should_prune: ShouldPrune) -> None:
        self._trials = trials
        self._should_prune = should_prune
        self._client = client_for()
        self._metric = trials._spec.metric.name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="assay-sweep-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            running = {one.submitted.run_id: one for one in self._trials.running()}
            if not running:
                continue
            try:
                self._look(running)
            except AssayError as error:
                _log.debug("The metrics of running trials can't be read.", exc_info=error)

    def _look(self, running: dict[str, _Running]) -> None:
        metrics = self._client.store.metrics
        found = metrics.summaries([RunId(run_id) for run_id in running], [self._metric])
        for run_id, summaries in found.items():
            one = running[run_id]
            count = sum(summary.count for summary in summaries)
            if one.pruned_at is None and count > one.seen:
                one.seen = count
                one.pruned_at = self._tell(one, run_id)
                if one.pruned_at is not None:
                    one.cancel()

    def tell_rest(self, one: _Running) -> None:
        """Tell the pruner what a trial logged before it ended: later ones are compared with it."""
        if one.pruned_at is not None:
            return
        try:
            self._tell(one, RunId(one.submitted.run_id))
        except AssayError as error:
            _log.debug("The metric of an ended trial can't be read.", exc_info=error)

    def _tell(self, one: _Running, run_id: RunId) -> int | None:
        """The first step, of those that the pruner doesn't know yet, at which it would prune."""
        history = self._client.store.metrics.history(run_id, SeriesKey(self._metric))
        with one.lock:
            for step, value in zip(history.steps.tolist(), history.values.tolist(), strict=True):
                if step in one.told:
                    continue
                one.told.add(step)
                if self._should_prune(one.number, step, value):
                    return int(step)
        return None


def _why(run: Run) -> str:
    return run.data.tags.get(tags.PROJECT_REASON) or f"its run is {run.info.status}"

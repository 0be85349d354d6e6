"""Trials: one point of a sweep, tried in a run of its own.

``run_trial`` calls a function in this process and thread, whichever of the ways to run several at a
time led there.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from assay.client.values import as_number, as_step
from assay.entities import tags
from assay.entities.runs import RunStatus
from assay.errors import AssayError, InvalidInput
from assay.fluent.log import log_metric, log_metrics, log_params, set_tags_of
from assay.fluent.reading import client_for
from assay.fluent.runs import end_run, run_to_log_to, start_run
from assay.sweeps.functions import TRIAL, Function, takes_trial
from assay.sweeps.space import Point, point_text

_log = logging.getLogger(__name__)

State = Literal["running", "completed", "failed", "pruned", "interrupted"]
"""``interrupted``: its end said nothing about the point; a resumed sweep tries it again."""
_MAX_REASON = 500


class Pruned(Exception):
    """The trial is ended early, because the pruner sees that it won't become the best.

    ``Trial.report`` raises it; let it pass, after cleaning up if need be.
    """


class Task(msgspec.Struct, frozen=True):
    """A trial to be run."""

    number: int
    point: Point
    parent_run_id: str
    experiment_id: str
    metric: str
    attempt: int = 1
    tags: dict[str, str] = {}
    """What the program's runs share, such as the commit."""
    capture: list[str] = []
    """What its run takes along, as of ``start_run``; the rest is with the parent."""
    asks: bool = False
    """Whether a pruner wants to know what is reported."""
    goes_on_as: str = ""
    """The run that was begun for it by a process that has died since, and that goes on without."""

    @property
    def run_tags(self) -> dict[str, str]:
        """The tags of its run."""
        facts = {
            **self.tags,
            tags.SWEEP_TRIAL: str(self.number),
            tags.SWEEP_POINT: point_text(self.point),
        }
        if self.attempt > 1:
            facts[tags.SWEEP_ATTEMPT] = str(self.attempt)
        return facts

    @property
    def run_name(self) -> str:
        """The name of its run."""
        again = f" ({self.attempt})" if self.attempt > 1 else ""
        return f"trial {self.number}{again}"


class Started(msgspec.Struct, frozen=True):
    """A trial has its run."""

    number: int
    run_id: str
    start_ms: int


class Ended(msgspec.Struct, frozen=True):
    """How a trial ended."""

    number: int
    state: State
    value: float | None = None
    reason: str = ""
    """Why it failed, in a sentence."""
    run_id: str = ""
    """Empty: it has no run."""
    pruned_at: int | None = None
    """The step at which it was pruned."""
    error: AssayError | None = None
    """What would keep the next trial from starting, too."""


Event = Started | Ended


class Trial:
    """What a function that takes ``trial`` gets."""

    def __init__(
        self, task: Task, run_id: str, should_prune: Callable[[int, float], bool] | None
    ) -> None:
        self.number = task.number
        """Counted from 0."""
        self.parameters = dict(task.point)
        self.run_id = run_id
        self.pruned_at: int | None = None
        self.last: tuple[int, float] | None = None
        """Step and value that were reported last."""
        self._metric = task.metric
        self._should_prune = should_prune

    def report(self, value: float, step: int) -> None:
        """Log a value of the sweep's metric on the way, and end here if it doesn't promise much.

        Args:
            value: of the metric that the sweep optimises.
            step: an integer that grows, such as the epoch.

        Raises:
            Pruned: the sweep's pruner ends the trial.
        """
        number, place = as_number(self._metric, value), as_step(step)
        log_metric(self._metric, number, place, run_id=self.run_id)
        self.last = (place, number)
        if self._should_prune is not None and self._should_prune(place, number):
            self.pruned_at = place
            raise Pruned(f"Trial {self.number} was pruned at step {place}.")


def run_trial(
    function: Function,
    task: Task,
    *,
    on_start: Callable[[Started], None],
    should_prune: Callable[[int, float], bool] | None,
) -> Ended:
    """Call ``function`` with a point, in a run of its own; what it raises is how the trial ended.

    Args:
        function: gets the point's parameters by name, and the trial if it asks.
        task: the trial.
        on_start: called once the run is there.
        should_prune: asked for each reported step and value; ``None``: nobody wants to know.

    Raises:
        KeyboardInterrupt: Ctrl-C, after the run was ended.
    """
    run = start_run(
        experiment_id=task.experiment_id,
        run_name=task.run_name,
        nested=True,
        parent_run_id=task.parent_run_id,
        tags=task.run_tags,
        capture=task.capture,
    )
    run_id = run.info.run_id
    on_start(Started(task.number, run_id, run.info.start_time or 0))
    trial = Trial(task, run_id, should_prune)
    try:
        with run:
            return _outcome(function, task, trial)
    except Exception as error:  # noqa: BLE001  # whatever a trial does, the sweep goes on
        return _failed(task, run_id, error)
    except SystemExit as error:
        return _failed(task, run_id, error)


def _outcome(function: Function, task: Task, trial: Trial) -> Ended:
    """Call the function and note what came of it, in the active run."""
    run = run_to_log_to(trial.run_id)
    try:
        log_params(task.point)
        arguments = dict(task.point)
        if takes_trial(function):
            arguments.setdefault(TRIAL, trial)
        value = _value(function(**arguments), trial, task.metric)
    except Pruned:
        step = trial.pruned_at
        facts = {tags.SWEEP_STATE: "pruned", tags.SWEEP_PRUNED: "" if step is None else str(step)}
        set_tags_of(run, facts)
        end_run(RunStatus.KILLED)
        return Ended(task.number, "pruned", run_id=trial.run_id, pruned_at=step)
    except (Exception, SystemExit):
        set_tags_of(run, {tags.SWEEP_STATE: "failed"})
        raise
    set_tags_of(run, {tags.SWEEP_STATE: "completed", tags.SWEEP_VALUE: repr(value)})
    return Ended(task.number, "completed", value, run_id=trial.run_id)


def _failed(task: Task, run_id: str, error: BaseException) -> Ended:
    _log.debug("Trial %d failed.", task.number, exc_info=error)
    return Ended(task.number, "failed", reason=reason_of(error), run_id=run_id)


def reason_of(error: BaseException) -> str:
    """An exception on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:_MAX_REASON] if text else type(error).__name__


def _value(returned: Any, trial: Trial, key: str) -> float:
    """The trial's value, of what the function returned; its numbers are logged.

    A metric that the function logged itself isn't logged again: its curve stays as it is. What was
    reported goes on with the value that was returned in the end, if that is another.
    """
    run_id = trial.run_id
    if returned is None:
        return _logged(key, run_id)
    values = returned if isinstance(returned, Mapping) else {key: returned}
    if key not in values:
        raise InvalidInput(f"The function returned {', '.join(map(str, values))}, but no {key!r}.")
    numbers = {str(name): as_number(str(name), value) for name, value in values.items()}
    run = run_to_log_to(run_id)
    fresh = {k: v for k, v in numbers.items() if not run.recorder.has_points(run.run_id, k)}
    if fresh:
        log_metrics(fresh, run_id=run_id)
    if trial.last is not None and trial.last[1] != numbers[key]:
        log_metric(key, numbers[key], trial.last[0] + 1, run_id=run_id)
    if math.isnan(numbers[key]):
        raise InvalidInput(f"The metric {key!r} is NaN.")
    return numbers[key]


def _logged(key: str, run_id: str) -> float:
    value = client_for().get_run(run_id).data.metrics.get(key)
    if value is None:
        raise InvalidInput(f"The function neither returned nor logged the metric {key!r}.")
    if math.isnan(value):
        raise InvalidInput(f"The metric {key!r} is NaN.")
    return value

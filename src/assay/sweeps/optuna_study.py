"""Optuna's samplers and pruners over trials that the store keeps.

The study lives in memory only. A resumed sweep rebuilds it from the trials' runs: their points and
results are told again in the order in which they came, so there is no second database that could
contradict the first. Each suggestion is seeded by the sweep's seed and the trial's number.
"""

from __future__ import annotations

import logging
import math
import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from assay.errors import InvalidInput, MissingExtra, MissingFramework
from assay.sweeps.samplers import Sampler
from assay.sweeps.space import Choices, Dimension, Fixed, Point, Range
from assay.sweeps.spec import Named, SweepSpec

_log = logging.getLogger(__name__)

_SAMPLER_CLASSES: Final = {
    "tpe": "TPESampler",
    "gp": "GPSampler",
    "cmaes": "CmaEsSampler",
    "qmc": "QMCSampler",
    "random": "RandomSampler",
    "nsgaii": "NSGAIISampler",
}
_PRUNER_CLASSES: Final = {
    "median": "MedianPruner",
    "percentile": "PercentilePruner",
    "hyperband": "HyperbandPruner",
    "successive_halving": "SuccessiveHalvingPruner",
}
_ASKED_AGAIN: Final = ("cmaes", "qmc", "nsgaii")
"""Samplers that keep their state with the trials they were asked for: a resumed study asks again.
The others only look at results, which are put in as they are.
"""


class Finished(NamedTuple):
    """An ended trial of a sweep that is resumed."""

    number: int
    point: Point
    value: float | None
    """``None``: it failed."""
    pruned: bool
    reports: Mapping[int, float]
    """Values by step, where a pruner wants to know them."""
    start_ms: int
    end_ms: int


class Study:
    """Optuna's study over the points of a sweep. Thread-safe.

    With the methods ``grid`` and ``random`` it only prunes: the points come from those.
    """

    def __init__(self, spec: SweepSpec, chooser: Sampler | None = None) -> None:
        """Raises ``MissingExtra`` without Optuna, ``InvalidInput`` for options it refuses."""
        self._optuna = _optuna()
        self._spec = spec
        self._chooser = chooser
        self._lock = threading.RLock()
        self._trials: dict[int, Any] = {}
        self._distributions = {
            name: _distribution(self._optuna, dimension)
            for name, dimension in spec.parameters.items()
            if not isinstance(dimension, Fixed)
        }
        name = "random" if chooser is not None else spec.sampler.name
        self._sampler = Named(name, spec.sampler.options if chooser is None else {})
        self._study = self._optuna.create_study(
            # Hyperband sorts trials into brackets by this name: a resumed sweep must have the same.
            study_name="sweep",
            direction=spec.metric.goal,
            sampler=self._make_sampler(0),
            pruner=_made_pruner(self._optuna, spec.pruner),
        )

    def _make_sampler(self, number: int) -> Any:
        options = dict(self._sampler.options)
        if self._sampler.name == "tpe":
            # Points that are still tried count as bad ones: parallel trials keep their distance.
            options.setdefault("constant_liar", self._spec.parallel > 1)
        # A sequence of points is one whole: all of it has one seed.
        shift = 0 if self._sampler.name == "qmc" else number
        options["seed"] = (self._spec.seed * 1_000_003 + shift) % 2**32
        made = getattr(self._optuna.samplers, _SAMPLER_CLASSES[self._sampler.name])
        return _made(made, options, what=f"the sampler {self._sampler.name}")

    def ask(self, number: int) -> Point | None:
        """The point of trial ``number``."""
        with self._lock:
            chosen = None
            if self._chooser is not None:
                chosen = self._chooser.ask(number)
                if chosen is None:
                    return None
            trial = self._ask(number, chosen)
            return self._point(trial.params)

    def _ask(self, number: int, chosen: Point | None) -> Any:
        if self._sampler.name != "qmc":
            self._study.sampler = self._make_sampler(number)
        if chosen is not None:
            self._study.enqueue_trial(self._to_optuna(chosen))
        try:
            trial = self._study.ask()
            if chosen is not None and self._sampler.name in _ASKED_AGAIN:
                # Nobody else asks the sampler for a point that is given, and it counts its points.
                _ = trial.relative_params
            for name in self._distributions:
                _suggest(trial, name, self._spec.parameters[name])
        except (ImportError, ModuleNotFoundError) as error:
            raise missing_package(self._sampler.name, error) from error
        assert trial.number == number
        self._trials[number] = trial
        return trial

    def should_prune(self, number: int, step: int, value: float) -> bool:
        """Take a value that a running trial reported; whether the trial is to end."""
        with self._lock:
            trial = self._trials[number]
            if math.isnan(value) or step < 0:
                return False  # nothing that Optuna could compare
            trial.report(value, step)
            return bool(trial.should_prune())

    def tell(self, number: int, value: float | None, *, pruned: bool = False) -> None:
        """How a trial ended."""
        states = self._optuna.trial.TrialState
        with self._lock:
            if pruned:
                self._study.tell(number, state=states.PRUNED)
            elif value is None or math.isnan(value):
                self._study.tell(number, state=states.FAIL)
            else:
                self._study.tell(number, value)

    def rebuild(
        self, points: Sequence[Point | None], ended: Sequence[Finished]
    ) -> dict[int, Point]:
        """Make the study what it was.

        Args:
            points: of all trials, by number; ``None`` where it was lost.
            ended: those of them that have a result.

        Returns:
            New points for the numbers that were lost.
        """
        by_number = {one.number: one for one in ended}
        if self._chooser is None and self._sampler.name in _ASKED_AGAIN:
            return self._ask_again(points, by_number)
        made: dict[int, Point] = {}
        for number, point in enumerate(points):
            done = by_number.get(number)
            if done is None:
                self._take_up(number, point, made)
            else:
                self._add(done)
        return made

    def _take_up(self, number: int, point: Point | None, made: dict[int, Point]) -> None:
        if point is not None:
            with self._lock:
                self._ask(number, point)
        elif (fresh := self.ask(number)) is not None:
            made[number] = fresh

    def _ask_again(
        self, points: Sequence[Point | None], ended: dict[int, Finished]
    ) -> dict[int, Point]:
        made: dict[int, Point] = {}
        waiting = sorted(ended.values(), key=lambda one: one.end_ms)
        for number, point in enumerate(points):
            start = ended[number].start_ms if number in ended else math.inf
            while waiting and waiting[0].number < number and waiting[0].end_ms <= start:
                self._tell_again(waiting.pop(0))
            self._take_up(number, point, made)
        for one in waiting:
            self._tell_again(one)
        return made

    def _tell_again(self, one: Finished) -> None:
        for step, value in sorted(one.reports.items()):
            self.should_prune(one.number, step, value)
        self.tell(one.number, one.value, pruned=one.pruned)

    def _add(self, one: Finished) -> None:
        states = self._optuna.trial.TrialState
        failed = one.value is None or math.isnan(one.value)
        state = states.PRUNED if one.pruned else states.FAIL if failed else states.COMPLETE
        reports = {step: value for step, value in one.reports.items() if not math.isnan(value)}
        value = one.value if state == states.COMPLETE else None
        if state == states.PRUNED and reports:
            value = reports[max(reports)]
        with self._lock:
            self._study.add_trial(
                self._optuna.trial.create_trial(
                    state=state,
                    value=value,
                    params=self._to_optuna(one.point),
                    distributions=self._distributions,
                    intermediate_values=reports,
                )
            )

    def _to_optuna(self, point: Point) -> dict[str, Any]:
        space = self._spec.parameters
        params: dict[str, Any] = {}
        for name in self._distributions:
            dimension = space[name]
            # By place: Optuna's categories are plain values, ours may be lists.
            if isinstance(dimension, Choices):
                params[name] = dimension.values.index(point[name])
            else:
                params[name] = point[name]
        return params

    def _point(self, params: Mapping[str, Any]) -> Point:
        point: Point = {}
        for name, dimension in self._spec.parameters.items():
            match dimension:
                case Fixed():
                    point[name] = dimension.value
                case Choices():
                    point[name] = dimension.values[params[name]]
                case Range():
                    point[name] = params[name]
        return point


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra(
            "optuna", extra="sweeps", purpose="A sweep by Optuna, or with a pruner,"
        ) from error
    # It is the sweep that speaks.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def missing_package(sampler: str, error: ImportError) -> MissingFramework:
    """What to install for a sampler that can't be imported."""
    package = (error.name or "").split(".")[0] or "an optional package of Optuna"
    return MissingFramework(package, purpose=f"Optuna's sampler {sampler!r}")


def _made(made: Any, options: Mapping[str, Any], *, what: str) -> Any:
    try:
        return made(**options)
    except (ImportError, ModuleNotFoundError) as error:
        raise missing_package(what, error) from error
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"Optuna refuses {what}: {' '.join(str(error).split())}") from error


def _made_pruner(optuna: Any, pruner: Named | None) -> Any:
    if pruner is None or pruner.name == "none":
        return optuna.pruners.NopPruner()
    made = getattr(optuna.pruners, _PRUNER_CLASSES[pruner.name])
    return _made(made, pruner.options, what=f"the pruner {pruner.name}")


def _suggest(trial: Any, name: str, dimension: Dimension) -> None:
    """Have the trial choose a parameter, from what ``_distribution`` says as well."""
    if isinstance(dimension, Choices):
        trial.suggest_categorical(name, list(range(len(dimension.values))))
        return
    assert isinstance(dimension, Range)
    low, high = dimension.low, _last(dimension)
    if dimension.whole:
        step = int(dimension.step or 1)
        trial.suggest_int(name, int(low), int(high), step=step, log=dimension.log)
    else:
        trial.suggest_float(name, low, high, step=dimension.step, log=dimension.log)


def _last(dimension: Range) -> float:
    """The largest value that can be reached, as Optuna wants the end to be."""
    if dimension.step is None:
        return dimension.high
    return dimension.nth(int(dimension.count()) - 1)


def _distribution(optuna: Any, dimension: Dimension) -> Any:
    kinds = optuna.distributions
    if isinstance(dimension, Choices):
        return kinds.CategoricalDistribution(list(range(len(dimension.values))))
    assert isinstance(dimension, Range)
    low, high = dimension.low, _last(dimension)
    if dimension.whole:
        step = int(dimension.step or 1)
        return kinds.IntDistribution(int(low), int(high), log=dimension.log, step=step)
    return kinds.FloatDistribution(low, high, log=dimension.log, step=dimension.step)

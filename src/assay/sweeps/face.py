"""``assay.sweep``, and what the command line does with a file: from a spec to a result."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from assay.client.client import Client
from assay.context.capture import snapshot, wanted_parts
from assay.context.source import source_tags
from assay.entities import tags
from assay.entities.runs import Run, RunStatus
from assay.errors import InvalidInput
from assay.fluent.artifacts import log_text
from assay.fluent.experiments import chosen_experiment, create_experiment
from assay.fluent.log import set_tags
from assay.fluent.reading import client_for
from assay.fluent.runs import ActiveRun, end_run, start_run
from assay.sweeps.entry_points import EntryPoints
from assay.sweeps.executor import Executor
from assay.sweeps.functions import Function, check_fits, find_function, name_of, pack
from assay.sweeps.guide import Guide, check_optuna
from assay.sweeps.in_process import InThreads, OneByOne
from assay.sweeps.reading import make_spec, read_sweep
from assay.sweeps.result import SweepResult
from assay.sweeps.run import Leader, Observer
from assay.sweeps.space import Dimension, Point, grid_size
from assay.sweeps.spec import SweepSpec, dump_spec
from assay.sweeps.state import (
    SPEC_PATH,
    TrialResult,
    bring_in_the_dead,
    check_not_running,
    find_sweep,
    finished,
    past_trials,
    spec_of,
    with_left_over,
)
from assay.sweeps.trials import Task
from assay.sweeps.workers import InProcesses

_log = logging.getLogger(__name__)


def sweep(
    function_or_spec: Function | str | Path | Mapping[str, Any] | SweepSpec,
    space: Mapping[str, Dimension | Any] | None = None,
    *,
    metric: str | None = None,
    goal: Literal["minimize", "maximize"] = "minimize",
    method: Literal["grid", "random", "optuna"] | None = None,
    trials: int | None = None,
    parallel: int | None = None,
    workers: Literal["processes", "threads"] | None = None,
    sampler: str | Mapping[str, Any] | None = None,
    pruner: str | Mapping[str, Any] | None = None,
    seed: int | None = None,
    timeout_s: float | None = None,
    stop: Mapping[str, Any] | None = None,
    retries: int | None = None,
    experiment: str | None = None,
    name: str | None = None,
    resume: str | None = None,
) -> SweepResult:
    """Try many points of a space, each in a run of its own, and find the best one.

    The runs are children of one parent run. What was tried is kept as it happens: a sweep that was
    interrupted goes on with ``resume=`` its parent run, or by itself under the same ``name``.

    Args:
        function_or_spec: a function that gets the parameters by name (and ``trial``, if it takes
            that) and returns the metric, or a dict of metrics with it, or nothing after it logged
            the metric itself. Or a sweep as in ``sweep.yaml``: a path, or its entries.
        space: for a function, what each parameter may be: one value, a list of choices, or a range
            as ``{"min": 1e-5, "max": 0.1, "log": True}`` (``int``, ``step``).
        metric: name of what is optimised.
        goal: ``minimize`` or ``maximize``.
        method: ``grid``, ``random`` or ``optuna``; a grid where all are choices, else random.
        trials: how many points are tried; all of a grid if left out.
        parallel: how many trials run at a time; more than one in processes of their own.
        workers: ``threads`` runs them in threads of this process instead.
        sampler: Optuna's: ``tpe``, ``gp``, ``cmaes``, ``qmc``, ``random``, ``nsgaii``, or a mapping
            with ``name`` and options.
        pruner: ``median``, ``percentile``, ``hyperband``, ``successive_halving``: ends trials whose
            reported values don't promise much.
        seed: of the points that are chosen; made up, and kept, if left out.
        timeout_s: seconds after which the sweep ends.
        stop: ``target``: a value that is good enough; ``patience``: trials without a better one.
        retries: how often a trial that failed is tried again.
        experiment: name of where the runs go; else where others go.
        name: of the parent run.
        resume: id of the parent run of a sweep to go on with.

    Raises:
        InvalidInput: the sweep isn't right; all mistakes are named.
        MissingExtra: Optuna or cloudpickle is needed and isn't installed.
        SweepFailed: the first trials all failed.
        KeyboardInterrupt: Ctrl-C; the message that was logged says how to go on.
    """
    given = {
        "method": method,
        "sampler": sampler,
        "pruner": pruner,
        "trials": trials,
        "parallel": parallel,
        "workers": workers,
        "seed": seed,
        "timeout": timeout_s,
        "stop": stop,
        "retries": retries,
        "experiment": experiment,
        "name": name,
    }
    function: Function | None = None
    if callable(function_or_spec):
        function = function_or_spec
        spec = _spec_of_function(function, space, metric=metric, goal=goal, given=given)
    else:
        if space is not None or metric is not None:
            raise InvalidInput("A sweep's space and metric are in its file or entries.")
        spec = _spec_of_entries(function_or_spec, given)
    return run_sweep(spec, function, resume=resume)


def _spec_of_function(
    function: Function,
    space: Mapping[str, Any] | None,
    *,
    metric: str | None,
    goal: str,
    given: Mapping[str, Any],
) -> SweepSpec:
    entries: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if space is not None:
        entries["parameters"] = dict(space)
    if metric is not None:
        entries["metric"] = {"name": metric, "goal": goal}
    entries.setdefault("method", "random" if "trials" in entries else "grid")
    spec = make_spec(entries)
    check_fits(function, spec.parameters)
    return msgspec.structs.replace(spec, function=name_of(function) or _shown(function))


def _shown(function: Function) -> str:
    return f"__main__:{getattr(function, '__qualname__', type(function).__name__)}"


def _spec_of_entries(
    source: str | Path | Mapping[str, Any] | SweepSpec, given: Mapping[str, Any]
) -> SweepSpec:
    changes = {key: value for key, value in given.items() if value is not None}
    if isinstance(source, SweepSpec):
        if changes:
            raise InvalidInput(f"The spec says {', '.join(changes)} already.")
        return source
    if isinstance(source, Mapping):
        return make_spec({**source, **changes}, folder=Path.cwd())
    return read_sweep(Path(source), changes)


def changed_spec(spec: SweepSpec, changes: Mapping[str, Any]) -> SweepSpec:
    """A checked spec with some of ``trials``, ``parallel``, ``name``, ``experiment``, ``backend``
    replaced.

    Raises:
        InvalidInput: a value is out of range.
    """
    known: dict[str, Any] = {"parameters": {"x": 0}, "metric": "x", "trials": 1}
    make_spec({**known, **{k: v for k, v in changes.items() if k != "backend"}})
    if "trials" in changes and spec.method == "grid":
        size = min(changes["trials"], grid_size(spec.parameters))
        changes = {**changes, "trials": int(size)}
    return msgspec.structs.replace(spec, **changes)


def run_sweep(
    spec: SweepSpec,
    function: Function | None = None,
    *,
    resume: str | None = None,
    observer: Observer | None = None,
    echo: bool = True,
    capture: str | Collection[str] | None = None,
) -> SweepResult:
    """Run a checked sweep to its end.

    Args:
        spec: the sweep.
        function: what it calls; found by its name if left out.
        resume: id of the parent run to go on with.
        observer: told of each trial that begins or ends.
        echo: whether what trials print in other processes is seen here.
        capture: what the parent run takes along, as of ``start_run``.

    Raises: as ``sweep``.
    """
    if spec.function and function is None:
        function = find_function(spec.function, spec.path)
        check_fits(function, spec.parameters)
    check_optuna(spec)
    experiment_id = _experiment_id(spec)
    client = client_for()
    old = _found(client, spec, experiment_id, resume)
    if old is not None:
        spec = _continued(client, spec, old)
    guide = Guide(spec)
    past, missing = _past(client, spec, guide, old)
    parent = _start_parent(spec, experiment_id if spec.experiment else None, old, capture)
    return _led(_Plan(spec, guide, function, parent, past, missing), observer=observer, echo=echo)


def _experiment_id(spec: SweepSpec) -> str:
    if spec.experiment is None:
        return chosen_experiment().experiment.experiment_id
    found = client_for().get_experiment_by_name(spec.experiment)
    return create_experiment(spec.experiment) if found is None else found.experiment_id


def _found(client: Client, spec: SweepSpec, experiment_id: str, resume: str | None) -> Run | None:
    """The parent run to go on with."""
    if resume is None and not spec.name:
        return None
    bring_in_the_dead()
    old = client.get_run(resume) if resume else find_sweep(client, experiment_id, spec.name)
    if old is not None:
        check_not_running(client.location, old)
    return old


def _continued(client: Client, spec: SweepSpec, old: Run) -> SweepSpec:
    """The spec, with what can't change amid a sweep."""
    before = spec_of(client, old)
    if before.identity() != spec.identity():
        raise InvalidInput(
            f"The sweep {old.info.run_name!r} ({old.info.run_id}) has another target, space, metric"
            " or method. Give this one another name, or go on with what that one says."
        )
    return msgspec.structs.replace(spec, seed=before.seed)


def _past(
    client: Client, spec: SweepSpec, guide: Guide, old: Run | None
) -> tuple[list[TrialResult], dict[int, Point]]:
    if old is None:
        return [], {}
    past = with_left_over(client, past_trials(client, spec, old))
    points: dict[int, Point] = {one.number: one.point for one in past}
    count = max(points, default=-1) + 1
    missing = guide.rebuild([points.get(n) for n in range(count)], finished(client, spec, past))
    return past, missing


def _start_parent(
    spec: SweepSpec,
    experiment_id: str | None,
    old: Run | None,
    capture: str | Collection[str] | None,
) -> ActiveRun:
    if old is not None:
        parent = start_run(run_id=old.info.run_id, nested=True, capture="none")
    else:
        parent = start_run(
            experiment_id=experiment_id,
            run_name=spec.name or None,
            nested=True,
            tags={tags.SOURCE_TYPE: "PROJECT", tags.SOURCE_NAME: spec.project}
            if spec.project
            else None,
            capture=capture,
        )
        set_tags({tags.SWEEP: spec.name or parent.info.run_name})
    log_text(dump_spec(spec).decode(), SPEC_PATH)
    return parent


class _Plan(NamedTuple):
    """A sweep that is ready to be led."""

    spec: SweepSpec
    guide: Guide
    function: Function | None
    parent: ActiveRun
    past: list[TrialResult]
    missing: dict[int, Point]


def _led(plan: _Plan, *, observer: Observer | None, echo: bool) -> SweepResult:
    """Lead it, and end the parent run as it deserves."""
    spec, parent = plan.spec, plan.parent
    status, executor = RunStatus.FAILED, None
    try:
        executor = _executor(plan, echo=echo)
        tasks = _Tasks(spec, plan.guide, parent)
        leader = Leader(spec, plan.guide, executor, parent=parent, task=tasks, observer=observer)
        leader.resume(plan.past, plan.missing)
        try:
            reason = leader.lead()
        except BaseException:
            leader.cancel()
            raise
        status = RunStatus.FINISHED
    except KeyboardInterrupt:
        status = RunStatus.KILLED
        _log.warning("The sweep was interrupted. Go on with resume=%r.", parent.info.run_id)
        raise
    finally:
        if executor is not None:
            executor.close()
        end_run(status)
    return SweepResult(
        spec=spec,
        location=client_for().location,
        run_id=parent.info.run_id,
        run_name=parent.info.run_name,
        status=status,
        reason=reason,
        trials=[leader.trials[number] for number in sorted(leader.trials)],
    )


def _executor(plan: _Plan, *, echo: bool) -> Executor:
    spec, prune, function = plan.spec, plan.guide.should_prune, plan.function
    if function is None:
        return EntryPoints(spec, prune, prunes=plan.guide.prunes)
    if spec.parallel == 1:
        return OneByOne(function, prune)
    if spec.workers == "threads":
        return InThreads(function, prune, parallel=spec.parallel)
    return InProcesses(pack(function), prune, parallel=spec.parallel, echo=echo)


class _Tasks:
    """Makes the tasks of a sweep; what all its runs share is looked at once."""

    def __init__(self, spec: SweepSpec, guide: Guide, parent: ActiveRun) -> None:
        self._spec = spec
        self._guide = guide
        self._parent = parent
        wanted = wanted_parts()
        apart = spec.parallel > 1 and spec.workers == "processes"
        # Files such as the patch are with the parent, and so is what trials print in this process.
        self._capture = sorted(wanted & ({"exit", "output"} if apart else {"exit"}))
        self._tags: dict[str, str] = {}
        if not spec.project:
            shared = snapshot(wanted & {"process", "git", "hardware"})
            self._tags = {**source_tags(), **shared.tags}

    def __call__(self, trial: TrialResult) -> Task:
        info = self._parent.info
        return Task(
            number=trial.number,
            point=trial.point,
            parent_run_id=info.run_id,
            experiment_id=info.experiment_id,
            metric=self._spec.metric.name,
            attempt=trial.attempt,
            goes_on_as=trial.run_id,
            tags=self._tags,
            capture=self._capture,
            asks=self._guide.prunes,
        )

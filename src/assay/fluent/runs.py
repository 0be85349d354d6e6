"""Runs: starting and ending them, and asking for them."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from assay.client.client_runs import as_status
from assay.client.recorder import Recorder
from assay.context.source import in_notebook, source_tags
from assay.entities.ids import RunId, check_run_id, new_run_id
from assay.entities.lifecycle import LifecycleStage
from assay.entities.names import check_key, check_run_name, check_value
from assay.entities.operations import SetTags, StartRun, UpdateRun
from assay.entities.run_names import new_run_name
from assay.entities.runs import Run, RunData, RunInfo, RunStatus
from assay.entities.tags import (
    BESIDE,
    COMMAND_LINE,
    GIT_BRANCH,
    GIT_COMMIT,
    GIT_REMOTE,
    NOTE,
    PARENT_RUN_ID,
    RUN_NAME,
    SOURCE_DIRECTORY,
    USER,
)
from assay.errors import InactiveResource, InvalidInput, StoreUnavailable
from assay.fluent import capturing, ending
from assay.fluent.active import OpenRun, find_open, here, run_by_id
from assay.fluent.experiments import Choice, chosen_experiment
from assay.fluent.reading import client_for, current_recorder
from assay.fluent.run import TrackedRun
from assay.fluent.welcome import welcome

if TYPE_CHECKING:
    from typing import Self

_log = logging.getLogger(__name__)
_started = itertools.count(1)
_launched: RunId | None = None

RUN_ID_VARIABLES = ("ASSAY_RUN_ID", "MLFLOW_RUN_ID")
"""A program started with one of them goes on with that run; used up by the first ``start_run``."""
LAUNCHERS_TAGS = frozenset({COMMAND_LINE, GIT_BRANCH, GIT_COMMIT, GIT_REMOTE, SOURCE_DIRECTORY})
"""Tags of a project's run that its launcher knows better than the process that it started."""
RUN_NUMBER_VARIABLE = "ASSAY_RUN_NUMBER"
"""Which ``start_run`` of the program goes on with that run, from 1, where it isn't the first: a
program that makes several runs is started again for one of them.
"""


class ActiveRun(TrackedRun, frozen=True):
    """The run that is logged to; a context manager that ends it.

    What it shows is as of its start; ``assay.get_run`` reads what it has become.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the run, and runs nested in it that are still active; FAILED after an exception."""
        ids = [run.run_id for run in here.stack]
        if self.info.run_id not in ids:
            return
        status = ending.status_of(error)
        while here.stack and ids.pop() != self.info.run_id:
            _end_top(status, error)
        _end_top(status, error)


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
    *,
    capture: str | bool | Collection[str] | None = None,
) -> ActiveRun:
    """Start a run and make it the active one of this thread; ``with assay.start_run():`` ends it
    too.

    Takes no round trip: the run's id is made here, and the store hears of it by the journal.

    Args:
        run_id: go on with this run instead; also by ``ASSAY_RUN_ID`` or ``MLFLOW_RUN_ID``.
        experiment_id: where it belongs; else the experiment that is set.
        run_name: left out, a name is made up.
        nested: allowed while another run is active, which becomes the parent.
        parent_run_id: the parent, where it is not the active run of this thread.
        tags: set on the run.
        description: Markdown, shown on the run's page.
        log_system_metrics: log processor, memory, disk, network and GPUs while it lasts; also by
            ``ASSAY_LOG_SYSTEM_METRICS`` or ``MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING``.
        capture: what the run takes along by itself, as in ``ASSAY_CAPTURE``: ``"none"``,
            ``"git,packages"``, ``"-output"``; all unless told otherwise.

    Raises:
        InvalidInput: another run is active and ``nested`` is not set, or a name or tag can't be
            one.
        RunNotFound: there is no run with this id.
        InactiveResource: the run or experiment is deleted.
        MissingExtra: system metrics without the extra ``assay[system]``.
    """
    _check_nesting(nested=nested, parent_run_id=parent_run_id)
    parts = capturing.parts_of(capture)
    facts = _user_tags(tags, description=description, run_name=run_name)
    number = next(_started)
    existing = run_id or _run_id_of_environment(number)
    if existing:
        run = _resume(
            check_run_id(existing), facts, experiment_id=experiment_id, launched=not run_id
        )
    else:
        run = _create(facts, experiment_id=experiment_id, parent_run_id=parent_run_id)
    run.number = number
    is_nested = bool(here.stack)
    here.push(run)
    ending.watch()
    welcome(run.location)
    try:
        capturing.begin(run, parts, nested=is_nested, system_metrics=log_system_metrics)
    except BaseException:
        end_run(RunStatus.FAILED)
        raise
    entity = run.entity
    assert isinstance(entity, ActiveRun)
    return entity


def _check_nesting(*, nested: bool, parent_run_id: str | None) -> None:
    if not here.stack:
        return
    top = here.stack[-1]
    if not nested and in_notebook():
        # A cell that starts a run and is run again means a new run, not a mistake.
        _log.warning("Run %s was still active and ends, because a new one starts.", top.run_id)
        while here.stack:
            end_run()
        return
    if not nested:
        raise InvalidInput(
            f"Run with UUID {top.run_id} is already active. To start a new run, first end the"
            " current run with assay.end_run(). To start a nested run, call start_run with"
            " nested=True."
        )
    if parent_run_id is not None and parent_run_id != top.run_id:
        raise InvalidInput(
            f"The active run {top.run_id} is not the given parent_run_id {parent_run_id}."
            " End it first with assay.end_run()."
        )


def _run_id_of_environment(number: int) -> str | None:
    if not _is_for(number):
        return None
    _launched_run()
    found = None
    for name in RUN_ID_VARIABLES:
        # Both are used up: a second run of this program is a new one.
        found = found or os.environ.pop(name, None)
    return found


def _is_for(number: int) -> bool:
    wanted = os.environ.get(RUN_NUMBER_VARIABLE, "")
    return not wanted.isdecimal() or int(wanted) == number


def _launched_run() -> RunId | None:
    """The run that this program was started for, while the number says that it is another one."""
    if not os.environ.get(RUN_NUMBER_VARIABLE, "").isdecimal():
        return None
    global _launched
    found = next((os.environ[name] for name in RUN_ID_VARIABLES if os.environ.get(name)), None)
    if found is not None:
        _launched = check_run_id(found)
    return _launched


def _user_tags(
    tags: Mapping[str, Any] | None, *, description: str | None, run_name: str | None
) -> dict[str, str]:
    facts = {check_key("tag", key): check_value("tag", str(v)) for key, v in (tags or {}).items()}
    if description:
        if NOTE in facts:
            raise InvalidInput(f"Give the description once: it is the tag {NOTE} as well.")
        facts[NOTE] = check_value("tag", description)
    if run_name:
        if facts.get(RUN_NAME, run_name) != run_name:
            raise InvalidInput(f"Give the name once: the tag {RUN_NAME} says {facts[RUN_NAME]!r}.")
        facts[RUN_NAME] = check_run_name(run_name)
    return facts


def _create(
    facts: dict[str, str], *, experiment_id: str | None, parent_run_id: str | None
) -> OpenRun:
    choice = chosen_experiment(experiment_id)
    recorder = current_recorder()
    tags = {**source_tags(), **facts}
    parent = check_run_id(parent_run_id) if parent_run_id else None
    if parent is None and here.stack:
        parent = here.stack[-1].run_id
    if parent is None:
        # Of a program that was started again for one of its runs: the others go beneath it.
        parent = _launched_run()
        if parent is not None:
            tags[BESIDE] = "true"
    if parent is not None:
        tags[PARENT_RUN_ID] = parent
    name = tags.setdefault(RUN_NAME, new_run_name())
    run = OpenRun(new_run_id(), recorder, started_here=True)
    run.start = StartRun(
        run_id=run.run_id,
        start_time=run.start_time_ms,
        experiment_name=choice.operation_name,
        experiment_id=choice.operation_id,
        run_name=name,
        user_id=tags[USER],
        tags=tags,
    )
    run.run_id = recorder.start_run(run.start)
    info = _new_info(run, choice, name, user_id=tags[USER])
    run.entity = ActiveRun(info, RunData(tags=tags), location=run.location)
    return run


def _new_info(run: OpenRun, choice: Choice, name: str, *, user_id: str) -> RunInfo:
    place = choice.experiment.artifact_location
    return RunInfo(
        run_id=run.run_id,
        experiment_id=choice.experiment.experiment_id,
        run_name=name,
        status=RunStatus.RUNNING,
        start_time=run.start_time_ms,
        # Empty where only the server knows the experiment's place: ``get_artifact_uri`` asks it.
        artifact_uri=f"{place}/{run.run_id}/artifacts" if place else "",
        user_id=user_id,
    )


def _resume(
    run_id: RunId, facts: dict[str, str], *, experiment_id: str | None, launched: bool
) -> OpenRun:
    recorder = current_recorder()
    run = OpenRun(run_id, recorder, started_here=False)
    try:
        known: Run | None = client_for().get_run(run_id)
    except StoreUnavailable as error:
        _log.warning("Run %s goes on without having been looked up: %s", run_id, error.message)
        known = None
    if known is not None:
        _check_resumed(known, experiment_id=experiment_id)
        run.params.update(known.data.params)
        # Whoever launches a project's run knows its code and its whole command; what it runs in
        # is seen from here.
        run.is_described_here = launched and bool(os.environ.get("MLFLOW_PROJECT_ENV"))
        run.known_tags = LAUNCHERS_TAGS & known.data.tags.keys()
        run.start_time_ms = known.info.start_time or run.start_time_ms
        run.entity = ActiveRun.of(known, run.location)
    else:
        choice = chosen_experiment(experiment_id)
        info = _new_info(run, choice, facts.get(RUN_NAME, ""), user_id="")
        run.entity = ActiveRun.of(Run(info, RunData(tags=facts)), run.location)
    recorder.append(UpdateRun(run_id, RunStatus.RUNNING, run_name=facts.get(RUN_NAME)))
    if facts:
        recorder.append(SetTags(run_id, facts))
    return run


def _check_resumed(known: Run, *, experiment_id: str | None) -> None:
    if known.info.lifecycle_stage == LifecycleStage.DELETED:
        raise InactiveResource("run", known.info.run_id)
    if experiment_id is not None and known.info.experiment_id != str(experiment_id):
        raise InvalidInput(
            f"Run {known.info.run_id} belongs to experiment {known.info.experiment_id},"
            f" not to {experiment_id}."
        )


def end_run(status: str = RunStatus.FINISHED) -> None:
    """End the active run of this thread, if there is one; the one around it becomes active again.

    Raises:
        InvalidInput: ``status`` is none; the run stays active.
    """
    _end_top(as_status(status), None)


def _end_top(status: RunStatus, error: BaseException | None) -> None:
    if here.stack:
        run = here.pop()
        if run.process_id == os.getpid():
            # A forked child leaves its parent's run to the parent.
            ending.finish(run, status, error=error)


def active_run() -> ActiveRun | None:
    """The active run of this thread, as of its start; ``None`` if there is none."""
    top = here.top
    entity = None if top is None else top.entity
    return entity if isinstance(entity, ActiveRun) else None


def last_active_run() -> Run | None:
    """The active run, else the one that this thread ended last, as it is now."""
    active = active_run()
    if active is not None:
        return active
    if here.last_run_id is None or here.last_location is None:
        return None
    run = client_for(here.last_location).get_run(here.last_run_id)
    return TrackedRun.of(run, here.last_location)


def run_to_log_to(run_id: str | None = None) -> OpenRun:
    """The run that a log call means: the one named, the active one, else a new one.

    Raises:
        InvalidName: the id can't be one.
    """
    if run_id is not None:
        from_here = find_open(RunId(run_id))
        return from_here or _run_by_id(run_id)
    top = here.top
    if top is None:
        start_run()
        top = here.top
        assert top is not None
    return top


def _run_by_id(run_id: str) -> OpenRun:
    recorder: Recorder = current_recorder()
    return run_by_id(check_run_id(run_id), recorder)


def get_run(run_id: str) -> Run:
    """The run with all it recorded but histories. Raises ``RunNotFound``."""
    client = client_for()
    return TrackedRun.of(client.get_run(run_id), client.location)


def get_parent_run(run_id: str) -> Run | None:
    """The run that this one was nested in, or ``None``."""
    client = client_for()
    parent = client.get_parent_run(run_id)
    return None if parent is None else TrackedRun.of(parent, client.location)


def delete_run(run_id: str) -> None:
    """Move the run to the bin."""
    client_for().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Take the run back from the bin."""
    client_for().restore_run(run_id)

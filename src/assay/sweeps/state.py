"""State: what a sweep's runs say of it, so that it goes on after a crash, on any machine.

There is no file of its own. The parent run keeps the spec; each trial's run carries its number and
point from its start, and the sweep's verdict at its end. A trial without a verdict was under way
when the sweep died, and is tried again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from assay.client.client import Client
from assay.client.run_markers import runs_of_the_living
from assay.entities import tags
from assay.entities.runs import Run, RunStatus
from assay.errors import (
    ArtifactNotFound,
    InvalidInput,
    MissingExtra,
    NotFound,
    StoreUnavailable,
)
from assay.fluent.reading import current_recorder
from assay.projects.backends import backend
from assay.projects.backends.base import SubmittedRun, SupportsAttach
from assay.store.uri import Location
from assay.sweeps.optuna_study import Finished
from assay.sweeps.space import Point, Space, read_point
from assay.sweeps.spec import SweepSpec, load_spec
from assay.sweeps.trials import State

SPEC_PATH: Final = "assay/sweep.json"
"""Artifact of the parent run."""
_MAX_DEATHS: Final = 2
"""A trial that was under way in so many crashes is taken for their cause."""
_VERDICTS: Final = ("completed", "failed", "pruned")


class TrialResult(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a trial."""

    number: int
    """Counted from 0."""
    point: Point
    """Its parameters."""
    state: State
    value: float | None = None
    """Of the sweep's metric; ``None`` unless completed."""
    run_id: str = ""
    """Of its last attempt; empty if that has no run."""
    attempt: int = 1
    failures: int = 0
    """How many attempts failed."""
    reason: str = ""
    """Why it failed."""
    pruned_at: int | None = None
    """The step at which it was pruned."""
    start_ms: int = 0
    end_ms: int = 0
    goes_on: bool = False
    """Whether its run goes on, though the sweep that began it has died."""

    @property
    def has_ended(self) -> bool:
        """Whether the sweep has its verdict."""
        return self.state in _VERDICTS

    def may_retry(self, retries: int) -> bool:
        """Whether it failed less often than it may."""
        return self.state == "failed" and 0 < self.failures <= retries


def find_sweep(client: Client, experiment_id: str, name: str) -> Run | None:
    """The latest sweep of this name in an experiment."""
    quote = '"' if "'" in name else "'"
    page = client.search_runs(
        [experiment_id], f"tags.`{tags.SWEEP}` = {quote}{name}{quote}", max_results=1
    )
    return page.items[0] if page.items else None


def spec_of(client: Client, parent: Run) -> SweepSpec:
    """The spec that a sweep was started with.

    Raises:
        InvalidInput: the run is no sweep, or its spec can't be read.
    """
    run_id = parent.info.run_id
    if tags.SWEEP not in parent.data.tags:
        raise InvalidInput(f"The run {run_id} is no sweep; --resume takes the parent run of one.")
    try:
        return load_spec(client.read_artifact(run_id, SPEC_PATH))
    except ArtifactNotFound:
        raise InvalidInput(f"The sweep {run_id} has lost its file {SPEC_PATH}.") from None
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"{SPEC_PATH} of the sweep {run_id} can't be read: {error}") from error


def bring_in_the_dead() -> None:
    """Have the journals that a killed sweep left on this machine delivered."""
    with contextlib.suppress(StoreUnavailable):
        current_recorder().flush()


def check_not_running(location: Location, parent: Run) -> None:
    """Raises ``InvalidInput`` if a process of this machine leads the sweep now."""
    nobody = location.journal_folder / "-"
    if parent.info.run_id in runs_of_the_living(location.journal_folder, but=nobody):
        raise InvalidInput(
            f"The sweep {parent.info.run_id} is running now, in another process of this machine."
        )


def past_trials(client: Client, spec: SweepSpec, parent: Run) -> list[TrialResult]:
    """The trials of a sweep by number, without gaps up to the last that has a point.

    A number whose run was lost before it told its point is left out.
    """
    attempts: dict[int, list[Run]] = {}
    for run in _children(client, parent):
        text = run.data.tags.get(tags.SWEEP_TRIAL, "")
        if text.isdecimal():
            attempts.setdefault(int(text), []).append(run)
    results = []
    for number in sorted(attempts):
        runs = sorted(attempts[number], key=lambda run: (_attempt(run), run.info.start_time or 0))
        result = _result(spec, number, runs)
        if result is not None:
            results.append(result)
    return results


def _children(client: Client, parent: Run) -> Iterator[Run]:
    token: str | None = None
    while True:
        page = client.search_runs(
            [parent.info.experiment_id],
            f"tags.`{tags.PARENT_RUN_ID}` = '{parent.info.run_id}'",
            max_results=1_000,
            page_token=token,
        )
        yield from page
        token = page.token
        if token is None:
            return


def _attempt(run: Run) -> int:
    text = run.data.tags.get(tags.SWEEP_ATTEMPT, "1")
    return int(text) if text.isdecimal() else 1


def _result(spec: SweepSpec, number: int, runs: Sequence[Run]) -> TrialResult | None:
    last = runs[-1]
    point = _point(spec.parameters, runs)
    if point is None:
        return None
    state, value = _verdict(spec, last)
    deaths = sum(_died(spec, run) for run in runs)
    reason = last.data.tags.get(tags.EXCEPTION, "")
    if state == "interrupted" and deaths >= _MAX_DEATHS:
        state, reason = "failed", "the sweep's process died each time it was tried"
    pruned_at = last.data.tags.get(tags.SWEEP_PRUNED, "")
    return TrialResult(
        number=number,
        point=point,
        state=state,
        value=value,
        run_id=last.info.run_id,
        attempt=_attempt(last),
        failures=sum(_verdict(spec, run)[0] == "failed" for run in runs),
        reason=reason,
        pruned_at=int(pruned_at) if pruned_at.lstrip("-").isdecimal() else None,
        start_ms=last.info.start_time or 0,
        end_ms=last.info.end_time or 0,
    )


def _point(space: Space, runs: Sequence[Run]) -> Point | None:
    for run in runs:
        point = read_point(space, run.data.tags.get(tags.SWEEP_POINT, ""))
        if point is not None:
            return point
    return None


def _verdict(spec: SweepSpec, run: Run) -> tuple[State, float | None]:
    """State and value of a trial's run."""
    state: Any = run.data.tags.get(tags.SWEEP_STATE)
    if state == "completed":
        value = _number(run.data.tags.get(tags.SWEEP_VALUE))
        return ("failed", None) if value is None else ("completed", value)
    if state in _VERDICTS:
        return state, None
    logged = run.data.metrics.get(spec.metric.name)
    if spec.project and run.info.status == RunStatus.FINISHED and logged is not None:
        # It outlived the sweep that started it.
        return "completed", logged
    return "interrupted", None


def _died(spec: SweepSpec, run: Run) -> bool:
    """Whether a trial's run ended with the process that led it, rather than by Ctrl-C."""
    is_open = _verdict(spec, run)[0] == "interrupted"
    return is_open and run.info.status in (RunStatus.FAILED, RunStatus.RUNNING)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def with_left_over(client: Client, results: Sequence[TrialResult]) -> list[TrialResult]:
    """The trials, with those marked whose runs go on with an agent or in a batch queue. Other runs
    of interrupted trials that still count as running are ended: they are tried anew.
    """
    return [
        msgspec.structs.replace(one, goes_on=_goes_on(client, one.run_id))
        if one.state == "interrupted" and one.run_id
        else one
        for one in results
    ]


def _goes_on(client: Client, run_id: str) -> bool:
    run = client.get_run(run_id)
    if run.info.status.is_final:
        return False
    # What has no job, or can't be reached from here, is as good as lost.
    with contextlib.suppress(InvalidInput, MissingExtra, NotFound):
        going = attached(run, client)
        if going is not None and going.get_status() in {"SCHEDULED", "RUNNING"}:
            return True
        if client.get_run(run_id).info.status.is_final:
            return False
    client.set_terminated(run_id, RunStatus.KILLED)
    return False


def attached(run: Run, client: Client) -> SubmittedRun | None:
    """A trial's run in the backend where it was begun, which need not be that of the resumed sweep;
    ``None``: runs of that backend end with who began them.
    """
    name = run.data.tags.get(tags.PROJECT_BACKEND)
    place = backend(name) if name else None
    return place.attach(run, client) if isinstance(place, SupportsAttach) else None


def finished(client: Client, spec: SweepSpec, results: Sequence[TrialResult]) -> list[Finished]:
    """The trials that have their last verdict, as a study takes them; reports only for a pruner."""
    prunes = spec.pruner is not None and spec.pruner.name != "none"
    return [
        Finished(
            number=one.number,
            point=one.point,
            value=one.value,
            pruned=one.state == "pruned",
            reports=_reports(client, spec, one.run_id) if prunes and one.run_id else {},
            start_ms=one.start_ms,
            end_ms=one.end_ms,
        )
        for one in results
        if one.has_ended and not one.may_retry(spec.retries)
    ]


def _reports(client: Client, spec: SweepSpec, run_id: str) -> dict[int, float]:
    history = client.history(run_id, spec.metric.name)
    return dict(zip(history.steps.tolist(), history.values.tolist(), strict=True))

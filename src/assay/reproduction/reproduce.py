"""Reproducing: a run, or a bundle of one, is carried out again, and the two are compared.

The new run has the report; the original carries the verdict as a tag, as its badge.
"""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from assay.client.client import Client
from assay.comparison.diff import diff_facts
from assay.comparison.facts import RunFacts, facts_of
from assay.context.source import mask_secrets
from assay.entities import tags
from assay.entities.runs import Run, RunStatus
from assay.errors import ExecutionFailed, InvalidInput, NotFound
from assay.reproduction.bundle import Bundle
from assay.reproduction.compare import Side, compare
from assay.reproduction.environment import MANAGERS, Manager
from assay.reproduction.recipe import Recipe
from assay.reproduction.recipes import check_repeatable, recipe_of
from assay.reproduction.report import (
    REPORT_PATH,
    Cause,
    Report,
    Tolerance,
    decoded,
    ordered,
    verdict_of,
)
from assay.reproduction.rerun import Rerun, Where, rerun
from assay.reproduction.results import reader_of, results_of

MAX_CAUSES = 50
"""Differences that a report lists."""
_NO_SEED = Cause(
    "seeds",
    "seed",
    None,
    None,
    "neither run told a seed: random numbers alone may differ; assay.seed(n) sets one",
)


class _Original(NamedTuple):
    """What is repeated."""

    recipe: Recipe
    side: Side
    facts: RunFacts
    where: Where
    run: Run | None
    """``None`` where only a bundle is here."""


def reproduce(
    what: str | Path,
    *,
    tolerance: float | Tolerance = 0.0,
    env_manager: Manager = "uv",
    ignore: Sequence[str] = (),
    keep: str | Path | None = None,
    experiment_name: str | None = None,
    timeout_s: float = 0,
    echo: bool = False,
    client: Client | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Run again what made a run, and compare the results.

    The commit is checked out into a fresh folder, the uncommitted changes applied, the environment
    made from the exact pins, the data checked by digest, variables and thread counts set, and the
    same command run as a new run. It runs that code with your rights: reproduce what you trust.

    Args:
        what: the id of a run, or the path of a bundle (``.zip``) that ``assay freeze`` made.
        tolerance: how far metrics and predictions may be, relative to the value before.
        env_manager: ``uv`` makes the environment anew, ``local`` takes this one.
        ignore: names of metrics, params, files and models to leave out, with ``*`` and ``?``.
        keep: a new folder to do it in, which stays.
        experiment_name: where the new run goes; the original's experiment by default.
        timeout_s: end the command after so many seconds; 0: never.
        echo: show what the command prints.
        client: where the run is recorded; the process's own location by default.
        progress: told each step, as it begins.

    Returns:
        The verdict with all that was compared; the new run keeps it as
        ``assay/reproduction.json``.

    Raises:
        RunNotFound: there is no such run.
        InvalidInput: too little was captured, or the code or data can't be had any more.
        EnvironmentFailed: the environment can't be made.
        ExecutionFailed: the command failed, where it hadn't the first time.
    """
    if env_manager not in MANAGERS:
        raise InvalidInput(f"env_manager is uv or local, not {env_manager!r}.")
    limits = tolerance if isinstance(tolerance, Tolerance) else Tolerance(float(tolerance))
    if not (0 <= limits.relative < float("inf") and 0 <= limits.absolute < float("inf")):
        raise InvalidInput(f"A tolerance is a number of at least 0, not {tolerance!r}.")
    with ExitStack() as stack:
        here = client or stack.enter_context(closing(Client()))
        where = Where(
            env_manager=env_manager,
            keep=None if keep is None else Path(keep),
            experiment_name=experiment_name,
            timeout_s=timeout_s,
            echo=echo,
        )
        original = _original(what, here, where, stack)
        begun = time.time()
        done = rerun(
            original.recipe,
            client=here,
            where=original.where,
            extra_tags={tags.REPRODUCES: original.recipe.run_id},
            progress=progress,
        )
        report = _reported(original, done, here, tolerance=limits, ignore=ignore, begun=begun)
        _record(report, original, here)
        return report


def read_report(client: Client, run_id: str) -> Report:
    """The report that a run has, or the one of the latest reproduction of it.

    Raises:
        RunNotFound: there is no such run.
        ArtifactNotFound: it was never reproduced, and reproduces none.
        InvalidInput: what is there is no report.
    """
    known = client.get_run(run_id).data.tags
    holder = run_id if tags.REPRODUCES in known else known.get(tags.REPRODUCTION_RUN, run_id)
    return decoded(client.read_artifact(holder, REPORT_PATH))


def _original(what: str | Path, client: Client, where: Where, stack: ExitStack) -> _Original:
    if isinstance(what, Path) or what.endswith(".zip"):
        return _of_bundle(Path(what), client, where, stack)
    run = client.get_run(what)
    if not run.info.status.is_final:
        raise InvalidInput(f"Run {what} hasn't ended: there is nothing to compare with yet.")
    recipe = recipe_of(client, run)
    check_repeatable(recipe, run)
    if where.experiment_name is None:
        where = msgspec.structs.replace(where, experiment_id=run.info.experiment_id)
    side = Side(results_of(client, run), reader_of(client, run))
    return _Original(recipe, side, facts_of(client, run), where, run)


def _of_bundle(path: Path, client: Client, where: Where, stack: ExitStack) -> _Original:
    opened = stack.enter_context(Bundle(path))
    recipe = opened.recipe()
    data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-bundle-")))
    where = msgspec.structs.replace(
        where,
        brought=opened.data(data),
        experiment_name=where.experiment_name or opened.manifest.experiment_name or "Default",
    )
    try:
        run = client.get_run(recipe.run_id)
    except NotFound:
        run = None
    return _Original(recipe, Side(opened.results(), opened.file), opened.facts(), where, run)


def _reported(
    original: _Original,
    done: Rerun,
    client: Client,
    *,
    tolerance: Tolerance,
    ignore: Sequence[str],
    begun: float,
) -> Report:
    recipe, before = original.recipe, original.side
    if done.outcome.status != RunStatus.FINISHED and before.results.status == RunStatus.FINISHED:
        raise ExecutionFailed(done.run_id, done.outcome.status, done.outcome.reason)
    run = client.get_run(done.run_id)
    after = Side(results_of(client, run), reader_of(client, run))
    findings = compare(before, after, tolerance=tolerance, ignore=ignore)
    verdict = verdict_of(findings)
    found = diff_facts(original.facts, facts_of(client, run))
    causes = [
        Cause(one.dimension, one.name, one.before, one.after, one.sentence)
        for one in found.differences[:MAX_CAUSES]
    ]
    if verdict == "different" and "seeds" in found.unknown:
        causes.append(_NO_SEED)
    command = mask_secrets(recipe.command) if recipe.command else [recipe.entry_point or ""]
    return Report(
        verdict=verdict,
        original=recipe.run_id,
        original_name=recipe.run_name,
        run_id=done.run_id,
        run_name=run.info.run_name,
        command=shlex.join(command),
        environment=done.environment,
        tolerance=tolerance,
        findings=ordered([*done.data, *findings]),
        causes=causes,
        notes=done.notes,
        start_time_ms=int(begun * 1_000),
        seconds=round(time.time() - begun, 3),
    )


def _record(report: Report, original: _Original, client: Client) -> None:
    client.log_content(report.run_id, msgspec.json.encode(report), REPORT_PATH)
    client.set_tag(report.run_id, tags.REPRODUCTION, report.verdict)
    if original.run is not None:
        client.set_tag(report.original, tags.REPRODUCTION_RUN, report.run_id)
        client.set_tag(report.original, tags.REPRODUCTION, report.verdict)

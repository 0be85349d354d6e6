"""Causes: a bisection between two recorded runs, with the mixes as runs beside each other.

A parent run stands for the bisection: the mixes are its children, and it keeps what was found as
``assay/bisection.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec

from assay.client.client import Client
from assay.entities import tags
from assay.entities.runs import Run, RunStatus
from assay.errors import InvalidInput
from assay.fluent.reading import client_for
from assay.reproduction.bisect.bisection import (
    DEFAULT_MAX_RUNS,
    Attempt,
    Bisection,
    Question,
    Tried,
    bisect,
)
from assay.reproduction.bisect.data_files import data_files
from assay.reproduction.bisect.judging import Judge, as_result
from assay.reproduction.bisect.swaps import DIMENSIONS, Dimension, swaps_between
from assay.reproduction.environment import Manager
from assay.reproduction.recipe import Recipe
from assay.reproduction.recipes import check_repeatable, recipe_of
from assay.reproduction.rerun import Where, rerun

BISECTION_PATH: Final = "assay/bisection.json"
_MAX_NAME: Final = 100
_BUILT: Final[frozenset[Dimension]] = frozenset({"packages", "python"})
"""What only an environment of their own can have otherwise."""


class How(msgspec.Struct, frozen=True, kw_only=True):
    """How a cause is looked for."""

    metrics: Sequence[str] = ()
    """What tells good from bad; all that differ by default."""
    tolerance: float = 0.0
    """Relative to the good value: what differs by less is the same."""
    dimensions: Collection[Dimension] = DIMENSIONS
    """What may be exchanged."""
    env_manager: Manager = "uv"
    """``uv`` makes environments; in ``local``, this one, packages can't be exchanged."""
    max_runs: int = DEFAULT_MAX_RUNS
    timeout_s: float = 0
    """Of each run; 0: none."""


def find_cause(
    good: str,
    bad: str,
    how: How = How(),  # noqa: B008 - it is frozen
    *,
    client: Client | None = None,
    progress: Callable[[Attempt], None] | None = None,
    step: Callable[[str], None] | None = None,
) -> Bisection:
    """Find out by running what makes one run's result differ from another's.

    It runs the code of both with your rights: bisect what you trust.

    Args:
        good: the id of the run that is as wanted.
        bad: the id of the run that isn't.
        how: what is looked at, exchanged and spent.
        client: where both are recorded; the process's own location by default.
        progress: told of each mix after it was tried.
        step: told what is done, as it begins.

    Raises:
        RunNotFound: there is no such run.
        InvalidInput: too little was captured to run them again, or nothing differs.
    """
    here = client or client_for()
    runs = [here.get_run(run_id) for run_id in (good, bad)]
    one, other = (_recipe(here, run) for run in runs)
    results = [as_result(run.data.metrics, run.info.status) for run in runs]
    judge = Judge.between(*results, metrics=how.metrics, tolerance=how.tolerance)
    wanted = set(how.dimensions) - (_BUILT if how.env_manager == "local" else set())
    question = Question(one, other, swaps_between(one, other, dimensions=wanted), judge)
    with _parent(here, runs) as parent, data_files(question) as files:

        def try_recipe(recipe: Recipe, told: Mapping[str, str]) -> Tried:
            where = Where(
                experiment_id=runs[1].info.experiment_id,
                run_name=f"with {told[tags.BISECT_SWAPPED]}"[:_MAX_NAME],
                env_manager=how.env_manager,
                brought=files,
                timeout_s=how.timeout_s,
            )
            return _tried(here, recipe, where, {**told, tags.PARENT_RUN_ID: parent}, step)

        found = bisect(question, try_recipe, max_runs=how.max_runs, progress=progress)
        found = _with_notes(found, one, other, how)
        here.log_content(parent, msgspec.json.encode(found), BISECTION_PATH)
        here.set_tag(parent, tags.BISECT_VERDICT, found.verdict)
        here.set_tag(parent, tags.BISECT_CAUSE, "; ".join(map(str, found.cause)) or "none")
    return found


def _recipe(client: Client, run: Run) -> Recipe:
    if not run.info.status.is_final:
        raise InvalidInput(f"Run {run.info.run_id} hasn't ended: wait until it has.")
    recipe = recipe_of(client, run)
    check_repeatable(recipe, run)
    return recipe


def _tried(
    client: Client,
    recipe: Recipe,
    where: Where,
    told: Mapping[str, str],
    step: Callable[[str], None] | None,
) -> Tried:
    done = rerun(recipe, client=client, where=where, extra_tags=told, progress=step)
    outcome = done.outcome
    if outcome.status == RunStatus.KILLED and outcome.exit_code is None:
        # Whoever pressed Ctrl-C means the whole bisection.
        raise KeyboardInterrupt
    if outcome.status == RunStatus.KILLED or outcome.exit_code is None:
        # Its time was up, or it didn't begin: that says nothing about the recipe.
        return Tried(result=None, run_id=done.run_id, why=outcome.reason)
    other_data = [finding for finding in done.data if finding.verdict == "different"]
    if other_data:
        why = f"the data set {other_data[0].name} isn't here as it was: {other_data[0].detail}"
        return Tried(result=None, run_id=done.run_id, why=why)
    metrics = client.get_run(done.run_id).data.metrics
    return Tried(
        result=as_result(metrics, outcome.status),
        run_id=done.run_id,
        why=outcome.reason,
        notes=done.notes,
    )


def _with_notes(found: Bisection, one: Recipe, other: Recipe, how: How) -> Bisection:
    notes = list(found.notes)
    left_out = sorted({swap.dimension for swap in swaps_between(one, other)} & _BUILT)
    if how.env_manager == "local" and left_out:
        notes.append(
            f"{' and '.join(left_out)} differ as well, but were left alone: --env-manager uv makes"
            " environments in which they can be exchanged."
        )
    return msgspec.structs.replace(found, notes=notes)


@contextmanager
def _parent(client: Client, runs: Sequence[Run]) -> Iterator[str]:
    """The run that stands for the bisection, ended as this block ends."""
    good, bad = runs
    made = client.create_run(
        bad.info.experiment_id,
        tags={tags.BISECT: f"{good.info.run_id}..{bad.info.run_id}"},
        run_name=f"bisect {good.info.run_name}..{bad.info.run_name}",
    )
    run_id: str = made.info.run_id
    status = RunStatus.FAILED
    try:
        yield run_id
        status = RunStatus.FINISHED
    except KeyboardInterrupt:
        status = RunStatus.KILLED
        raise
    finally:
        client.set_terminated(run_id, status)

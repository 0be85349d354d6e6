"""Rerun: a recipe carried out as a new run, in a fresh folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from assay.context.capture import PATCH_PATH
from assay.entities import tags
from assay.entities.lifecycle import ViewType
from assay.errors import AssayError, InvalidInput
from assay.fluent.runs import RUN_NUMBER_VARIABLE
from assay.projects.execute import execute
from assay.projects.launch import Launch, Outcome
from assay.projects.launching import prepare
from assay.reproduction import commands
from assay.reproduction.checkout import check_out
from assay.reproduction.environment import Manager, Prepared, prepare_environment
from assay.reproduction.inputs import bring
from assay.reproduction.recipe import Recipe
from assay.reproduction.report import Finding

if TYPE_CHECKING:
    from assay.client.client import Client

_MOST_SIBLINGS: Final = 10_000


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how a recipe is carried out."""

    experiment_id: str | None = None
    experiment_name: str | None = None
    run_name: str | None = None
    env_manager: Manager = "uv"
    keep: Path | None = None
    """A new or empty folder to do it in, which is kept; a temporary one if ``None``."""
    brought: Mapping[str, Path] = {}
    """Data files that came with a bundle, by digest."""
    timeout_s: float = 0
    echo: bool = False
    """Whether what the command prints is shown."""


class Rerun(NamedTuple):
    """What came of carrying out a recipe."""

    run_id: str
    outcome: Outcome
    data: list[Finding]
    """What became of the data sets' check."""
    environment: str
    notes: list[str]


def rerun(
    recipe: Recipe,
    *,
    client: Client,
    where: Where = Where(),  # noqa: B008 - it is frozen
    extra_tags: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Rerun:
    """Make a recipe real in a fresh folder, and run its command as a new run.

    Other runs that the command makes on the way go beneath the new one, and into the bin.

    Args:
        recipe: what to run.
        client: where the new run is recorded.
        where: in which experiment, environment and folder.
        extra_tags: of the new run.
        progress: told each step, as it begins.

    Raises:
        InvalidInput: the code or the data can't be had any more.
        EnvironmentFailed: the environment can't be made.
    """
    with _place(where.keep) as place:
        real = _made_real(recipe, where, place, progress)
        prepared = real.prepared
        words = commands.here(recipe, python=prepared.python, code=real.code)
        command = None if recipe.entry_point else words
        launch = prepare(
            str(real.folder),
            entry_point=recipe.entry_point or "main",
            parameters=recipe.given if command is None else None,
            experiment_id=where.experiment_id,
            experiment_name=where.experiment_name,
            run_name=where.run_name or f"{recipe.run_name or recipe.run_id[:8]} again",
            env_manager="local",
            tags={**_code_tags(recipe), **(extra_tags or {})},
            tracking_uri=client.location.opening_uri,
            timeout_s=where.timeout_s,
            command=command,
        )
        launch = _with_variables(launch, prepared, recipe)
        _note_patch(client, launch.run_id, recipe)
        _tell(progress, f"Running it as {launch.run_id}")
        outcome = execute(launch, echo=where.echo)
    notes = [*prepared.notes, *_clear_siblings(client, launch)]
    return Rerun(launch.run_id, outcome, real.data, prepared.described, notes)


class _Real(NamedTuple):
    """A recipe whose parts lie on this machine."""

    code: Path
    folder: Path
    data: list[Finding]
    prepared: Prepared


def _made_real(
    recipe: Recipe, where: Where, place: Path, progress: Callable[[str], None] | None
) -> _Real:
    try:
        _tell(progress, "Checking out the code")
        code = check_out(recipe.code, place)
        folder = _folder(recipe, place, code)
        data = bring(recipe, folder, brought=where.brought)
        _tell(progress, f"Preparing the environment ({where.env_manager})")
        prepared = prepare_environment(
            recipe, manager=where.env_manager, place=place, code=code, progress=progress
        )
    except AssayError:
        raise  # some are OSErrors, too, and say what happened already
    except OSError as error:
        raise _unwritable(place, error) from None
    return _Real(code, folder, data, prepared)


def _unwritable(place: Path, error: OSError) -> InvalidInput:
    return InvalidInput(
        f"The folder {place} can't be used to run it in: {error.strerror or error}. Make room, or"
        " name another one (--keep, TMPDIR)."
    )


def _with_variables(launch: Launch, prepared: Prepared, recipe: Recipe) -> Launch:
    variables = {
        **prepared.variables,
        RUN_NUMBER_VARIABLE: str(recipe.run_number),
        # Where it is recorded has been said.
        "ASSAY_QUIET": "1",
    }
    return msgspec.structs.replace(
        launch,
        environment={**launch.environment, **variables},
        environment_folder="" if prepared.folder is None else str(prepared.folder),
        unset=prepared.unset,
    )


def _note_patch(client: Client, run_id: str, recipe: Recipe) -> None:
    """What no git can tell of code that came as an archive."""
    if recipe.code.archive is None:
        return
    client.set_tag(run_id, tags.GIT_DIRTY, "true" if recipe.code.patch else "false")
    if recipe.code.patch:
        client.log_content(run_id, recipe.code.patch, PATCH_PATH)


def _code_tags(recipe: Recipe) -> dict[str, str]:
    facts = {
        tags.SOURCE_NAME: recipe.program,
        tags.GIT_COMMIT: recipe.code.commit,
        tags.GIT_REMOTE: recipe.code.repository,
        tags.SOURCE_DIRECTORY: recipe.code.directory,
    }
    return {key: value for key, value in facts.items() if value}


def _folder(recipe: Recipe, place: Path, code: Path) -> Path:
    if not recipe.code.directory:
        folder = place / "work"
        folder.mkdir(mode=0o700)
        return folder
    folder = code / recipe.code.directory
    if not folder.resolve().is_relative_to(code.resolve()):
        raise InvalidInput(f"The folder {recipe.code.directory!r} of the code leads out of it.")
    # Empty folders are in no commit.
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    try:
        if keep is not None:
            keep.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(keep.iterdir()):
                raise InvalidInput(f"The folder {keep} isn't empty: name a new one.")
            place = keep.resolve()
        else:
            place = Path(tempfile.mkdtemp(prefix="assay-reproduce-")).resolve()
    except OSError as error:
        raise _unwritable(keep or Path(tempfile.gettempdir()), error) from None
    if keep is not None:
        yield place
        return
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _clear_siblings(client: Client, launch: Launch) -> list[str]:
    """Other runs of the same command: nobody asked for them."""
    found = client.search_runs(
        [launch.experiment_id],
        f"tags.`{tags.PARENT_RUN_ID}` = '{launch.run_id}' and tags.`{tags.BESIDE}` = 'true'",
        ViewType.ACTIVE_ONLY,
        _MOST_SIBLINGS,
    )
    for run in found:
        client.delete_run(run.info.run_id)
    if not len(found):
        return []
    return [
        f"{len(found)} other runs that the command makes were repeated too; they are in the bin."
    ]


def _tell(progress: Callable[[str], None] | None, line: str) -> None:
    if progress is not None:
        progress(line)

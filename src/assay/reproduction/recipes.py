"""Recipes of runs: what is known of how a run came about, as something that can be done again.

All of it was written by the run's program or by whoever may write to the store, so it is checked
where it is used: paths stay inside of their folder, requirements are vetted, commits are commits.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from assay.context.capture import PATCH_PATH, REQUIREMENTS_PATH
from assay.context.git import MAX_PATCH_BYTES
from assay.context.source import MASK
from assay.entities import tags
from assay.entities.datasets import DatasetInput
from assay.entities.names import artifact_path
from assay.entities.runs import Run
from assay.errors import ArtifactNotFound, InvalidInput
from assay.models.environments.requirement_lines import name_of, read_lines
from assay.projects.launch import Launch
from assay.projects.launching import LAUNCH_PATH
from assay.reproduction.recipe import Code, Dataset, Recipe

if TYPE_CHECKING:
    from assay.client.client import Client

MAX_REQUIREMENTS_BYTES: Final = 2 << 20
MAX_LAUNCH_BYTES: Final = 1 << 20
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_PYTHON_LINE = re.compile(r"# Python (\d+\.\d+(?:\.\d+)?)")
_HARDWARE: Final = (tags.CPU, tags.GPU, tags.PLATFORM, tags.HOST)


def recipe_of(client: Client, run: Run) -> Recipe:
    """All that is known of how a run came about.

    Raises:
        InvalidInput: what the run says of itself can't be read.
    """
    known = run.data.tags
    listed = _file(client, run, REQUIREMENTS_PATH, MAX_REQUIREMENTS_BYTES)
    requirements = listed.decode("utf-8", "replace")
    entry_point = known.get(tags.PROJECT_ENTRY_POINT) or None
    return Recipe(
        run_id=run.info.run_id,
        run_name=run.info.run_name,
        program=known.get(tags.SOURCE_NAME, ""),
        code=_code(client, run),
        command=command_of(known),
        entry_point=entry_point,
        parameters=dict(run.data.params),
        given=_given(client, run) if entry_point else {},
        python=known.get(tags.PYTHON, "").rpartition(" ")[2] or python_of(requirements),
        packages=packages_of(requirements),
        environment=_below(known, tags.ENVIRONMENT_PREFIX),
        seeds=_below(known, tags.SEED_PREFIX),
        threads=_below(known, tags.THREADS_PREFIX),
        datasets=[_dataset(used) for used in run.inputs.dataset_inputs],
        hardware={key: known[key] for key in _HARDWARE if known.get(key)},
        run_number=_number(known),
    )


def check_repeatable(recipe: Recipe, run: Run) -> None:
    """See that enough was captured to run it again.

    Raises:
        InvalidInput: it wasn't; the message says what is missing, and why as far as that can be
            told.
    """
    known = run.data.tags
    what = f"Run {run.info.run_id} ({run.info.run_name}) can't be run again"
    if known.get(tags.SOURCE_TYPE) == "NOTEBOOK":
        raise InvalidInput(
            f"{what}: it was made in a notebook, whose cells were run by hand and aren't captured."
            " Put the code into a script, commit it and start the run from there."
        )
    parent = known.get(tags.PARENT_RUN_ID)
    if not recipe.command and recipe.entry_point is None:
        raise InvalidInput(
            f"{what}: its command line wasn't captured. ASSAY_CAPTURE or start_run(capture=…) left"
            " 'process' out, or another client than Assay's made it."
        )
    if parent and not recipe.packages and recipe.entry_point is None:
        raise InvalidInput(
            f"{what} alone: the process of run {parent} made it. Reproduce that one."
        )
    if recipe.code.commit is None and recipe.code.archive is None:
        raise InvalidInput(
            f"{what}: its code wasn't captured, since the program was in no Git repository. Run"
            " `git init`, commit the code, and start the run again."
        )
    if not recipe.code.patch and known.get(tags.GIT_DIRTY) == "true" and not recipe.code.archive:
        raise InvalidInput(
            f"{what}: the working tree had uncommitted changes that weren't kept (they were over"
            f" {MAX_PATCH_BYTES >> 20} MB, or ASSAY_CAPTURE left 'patch' out). Commit them and"
            " start the run again."
        )
    hidden = [word for word in recipe.command if MASK in word]
    if hidden and recipe.entry_point is None:
        raise InvalidInput(
            f"{what}: its command line had a secret, which was masked: {shlex.join(hidden)[:200]}."
            " Hand secrets over by environment variables."
        )


def command_of(known: Mapping[str, str]) -> list[str]:
    """The words of the command line; empty if it wasn't captured or was cut off."""
    try:
        return shlex.split(known.get(tags.COMMAND_LINE, ""))
    except ValueError:
        return []  # too long to be kept whole


def packages_of(requirements: str) -> dict[str, str]:
    """Requirement line by name, of a file as ``assay.context.packages`` writes it.

    Raises:
        InvalidInput: a line isn't accepted.
    """
    lines = [line for line in requirements.splitlines() if line and not line.startswith("#")]
    vetted = read_lines([_keeping_origin(line) for line in lines], where=REQUIREMENTS_PATH)
    named = ((name_of(line), line) for line in vetted.requirements)
    return {name: line for name, line in named if name is not None}


def python_of(requirements: str) -> str:
    """The version of Python that the file names in its first line; empty if it names none."""
    found = _PYTHON_LINE.match(requirements)
    return "" if found is None else found[1]


def _keeping_origin(line: str) -> str:
    return line.replace("# editable, from ", "# from editable ", 1)


def _given(client: Client, run: Run) -> dict[str, str]:
    content = _file(client, run, LAUNCH_PATH, MAX_LAUNCH_BYTES)
    if not content:
        return dict(run.data.params)  # of MLflow, which logs what a project was called with
    try:
        return msgspec.json.decode(content, type=Launch).parameters
    except msgspec.DecodeError as error:
        raise InvalidInput(
            f"{LAUNCH_PATH} of run {run.info.run_id} can't be read: {error}."
        ) from None


def _code(client: Client, run: Run) -> Code:
    known = run.data.tags
    commit = known.get(tags.GIT_COMMIT, "")
    if commit and not _COMMIT.match(commit):
        raise InvalidInput(f"Run {run.info.run_id} names {commit[:80]!r}, which is no commit.")
    directory = known.get(tags.SOURCE_DIRECTORY, "")
    if directory not in ("", "."):
        directory = artifact_path(directory)
    patch = _file(client, run, PATCH_PATH, MAX_PATCH_BYTES)
    return Code(
        repository=known.get(tags.GIT_REMOTE) or known.get("mlflow.gitRepoURL") or None,
        root=known.get(tags.GIT_ROOT, ""),
        commit=commit or None,
        patch=patch,
        directory=directory,
    )


def _dataset(used: DatasetInput) -> Dataset:
    facts = used.dataset
    return Dataset(
        name=facts.name,
        digest=facts.digest,
        source_type=facts.source_type,
        source=facts.source,
        context=next((tag.value for tag in used.tags if tag.key == tags.DATASET_CONTEXT), ""),
        # Only data sets of files tell how many bytes they have.
        is_file_digest='"num_bytes"' in (facts.profile or ""),
    )


def _file(client: Client, run: Run, path: str, max_bytes: int) -> bytes:
    try:
        found = client.artifact_store(run.info.run_id).read_small(
            artifact_path(path), max_bytes=max_bytes
        )
    except ArtifactNotFound:
        return b""
    if found is None:
        raise InvalidInput(f"{path} of run {run.info.run_id} is over {max_bytes >> 20} MB.")
    return found.content


def _number(known: Mapping[str, str]) -> int:
    text = known.get(tags.RUN_NUMBER, "1")
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise InvalidInput(f"The tag {tags.RUN_NUMBER} has {text[:40]!r}, which is no number.")
    return int(text)


def _below(known: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {k.removeprefix(prefix): v for k, v in known.items() if k.startswith(prefix)}

"""Facts: what is known of how a run came about, by dimension, ready to be compared.

They are read from the run's tags, params and inputs, and from the files that ``assay.context``
leaves with it. A dimension that wasn't captured is ``None`` or empty, which says nothing about the
run: it isn't compared.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from assay.artifacts.base import ArtifactStore
from assay.comparison.packages import packages_of
from assay.context.capture import PATCH_PATH, REQUIREMENTS_PATH
from assay.context.git import MAX_PATCH_BYTES
from assay.entities import tags
from assay.entities.names import ArtifactPath
from assay.entities.runs import Run
from assay.errors import AssayError, NotFound

if TYPE_CHECKING:
    from assay.client.client import Client

_MAX_REQUIREMENTS_BYTES: Final = 2 << 20
_HARDWARE: Final = {
    tags.GPU: "gpu",
    tags.CPU: "cpu",
    tags.PLATFORM: "platform",
    tags.HOST: "host",
}

Read = Callable[[str, int], bytes | None]
"""A file of the run by its path, unless it is longer than so many bytes; ``None``: not there."""


class CodeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Which code ran, and how it was called."""

    commit: str = ""
    patch: bytes | None = None
    """What the working tree differed by; ``None``: it differed, by what isn't known."""
    directory: str = ""
    """Where the command ran, within the working tree."""
    program: str = ""
    """Script or module, without the folder that it lay in."""
    command: list[str] = []
    """As called, without where the interpreter and the program lie on that machine."""
    entry_point: str = ""


class DataFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a data set."""

    name: str
    digest: str
    context: str = ""
    source: str = ""


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of how one run came about, and what came out."""

    run_id: str
    run_name: str = ""
    code: CodeFacts = CodeFacts()
    parameters: dict[str, str] = {}
    packages: dict[str, str] | None = None
    """Version, or address, by normalized name; ``None``: not captured."""
    imported: frozenset[str] | None = None
    """Top-level names that the run's process had imported; ``None``: not captured."""
    python: str = ""
    data: list[DataFacts] = []
    seeds: dict[str, str] = {}
    threads: dict[str, str] | None = None
    """Variables that say how many threads libraries use; ``None``: not captured."""
    environment: dict[str, str] | None = None
    """Variables of the allow-list that were set; ``None``: not captured."""
    hardware: dict[str, str] = {}
    metrics: dict[str, float] = {}
    """The latest value of each."""
    notes: list[str] = []
    """What couldn't be read, and why."""


def facts_of(client: Client, run: Run | str) -> RunFacts:
    """The facts of a run (or of the run with this id), its files included.

    Raises:
        RunNotFound: there is no such run.
    """
    found = client.get_run(run) if isinstance(run, str) else run
    return gathered(found, lambda: client.artifact_store(found.info.run_id))


def gathered(run: Run, artifacts: Callable[[], ArtifactStore]) -> RunFacts:
    """The same where the caller knows how to open the run's files. Files that can't be reached are
    told in ``notes``.
    """
    notes: list[str] = []
    read = _reader(artifacts, notes)
    listed = read(REQUIREMENTS_PATH, _MAX_REQUIREMENTS_BYTES)
    packages = None if listed is None else packages_of(listed.decode("utf-8", "replace"))
    known = run.data.tags
    python = known.get(tags.PYTHON, "").rpartition(" ")[2]
    return RunFacts(
        run_id=run.info.run_id,
        run_name=run.info.run_name,
        code=_code(known, read),
        parameters=dict(run.data.params),
        packages=None if packages is None else packages.pins,
        imported=_imported(known.get(tags.IMPORTED)),
        python=python or (packages.python if packages is not None else ""),
        data=_data(run),
        seeds=_below(known, tags.SEED_PREFIX),
        threads=_variables(known, tags.THREADS_PREFIX),
        environment=_variables(known, tags.ENVIRONMENT_PREFIX),
        hardware={name: known[key] for key, name in _HARDWARE.items() if known.get(key)},
        metrics=dict(run.data.metrics),
        notes=notes,
    )


def _imported(told: str | None) -> frozenset[str] | None:
    return None if told is None else frozenset(told.split())


def _reader(artifacts: Callable[[], ArtifactStore], notes: list[str]) -> Read:
    opened: list[ArtifactStore] = []

    def read(path: str, max_bytes: int) -> bytes | None:
        try:
            if not opened:
                opened.append(artifacts())
            found = opened[0].read_small(ArtifactPath(path), max_bytes=max_bytes)
        except NotFound:
            return None
        except AssayError as error:
            # What tags tell is worth comparing without the files, too.
            notes.append(f"{path} can't be read: {error}")
            return None
        except OSError as error:
            # Without the place, which a server keeps to itself.
            notes.append(f"{path} can't be read: {error.strerror}")
            return None
        if found is None:
            notes.append(f"{path} is too long to be compared.")
        return None if found is None else found.content

    return read


def _code(known: Mapping[str, str], read: Read) -> CodeFacts:
    patch: bytes | None = b""
    if known.get(tags.GIT_DIRTY) != "false":
        # No tag at all: an MLflow client's run, which has no patch either.
        patch = read(PATCH_PATH, MAX_PATCH_BYTES)
        if patch is None and known.get(tags.GIT_DIRTY) != "true":
            patch = b""
    command = _words(known.get(tags.COMMAND_LINE, ""))
    return CodeFacts(
        commit=known.get(tags.GIT_COMMIT, ""),
        patch=patch,
        directory=known.get(tags.SOURCE_DIRECTORY, "").strip("./"),
        program=_last(known.get(tags.SOURCE_NAME, "")),
        command=command,
        entry_point=known.get(tags.PROJECT_ENTRY_POINT, ""),
    )


def _words(command: str) -> list[str]:
    """The words of a command line; the interpreter is ``python``, a script has no folder."""
    try:
        words = shlex.split(command)
    except ValueError:  # cut in the middle of a quoted word
        words = command.split()
    if not words:
        return []
    if _last(words[0]).startswith(("python", "pypy")):
        words[0] = "python"
    for place, word in enumerate(words[1:], start=1):
        if word in ("-m", "-c"):
            break
        if not word.startswith("-"):
            words[place] = _last(word)
            break
    return words


def _last(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _data(run: Run) -> list[DataFacts]:
    return [
        DataFacts(
            name=used.dataset.name,
            digest=used.dataset.digest,
            context=next((tag.value for tag in used.tags if tag.key == tags.DATASET_CONTEXT), ""),
            source=used.dataset.source,
        )
        for used in run.inputs.dataset_inputs
    ]


def _variables(known: Mapping[str, str], prefix: str) -> dict[str, str] | None:
    """Where variables are captured, only those that are set leave a tag."""
    found = _below(known, prefix)
    return found if found or tags.COMMAND_LINE in known else None


def _below(known: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key[len(prefix) :]: value for key, value in known.items() if key.startswith(prefix)}

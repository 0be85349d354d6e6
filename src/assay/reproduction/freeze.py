"""Freezing: a run, with all that repeating it takes, into one file."""

from __future__ import annotations

import io
import os
import secrets
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from assay.comparison.facts import facts_of
from assay.data.digests import file_digest
from assay.entities.runs import Run
from assay.errors import AssayError, InvalidInput
from assay.reproduction import bundle
from assay.reproduction.checkout import check_out
from assay.reproduction.inputs import path_of
from assay.reproduction.recipe import Code, Recipe
from assay.reproduction.recipes import check_repeatable, recipe_of
from assay.reproduction.results import Read, Results, reader_of, results_of
from assay.version import __version__

if TYPE_CHECKING:
    from assay.client.client import Client

MAX_DATA_BYTES: Final = 64 << 20
"""Of one data file that is taken along, unless told otherwise."""
MAX_FILE_BYTES: Final = 1 << 20
"""Of an artifact whose content is taken along, for formats that are compared by content."""
_BY_CONTENT: Final = (".json", ".csv", ".png")
_TIME: Final = (1980, 1, 1, 0, 0, 0)


class Frozen(msgspec.Struct, frozen=True):
    """What was frozen."""

    path: Path
    size_bytes: int
    members: int
    notes: list[str]
    """What couldn't be taken along."""


def freeze(
    client: Client, run: Run, target: Path, *, max_data_bytes: int = MAX_DATA_BYTES
) -> Frozen:
    """Write a bundle of a run.

    Args:
        client: where the run is recorded.
        run: the run.
        target: the file to write; it must not be there yet.
        max_data_bytes: larger data files are left out.

    Raises:
        InvalidInput: too little was captured to repeat it, its code can't be had any more, or
            ``target`` is there already or can't be written.
    """
    if target.exists():
        raise InvalidInput(f"{target} is there already: choose another name.")
    recipe = recipe_of(client, run)
    check_repeatable(recipe, run)
    results = results_of(client, run)
    experiment = client.get_experiment(run.info.experiment_id)
    notes: list[str] = []
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with zipfile.ZipFile(part, "x") as archive:
            writer = bundle.Writer(archive)
            writer.add(bundle.CODE, _code(recipe.code))
            if recipe.code.patch:
                writer.add(bundle.PATCH, recipe.code.patch)
            writer.add(bundle.REQUIREMENTS, _requirements(recipe))
            writer.add(bundle.RECIPE, msgspec.json.encode(_bare(recipe)))
            writer.add(bundle.RESULTS, msgspec.json.encode(results))
            writer.add(bundle.FACTS, msgspec.json.encode(facts_of(client, run)))
            _add_files(writer, results, reader_of(client, run))
            notes += _add_data(writer, recipe, max_data_bytes)
            name = experiment.name if experiment is not None else ""
            writer.finish(recipe=recipe, experiment_name=name, written_by=f"assay {__version__}")
        os.link(part, target)  # fails where somebody was quicker, which a rename would not
    except OSError as error:
        raise InvalidInput(f"{target} can't be written: {error}.") from None
    finally:
        part.unlink(missing_ok=True)
    return Frozen(target, target.stat().st_size, len(writer.members), notes)


def _bare(recipe: Recipe) -> Recipe:
    """The recipe without what is in members of its own, and without this machine's name."""
    code = msgspec.structs.replace(recipe.code, patch=b"", archive=None)
    return msgspec.structs.replace(recipe, code=code)


def _requirements(recipe: Recipe) -> bytes:
    return "\n".join([f"# Python {recipe.python}", *recipe.packages.values(), ""]).encode()


def _code(code: Code) -> bytes:
    """The files of the commit as a ZIP."""
    if code.archive is not None:
        return code.archive
    with tempfile.TemporaryDirectory(prefix="assay-freeze-") as folder:
        root = check_out(msgspec.structs.replace(code, patch=b""), Path(folder))
        return _zipped(root)


def _zipped(root: Path) -> bytes:
    found = io.BytesIO()
    base = root.resolve()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root)
            # Links are kept as what they lead to, unless that is elsewhere.
            if ".git" in name.parts or not path.is_file():
                continue
            if not path.resolve().is_relative_to(base):
                continue
            facts = zipfile.ZipInfo(name.as_posix(), _TIME)
            facts.external_attr = (path.stat().st_mode & 0o777 | 0o100000) << 16
            facts.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(facts, path.read_bytes())
    return found.getvalue()


def _add_files(writer: bundle.Writer, results: Results, read: Read) -> None:
    for path, facts in results.artifacts.items():
        if facts.size_bytes <= MAX_FILE_BYTES and path.lower().endswith(_BY_CONTENT):
            content = read(path)
            if content is not None:
                writer.add(bundle.FILES + path, content)


def _add_data(writer: bundle.Writer, recipe: Recipe, max_bytes: int) -> list[str]:
    notes = []
    for dataset in {one.digest: one for one in recipe.datasets}.values():
        place = path_of(dataset)
        if place is None:
            continue
        file = Path(place)
        if not file.is_absolute():
            file = Path(recipe.code.root) / recipe.code.directory / place
        why = _left_out(file, max_bytes)
        if why is None and dataset.is_file_digest and file_digest(file) != dataset.digest:
            why = "has changed since"
        if why is None:
            writer.add_file(bundle.DATA + dataset.digest, file)
        else:
            notes.append(f"The data set {dataset.name} is not in the bundle: {place} {why}.")
    return notes


def _left_out(file: Path, max_bytes: int) -> str | None:
    try:
        if not file.is_file():
            return "isn't there any more"
        return f"is over {max_bytes >> 20} MB" if file.stat().st_size > max_bytes else None
    except (OSError, AssayError) as error:
        return f"can't be read ({error})"

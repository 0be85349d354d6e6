"""Inputs: a run's data sets, looked for on this machine and checked by their digests.

What a program reads by a path relative to its folder is brought into the fresh folder; an absolute
path is read where it is. Data that isn't a file of this machine (a database, a bucket, data that
code made) is left to the program, and compared by the digest that the new run logs.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.data.digests import file_digest
from assay.entities.names import artifact_path
from assay.errors import AssayError, InvalidInput
from assay.reproduction.recipe import Dataset, Recipe
from assay.reproduction.report import Finding

MAX_COPIED_BYTES: Final = 1 << 30
"""A larger file is linked to: nobody wants to wait for its copy."""


def bring(
    recipe: Recipe, folder: Path, *, brought: Mapping[str, Path] | None = None
) -> list[Finding]:
    """Bring the data into ``folder``, where the command will run; tells what was checked.

    Args:
        recipe: whose data.
        folder: the command's.
        brought: files that came with a bundle, by data set's digest.

    Raises:
        InvalidInput: a file that was read isn't there any more.
    """
    found = []
    for dataset in {(one.name, one.digest): one for one in recipe.datasets}.values():
        place = path_of(dataset)
        if place is not None:
            file = _placed(dataset, place, recipe, folder, brought or {})
            found.append(_checked(dataset, file))
    return found


def path_of(dataset: Dataset) -> str | None:
    """The path of a data set's file, as the program named it; ``None`` if it is no local file."""
    if dataset.source_type != "local":
        return None
    try:
        fields = msgspec.json.decode(dataset.source, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    uri = fields.get("uri")
    return uri.removeprefix("file://") if isinstance(uri, str) and uri else None


def _placed(
    dataset: Dataset, place: str, recipe: Recipe, folder: Path, brought: Mapping[str, Path]
) -> Path:
    named = Path(place)
    if not named.is_absolute():
        named = _inside(folder, place, dataset)
    came = None if Path(place).is_absolute() else brought.get(dataset.digest)
    if named.exists():
        if came is None or not named.is_file() or file_digest(named) == dataset.digest:
            return named
        # The code has the file in another version than the run read. A link isn't written through.
        named.unlink()
    original = came or _original(recipe, place)
    if original is None or not original.is_file() or Path(place).is_absolute():
        raise InvalidInput(
            f"The data set {dataset.name} (digest {dataset.digest}) isn't there any more: {place}."
            " Put it back, or reproduce a bundle that has it."
        )
    named.parent.mkdir(parents=True, exist_ok=True)
    if original.stat().st_size <= MAX_COPIED_BYTES:
        shutil.copyfile(original, named)
    else:
        named.symlink_to(original.resolve())
    return named


def _inside(folder: Path, place: str, dataset: Dataset) -> Path:
    try:
        return folder / artifact_path(Path(place).as_posix())
    except AssayError:
        raise InvalidInput(
            f"The data set {dataset.name} was read from {place[:200]!r}, which is outside of the"
            " folder that the command ran in. Name it by an absolute path."
        ) from None


def _original(recipe: Recipe, place: str) -> Path | None:
    """The same path below the folder that the original ran in, if that is on this machine."""
    root = Path(recipe.code.root)
    if not recipe.code.root or not root.is_absolute() or not recipe.code.directory:
        return None
    return root / recipe.code.directory / place


def _checked(dataset: Dataset, file: Path) -> Finding:
    if not file.is_file():
        return Finding(
            kind="data", name=dataset.name, verdict="not compared", detail="it is no single file"
        )
    digest = file_digest(file)
    if digest == dataset.digest:
        return Finding(kind="data", name=dataset.name, verdict="identical", before=digest)
    if not dataset.is_file_digest:
        detail = "its digest is of the table that was read, which the new run tells"
        return Finding(kind="data", name=dataset.name, verdict="not compared", detail=detail)
    return Finding(
        kind="data",
        name=dataset.name,
        verdict="different",
        detail=f"{file} has changed since",
        before=dataset.digest,
        after=digest,
    )

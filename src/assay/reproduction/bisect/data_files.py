"""Data files: both versions of what the two runs read, as far as they are on this machine.

A file that is kept with the code comes along with its commit, so both commits are looked into: only
then can the data be exchanged without the code.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.data.digests import file_digest
from assay.errors import AssayError
from assay.reproduction.bisect.bisection import Question
from assay.reproduction.checkout import check_out
from assay.reproduction.inputs import path_of
from assay.reproduction.recipe import Recipe


@contextmanager
def data_files(question: Question) -> Iterator[dict[str, Path]]:
    """Files by digest, of the data sets that differ and were read by a relative path; they are
    there while this block runs.
    """
    wanted = {swap.name for swap in question.swaps if swap.dimension == "data"}
    if not wanted:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="assay-bisect-") as work:
        found: dict[str, Path] = {}
        for place, recipe in enumerate((question.good, question.bad)):
            folders = _folders(recipe, Path(work) / str(place))
            for dataset in recipe.datasets:
                path = path_of(dataset)
                if dataset.name in wanted and dataset.is_file_digest and path is not None:
                    file = _as_it_was(folders, path, dataset.digest)
                    if file is not None:
                        found[dataset.digest] = file
        yield found


def _folders(recipe: Recipe, work: Path) -> list[Path]:
    """Where the command ran: on this machine, and in its code as it was."""
    folders = []
    if recipe.code.root:
        folders.append(Path(recipe.code.root, recipe.code.directory))
    work.mkdir()
    try:
        folders.append(check_out(recipe.code, work) / recipe.code.directory)
    except AssayError:
        # Running it will say so.
        pass
    return folders


def _as_it_was(folders: list[Path], path: str, digest: str) -> Path | None:
    if Path(path).is_absolute():
        return None
    files = [folder / path for folder in folders]
    return next((one for one in files if one.is_file() and file_digest(one) == digest), None)

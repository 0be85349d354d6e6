"""Loading: the project of a folder, whether it says what it is or not."""

from __future__ import annotations

from pathlib import Path

from assay.errors import InvalidInput
from assay.projects import mlproject, plain
from assay.projects.spec import Project


def load(folder: Path) -> Project:
    """The project of a folder.

    Raises:
        InvalidInput: its file can't be read, or there is no such folder.
    """
    if not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}.")
    file = mlproject.find(folder)
    if file is None:
        return plain.read(folder)
    plain.inside(folder, file.name, "The project")
    return mlproject.read(file)

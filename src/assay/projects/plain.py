"""Plain: projects that say nothing about themselves, told by the files that they have.

A script of the folder is an entry point, as in MLflow; the environment is that of the first lock or
requirements file there is.
"""

from __future__ import annotations

import difflib
import re
import shlex
from pathlib import Path
from typing import Final

import msgspec

from assay.errors import InvalidInput, NotFound
from assay.projects.spec import EntryPoint, EnvironmentKind, EnvironmentSpec, Project

_RUNNERS: Final = {".py": "python", ".sh": "bash", ".R": "Rscript"}
_FILES: Final[tuple[tuple[str, EnvironmentKind], ...]] = (
    ("python_env.yaml", "python_env"),
    ("conda.yaml", "conda_env"),
    ("uv.lock", "uv_lock"),
    ("pylock.toml", "pylock"),
    ("pixi.lock", "pixi"),
    ("requirements.txt", "requirements"),
)
"""In the order in which they count; MLflow knows the first two."""
_MAX_LISTED: Final = 20


class EnvironmentFiles(msgspec.Struct, frozen=True):
    """The files of a project's folder that may say its environment."""

    folder: Path

    def has(self, name: str) -> bool:
        """Whether there is such a file in the folder itself."""
        return (self.folder / name).is_file()

    def check(self, name: str, where: str) -> Path:
        """The place of a file that the project names.

        Raises:
            InvalidInput: it isn't there, or it lies outside of the folder.
        """
        return inside(self.folder, name, where)


def inside(folder: Path, name: str, where: str) -> Path:
    """The place of ``name`` below ``folder``, links followed.

    Raises:
        InvalidInput: it leads out of the folder, or nothing is there.
    """
    parts = name.replace("\\", "/").split("/")
    if not name or name.startswith(("/", "~")) or ".." in parts or not name.isprintable():
        raise InvalidInput(
            f"{where} names {name[:120]!r}, which must be a path inside of the project."
        )
    place = folder / name
    real = place.resolve()
    if not real.is_relative_to(folder.resolve()):
        raise InvalidInput(f"{where} names {name[:120]!r}, which leads out of the project.")
    if not real.exists():
        raise InvalidInput(f"{where} names {name[:120]!r}, and the project has no such file.")
    return place


def environment_of(files: EnvironmentFiles) -> EnvironmentSpec:
    """The environment that the files of a folder tell."""
    for name, kind in _FILES:
        if files.has(name) and (kind != "uv_lock" or files.has("pyproject.toml")):
            return EnvironmentSpec(kind=kind, file=name)
    return EnvironmentSpec()


def read(folder: Path) -> Project:
    """The project of a folder without an ``MLproject`` file."""
    files = EnvironmentFiles(folder)
    entry_points = {}
    if files.has("main.py"):
        entry_points["main"] = script("main.py", name="main")
    return Project(name=folder.name, entry_points=entry_points, environment=environment_of(files))


def script(path: str, *, name: str | None = None) -> EntryPoint:
    """A file of the project as an entry point, without parameters of its own."""
    runner = _RUNNERS[Path(path).suffix]
    literal = shlex.quote(path).replace("{", "{{").replace("}", "}}")
    return EntryPoint(name=name or path, command=f"{runner} {literal}")


def entry_point(project: Project, name: str, folder: Path) -> EntryPoint:
    """The entry point of this name: a declared one, else a script of the project.

    Raises:
        InvalidInput: the name leads out of the project.
        NotFound: there is neither.
    """
    declared = project.entry_points.get(name)
    if declared is not None:
        return declared
    if Path(name).suffix in _RUNNERS:
        if re.search(r"\A/|\A~|(?:\A|[/\\])\.\.(?:[/\\]|\Z)", name) or not name.isprintable():
            raise InvalidInput(
                f"The entry point {name[:120]!r} must be a path inside of the project."
            )
        if (folder / name).is_file():
            inside(folder, name, "The entry point")
            return script(name)
    raise NotFound(_missing(project, name, folder))


def scripts(folder: Path) -> list[str]:
    """The scripts at the top of a folder, which can be named as entry points."""
    found = (place.name for place in folder.iterdir() if place.suffix in _RUNNERS)
    return sorted(name for name in found if not name.startswith("."))[:_MAX_LISTED]


def _missing(project: Project, name: str, folder: Path) -> str:
    known = [*project.entry_points, *scripts(folder)]
    near = difflib.get_close_matches(name, known, n=1)
    meant = f" Is {near[0]!r} meant?" if near else ""
    listed = f" It has {', '.join(map(repr, known))}." if known else " It has no script either."
    return f"The project {project.name!r} has no entry point {name[:120]!r}.{meant}{listed}"

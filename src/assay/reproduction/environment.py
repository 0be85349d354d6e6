"""Environment: the interpreter and the variables that a recipe's command runs with.

``uv`` makes the environment anew from the exact pins that the run captured; ``local`` takes this
one and tells how far it is from them. Assay itself is never installed: its package is the one that
runs here.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import msgspec

from assay.comparison.packages import packages_of as versions_in
from assay.context import packages as installed
from assay.context.source import MASK
from assay.context.variables import THREADS, VARIABLES
from assay.errors import EnvironmentFailed, InvalidInput
from assay.models.environments.environment import Environment
from assay.models.environments.requirement_lines import without_comment
from assay.models.environments.uv_env import build, local_python, python_of
from assay.reproduction.recipe import Recipe
from assay.version import __version__

Manager = Literal["uv", "local"]
MANAGERS: Final = ("uv", "local")
_OWN: Final = "assay"
_EDITABLE = re.compile(r"#\s*from editable (file://\S+)")
_VERSION = re.compile(r"==\s*([^\s;#]+)")
_SHOWN: Final = 5


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What to run the command with."""

    python: Path
    folder: Path | None
    """The environment's; ``None``: the Python that runs this."""
    variables: dict[str, str]
    """To set."""
    unset: list[str]
    """Variables of this process that the original hadn't."""
    described: str
    notes: list[str]


def prepare_environment(
    recipe: Recipe,
    *,
    manager: Manager,
    place: Path,
    code: Path,
    progress: Callable[[str], None] | None = None,
) -> Prepared:
    """Make the environment, or find this one good enough.

    Args:
        recipe: what it was.
        manager: ``uv`` or ``local``.
        place: a folder for what stands in for packages.
        code: root of the code, where packages under development are.
        progress: told each step, as it begins.

    Raises:
        InvalidInput: the packages weren't captured.
        EnvironmentFailed: they can't be installed.
    """
    paths = _own_packages(recipe, place, code)
    if manager == "local":
        python = local_python()
        described = f"this environment, Python {platform.python_version()}"
        notes = _local_notes(recipe)
    else:
        python, notes = _built(recipe, progress)
        described = f"uv, {len(recipe.packages)} packages pinned, Python {_shown_python(python)}"
    # This environment's own packages must not hide those of the new one.
    variables = {"PYTHONPATH": os.pathsep.join([*paths, *_python_path(manager)])}
    kept = {**recipe.environment, **recipe.threads}
    hidden = sorted(name for name, value in kept.items() if MASK in value)
    if hidden:
        notes.append(f"Masked variables are taken from here: {', '.join(hidden)}.")
    variables.update({name: value for name, value in kept.items() if name not in hidden})
    return Prepared(
        python=python,
        folder=None if manager == "local" else python.parent.parent,
        variables=variables,
        unset=_to_unset(kept, os.environ) if kept or recipe.packages else [],
        described=described,
        notes=notes,
    )


def _python_path(manager: Manager) -> list[str]:
    given = os.environ.get("PYTHONPATH", "")
    return [part for part in given.split(os.pathsep) if part] if manager == "local" else []


def _to_unset(kept: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    # The locale is the terminal's, not the experiment's, where the original ran without one.
    return [
        name
        for name in (*THREADS, *VARIABLES)
        if name in environ and name not in kept and name not in ("LANG", "LC_ALL", "TZ")
    ]


def _built(recipe: Recipe, progress: Callable[[str], None] | None) -> tuple[Path, list[str]]:
    if not recipe.packages:
        raise InvalidInput(
            "The packages of the run weren't captured, so its environment can't be made. Use"
            " --env-manager local to run it in this one."
        )
    wanted = {name: line for name, line in recipe.packages.items() if not _is_own(name, line)}
    environment = Environment(
        python=recipe.python or platform.python_version(),
        requirements=tuple(without_comment(line) for line in wanted.values()),
    )
    try:
        python = python_of(build(environment, progress=progress))
    except EnvironmentFailed as error:
        raise EnvironmentFailed(
            "The environment of the run",
            f"{error.message}\nWith --env-manager local it runs in this one instead",
        ) from None
    notes = []
    got = _shown_python(python)
    if recipe.python and got != recipe.python:
        notes.append(f"Python {recipe.python} can't be had here; {got} stands in for it.")
    return python, [*notes, *_own_note(recipe)]


def _is_own(name: str, line: str) -> bool:
    return name == _OWN or _EDITABLE.search(line) is not None


def _own_note(recipe: Recipe) -> list[str]:
    had = _VERSION.search(recipe.packages.get(_OWN, ""))
    if had is None or had[1] == __version__:
        return []
    return [f"The run had Assay {had[1]}; {__version__} stands in for it."]


def _shown_python(python: Path) -> str:
    """The version of an environment's Python, from the file that describes it."""
    try:
        text = (python.parents[1] / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return platform.python_version()
    found = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+(?:\.\d+)?)", text, re.MULTILINE)
    return found[1] if found else platform.python_version()


def _local_notes(recipe: Recipe) -> list[str]:
    notes = []
    if recipe.python and recipe.python != platform.python_version():
        notes.append(f"This is Python {platform.python_version()}; the run had {recipe.python}.")
    had = versions_in("\n".join(without_comment(one) for one in recipe.packages.values())).pins
    have = versions_in(installed.requirements([*_python_path("local"), *sys.path])).pins
    other = [
        f"{name} {have.get(name, 'missing')} (was {version})"
        for name, version in sorted(had.items())
        if have.get(name) != version
    ]
    if other:
        more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
        notes.append(f"Packages here are others: {', '.join(other[:_SHOWN])}{more}.")
    return notes


def _own_packages(recipe: Recipe, place: Path, code: Path) -> list[str]:
    """Folders for ``sys.path``: this package alone, and packages that are developed in the code."""
    alone = place / "packages"
    alone.mkdir(mode=0o700)
    (alone / "assay").symlink_to(Path(__file__).resolve().parents[1])
    if _OWN in recipe.packages:
        _note_distribution(alone, _OWN, _own_version())
    paths = [str(alone)]
    for name, line in recipe.packages.items():
        found = _EDITABLE.search(line)
        folder = None if found is None or name == _OWN else _in_code(found[1], recipe, code)
        if folder is not None:
            version = _VERSION.search(line)
            _note_distribution(alone, name, version[1] if version else "0")
            paths.append(str(folder / "src" if (folder / "src").is_dir() else folder))
    return paths


def _own_version() -> str:
    # The installed one where there is one: that is what the original noted as well.
    try:
        return metadata.version(_OWN)
    except metadata.PackageNotFoundError:
        return __version__


def _note_distribution(folder: Path, name: str, version: str) -> None:
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def _in_code(url: str, recipe: Recipe, code: Path) -> Path | None:
    """The folder of a package under development within the code that was checked out."""
    place, root = Path(unquote(urlsplit(url).path)), Path(recipe.code.root)
    if not recipe.code.root or not place.is_relative_to(root):
        return None
    folder = (code / place.relative_to(root)).resolve()
    return folder if folder.is_dir() and folder.is_relative_to(code.resolve()) else None

"""The inference closure: the packages of an image, which are the model's own and those that
answering predictions takes, each in one exact version.

``mlflow`` itself is left out where Assay reads the model in its place, and Assay comes as its own
wheel; both would bring packages that no prediction uses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from assay.errors import InvalidInput
from assay.models.environments.environment import Environment
from assay.models.environments.packages import pins
from assay.models.environments.requirement_lines import (
    is_archive,
    merged,
    name_of,
    without_comment,
)
from assay.models.environments.uv_env import Progress, resolve
from assay.models.environments.verifying import OLDEST_PYTHON
from assay.models.folder import inside
from assay.models.mlmodel import Model

SERVING_NEEDS: Final = (
    *("click", "h11", "httptools", "msgspec", "numpy", "pyyaml", "rich", "uvicorn", "uvloop"),
)
"""What ``assay models serve`` imports on its way to an answer."""
_MLFLOW: Final = ("mlflow", "mlflow-skinny")
_USERS_CODE: Final = ("mlflow.pyfunc.model", "mlflow.pyfunc.loaders.code_model")
"""Loaders behind which there is code of the user, which may import mlflow."""
_CONDA_BASE: Final = ("python", "pip", "setuptools", "wheel")
_SYSTEM: Final = {"lightgbm": "libgomp1"}
"""Debian packages that wheels link to and slim images lack, by distribution."""
_JAVA: Final = ("pyspark", "h2o")
_JAVA_PACKAGE: Final = "default-jre-headless"
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*==\s*(?P<version>[^\s;,*]+)")


class Closure(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into an image beside the model."""

    python: str
    """Minor version, such as ``3.11``."""
    requirements: tuple[str, ...]
    """Lines of a requirements file, sorted; all packages in one version each if ``is_locked``."""
    is_locked: bool
    constraints: tuple[str, ...] = ()
    """What binds packages that are left open; a lock has none."""
    archives: tuple[str, ...] = ()
    """Paths below the model's folder that requirements name."""
    build_system: tuple[str, ...] = ()
    """Debian packages that installing takes."""
    system: tuple[str, ...] = ()
    """Debian packages that predicting takes."""

    @property
    def packages(self) -> list[tuple[str, str]]:
        """Name and version of each package that is pinned, sorted."""
        found = (_PINNED.match(line) for line in self.requirements)
        return sorted({(one["name"], one["version"]) for one in found if one is not None})


def closure_of(
    folder: Path,
    *,
    lock: bool = True,
    wheels: Path | None = None,
    java: bool | None = None,
    progress: Progress | None = None,
) -> Closure:
    """The closure of a model.

    Args:
        folder: the model's.
        lock: resolve to one version of every package, which asks the index; ``False``: only what
            the model pins is pinned.
        wheels: a folder of wheels to take all packages from, instead of an index.
        java: whether the image has Java; ``None``: if the model's packages need it.
        progress: told each step, as it begins.

    Raises:
        ArtifactNotFound: the model has no environment.
        InvalidInput: it needs packages of conda, or a Python that Assay doesn't run on.
        EnvironmentFailed: the packages can't be resolved.
        MissingExtra: uv isn't there.
    """
    environment = Environment.read(folder)
    _refuse_conda(environment, folder)
    _refuse_old(environment.python, folder)
    lines = _wanted(environment, Model.load(folder))
    environment = msgspec.structs.replace(environment, requirements=lines)
    if lock:
        lines = resolve(environment, folder, wheels=wheels, progress=progress)
    names = {name_of(line) for line in lines}
    system = [package for name, package in _SYSTEM.items() if name in names]
    if java or (java is None and any(name in names for name in _JAVA)):
        system.append(_JAVA_PACKAGE)
    archives = tuple(
        line.partition(";")[0].strip().removeprefix("./") for line in lines if is_archive(line)
    )
    for archive in archives:
        inside(folder, archive)
    return Closure(
        python=".".join(environment.python.split(".")[:2]),
        requirements=tuple(sorted(lines, key=_options_first)),
        is_locked=lock,
        constraints=() if lock else tuple(map(without_comment, environment.constraints)),
        archives=archives,
        build_system=("git",) if any("git+" in line for line in lines) else (),
        system=tuple(sorted(system)),
    )


def _refuse_conda(environment: Environment, folder: Path) -> None:
    bare = [re.split(r"[\s=<>!~]", one.split("::")[-1])[0] for one in environment.conda or ()]
    foreign = sorted(set(bare) - set(_CONDA_BASE))
    if foreign:
        raise InvalidInput(
            f"The model {str(folder)!r} needs packages of conda ({', '.join(foreign)}), and images"
            " are made of packages that pip can install: save it with pip_requirements."
        )


def _refuse_old(python: str, folder: Path) -> None:
    if tuple(int(part) for part in python.split(".")[:2] if part.isdigit()) < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        raise InvalidInput(
            f"The model {str(folder)!r} asks for Python {python}, and Assay itself needs"
            f" {oldest} or newer: save it again with a newer Python."
        )


def _wanted(environment: Environment, model: Model) -> tuple[str, ...]:
    """The lines to install: the model's, and of what serving needs all that it doesn't name."""
    left_out = {"assay"}
    more: list[str] = []
    if _is_read_by_assay(model):
        left_out.update(_MLFLOW)
        schema = model.get_input_schema()
        asked_mlflow = any(name_of(line) in _MLFLOW for line in environment.requirements)
        if asked_mlflow and schema is not None and schema.has_input_names():
            # It came with mlflow, and named inputs are handed to models as frames.
            more = ["pandas"]
    own = [
        without_comment(line)
        for line in environment.requirements
        if name_of(line) not in left_out and line != "--prefer-binary"
    ]
    return merged([*pins(SERVING_NEEDS), *more], own)


def _is_read_by_assay(model: Model) -> bool:
    entry = model.python_function or {}
    loader = str(entry.get("loader_module") or "")
    has_code = any((facts or {}).get("code") for facts in model.flavors.values())
    return loader.startswith(("mlflow.", "assay.")) and loader not in _USERS_CODE and not has_code


def _options_first(line: str) -> tuple[bool, str]:
    return (not line.startswith("-"), line)


def wheels_of(closure: Closure, wheels: Path, *, also: Sequence[str] = ()) -> list[Path]:
    """The files of a folder of wheels that the closure names, and those of the packages ``also``.

    Raises:
        InvalidInput: one is missing.
    """
    there: dict[str, list[tuple[str, Path]]] = {}
    for file in sorted(wheels.glob("*.whl")):
        name, _, rest = file.name.partition("-")
        there.setdefault(_same(name), []).append((rest.partition("-")[0], file))
    found: list[Path] = []
    asked: list[tuple[str, str | None]] = [*closure.packages, *((name, None) for name in also)]
    for name, version in asked:
        files = [f for v, f in there.get(_same(name), []) if version is None or v == version]
        if not files:
            shown = name if version is None else f"{name}=={version}"
            raise InvalidInput(f"The folder of wheels {str(wheels)!r} has none of {shown}.")
        found += files
    return sorted(set(found))


def _same(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

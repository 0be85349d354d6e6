"""Environments: Python and packages of a project's commands, made once and kept by their content.

What the project's files ask for is one key in the user's cache; the same environment serves every
run of it. Making one is left to ``assay.models.environments``; here it is decided which one, and
what a command must be told to use it.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from assay.context.packages import requirements
from assay.errors import AssayError, EnvironmentFailed, InvalidInput
from assay.models.environments.conda_env import build_conda
from assay.models.environments.environment import Environment
from assay.models.environments.requirement_lines import name_of
from assay.models.environments.uv_env import Progress, build, python_of
from assay.models.user_cache import cache_folder
from assay.projects import locked_environments
from assay.projects.launch import EnvManager
from assay.projects.spec import EnvironmentKind, EnvironmentSpec
from assay.projects.virtualenv import build_virtualenv
from assay.version import __version__

_ISOLATED: Final = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__", "CONDA_PREFIX")
"""Would bring packages of the caller into an environment."""
_MANAGERS: Final[dict[EnvironmentKind, tuple[EnvManager, ...]]] = {
    "none": ("local",),
    "python_env": ("uv", "virtualenv", "local"),
    "conda_env": ("conda", "uv", "virtualenv", "local"),
    "docker_env": ("docker", "local"),
    "uv_lock": ("uv", "local"),
    "pylock": ("uv", "local"),
    "requirements": ("uv", "virtualenv", "local"),
    "pixi": ("uv", "local"),
}
"""What can make each kind of environment; for a project with none, nothing is made."""
_CONDA_BASE: Final = frozenset({"python", "pip", "setuptools", "wheel"})
_REASON_LENGTH: Final = 600
_FRESH_S: Final = 30.0
"""A sweep runs hundreds of commands in one environment: within this time they share one look."""


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """An environment that is there."""

    manager: EnvManager
    folder: Path | None = None
    """``None``: the Python that runs this."""
    python_path: tuple[str, ...] = ()
    """Folders for ``PYTHONPATH``."""

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return Path(sys.executable) if self.folder is None else python_of(self.folder)

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """``environ`` as a command in the environment needs it."""
        if self.folder is None:
            own = str(Path(sys.executable).parent)
            return {**environ, "PATH": f"{own}{os.pathsep}{environ.get('PATH', os.defpath)}"}
        kept = {name: value for name, value in environ.items() if name not in _ISOLATED}
        kept["PATH"] = f"{self.folder / 'bin'}{os.pathsep}{environ.get('PATH', os.defpath)}"
        kept["CONDA_PREFIX" if self.manager == "conda" else "VIRTUAL_ENV"] = str(self.folder)
        if self.python_path:
            kept["PYTHONPATH"] = os.pathsep.join(self.python_path)
        return kept

    def pins(self) -> str:
        """What is installed, as a requirements file of exact pins."""
        # A made environment never changes, and this Python hardly while it runs.
        return _pins(self, 0 if self.folder is not None else int(time.monotonic() // _FRESH_S))

    def version(self) -> str:
        """Of its Python."""
        if self.folder is not None:
            try:
                told = (self.folder / "pyvenv.cfg").read_text(encoding="utf-8")
            except OSError:
                told = ""
            for line in told.splitlines():
                name, _, value = line.partition("=")
                if name.strip() in ("version_info", "version"):
                    return value.strip()
        return ".".join(str(part) for part in sys.version_info[:3])

    def digest(self) -> str:
        """``sha256:`` of what is installed."""
        return f"sha256:{hashlib.sha256(self.pins().encode()).hexdigest()}"


@functools.lru_cache(maxsize=64)
def _pins(built: Built, _moment: int) -> str:
    if built.folder is None:
        return requirements()
    sites = sorted(str(place) for place in built.folder.glob("lib/python*/site-packages"))
    _, _, lines = requirements(sites).partition("\n")
    if built.python_path and str(this_package()) in built.python_path:
        lines += f"assay=={__version__}\n"
    return f"# Python {built.version()}\n{lines}"


def manager_for(
    spec: EnvironmentSpec, folder: Path, wanted: EnvManager | None = None
) -> EnvManager:
    """What makes the environment of a project: ``wanted``, or what suits its files.

    Raises:
        InvalidInput: that can't be made of these files.
    """
    if wanted is None:
        if spec.kind == "conda_env" and not _needs_conda(_conda(spec, folder)):
            return "uv"
        if spec.kind == "none" and locked_environments.lacks_lock(folder):
            raise _no_lock()
        return _MANAGERS[spec.kind][0]
    possible = _MANAGERS[spec.kind]
    if spec.kind == "none":
        if wanted in ("uv", "virtualenv") and (folder / "pyproject.toml").is_file():
            raise _no_lock()
        if wanted in ("uv", "virtualenv", "local"):
            return "local"
        raise InvalidInput(
            f"The project asks for no environment that {wanted} could make: it has none of"
            " python_env, conda_env, docker_env, uv.lock, pylock.toml and requirements.txt."
        )
    if wanted not in possible:
        raise InvalidInput(
            f"{wanted} can't make the environment of {spec.file or spec.kind}; use"
            f" {' or '.join(possible)}."
        )
    if spec.kind == "conda_env" and wanted in ("uv", "virtualenv"):
        only = _needs_conda(_conda(spec, folder))
        if only:
            raise InvalidInput(
                f"{spec.file} has packages of conda, which {wanted} can't install:"
                f" {', '.join(only[:5])}. Use --env-manager conda."
            )
    return wanted


def _no_lock() -> InvalidInput:
    return InvalidInput(
        "The project has a pyproject.toml and no uv.lock, so its environment isn't fixed."
        " Make the lock with `uv lock`, or use --env-manager local."
    )


def build_environment(
    spec: EnvironmentSpec,
    folder: Path,
    manager: EnvManager,
    *,
    progress: Progress | None = None,
) -> Built:
    """Make the environment of a project's folder, or find the one that was made before.

    Args:
        spec: what the project asks for.
        folder: the project's.
        manager: as ``manager_for`` gives it.
        progress: told each step, as it begins.

    Raises:
        InvalidInput: a file of it can't be read.
        EnvironmentFailed: it can't be made; the message has the words of who tried.
        MissingExtra: uv isn't there.
    """
    if manager == "local" or spec.kind == "none":
        return Built(manager="local")
    if manager == "docker":
        raise InvalidInput("A docker environment is for the backend docker.")
    if spec.kind in locked_environments.MAKERS:
        make = locked_environments.MAKERS[spec.kind]
        return Built(
            manager="uv",
            folder=make(folder, progress),
            python_path=locked_environments.own_code(folder) if spec.kind == "uv_lock" else (),
        )
    if manager == "conda":
        return Built(manager="conda", folder=build_conda(_conda(spec, folder), progress=progress))
    environment, python_path = with_this_assay(described(spec, folder))
    maker: Callable[..., Path] = build_virtualenv if manager == "virtualenv" else _build_uv
    return Built(
        manager=manager,
        folder=maker(environment, folder, progress=progress),
        python_path=python_path,
    )


def _build_uv(environment: Environment, folder: Path, *, progress: Progress | None) -> Path:
    return build(environment, folder, with_lock=False, progress=progress)


def described(spec: EnvironmentSpec, folder: Path) -> Environment:
    """The environment that a project's files describe.

    Raises:
        InvalidInput: they can't be read.
    """
    try:
        if spec.kind == "python_env":
            return Environment.from_python_env(folder, spec.file)
        if spec.kind == "conda_env":
            return _conda(spec, folder)
        return Environment.from_pip(folder / spec.file)
    except AssayError as error:
        # The readers are those of models; here it is a project that names the file.
        raise InvalidInput(error.message) from None


def with_this_assay(environment: Environment) -> tuple[Environment, tuple[str, ...]]:
    """Where Assay is asked for and this one came from no index: what Assay needs instead of it, and
    the folder for ``PYTHONPATH`` that has this one.
    """
    # Looking through all that is installed takes some milliseconds: only where it is asked for.
    if all(name_of(line) != "assay" for line in environment.requirements):
        return environment, ()
    needs = locked_environments.needs_of_this_assay()
    if needs is None:
        return environment, ()
    lines = [line for line in environment.requirements if name_of(line) != "assay"]
    named = {name_of(line) for line in lines}
    more = [line for line in needs if name_of(line) not in named]
    changed = msgspec.structs.replace(environment, requirements=(*lines, *more))
    return changed, (str(this_package()),)


def this_package() -> Path:
    """A folder that has this package and nothing else."""
    package = Path(__file__).resolve().parents[1]
    key = hashlib.sha256(str(package).encode()).hexdigest()[:16]
    folder = cache_folder("this-package", key)
    link = folder / "assay"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(package)
    return folder


def reason_of(error: AssayError) -> str:
    """Why an environment can't be made, in short: of the words of uv or pip those that matter."""
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    if not isinstance(error, EnvironmentFailed) or len(lines) < 2:
        return " ".join(lines)[:_REASON_LENGTH]
    marks = ("error", "×", "╰", "ERROR", "hint")
    first = next((at for at, line in enumerate(lines) if line.startswith(marks)), len(lines) - 3)
    told = " ".join(line.lstrip("×╰─▶│ ") for line in lines[max(1, first) :])
    return f"{lines[0]} {told}"[:_REASON_LENGTH]


def _conda(spec: EnvironmentSpec, folder: Path) -> Environment:
    try:
        return Environment.from_conda_env(folder / spec.file)
    except AssayError as error:
        raise InvalidInput(error.message) from None


def _needs_conda(environment: Environment) -> list[str]:
    """Packages that only conda installs."""
    asked = environment.conda or ()
    names = [entry.split("::")[-1] for entry in asked]
    return [
        name
        for name in names
        if name.split("=")[0].split("<")[0].split(">")[0].split("!")[0].strip() not in _CONDA_BASE
    ]

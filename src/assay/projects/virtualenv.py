"""Virtualenv: environments made by Python's own ``venv`` and pip, for those who want no uv.

Kept in the user's cache by content, like those of uv. Scripts in them hold the environment's path,
so one is made where it stays, and a mark tells that it is whole.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from assay.errors import EnvironmentFailed
from assay.models.environments.environment import Environment
from assay.models.environments.requirement_lines import is_archive, without_comment
from assay.models.environments.uv_env import Progress, locked, python_of
from assay.models.user_cache import cache_folder

_WHOLE: Final = ".assay-whole"
_TIMEOUT_S: Final = 3600
_TAIL_LINES: Final = 25


def build_virtualenv(
    environment: Environment, folder: Path, *, progress: Progress | None = None
) -> Path:
    """Make an environment with ``venv`` and pip, or find the one that was made before.

    Args:
        environment: what goes into it.
        folder: of the project, where archives that it names lie.
        progress: told each step, as it begins.

    Raises:
        EnvironmentFailed: there is no such Python here, or pip fails; the message has its words.
    """
    python = _interpreter(environment.python)
    lines = [without_comment(line) for line in environment.requirements]
    lines = [_placed(line, folder) for line in lines]
    facts = [1, python, lines, environment.constraints, environment.build, platform.machine()]
    key = hashlib.sha256(msgspec.json.encode(facts)).hexdigest()
    place = cache_folder("virtualenvs") / key
    with locked(cache_folder("virtualenvs", ".locks") / key, progress):
        if not (place / _WHOLE).exists():
            shutil.rmtree(place, ignore_errors=True)
            try:
                _make(place, python, environment, lines, progress)
            except BaseException:
                shutil.rmtree(place, ignore_errors=True)
                raise
            (place / _WHOLE).touch()
    return place


def _interpreter(version: str) -> str:
    current = platform.python_version()
    if current == version or current.startswith(f"{version}."):
        return sys.executable
    minor = ".".join(version.split(".")[:2])
    if current.startswith(f"{minor}."):
        return sys.executable
    found = shutil.which(f"python{minor}")
    if found is None:
        raise EnvironmentFailed(
            "The environment",
            f"there is no python{minor} on PATH. Install it, or use --env-manager uv, which"
            " fetches it.",
        )
    return found


def _placed(line: str, folder: Path) -> str:
    if not is_archive(line):
        return line
    path, semicolon, marker = line.partition(";")
    return f"{(folder / path.strip()).resolve()} {semicolon}{marker}".rstrip()


def _make(
    place: Path,
    python: str,
    environment: Environment,
    lines: list[str],
    progress: Progress | None,
) -> None:
    if progress is not None:
        progress(f"Making an environment with {Path(python).name} and pip")
    _run([python, "-m", "venv", str(place)])
    pip = [str(python_of(place)), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    if environment.build:
        _run([*pip, *environment.build])
    if not lines:
        return
    with tempfile.TemporaryDirectory(prefix="assay-env-") as work:
        wanted = Path(work) / "requirements.txt"
        wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
        bounds = Path(work) / "constraints.txt"
        bounds.write_text("\n".join(environment.constraints) + "\n", encoding="utf-8")
        _run([*pip, "-r", str(wanted), "-c", str(bounds)])


def _run(arguments: list[str]) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(  # noqa: S603 - an argument list, no shell
            arguments,
            env=kept,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentFailed("The environment", "pip doesn't end") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-_TAIL_LINES:]
        raise EnvironmentFailed("The environment", "pip says:\n" + "\n".join(said))

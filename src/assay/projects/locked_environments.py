"""Locked environments: those of ``uv.lock``, ``pylock.toml`` and ``pixi.lock``.

The lock decides alone: nothing is resolved anew. The code of a project that is a package itself is
not installed, because it changes; it is found by ``PYTHONPATH``.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from assay.errors import EnvironmentFailed, InvalidInput
from assay.models.environments.packages import Distributions, pins
from assay.models.environments.requires_dist import needed
from assay.models.environments.uv_env import Progress, cached, index_options, python_of, run_uv

VERSION: Final = 1
"""Part of each environment's key; raised when environments are made otherwise than before."""
_MAX_BYTES: Final = 32 << 20
_PIXI_TIMEOUT_S: Final = 1800


def lacks_lock(folder: Path) -> bool:
    """Whether a ``pyproject.toml`` asks for packages, and no lock says which exactly."""
    if not (folder / "pyproject.toml").is_file():
        return False
    asked = _toml(_read(folder, "pyproject.toml"), "pyproject.toml").get("project")
    return isinstance(asked, dict) and bool(asked.get("dependencies"))


def _of_uv(folder: Path, progress: Progress | None) -> Path:
    texts = [_read(folder, name) for name in ("uv.lock", "pyproject.toml")]
    pinned = folder / ".python-version"
    texts.append(pinned.read_bytes()[:100] if pinned.is_file() else b"")

    def make(work: Path) -> None:
        _tell(progress, "Making an environment of uv.lock")
        project = ["--project", str(folder)]
        run_uv(["venv", "--relocatable", *project, *_this_python(folder), str(work)], progress)
        with tempfile.TemporaryDirectory(prefix="assay-lock-") as place:
            wanted = Path(place) / "requirements.txt"
            options = ["--frozen", "--no-emit-project", "--no-header", "--quiet"]
            run_uv(["export", *project, *options, "--output-file", str(wanted)], progress)
            _install(work, wanted, progress)

    return cached("project-envs", _key("uv", *texts), make, progress=progress)


def _of_pylock(folder: Path, progress: Progress | None) -> Path:
    text = _read(folder, "pylock.toml")
    asked = str(_toml(text, "pylock.toml").get("requires-python") or "")

    def make(work: Path) -> None:
        _tell(progress, "Making an environment of pylock.toml")
        python = ["--python", asked] if asked else ["--python", sys.executable]
        run_uv(["venv", "--relocatable", "--no-project", *python, str(work)], progress)
        with tempfile.TemporaryDirectory(prefix="assay-lock-") as place:
            copy = Path(place) / "pylock.toml"
            copy.write_bytes(text)
            _install(work, copy, progress)

    return cached("project-envs", _key("pylock", text), make, progress=progress)


def _of_pixi(folder: Path, progress: Progress | None) -> Path:
    """Pixi keeps environments beside the project and decides itself whether they are current."""
    _read(folder, "pixi.lock")
    pixi = shutil.which("pixi")
    if pixi is None:
        raise EnvironmentFailed(
            "The environment of pixi.lock",
            "pixi isn't on PATH. Install it, or run with --env-manager local.",
        )
    _tell(progress, "Making an environment of pixi.lock")
    try:
        done = subprocess.run(  # noqa: S603 - an argument list, no shell
            [pixi, "install", "--frozen"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PIXI_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentFailed("The environment of pixi.lock", "pixi doesn't end") from None
    if done.returncode != 0:
        said = "\n".join(done.stderr.strip().splitlines()[-25:])
        raise EnvironmentFailed("The environment of pixi.lock", f"pixi says:\n{said}")
    return folder / ".pixi" / "envs" / "default"


MAKERS: Final[dict[str, Callable[[Path, Progress | None], Path]]] = {
    "uv_lock": _of_uv,
    "pylock": _of_pylock,
    "pixi": _of_pixi,
}
"""By the kind of environment: gives the environment's folder."""


def own_code(folder: Path) -> tuple[str, ...]:
    """Where the modules of a project that is a package itself lie."""
    if "build-system" not in _toml(_read(folder, "pyproject.toml"), "pyproject.toml"):
        return ()
    source = folder / "src"
    return (str(source if source.is_dir() else folder),)


def needs_of_this_assay() -> list[str] | None:
    """What this Assay needs, as pins of what is here; ``None`` if it came from an index, where an
    environment gets it as any package.
    """
    own = Distributions().get("assay")
    if own is None or own.origin() is None:
        return None
    return pins(one.name for one in own.requires() if needed(one))


def _install(work: Path, wanted: Path, progress: Progress | None) -> None:
    target = ["--python", str(python_of(work)), "--requirements", str(wanted)]
    run_uv(["pip", "install", "--no-deps", *index_options(), *target], progress)


def _this_python(folder: Path) -> list[str]:
    """This interpreter, if the project takes it: one that is here needs no download."""
    if (folder / ".python-version").is_file():
        return []
    project = _toml(_read(folder, "pyproject.toml"), "pyproject.toml").get("project")
    asked = project.get("requires-python") if isinstance(project, dict) else None
    return ["--python", asked] if isinstance(asked, str) else ["--python", sys.executable]


def _read(folder: Path, name: str) -> bytes:
    try:
        with (folder / name).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"The project's {name} can't be read: {error.strerror}.") from None
    if len(content) > _MAX_BYTES:
        raise InvalidInput(f"The project's {name} is over {_MAX_BYTES >> 20} MB.")
    return content


def _toml(content: bytes, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"The project's {name} is no TOML: {error}.") from None


def _key(kind: str, *texts: bytes) -> str:
    facts = hashlib.sha256(f"{VERSION} {kind} {sys.platform} {platform.machine()}".encode())
    facts.update(f" {sys.version_info[:2]} {platform.libc_ver()}".encode())
    for text in texts:
        facts.update(hashlib.sha256(text).digest())
    return facts.hexdigest()


def _tell(progress: Progress | None, line: str) -> None:
    if progress is not None:
        progress(line)

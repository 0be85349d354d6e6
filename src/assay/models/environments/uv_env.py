"""Virtual environments of models, made by uv and kept in the user's cache by their content.

Two models that ask for the same get the same environment, so nothing may be installed into one
after it was made. It appears under its final name only when it is whole; several processes that
want one at once wait for the first.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import platform
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from assay.errors import EnvironmentFailed, MissingExtra
from assay.models.environments.environment import Environment
from assay.models.environments.lockfiles import locked_versions
from assay.models.environments.requirement_lines import is_archive, name_of, without_comment
from assay.models.environments.uv_settings import uses_no_index, uv_variables
from assay.models.folder import inside
from assay.models.user_cache import cache_folder

VERSION: Final = 1
"""Part of each environment's key; raised when environments are made otherwise than before."""
_TAIL_LINES: Final = 25
"""Of uv's output that an error shows: its resolver explains itself in some ten."""
_UNKNOWN_TO_UV: Final = ("--prefer-binary",)
_CREDENTIALS = re.compile(r"(://)[^/\s@]+@")
_NOISE: Final = re.compile(r" [+~-] \S+==|Activate with: |Using Python \S+ environment at: ")
"""Said for somebody who works in the environment by hand; a line for each package."""
_log = logging.getLogger(__name__)

Progress = Callable[[str], None]
"""Takes one line that tells what is being done."""


def build(
    environment: Environment,
    folder: str | Path | None = None,
    *,
    with_lock: bool = True,
    progress: Progress | None = None,
) -> Path:
    """Make a virtual environment, or find the one that was made before; returns its folder.

    Args:
        environment: what goes into it.
        folder: the model's folder, where its lock file and archives that it brings are.
        with_lock: take versions that the requirements leave open from the model's lock file.
        progress: told each step, as it begins.

    Raises:
        MissingExtra: uv isn't there.
        EnvironmentFailed: Python or a package can't be installed; the message has uv's own words.
    """
    plan = _plan(environment, None if folder is None else Path(folder), with_lock=with_lock)
    return cached("envs", plan.key(), lambda work: _make(plan, work, progress), progress=progress)


def python_of(environment_folder: Path) -> Path:
    """The interpreter of an environment."""
    return environment_folder / "bin" / "python"


def local_python() -> Path:
    """The interpreter of this process, for those who want no environment."""
    return Path(sys.executable)


def install(
    python: Path, target: Path, requirements: Sequence[str], *, progress: Progress | None = None
) -> None:
    """Install packages, without what they need, into a folder of its own.

    Raises:
        MissingExtra: uv isn't there.
        EnvironmentFailed: they can't be installed.
    """
    arguments = ["--target", str(target), "--no-deps", *requirements]
    run_uv(["pip", "install", "--python", str(python), *index_options(), *arguments], progress)


def resolve(
    environment: Environment,
    folder: Path,
    *,
    wheels: Path | None = None,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Every package that an environment comes to, in one exact version; nothing is installed.

    Args:
        environment: what is asked for; ``python`` and this machine's kind decide on markers, on
            Linux in any case.
        folder: the model's folder, as of ``build``.
        wheels: a folder to take packages from, instead of an index.
        progress: told each step, as it begins.

    Returns:
        Lines as pip takes them, with the digests that the index has, and options before them.

    Raises:
        MissingExtra: uv isn't there.
        EnvironmentFailed: no such set of versions exists; the message has uv's own words.
    """
    plan = _plan(environment, folder, with_lock=True)
    _tell(progress, f"Resolving {len(plan.requirements)} requirements for Python {plan.python}")
    options = ["--python-version", plan.python, "--no-header", "--no-annotate"]
    if sys.platform != "linux":
        kind = "aarch64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
        options += ["--python-platform", f"{kind}-unknown-linux-gnu"]
    source = [] if wheels is None else ["--no-index", "--find-links", str(wheels.resolve())]
    options += source or index_options()
    with tempfile.TemporaryDirectory(prefix="assay-lock-") as work:
        target = Path(work) / "locked.txt"
        options += ["--generate-hashes", "--output-file", str(target)]
        wanted, bounds = _written(plan, Path(work))
        run_uv(["pip", "compile", wanted, *bounds, *plan.options, *options], progress)
        text = target.read_text(encoding="utf-8")
    asked = () if wheels is not None else (x for x in plan.requirements if x.startswith("-"))
    locked = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    # Archives of the model are told by their places in it, wherever that is now.
    inside_model = re.compile(rf"\S+ @ file://{re.escape(quote(str(folder.resolve())))}/(\S+)")
    return (*asked, *(inside_model.sub(_as_relative, line) for line in locked if line.strip()))


def _as_relative(match: re.Match[str]) -> str:
    return f"./{unquote(match[1])}"


def cached(
    kind: str, key: str, make: Callable[[Path], None], *, progress: Progress | None = None
) -> Path:
    """The folder of this key in the user's cache; ``make`` fills a new one if there is none.

    Raises:
        EnvironmentFailed: the cache can't be written.
    """
    try:
        base = cache_folder(kind)
        locks = cache_folder(kind, ".locks")
    except OSError as error:
        raise EnvironmentFailed("The environment", f"its cache can't be written: {error}") from None
    final = base / key
    if _is_whole(final):
        return final
    with locked(locks / key, progress):
        if _is_whole(final):
            return final
        # Whoever left these was killed: the lock is ours.
        for left in [*base.glob(f".{key}.*"), final]:
            shutil.rmtree(left, ignore_errors=True)
        work = base / f".{key}.{secrets.token_hex(6)}"
        try:
            make(work)
            work.rename(final)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    return final


def uv_binary() -> str:
    """The path of uv: of the installed package ``uv``, or on ``PATH``.

    Raises:
        MissingExtra: there is none.
    """
    try:
        from uv import find_uv_bin
    except ImportError:
        found = shutil.which("uv")
    else:
        try:
            return str(find_uv_bin())
        except FileNotFoundError:
            found = shutil.which("uv")
    if found is None:
        raise MissingExtra("uv", extra="env", purpose="Making the environment of a model")
    return found


class _Plan(msgspec.Struct, frozen=True):
    """All that decides over the content of an environment."""

    python: str
    requirements: list[str]
    constraints: list[str]
    options: list[str]
    archives: list[str]
    """SHA-256 of each archive that comes with the model."""

    def key(self) -> str:
        facts = [VERSION, self, sys.platform, platform.machine(), *platform.libc_ver()]
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def _plan(environment: Environment, folder: Path | None, *, with_lock: bool) -> _Plan:
    lines, options, archives = [], [], []
    for line in map(without_comment, environment.requirements):
        if line == "--pre":
            options.append("--prerelease=allow")
        elif is_archive(line) and folder is not None:
            path, semicolon, marker = line.partition(";")
            place = inside(folder, path.strip().removeprefix("./"))
            archives.append(hashlib.sha256(place.read_bytes()).hexdigest())
            lines.append(f"{place.resolve()} {semicolon}{marker}".rstrip())
        elif line not in _UNKNOWN_TO_UV:
            lines.append(line)
    constraints = [without_comment(line) for line in environment.constraints]
    if with_lock and folder is not None:
        asked = {name_of(line) for line in [*lines, *constraints]}
        locked = locked_versions(folder).items()
        constraints += [f"{name}=={version}" for name, version in locked if name not in asked]
    return _Plan(environment.python, sorted(lines), sorted(constraints), options, archives)


def _make(plan: _Plan, work: Path, progress: Progress | None) -> None:
    _tell(progress, f"Making an environment with Python {plan.python}")
    _make_venv(plan.python, work, progress)
    if not plan.requirements:
        return
    _tell(progress, f"Installing {len(plan.requirements)} requirements")
    with tempfile.TemporaryDirectory(prefix="assay-env-") as folder:
        wanted, bounds = _written(plan, Path(folder))
        options = [*index_options(), *plan.options, *bounds]
        target = ["--python", str(python_of(work)), "--requirements", wanted]
        run_uv(["pip", "install", *target, *options], progress)


def _written(plan: _Plan, folder: Path) -> tuple[str, list[str]]:
    """The file of requirements, and the options that bring the constraints."""
    wanted = folder / "requirements.txt"
    wanted.write_text("\n".join(plan.requirements) + "\n", encoding="utf-8")
    if not plan.constraints:
        return str(wanted), []
    bounds = folder / "constraints.txt"
    bounds.write_text("\n".join(plan.constraints) + "\n", encoding="utf-8")
    return str(wanted), ["--constraints", str(bounds)]


def _make_venv(version: str, work: Path, progress: Progress | None) -> None:
    current = platform.python_version()
    if current == version or current.startswith(version + "."):
        wanted = [sys.executable]
    else:
        # A patch release that can't be had here gives way to another of the same minor version.
        minor = ".".join(version.split(".")[:2])
        wanted = list(dict.fromkeys([version, minor, *_of_pyenv(minor)]))
    for position, python in enumerate(wanted):
        try:
            # Relocatable: it is renamed when it is whole.
            run_uv(
                ["venv", "--relocatable", "--no-project", "--python", python, str(work)], progress
            )
        except EnvironmentFailed:
            if position == len(wanted) - 1:
                raise
            _log.info("Python %s can't be had here; looking for another one like it.", python)
        else:
            return


def _of_pyenv(minor: str) -> list[str]:
    """Interpreters that pyenv has: uv stops at its stand-ins on PATH, which fail for versions that
    aren't chosen.
    """
    versions = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser() / "versions"
    return [str(place) for place in sorted(versions.glob(f"{minor}.*/bin/python"), reverse=True)]


def run_uv(arguments: Sequence[str], progress: Progress | None) -> None:
    """Run uv away from all projects; its output goes to ``progress`` line by line.

    Raises:
        MissingExtra: uv isn't there.
        EnvironmentFailed: it fails; the message has its own words.
    """
    binary = uv_binary()
    said: list[str] = []
    with tempfile.TemporaryDirectory(prefix="assay-uv-") as nowhere:
        process = subprocess.Popen(  # noqa: S603 - an argument list, no shell
            [binary, *arguments],
            cwd=nowhere,
            env=uv_variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stderr is not None
        try:
            for line in process.stderr:
                told = _CREDENTIALS.sub(r"\1***@", line.rstrip())
                said = [*said[1 - _TAIL_LINES :], told]
                if not _NOISE.match(told):
                    _tell(progress, told)
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            process.stderr.close()
            process.wait()
    if code != 0:
        raise EnvironmentFailed("The environment", "uv says:\n" + "\n".join(said))


def index_options() -> list[str]:
    """What uv is told of pip's choice of indexes."""
    return ["--no-index"] if uses_no_index() else []


def _is_whole(folder: Path) -> bool:
    # An environment whose Python was removed is made anew; other folders have no interpreter.
    python = python_of(folder)
    return folder.is_dir() and (python.exists() or not python.is_symlink())


@contextlib.contextmanager
def locked(file: Path, progress: Progress | None) -> Iterator[None]:
    """Hold the lock of a file, for as long as the context lasts."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _tell(progress, "Waiting for another process that makes the same environment")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _tell(progress: Progress | None, line: str) -> None:
    if progress is not None and line:
        progress(line)

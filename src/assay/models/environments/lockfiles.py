"""Lock files of the user's project, taken along with a model.

``uv.lock`` (with the ``pyproject.toml`` it belongs to, as MLflow keeps them) or ``pylock.toml``
(PEP 751) tell exact versions of packages that the model's own requirements reach only indirectly.
They are kept under their own names and used as constraints when an environment is built.
"""

from __future__ import annotations

import logging
import re
import shutil
import tomllib
from pathlib import Path
from typing import Final

UV_LOCK: Final = "uv.lock"
PYLOCK: Final = "pylock.toml"
_COMPANIONS: Final = ("pyproject.toml", ".python-version")
"""What ``uv sync`` wants beside ``uv.lock``."""
MAX_FILE_BYTES: Final = 32 << 20
_SECRET = re.compile(rb"://[^/\s@\"']*:[^/\s@\"']+@")
_log = logging.getLogger(__name__)


def project_lock(start: Path | None = None) -> Path | None:
    """The nearest lock file at or above ``start`` (the current folder); the search ends at the
    root of the repository, the home folder or the root of the file system.
    """
    folder = (start or Path.cwd()).resolve()
    home = _home()
    while True:
        if (folder / UV_LOCK).is_file() and (folder / "pyproject.toml").is_file():
            return folder / UV_LOCK
        if (folder / PYLOCK).is_file():
            return folder / PYLOCK
        if (folder / ".git").exists() or folder in (home, folder.parent):
            return None
        folder = folder.parent


def take_along(lock: Path, folder: Path) -> list[str]:
    """Copy a lock file, and what belongs to it, into a model's folder; returns the names.

    Nothing is copied, with a warning, where a file holds a password or is too large.
    """
    names = [lock.name]
    if lock.name == UV_LOCK:
        names += [name for name in _COMPANIONS if (lock.parent / name).is_file()]
    for name in names:
        source = lock.parent / name
        if source.stat().st_size > MAX_FILE_BYTES:
            _log.warning("%s isn't kept with the model: it is too large.", source)
            return []
        if _SECRET.search(source.read_bytes()):
            _log.warning(
                "%s isn't kept with the model: %s has an address with a password in it.",
                lock.name,
                source,
            )
            return []
    for name in names:
        shutil.copyfile(lock.parent / name, folder / name)
    return names


def locked_versions(folder: Path) -> dict[str, str]:
    """Version by name of what a model's lock file lists; empty without one.

    A package that is listed in several versions, for other platforms, is left out.
    """
    for name, key in ((UV_LOCK, "package"), (PYLOCK, "packages")):
        file = folder / name
        try:
            if file.is_symlink() or file.stat().st_size > MAX_FILE_BYTES:
                continue
            listed = tomllib.loads(file.read_text(encoding="utf-8")).get(key)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("The lock file %s can't be used: %s", file, error)
            continue
        return _versions(listed)
    return {}


def _versions(listed: object) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and _from_index(entry):
            name, version = entry.get("name"), entry.get("version")
            if _is_plain(name) and _is_plain(version):
                found.setdefault(str(name), set()).add(str(version).partition("+")[0])
    return {name: next(iter(some)) for name, some in sorted(found.items()) if len(some) == 1}


def _from_index(entry: dict[str, object]) -> bool:
    """Whether it isn't the project itself, a folder or a repository, in either format."""
    source = entry.get("source")
    if isinstance(source, dict) and "registry" not in source:
        return False
    return not any(kind in entry for kind in ("vcs", "directory", "archive"))


def _is_plain(text: object) -> bool:
    return isinstance(text, str) and bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,200}", text))


def _home() -> Path | None:
    try:
        return Path.home().resolve()
    except RuntimeError:
        return None

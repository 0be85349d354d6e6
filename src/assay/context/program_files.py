"""Program files: which files of a folder this program is made of, as far as it can be seen.

What was imported, the script, and the files that the command names. ``assay.context.git`` asks
which of them were never added, so that a run of a script that is not in the repository yet can be
repeated all the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from assay.context.source import is_sensitive

MAX_FILES: Final = 500
MAX_NAMED_BYTES: Final = 1 << 20
"""A larger file that the command names is data, which is told by its digest instead."""
_KEYS: Final = (".pem", ".key", ".p12", ".pfx", ".keystore", ".jks")
_INSTALLED: Final = ("site-packages", "dist-packages")


class ProgramFiles(NamedTuple):
    """Paths relative to the folder, with ``/`` between parts."""

    code: list[str]
    """Python files that were imported or run."""
    named: list[str]
    """Other small files that the command line names."""


def program_files(root: Path) -> ProgramFiles:
    """What of this program lies below ``root``, installed packages left out."""
    base = os.path.realpath(root) + os.sep
    modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    # Most are installed, which their paths tell without asking the file system.
    code = [name for name in modules if isinstance(name, str) and _is_code(name)]
    words = [*getattr(sys, "orig_argv", ()), *sys.argv]
    imported = _below(base, code, _is_code)
    named = _below(
        base, [part for word in words for part in (word, word.partition("=")[2])], _is_plain
    )
    scripts = [name for name in named if name.endswith(".py")]
    return ProgramFiles(
        list(dict.fromkeys([*imported, *scripts]))[:MAX_FILES],
        [name for name in named if not name.endswith(".py")][:MAX_FILES],
    )


def _below(base: str, names: list[str], wanted: Callable[[str], bool]) -> list[str]:
    found: dict[str, None] = {}
    for name in names:
        if not name or len(name) > 4_000 or "\0" in name:
            continue
        path = os.path.realpath(name)
        if path.startswith(base) and wanted(path):
            found[path[len(base) :].replace(os.sep, "/")] = None
    return list(found)


def _is_code(path: str) -> bool:
    if not path.endswith(".py") or any(f"{os.sep}{part}{os.sep}" in path for part in _INSTALLED):
        return False
    return not path.startswith((os.path.realpath(sys.prefix) + os.sep, _standard_library()))


def _standard_library() -> str:
    return os.path.dirname(os.path.realpath(os.__file__)) + os.sep  # noqa: PTH120 - texts, as above


def _is_plain(path: str) -> bool:
    name = os.path.basename(path)  # noqa: PTH119 - texts, as above
    if name.startswith(".env") or name.endswith(_KEYS) or is_sensitive(name):
        return False
    if path.startswith(os.path.realpath(sys.prefix) + os.sep):
        return False
    try:
        return os.path.isfile(path) and os.path.getsize(path) <= MAX_NAMED_BYTES  # noqa: PTH113, PTH202
    except OSError:
        return False

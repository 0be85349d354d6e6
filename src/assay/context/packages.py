"""Packages: what is installed, exactly, as a requirements file, and what of it was imported.

Names and versions are read from the names of the ``*.dist-info`` folders, in the order in which the
interpreter would find them. That takes a millisecond where parsing each package's metadata takes a
hundred, during which a training loop would have to share the interpreter.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from assay.context.source import strip_url_secrets

_INFO = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info\Z")
_SITE = re.compile(r"[/\\](?:site|dist)-packages[/\\]")
_SEPARATORS = re.compile(r"[-_.]+")


class _VcsInfo(msgspec.Struct, frozen=True):
    vcs: str = ""
    commit_id: str = ""


class _DirInfo(msgspec.Struct, frozen=True):
    editable: bool = False


class _DirectUrl(msgspec.Struct, frozen=True):
    """``direct_url.json`` of the PyPA specification *Recording the Direct URL Origin*."""

    url: str = ""
    vcs_info: _VcsInfo | None = None
    dir_info: _DirInfo | None = None


def requirements(path: list[str] | None = None) -> str:
    """One pinned line per installed distribution, sorted by name; the first line names the
    interpreter.

    What was installed from version control is pinned to its commit; a local folder can't be
    installed elsewhere, so it keeps its version and a comment tells where it came from.
    """
    found: dict[str, str] = {}
    for folder in sys.path if path is None else path:
        for name, line in _distributions(folder):
            found.setdefault(name, line)
    version = ".".join(str(part) for part in sys.version_info[:3])
    return "\n".join([f"# Python {version}", *(found[name] for name in sorted(found)), ""])


def imported_names() -> list[str]:
    """Top-level names of what this process has imported of installed packages, sorted.

    Takes some hundred microseconds, as it looks only at what is in memory. Which package a name
    belongs to is left to whoever compares.
    """
    names = {name.partition(".")[0] for name in list(sys.modules)}
    return sorted(
        name
        for name in names - sys.stdlib_module_names
        if name.isidentifier() and not name.startswith("_") and _is_installed(name)
    )


def _is_installed(name: str) -> bool:
    try:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        # Namespace packages have no file of their own, only places.
        places = [
            getattr(spec, "origin", None),
            *(getattr(spec, "submodule_search_locations", ()) or ()),
        ]
    except Exception:  # noqa: BLE001 - a module may be any object, whose attributes do anything
        return False
    return any(isinstance(place, str) and _SITE.search(place) for place in places)


def _distributions(folder: str) -> Iterator[tuple[str, str]]:
    try:
        entries = [entry.name for entry in os.scandir(folder or ".")]
    except OSError:
        return
    for entry in entries:
        match = _INFO.match(entry)
        if match:
            name = _SEPARATORS.sub("-", match["name"]).lower()
            yield name, _line(name, match["version"], Path(folder) / entry)


def _line(name: str, version: str, info: Path) -> str:
    try:
        origin = msgspec.json.decode((info / "direct_url.json").read_bytes(), type=_DirectUrl)
    except (OSError, msgspec.DecodeError):
        return f"{name}=={version}"
    url = strip_url_secrets(origin.url)
    if origin.vcs_info is not None and origin.vcs_info.commit_id:
        return f"{name} @ {origin.vcs_info.vcs}+{url}@{origin.vcs_info.commit_id}"
    how = "editable, " if origin.dir_info is not None and origin.dir_info.editable else ""
    return f"{name}=={version}  # {how}from {url}"

"""Installed distributions: which one a module comes from, what it needs, and its exact pin.

Reads ``*.dist-info`` folders directly. All ``RECORD`` files of a large environment take some 30 ms,
where ``importlib.metadata.packages_distributions`` takes seconds; nothing is read before a question
needs it. Not thread-safe; make one ``Distributions`` per question.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from assay.errors import InvalidInput
from assay.models.environments.requires_dist import Requirement, normalized, parse

_INFO = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info\Z")
_TOP = re.compile(rb"^([^/,\n]+)", re.MULTILINE)
_MAPPING = re.compile(r"^MAPPING\b[^=]*=\s*(\{.*\})\s*$", re.MULTILINE)


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


class Distribution(msgspec.Struct, frozen=True):
    """One installed distribution."""

    name: str
    """Normalized, such as ``scikit-learn``."""
    version: str
    """As installed, local label included: ``2.13.0+cpu``."""
    info: Path
    """Its ``*.dist-info`` (or ``*.egg-info``) folder."""

    @property
    def site(self) -> str:
        """The folder of ``sys.path`` that it is installed in."""
        return str(self.info.parent)

    def record(self) -> bytes:
        """``RECORD``: a line per installed file; empty where the installer wrote none."""
        try:
            return (self.info / "RECORD").read_bytes()
        except OSError:
            return b""

    def requires(self) -> list[Requirement]:
        """What it declares to need, those of extras and other platforms included."""
        try:
            text = (self.info / "METADATA").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        headers = text.partition("\n\n")[0].splitlines()
        lines = (line.partition(":") for line in headers if line.startswith("Requires-Dist:"))
        return [found for _, _, spec in lines if (found := parse(spec)) is not None]

    def origin(self) -> _DirectUrl | None:
        """Where it came from, if not from an index."""
        try:
            return msgspec.json.decode(
                (self.info / "direct_url.json").read_bytes(), type=_DirectUrl
            )
        except (OSError, msgspec.DecodeError):
            return None


class Distributions:
    """All distributions that the folders of ``path`` hold; the first of a name wins, as when
    importing.

    Args:
        path: folders in order of search; this interpreter's ``sys.path`` if ``None``.
    """

    def __init__(self, path: Sequence[str] | None = None) -> None:
        self._by_name: dict[str, Distribution] = {}
        self._sites: list[str] = []
        for folder in sys.path if path is None else path:
            self._scan(os.path.abspath(folder))  # noqa: PTH100 - must not follow links

    def _scan(self, folder: str) -> None:
        try:
            names = [entry.name for entry in os.scandir(folder)]
        except OSError:
            return
        found = [match for name in names if (match := _INFO.match(name))]
        if found and folder not in self._sites:
            self._sites.append(folder)
        for match in found:
            name = normalized(match["name"])
            place = Path(folder) / match.string
            self._by_name.setdefault(name, Distribution(name, match["version"], place))

    def get(self, name: str) -> Distribution | None:
        """The distribution of this name, in any spelling."""
        return self._by_name.get(normalized(name))

    def all(self) -> list[Distribution]:
        """All of them, by name."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def digest(self) -> str:
        """SHA-256 of all names, versions and places: equal as long as nothing is installed."""
        lines = (f"{d.name} {d.version} {d.info}\n" for d in self.all())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def providing(self, module: str, file: str | None = None) -> Distribution | None:
        """The distribution that a module comes from; ``None`` for the standard library and for
        code that no distribution brought.

        Args:
            module: dotted name.
            file: its ``__file__``; without one (namespace packages) the name alone decides where
                only one distribution has it.
        """
        if file is None:
            owners = {
                owner.name: owner
                for tops in self._tops.values()
                for owner in tops.get(module.partition(".")[0], [])
            }
            return next(iter(owners.values())) if len(owners) == 1 else None
        for site in self._sites_of(file):
            relative = file[len(site) + 1 :]
            owners_here = self._tops[site].get(relative.partition(os.sep)[0], [])
            if len(owners_here) == 1:
                return owners_here[0]
            line = b"\n" + relative.replace(os.sep, "/").encode() + b","
            for owner in owners_here:
                if line in b"\n" + owner.record():
                    return owner
            return None
        for folder, owner in self._editable:
            if file == folder or file.startswith(folder + os.sep):
                return owner
        return None

    def _sites_of(self, file: str) -> list[str]:
        inside = [site for site in self._sites if file.startswith(site + os.sep)]
        return sorted(inside, key=len, reverse=True)[:1]

    @cached_property
    def _tops(self) -> dict[str, dict[str, list[Distribution]]]:
        """By site folder: the first part of each installed path, and who installed there."""
        found: dict[str, dict[str, list[Distribution]]] = {site: {} for site in self._sites}
        for owner in self._by_name.values():
            tops = {os.fsdecode(top) for top in _TOP.findall(owner.record())}
            if not tops:
                tops = _declared_tops(owner)
            for top in tops - {"..", "__pycache__"}:
                found[owner.site].setdefault(top, []).append(owner)
        for tops_here in found.values():
            for top in list(tops_here):
                # Also by module name, for modules of one file: six.py, _cffi_backend.*.so.
                if "." in top and not top.endswith(("-info", ".pth")):
                    tops_here.setdefault(top.partition(".")[0], tops_here[top])
        return found

    @cached_property
    def _editable(self) -> list[tuple[str, Distribution]]:
        """Places of the sources of editable installs, the deepest first."""
        found: list[tuple[str, Distribution]] = []
        for owner in self._by_name.values():
            origin = owner.origin()
            if origin is not None and origin.dir_info is not None and origin.dir_info.editable:
                found += [(place, owner) for place in _sources(owner)]
        return sorted(found, key=lambda pair: len(pair[0]), reverse=True)


def pin(distribution: Distribution | str, *, extras: Iterable[str] = ()) -> str:
    """The requirement that installs exactly this elsewhere: ``dask[distributed]==2026.1.0``.

    A local label is dropped, because indexes have no such version and ``==2.13.0`` accepts
    ``2.13.0+cpu`` (PyPA *Version specifiers*). What came from version control is pinned to its
    commit, without secrets; a local folder or file can't be installed elsewhere, so a comment says
    so.

    Raises:
        InvalidInput: nothing of this name is installed.
    """
    if isinstance(distribution, str):
        named = parse(distribution)
        found = None if named is None else Distributions().get(named.name)
        if named is None or found is None:
            raise InvalidInput(
                f"The package {distribution!r} isn't installed here: nothing to pin."
            )
        distribution, extras = found, {*extras, *named.extras}
    shown = f"[{','.join(sorted(extras))}]" if extras else ""
    name, version = distribution.name + shown, distribution.version.partition("+")[0]
    origin = distribution.origin()
    if origin is None:
        return f"{name}=={version}"
    url = without_secrets(origin.url)
    if origin.vcs_info is not None and origin.vcs_info.commit_id:
        return f"{name} @ {origin.vcs_info.vcs}+{url}@{origin.vcs_info.commit_id}"
    if urlsplit(url).scheme in ("http", "https"):
        return f"{name} @ {url}"
    how = "an editable install" if origin.dir_info and origin.dir_info.editable else "a local file"
    return f"{name}=={version}  # from {how}"


def pins(names: Iterable[str]) -> list[str]:
    """Pins of those among ``names`` (extras may be given: ``dask[array]``) that are installed."""
    index = Distributions()
    found: list[str] = []
    for name in names:
        named = parse(name)
        if named is not None and (owner := index.get(named.name)) is not None:
            found.append(pin(owner, extras=named.extras))
    return found


def without_secrets(url: str) -> str:
    """``url`` without user, password, query and fragment; ``git@host`` of SSH keeps its user."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        return url
    user, _, host = parts.netloc.rpartition("@")
    keeps = user and ":" not in user and "ssh" in parts.scheme
    return urlunsplit((parts.scheme, f"{user}@{host}" if keeps else host, parts.path, "", ""))


def _declared_tops(owner: Distribution) -> set[str]:
    try:
        listed = (owner.info / "top_level.txt").read_text(encoding="utf-8").split()
    except OSError:
        listed = []
    return set(listed) or {owner.name.replace("-", "_")}


def _sources(owner: Distribution) -> list[str]:
    """Folders and files that an editable install makes importable: lines of its ``.pth`` file, or
    the table in the finder that setuptools writes.
    """
    found: list[str] = []
    for line in owner.record().decode("utf-8", "replace").splitlines():
        name = line.rsplit(",", 2)[0]
        if "/" in name or not name.endswith((".pth", "_finder.py")):
            continue
        try:
            text = (Path(owner.site) / name).read_text(encoding="utf-8")
        except OSError:
            continue
        if name.endswith(".pth"):
            found += [ln.strip() for ln in text.splitlines() if ln.strip().startswith(os.sep)]
        else:
            found += _mapped(text)
    if not found and (origin := owner.origin()) is not None:
        found.append(unquote(urlsplit(origin.url).path))
    return [place.rstrip(os.sep) for place in found if place.rstrip(os.sep)]


def _mapped(finder: str) -> list[str]:
    match = _MAPPING.search(finder)
    try:
        table = ast.literal_eval(match[1]) if match else {}
    except (ValueError, SyntaxError, RecursionError):
        return []
    return [place for place in table.values() if isinstance(place, str)]

"""Locations: what a tracking URI means, and which folders on this machine belong to it.

Pure: nothing is made or opened here. A location has one *home*, the ``.assay`` folder that holds
the database (where it is a local one), the artifacts and the journals of what was not delivered
yet.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from assay.errors import InvalidInput

__all__ = ["HOME_NAME", "Location", "resolve_location", "without_secrets"]

HOME_NAME = ".assay"
"""Name of the folder that holds all of a project's tracking data."""
DATABASE_NAME = "assay.db"

_POSTGRES = re.compile(r"postgres(ql)?(\+psycopg)?\Z")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")


class Location(msgspec.Struct, frozen=True):
    """Where a process logs to."""

    tracking_uri: str
    """What opens the store: ``sqlite:///…`` with an absolute path, ``postgresql://…`` or ``http(s)://…``."""
    kind: Literal["sqlite", "postgresql", "http"]
    home: Path
    """The ``.assay`` folder on this machine; it need not exist yet."""
    journal_folder: Path
    """Journals for this destination, and no other."""
    artifact_root: str
    """Where a store made here keeps artifacts; empty for a server, which decides itself."""

    @property
    def shown_uri(self) -> str:
        """The URI without a password, for messages."""
        return without_secrets(self.tracking_uri)

    @property
    def opening_uri(self) -> str:
        """What names the same location to another process: the folder, if that is the home."""
        is_folder = self.tracking_uri == f"sqlite:///{self.home / DATABASE_NAME}"
        return str(self.home) if is_folder else self.tracking_uri

    @property
    def address(self) -> str:
        """The same without a password."""
        return without_secrets(self.opening_uri)


def without_secrets(uri: str) -> str:
    """``uri`` with user and password cut out."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def resolve_location(
    tracking_uri: str | Path | None = None,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Location:
    """The location that a tracking URI names.

    Args:
        tracking_uri: ``http(s)://…``, ``sqlite:///…``, ``postgresql://…``, or a folder (plain or
            as ``file:`` URI), which is then the home. ``None``: ``ASSAY_TRACKING_URI``, then
            ``MLFLOW_TRACKING_URI``, then the nearest ``.assay`` folder upward from ``cwd``, else
            ``cwd/.assay``.
        cwd: what relative paths start from; the working directory unless given.
        environ: where variables are read; the process's environment unless given.

    Raises:
        InvalidInput: the scheme is none of these, or the path makes no sense.
    """
    variables = os.environ if environ is None else environ
    base = Path.cwd() if cwd is None else cwd
    text = str(tracking_uri or "") or _from_environment(variables)
    if not text:
        return _folder(_nearest_home(base), variables)
    match = _SCHEME.match(text)
    scheme = match.group(1).lower() if match else ""
    if scheme in ("http", "https"):
        return _remote(text, base)
    if scheme == "sqlite":
        return _sqlite(text, base, variables)
    if _POSTGRES.match(scheme):
        return _postgresql(text, base, variables)
    if scheme == "file":
        return _folder(_absolute(base, unquote(urlsplit(text).path)), variables)
    if scheme and "://" in text:
        raise InvalidInput(
            f"The tracking URI {without_secrets(text)!r} can't be used: {scheme}:// is not known."
            " Use http(s)://…, sqlite:///…, postgresql://… or a folder."
        )
    return _folder(_absolute(base, text), variables)


def _from_environment(variables: Mapping[str, str]) -> str:
    return variables.get("ASSAY_TRACKING_URI") or variables.get("MLFLOW_TRACKING_URI") or ""


def _nearest_home(cwd: Path) -> Path:
    start = Path(os.path.abspath(cwd))  # noqa: PTH100  # links are kept as the user named them
    for folder in (start, *start.parents):
        if (folder / HOME_NAME).is_dir():
            return folder / HOME_NAME
    return start / HOME_NAME


def _absolute(base: Path, path: str) -> Path:
    if not path or "\0" in path:
        raise InvalidInput(f"The tracking URI names no usable path: {path!r}.")
    return Path(os.path.abspath(base / Path(path).expanduser()))  # noqa: PTH100  # links stay


def _artifact_root(home: Path, variables: Mapping[str, str]) -> str:
    return variables.get("ASSAY_ARTIFACT_ROOT") or str(home / "artifacts")


def _folder(home: Path, variables: Mapping[str, str]) -> Location:
    return Location(
        tracking_uri=f"sqlite:///{home / DATABASE_NAME}",
        kind="sqlite",
        home=home,
        journal_folder=home / "journal" / "local",
        artifact_root=_artifact_root(home, variables),
    )


def _sqlite(uri: str, base: Path, variables: Mapping[str, str]) -> Location:
    prefix = "sqlite:///"
    path, _, options = uri[len(prefix) :].partition("?")
    if not uri.lower().startswith(prefix) or path in ("", ":memory:"):
        raise InvalidInput(
            f"The tracking URI {uri!r} needs a file, as in sqlite:///assay.db: what is logged"
            " is delivered"
            " by other threads and processes, which can't see a database in memory."
        )
    database = _absolute(base, path)
    if database.name == DATABASE_NAME and database.parent.name == HOME_NAME and not options:
        return _folder(database.parent, variables)
    # Beside the database rather than the working directory, so that every process that logs to it
    # meets there.
    home = database.parent if database.parent.name == HOME_NAME else database.parent / HOME_NAME
    absolute = f"sqlite:///{database}" + (f"?{options}" if options else "")
    return Location(
        tracking_uri=absolute,
        kind="sqlite",
        home=home,
        journal_folder=home / "journal" / _slug(absolute),
        artifact_root=_artifact_root(home, variables),
    )


def _postgresql(uri: str, base: Path, variables: Mapping[str, str]) -> Location:
    home = _nearest_home(base)
    rest = uri.partition(":")[2]
    return Location(
        tracking_uri=f"postgresql:{rest}",
        kind="postgresql",
        home=home,
        journal_folder=home / "journal" / _slug(without_secrets(f"postgresql:{rest}")),
        artifact_root=_artifact_root(home, variables),
    )


def _remote(uri: str, base: Path) -> Location:
    parts = urlsplit(uri)
    if not parts.hostname:
        raise InvalidInput(f"The tracking URI {without_secrets(uri)!r} names no host.")
    home = _nearest_home(base)
    clean = uri.rstrip("/")
    return Location(
        tracking_uri=clean,
        kind="http",
        home=home,
        journal_folder=home / "journal" / _slug(without_secrets(clean)),
        artifact_root="",
    )


def _slug(uri: str) -> str:
    """A folder name for one destination: readable, and told apart by a digest."""
    import hashlib  # loads OpenSSL, some milliseconds that the default location does without

    parts = urlsplit(uri)
    readable = re.sub(r"[^A-Za-z0-9.\-]+", "-", parts.netloc or Path(parts.path).stem)[:40]
    return f"{readable.strip('-.') or 'store'}-{hashlib.sha256(uri.encode()).hexdigest()[:10]}"

"""Facts of the server, for the people who use and run it: who they are to it, and how it is set up.

No secret is among them: passwords are cut out of addresses, and what an administrator alone should
know (folders, hosts) is told to administrators alone.
"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Final

import msgspec

from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.identity import Permission
from assay.server.routing import Empty, Route
from assay.server.settings import ServerSettings, artifacts_path
from assay.store.base import Query
from assay.store.rest import wire
from assay.store.sql.schema import SCHEMA_VERSION
from assay.version import __version__

GROUP: Final = "Server"
_MOST_EXPERIMENTS: Final = 10_000
_STARTED_MS: Final = int(time.time() * 1_000)


class WhoAmI(msgspec.Struct, frozen=True):
    """Who the caller is to this server."""

    name: str
    """Empty where nobody has to sign in."""
    roles: tuple[str, ...]
    verified: bool
    """Whether the name was proved by a token, not only claimed."""
    permissions: tuple[str, ...]
    auth: str
    """How people sign in: ``none`` or ``tokens``."""


class Disk(msgspec.Struct, frozen=True):
    """Space where a folder lies."""

    what: str
    """``database`` or ``artifacts``."""
    total_bytes: int
    free_bytes: int


class Setting(msgspec.Struct, frozen=True):
    """A setting with its value, as text."""

    name: str
    value: str
    is_default: bool


class ServerFacts(msgspec.Struct, frozen=True):
    """How a server is set up and how it fares."""

    version: str
    schema_version: str
    python: str
    store_kind: str
    """``sqlite`` or ``postgresql``."""
    store_size_bytes: int | None
    """Of a SQLite database with its log."""
    artifacts_kind: str
    """``folder`` or the scheme of an object store."""
    disks: list[Disk]
    """Of what lies on this machine."""
    started: int
    """Milliseconds since 1970, of this process."""
    experiments: int
    """Active ones, at most 10,000."""
    runs: dict[str, int]
    """Active runs by status."""
    settings: list[Setting] | None
    """What is configured; ``null`` for who isn't an administrator."""


def who_am_i(context: Context, _request: Empty) -> Reply:
    """Who the caller is, and what they may do."""
    who = context.identity
    return answer(
        context,
        WhoAmI(
            name=who.name,
            roles=who.roles,
            verified=who.verified,
            permissions=tuple(sorted(one.value for one in who.permissions)),
            auth=context.services.settings.auth,
        ),
    )


def server_facts(context: Context, _request: Empty) -> Reply:
    """How the server is set up, and how full its disks are."""
    settings = context.services.settings
    experiments = context.store.experiments.search(Query(max_results=_MOST_EXPERIMENTS))
    counts = context.store.runs.count([one.experiment_id for one in experiments])
    runs: dict[str, int] = {}
    for by_status in counts.values():
        for status, count in by_status.items():
            runs[status.value] = runs.get(status.value, 0) + count
    database = _database_path(settings.store_uri)
    return answer(
        context,
        ServerFacts(
            version=__version__,
            schema_version=SCHEMA_VERSION,
            python=platform.python_version(),
            store_kind=settings.store_uri.partition(":")[0].partition("+")[0],
            store_size_bytes=None if database is None else _size(database),
            artifacts_kind=_kind(settings.artifacts_uri),
            disks=_disks(database, artifacts_path(settings.artifacts_uri)),
            started=_STARTED_MS,
            experiments=len(experiments),
            runs=runs,
            settings=_settings(context)
            if Permission.ADMIN in context.identity.permissions
            else None,
        ),
    )


def _database_path(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def _size(database: Path) -> int:
    sizes = 0
    for suffix in ("", "-wal"):
        path = database.with_name(database.name + suffix)
        if path.is_file():
            sizes += path.stat().st_size
    return sizes


def _kind(uri: str) -> str:
    return "folder" if artifacts_path(uri) is not None else uri.partition(":")[0]


def _disks(database: Path | None, artifacts: Path | None) -> list[Disk]:
    disks = []
    for what, path in (("database", database and database.parent), ("artifacts", artifacts)):
        if path is None or not path.is_dir():
            continue
        space = os.statvfs(path)
        disks.append(Disk(what, space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize))
    return disks


def _settings(context: Context) -> list[Setting]:
    settings = msgspec.structs.replace(context.services.settings, store_uri=context.store.uri)
    found = []
    for field in msgspec.structs.fields(ServerSettings):
        value = getattr(settings, field.name)
        text = ", ".join(value) if isinstance(value, tuple) else str(value)
        found.append(Setting(field.name, text, value == field.default))
    return found


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=wire.PREFIX + "/whoami",
        handler=who_am_i,
        # Not public: browsers send a token only where they were asked for one.
        permission=Permission.READ,
        summary="Who the caller is to this server, and what they may do.",
        response=WhoAmI,
        group=GROUP,
        on_loop=True,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/server/facts",
        handler=server_facts,
        permission=Permission.READ,
        summary="How the server is set up, its version and schema, and how full its disks are.",
        response=ServerFacts,
        group=GROUP,
    ),
)

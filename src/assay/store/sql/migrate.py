"""Migrations: from one version of the schema to another, in one transaction.

Only the processes that migrate import this module, for it imports Alembic. All steps are committed
together under the lock of the database: a process that is killed meanwhile leaves the old schema,
and the next one starts again. A SQLite file that holds data is copied beside itself first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL

from assay import errors
from assay.store.sql.backup import copy_sqlite
from assay.store.sql.engine import SqliteFile, parse_uri, shown_uri
from assay.store.sql.postgres import PostgresDatabase
from assay.store.sql.schema import SCHEMA_VERSION, lock_schema, version_of
from assay.store.sql.sqlite import SqliteDatabase
from assay.store.sql.sqlite_connection import core_of
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

logger = logging.getLogger(__name__)


class Migrations(NamedTuple):
    """A chain of migrations: Alembic's folder, and the newest revision in it."""

    folder: Path
    head: str


RELEASED: Final = Migrations(Path(__file__).with_name("migrations"), SCHEMA_VERSION)
BASE: Final = "base"
"""The revision before the first: no tables."""

_HAS_DATA = Sql(
    "SELECT EXISTS (SELECT 1 FROM runs) OR (SELECT count(*) FROM experiments) > 1"
    " OR EXISTS (SELECT 1 FROM logged_models)"
)
_BROKEN_REFERENCES = Sql("PRAGMA foreign_key_check")


def current(uri: str) -> str | None:
    """The revision of the database; ``None`` if it has no tables of Assay."""
    url = parse_uri(uri)
    if isinstance(url, SqliteFile) and not url.path.exists():
        return None
    database = _open(url)
    try:
        with database.read() as conn:
            return version_of(conn)
    finally:
        database.close()


def upgrade(uri: str, *, migrations: Migrations = RELEASED) -> str:
    """Bring the database to the newest schema, if it isn't there already; returns the revision.

    Raises:
        SchemaMismatch: a newer Assay wrote it.
    """
    return _migrate(uri, migrations.head, command.upgrade, migrations)


def downgrade(uri: str, revision: str, *, migrations: Migrations = RELEASED) -> str:
    """Take the database back to an older ``revision``; what only newer tables hold is lost.

    Raises:
        SchemaMismatch: a newer Assay wrote it.
        InvalidInput: there is no such revision.
    """
    known = {BASE, *_revisions(migrations)}
    if revision not in known:
        raise errors.InvalidInput(
            f"There is no schema revision {revision!r}; known are {', '.join(sorted(known))}."
        )
    return _migrate(uri, revision, command.downgrade, migrations)


def _migrate(
    uri: str,
    target: str,
    step: Callable[[Config, str], Any],
    migrations: Migrations,
) -> str:
    url = parse_uri(uri)
    database = _open(url)

    def change(conn: Connection) -> str:
        lock_schema(conn)
        found = version_of(conn)
        # Looked at under the lock: another process may have done it while this one waited.
        if found == target:
            return target
        if found is not None:
            if found not in _revisions(migrations):
                raise errors.SchemaMismatch(shown_uri(url), found=found, expected=migrations.head)
            if isinstance(url, SqliteFile) and _has_data(conn):
                _keep_copy(url.path, found)
        if not conn.in_transaction():
            conn.begin()  # tells Alembic that the transaction is not its own
        step(_config(conn, migrations), target)
        if conn.dialect.name == "sqlite" and _BROKEN_REFERENCES.all(conn):
            raise errors.Corrupted("The migration left rows that refer to missing ones.")
        return target

    try:
        return database.write(change)
    finally:
        database.close()


def _open(url: SqliteFile | URL) -> SqliteDatabase | PostgresDatabase:
    if isinstance(url, SqliteFile):
        # Rebuilding a table drops the old one, which must not touch the rows that refer to it.
        return SqliteDatabase(url.path, check_references=False)
    return PostgresDatabase(url)


def _has_data(conn: Connection) -> bool:
    row = _HAS_DATA.one(conn)
    return bool(row and row[0])


def _keep_copy(path: Path, revision: str) -> None:
    copy = path.with_name(f"{path.name}.{revision}.backup")
    copy_sqlite(path, copy, replace=True)
    logger.info("Kept a copy of the database before its migration: %s", copy)


def _config(conn: Connection | None, migrations: Migrations) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations.folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = None if conn is None else core_of(conn)
    return config


def _revisions(migrations: Migrations) -> set[str]:
    scripts = ScriptDirectory.from_config(_config(None, migrations))
    return {script.revision for script in scripts.walk_revisions()}

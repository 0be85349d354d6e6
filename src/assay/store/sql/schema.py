"""The schema of a database: which version it has, and making a fresh one.

The version is the revision of the last migration, in Alembic's own table. Comparing it needs no
Alembic, whose import costs 150 ms, so a store whose schema is current opens without. A fresh
database is made from ``tables.metadata`` at once; a test proves that the migrations lead to the
same tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from assay import errors
from assay.store.importing import IMPORTING
from assay.store.sql.database import Database
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

SCHEMA_VERSION: Final = "0004"
"""Revision of the newest migration.

To change the schema: edit ``tables.py``, add a migration, name it here.
"""
VERSION_TABLE: Final = "alembic_version"
_MAKE_VERSION_TABLE: Final = Sql(
    f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL,"
    f" CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
)
_STAMP: Final = Sql(f"INSERT INTO {VERSION_TABLE} (version_num) VALUES (?)")  # noqa: S608
_VERSION: Final = Sql(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608
_TABLES: Final = {
    "sqlite": Sql("SELECT name FROM sqlite_schema WHERE type = 'table'"),
    "postgresql": Sql("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"),
}
_LOCK: Final = Sql("SELECT pg_advisory_xact_lock(?)")
_LOCK_KEY: Final = 0x61737361
"""Advisory lock of PostgreSQL that keeps processes from making tables at once ("assa")."""


def _metadata() -> MetaData:
    """All tables: 60 ms that a start whose schema is current doesn't spend."""
    with IMPORTING:
        from assay.store.sql.registry_tables import metadata

    return metadata


def version_of(conn: Connection) -> str | None:
    """The revision of the database; ``None`` if it holds no tables of Assay.

    Raises:
        SchemaMismatch: it holds tables, but nothing tells their version.
    """
    tables = {row[0] for row in _TABLES[conn.dialect.name].all(conn)}
    if VERSION_TABLE in tables:
        row = _VERSION.one(conn)
        if row is not None:
            version: str = row[0]
            return version
    known = tables & set(_metadata().tables)
    if known:
        raise errors.SchemaMismatch(
            str(conn.engine.url), found="of unknown version", expected=SCHEMA_VERSION
        )
    return None


def lock_schema(conn: Connection) -> None:
    """Keep others from changing tables until the transaction ends.

    SQLite's writer has that lock already.
    """
    if conn.dialect.name == "postgresql":
        _LOCK.run(conn, _LOCK_KEY)


def make_tables(conn: Connection) -> None:
    """Make all tables of a fresh database, unless another process was faster."""
    lock_schema(conn)
    if version_of(conn) is not None:
        return
    _metadata().create_all(conn, checkfirst=False)
    _MAKE_VERSION_TABLE.run(conn)
    _STAMP.run(conn, SCHEMA_VERSION)


def read_version(database: Database) -> str | None:
    """As ``version_of``, in a turn of its own."""
    with database.read() as conn:
        return _quick_version(conn)


_HAS_VERSION = {
    "sqlite": Sql("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'"),
    "postgresql": Sql("SELECT to_regclass('alembic_version')"),
}


def _quick_version(conn: Connection) -> str | None:
    row = _HAS_VERSION[conn.dialect.name].one(conn)
    if row is not None and row[0] is not None:
        version = _VERSION.one(conn)
        if version is not None:
            found: str = version[0]
            return found
    return version_of(conn)

"""Database URIs: which database they name, and how they are shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from assay import errors
from assay.store.importing import IMPORTING
from assay.store.sql.database import Database
from assay.store.sql.sqlite import Durability, SqliteDatabase

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")


_PLAIN_FILE: Final = re.compile(r"sqlite(?:\+pysqlite)?:///([^?]+)")


class SqliteFile(msgspec.Struct, frozen=True):
    """What the URI of a SQLite database names."""

    name: str
    """Relative or absolute."""

    @property
    def path(self) -> Path:
        """Absolute."""
        return Path(self.name).absolute()


def parse_uri(uri: str) -> SqliteFile | URL:
    """``uri`` taken apart.

    Raises:
        InvalidInput: it names neither a SQLite file nor a PostgreSQL database.
    """
    plain = _PLAIN_FILE.fullmatch(uri)
    if plain is not None:
        return _file(plain[1])
    # SQLAlchemy, which no more than a PostgreSQL database needs for its URI.
    with IMPORTING:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError
    try:
        url = make_url(uri)
    except (ArgumentError, ValueError) as error:
        raise errors.InvalidInput(
            f"{uri.split('://', maxsplit=1)[0]!r} is no database URI: use sqlite:///path or postgresql://…"
        ) from error
    if url.drivername == "postgres":
        url = url.set(drivername="postgresql")
    if url.drivername in _SQLITE:
        return _file(url.database or "")
    if url.drivername in _POSTGRES:
        return url
    raise errors.InvalidInput(
        f"Databases of kind {url.drivername!r} are not supported: use sqlite:///path or postgresql://…"
    )


def _file(name: str) -> SqliteFile:
    if not name or name == ":memory:" or name.startswith("file:"):
        raise errors.InvalidInput("A SQLite store is a file: sqlite:///path/to/assay.db")
    return SqliteFile(name)


def whole_uri(url: SqliteFile | URL) -> str:
    """The URI with its password; a SQLite path made absolute."""
    if isinstance(url, SqliteFile):
        return f"sqlite:///{url.path}"
    return url.render_as_string(hide_password=False)


def shown_uri(url: SqliteFile | URL) -> str:
    """The URI without its password; a SQLite path made absolute."""
    if isinstance(url, SqliteFile):
        return whole_uri(url)
    return without_password(url).render_as_string(hide_password=False)


def without_password(url: URL) -> URL:
    """The URL without a password, in both places where one may stand."""
    query = {key: value for key, value in url.query.items() if key != "password"}
    # ``URL.set`` takes None for "leave it as it is", so the URL is made anew.
    return url.create(
        url.drivername,
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query=query,
    )


def open_database(url: SqliteFile | URL, *, durability: Durability = "normal") -> Database:
    """Open the database that the URI names."""
    if isinstance(url, SqliteFile):
        return SqliteDatabase(url.path, durability=durability)
    # SQLAlchemy, which a SQLite database may never need.
    with IMPORTING:
        from assay.store.sql.postgres import PostgresDatabase
    return PostgresDatabase(url)

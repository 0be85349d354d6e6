"""Database URIs: which database they name, and how they are shown."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from assay import errors
from assay.store.sql.database import Database
from assay.store.sql.postgres import PostgresDatabase
from assay.store.sql.sqlite import Durability, SqliteDatabase

_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")


def parse_uri(uri: str) -> URL:
    """``uri`` taken apart.

    Raises:
        InvalidInput: it names neither a SQLite file nor a PostgreSQL database.
    """
    try:
        url = make_url(uri)
    except (ArgumentError, ValueError) as error:
        raise errors.InvalidInput(
            f"{uri.split('://', maxsplit=1)[0]!r} is no database URI: use sqlite:///path or postgresql://…"
        ) from error
    if url.drivername == "postgres":
        url = url.set(drivername="postgresql")
    if url.drivername in _SQLITE:
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise errors.InvalidInput("A SQLite store is a file: sqlite:///path/to/assay.db")
        return url
    if url.drivername in _POSTGRES:
        return url
    raise errors.InvalidInput(
        f"Databases of kind {url.drivername!r} are not supported: use sqlite:///path or postgresql://…"
    )


def is_sqlite(url: URL) -> bool:
    """Whether it names a SQLite file."""
    return url.drivername in _SQLITE


def sqlite_path(url: URL) -> Path:
    """The file that a SQLite URI names, absolute."""
    return Path(url.database or "").absolute()


def shown_uri(url: URL) -> str:
    """The URI without its password; a SQLite path made absolute."""
    if is_sqlite(url):
        return f"sqlite:///{sqlite_path(url)}"
    return without_password(url).render_as_string(hide_password=False)


def without_password(url: URL) -> URL:
    """The URL without a password, in both places where one may stand."""
    query = {key: value for key, value in url.query.items() if key != "password"}
    # ``URL.set`` takes None for "leave it as it is", so the URL is made anew.
    return URL.create(
        url.drivername,
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query=query,
    )


def open_database(url: URL, *, durability: Durability = "normal") -> Database:
    """Open the database that the URI names."""
    if is_sqlite(url):
        return SqliteDatabase(sqlite_path(url), durability=durability)
    return PostgresDatabase(url)

"""A connection to SQLite as statements use it; SQLAlchemy's own is made when one needs it.

Statements that are text run straight on the driver's connection (see ``statements``), and a program
that only logs has no others: without SQLAlchemy, whose import is half the time of such a program,
it ends sooner.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from assay.store.importing import IMPORTING

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["Core", "SqliteConnection", "core_of"]


class _Dialect(NamedTuple):
    name: Literal["sqlite"] = "sqlite"


class _Driver(NamedTuple):
    dbapi_connection: sqlite3.Connection


_DIALECT: Final = _Dialect()


class SqliteConnection:
    """Stands for SQLAlchemy's ``Connection``: what it hasn't itself is asked of that one, over the
    same connection of the driver and in the same transaction.
    """

    __slots__ = ("_core", "_make", "connection", "dialect")

    def __init__(
        self, raw: sqlite3.Connection, make: Callable[[sqlite3.Connection], Connection]
    ) -> None:
        self.connection = _Driver(raw)
        self.dialect = _DIALECT
        self._make = make
        self._core: Connection | None = None

    @property
    def core(self) -> Connection:
        """SQLAlchemy's."""
        if self._core is None:
            self._core = self._make(self.connection.dbapi_connection)
        return self._core

    def __getattr__(self, name: str) -> Any:
        return getattr(self.core, name)

    def close(self) -> None:
        """Close both."""
        if self._core is not None:
            # Else it would be rolled back first, which may fail.
            self._core.invalidate()
            self._core.close()
        self.connection.dbapi_connection.close()


def core_of(conn: Connection) -> Connection:
    """SQLAlchemy's own connection, for those who look at its type."""
    core: Connection = getattr(conn, "core", conn)
    return core


class Core:
    """SQLAlchemy's engine over connections that are open already. Thread-safe."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._handed = threading.local()

    def connect(self, raw: sqlite3.Connection) -> Connection:
        """SQLAlchemy's connection over this one."""
        engine = self._engine or self._made()
        self._handed.raw = raw
        return engine.connect()

    def _made(self) -> Engine:
        with IMPORTING:
            from sqlalchemy import create_engine
            from sqlalchemy.pool import NullPool

            if self._engine is None:
                engine = create_engine(
                    "sqlite+pysqlite://", creator=lambda: self._handed.raw, poolclass=NullPool
                )
                # An engine rolls its first connection back, which must not be one in use.
                self._handed.raw = sqlite3.connect(":memory:")
                engine.connect().close()
                self._engine = engine
            return self._engine

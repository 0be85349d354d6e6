"""PostgreSQL: a pool of connections, each change a transaction of its own.

Rows that a change depends on are locked by its statements (``FOR UPDATE`` of the run), so changes
of one run follow each other. Transactions that collide all the same are repeated.
``?prepare_threshold=none`` in the URI turns prepared statements off, as pgbouncer's transaction
pooling needs it.
"""

from __future__ import annotations

import os
import random
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Literal, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError

from assay import errors
from assay.store.base import Done
from assay.store.sql import failures
from assay.store.sql.database import Database

T = TypeVar("T")

_POOL_SIZE: Final = 10
_MAX_OVERFLOW: Final = 20
_POOL_TIMEOUT_S: Final = 30
_CONNECT_TIMEOUT_S: Final = "10"
_MAX_ATTEMPTS: Final = 30
_PROBE_AFTER_S: Final = 5.0
"""A connection unused for longer is probed first: the server may have been restarted."""


class PostgresDatabase(Database):
    """A database of a PostgreSQL server."""

    dialect: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, url: URL) -> None:
        """Prepare the pool; the first connection is made on first use.

        Raises:
            MissingExtra: psycopg isn't installed.
        """
        try:
            # An optional extra, and 50 ms that a SQLite store needn't spend.
            import psycopg  # noqa: F401 - SQLAlchemy uses it
        except ImportError as error:
            raise errors.MissingExtra("psycopg", extra="postgres", purpose="PostgreSQL") from error
        query = dict(url.query)
        arguments: dict[str, Any] = {}
        threshold = query.pop("prepare_threshold", None)
        if threshold is not None:
            text = str(threshold).lower()
            arguments["prepare_threshold"] = None if text in ("none", "") else int(text)
        query.setdefault("connect_timeout", _CONNECT_TIMEOUT_S)
        query.setdefault("application_name", "assay")
        self._engine = create_engine(
            url.set(drivername="postgresql+psycopg", query=query),
            connect_args=arguments,
            pool_size=_POOL_SIZE,
            max_overflow=_MAX_OVERFLOW,
            pool_timeout=_POOL_TIMEOUT_S,
            pool_use_lifo=True,
        )
        self._reader = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        event.listen(self._engine, "checkin", _note_use)
        event.listen(self._engine, "checkout", _probe_if_old)
        self._threads = _make_threads()
        self._closed = False
        _open_databases.add(self)

    def read(self) -> AbstractContextManager[Connection]:
        """A connection with one consistent snapshot, for reading only."""
        return self._read()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        connection: Connection | None = None
        try:
            connection = self._open(self._reader)
            yield connection
        except Exception as error:
            self._discard_if_lost(connection, error)
            told = failures.translate(error)
            if told is error:
                raise
            raise told from error
        finally:
            if connection is not None:
                connection.close()

    def write(self, change: Callable[[Connection], T]) -> T:
        """Run the change in a transaction of its own; see ``Database.write``."""
        for attempt in range(_MAX_ATTEMPTS):
            committing = False
            connection: Connection | None = None
            try:
                connection = self._open(self._engine)
                result = change(connection)
                committing = True
                connection.connection.commit()
                return result
            except Exception as error:
                self._discard_if_lost(connection, error)
                if connection is not None and not connection.invalidated:
                    connection.connection.rollback()
                # Once the commit was sent nobody knows whether it happened, so that isn't repeated.
                stale = failures.is_lost(error) and not committing and attempt == 0
                if not stale and (
                    not failures.is_repeatable(error) or attempt == _MAX_ATTEMPTS - 1
                ):
                    told = failures.translate(error)
                    if told is error:
                        raise
                    raise told from error
            except BaseException:
                if connection is not None and not connection.invalidated:
                    connection.connection.rollback()
                raise
            finally:
                if connection is not None:
                    connection.close()
            # Those that collided shall not meet again.
            time.sleep(random.uniform(0, min(0.001 * 2**attempt, 0.2)))  # noqa: S311
        raise AssertionError("the last attempt returns or raises")

    def submit(self, change: Callable[[Connection], T], done: Done[T]) -> None:
        """Make the change in a thread of the pool's size and call back; see ``Database.submit``."""
        if self._closed:
            raise errors.StoreUnavailable("The store is closed.")
        self._threads.submit(self._make_and_tell, change, done)

    def _make_and_tell(self, change: Callable[[Connection], T], done: Done[T]) -> None:
        try:
            result = self.write(change)
        except BaseException as error:  # noqa: BLE001 - belongs to the caller, whatever it is
            done(None, error)
        else:
            done(result, None)

    def close(self) -> None:
        """Close the pool's connections; those in use close when they come back."""
        self._threads.shutdown(wait=True)
        self._closed = True
        self._engine.dispose()
        _open_databases.discard(self)

    def after_fork_in_child(self) -> None:
        """Leave the connections to the parent, whose they are, and start with none."""
        self._engine.dispose(close=False)
        self._threads = _make_threads()

    def _open(self, engine: Any) -> Connection:
        if self._closed:
            raise errors.StoreUnavailable("The store is closed.")
        connection: Connection = engine.connect()
        return connection

    def _discard_if_lost(self, connection: Connection | None, error: BaseException) -> None:
        """Take broken connections out of the pool; those that were idle have met the same end."""
        if not failures.is_lost(error):
            return
        if connection is not None and not connection.invalidated:
            connection.invalidate()
        self._engine.dispose()


def _make_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_POOL_SIZE, thread_name_prefix="assay-postgres")


_open_databases: weakref.WeakSet[PostgresDatabase] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for database in list(_open_databases):
        database.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _note_use(_raw: Any, record: Any) -> None:
    record.info["used"] = time.monotonic()


def _probe_if_old(raw: Any, record: Any, _proxy: Any) -> None:
    used = record.info.get("used")
    if used is None or time.monotonic() - used < _PROBE_AFTER_S:
        return
    try:
        raw.execute("SELECT 1")
        raw.rollback()
    except Exception as error:
        raise DisconnectionError from error

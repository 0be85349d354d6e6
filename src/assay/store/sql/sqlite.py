"""SQLite: one file in WAL mode, readers on their own connections, all changes by the writer.

Several processes may work on one file: SQLite's locks keep them apart, and a wait for a lock is
repeated with pauses instead of being shown. Connections aren't carried over a fork, whose child
would take the parent's locks for its own, and SQLite in it would believe that it holds them: before
a fork they are closed, after it both processes open new ones, and no connection is opened
meanwhile.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, TypeVar, cast

from assay import errors
from assay.store.base import Done
from assay.store.sql import failures
from assay.store.sql.database import Database
from assay.store.sql.sqlite_connection import Core, SqliteConnection
from assay.store.sql.writer import Link, Writer, retry_while_busy

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
Durability = Literal["normal", "full"]

_BUSY_TIMEOUT_MS: Final = 5_000
_MAX_IDLE_READERS: Final = 16
_FORK_PATIENCE_S: Final = 5.0
"""How long a fork waits for reads and changes under way."""
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA mmap_size=134217728",
    "PRAGMA cache_size=-8192",
    # Four times SQLite's default: a checkpoint costs a few ms, and this spreads it over more
    # commits.
    "PRAGMA wal_autocheckpoint=4000",
    "PRAGMA journal_size_limit=67108864",
)


class SqliteDatabase(Database):
    """A database file. Made with mode 0600, its missing folders with 0700."""

    dialect: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(
        self, path: Path, *, durability: Durability = "normal", check_references: bool = True
    ) -> None:
        """Open the file, making it if needed; ``check_references`` enforces foreign keys.

        Raises:
            PermissionDenied: the folder or file can't be written.
            StoreFull: no space is left.
            Corrupted: it is no database.
        """
        if path in _carried_paths:
            raise _opened_before_fork()
        self.path = path
        self._check_references = check_references
        self._synchronous = "FULL" if durability == "full" else "NORMAL"
        self._core = Core()
        self._writer: Writer
        self._resume: Callable[[], object] | None
        self._reset()
        with OPENING:
            _make_file(path)
            try:
                self._enter_wal()
            except sqlite3.Error as error:
                raise failures.translate(error) from error
            _open_databases.add(self)

    def read(self) -> AbstractContextManager[Connection]:
        """A connection with one consistent snapshot, for reading only."""
        return _Read(self)

    def write(self, change: Callable[[Connection], T]) -> T:
        """Have the writer make the change; see ``Database.write``."""
        if self._refused:
            raise _opened_before_fork()
        return self._writer.write(change)

    def submit(self, change: Callable[[Connection], T], done: Done[T]) -> None:
        """Have the writer make the change and call back; see ``Database.submit``."""
        if self._refused:
            raise _opened_before_fork()
        self._writer.submit(change, done)

    def close(self) -> None:
        """Finish waiting changes, then release threads and connections."""
        self._writer.close()
        with self._free:
            self._closed = True
            self._close_idle()
        _open_databases.discard(self)

    def take_reader(self) -> Link:
        """A connection with its snapshot taken."""
        with self._free:
            while self._paused:
                self._free.wait()
            if self._closed:
                raise errors.StoreUnavailable("The store is closed.")
            if self._refused:
                raise _opened_before_fork()
            self._reading += 1
            link = self._idle.pop() if self._idle else None
        try:
            if link is None:
                link = self._connect(reading=True)
            retry_while_busy(link.raw.execute, "BEGIN")
            # A transaction has its snapshot from its first read on, and that is where a lock may be
            # met.
            retry_while_busy(link.raw.execute, "SELECT 1 FROM sqlite_schema LIMIT 1")
        except BaseException:
            self.give_back(link, usable=False)
            raise
        return link

    def give_back(self, link: Link | None, *, usable: bool) -> None:
        """End the snapshot and keep the connection for the next reader, if it is fit for that."""
        try:
            if usable and link is not None:
                link.raw.execute("ROLLBACK")
        except sqlite3.Error:
            usable = False
        if link is not None and not usable:
            link.close()
        with self._free:
            # Closed before the turn counts as ended: a fork waits for that.
            if link is not None and usable:
                if self._closed or len(self._idle) >= _MAX_IDLE_READERS:
                    link.close()
                else:
                    self._idle.append(link)
            self._reading -= 1
            if self._paused:
                self._free.notify_all()

    def before_fork(self) -> None:
        """Close all connections, once what is under way has ended."""
        end = time.monotonic() + _FORK_PATIENCE_S
        with self._free:
            self._paused = True
            while self._reading and time.monotonic() < end:
                self._free.wait(max(0.0, end - time.monotonic()))
            self._carried = self._reading > 0
            self._close_idle()
        self._resume = self._writer.pause(max(0.1, end - time.monotonic()))
        self._carried = self._carried or self._resume is None

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._resume is not None:
            self._resume()
        with self._free:
            self._paused = False
            self._free.notify_all()

    def after_fork_in_child(self) -> None:
        """Start afresh; refuse to work where a connection of the parent couldn't be closed."""
        carried = self._carried
        self._reset()
        self._refused = carried
        if carried:
            _carried_paths.add(self.path)

    def _reset(self) -> None:
        self._free = threading.Condition(threading.Lock())
        self._idle: deque[Link] = deque()
        self._reading = 0
        self._paused = self._closed = self._refused = self._carried = False
        self._resume = None
        self._writer = Writer(self._connect)

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _enter_wal(self) -> None:
        raw = self._open_raw()
        try:
            retry_while_busy(raw.execute, "PRAGMA journal_mode=WAL")
        finally:
            raw.close()

    def _connect(self, *, reading: bool = False) -> Link:
        raw = self._open_raw()
        if reading:
            raw.execute("PRAGMA query_only=ON")
        return Link(cast("Connection", SqliteConnection(raw, self._core.connect)), raw)

    def _open_raw(self) -> sqlite3.Connection:
        raw = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        for pragma in _PRAGMAS:
            raw.execute(pragma)
        raw.execute(f"PRAGMA foreign_keys={'ON' if self._check_references else 'OFF'}")
        raw.execute(f"PRAGMA synchronous={self._synchronous}")
        return raw


class _Read:
    """A reader's turn; a class because a generator would double its cost."""

    __slots__ = ("_database", "_link")

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._link: Link | None = None

    def __enter__(self) -> Connection:
        try:
            self._link = self._database.take_reader()
        except sqlite3.Error as error:
            raise failures.translate(error) from error
        return self._link.connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        told = None if error is None else failures.translate(error)
        failed = error is not None and isinstance(failures.cause(error), sqlite3.Error)
        self._database.give_back(self._link, usable=not failed)
        if told is not None and told is not error:
            raise told from error


def _make_file(path: Path) -> None:
    """Create the file before SQLite does: its journal files inherit this mode."""
    try:
        _make_folder(path.parent)
        # Never one that exists: closing any descriptor of it drops the locks that SQLite holds in
        # this process (https://sqlite.org/howtocorrupt.html#_posix_advisory_locks).
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        if not os.access(path, os.R_OK | os.W_OK):
            raise errors.PermissionDenied(
                f"The database {path} can't be opened for writing."
            ) from None
    except OSError as error:
        if error.errno in failures.NO_SPACE:
            raise errors.StoreFull(f"No space is left to make the database {path}.") from error
        raise errors.PermissionDenied(
            f"The database {path} can't be made or opened for writing: {error.strerror}."
        ) from error


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _opened_before_fork() -> errors.StoreUnavailable:
    return errors.StoreUnavailable(
        "This store was in use when the process forked; open it again in the child."
    )


OPENING = threading.RLock()
"""Held while a connection is opened that the databases below don't count yet; a fork waits for
it.
"""
_open_databases: weakref.WeakSet[SqliteDatabase] = weakref.WeakSet()
_carried_paths: set[Path] = set()
"""In a forked child: files of which a connection of the parent couldn't be closed."""
_forking: list[SqliteDatabase] = []
_prepared = False


def before_fork() -> None:
    """Close all connections of this process, once for each fork.

    Python runs this by itself, except before a fork that waited while this module was imported: its
    list of what to run was made before. Whoever makes forks wait for imports calls it.
    """
    global _prepared
    if _prepared:
        return
    OPENING.acquire()
    _prepared = True
    _forking[:] = list(_open_databases)
    for database in _forking:
        database.before_fork()


def _after_fork_in_parent() -> None:
    for database in _forking:
        database.after_fork_in_parent()
    _go_on()


def _after_fork_in_child() -> None:
    for database in _forking:
        database.after_fork_in_child()
    _go_on()


def _go_on() -> None:
    global _prepared
    _forking.clear()
    if _prepared:
        _prepared = False
        OPENING.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )

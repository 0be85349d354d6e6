"""Failures: what a database driver raises, told as errors of Assay.

Errors of the family pass unchanged. A failure that isn't known stays as it is: it is a mistake of
ours, and hiding it would make it harder to find.
"""

from __future__ import annotations

import errno
import sqlite3
import sys
from typing import Final

from assay import errors

_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_FULL: Final = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_TRUNCATE,
}
NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)
"""What the operating system says when a disk or a quota is full."""
_LOST: Final = ("08", "57P", "53")
"""SQLSTATE classes: connection failures, operator intervention, insufficient resources."""
_REPEATABLE: Final = ("40001", "40P01")
"""Serialization failure and deadlock: the transaction as a whole may be run again."""
_PG_FULL: Final = "53100"


def cause(error: BaseException) -> BaseException:
    """What the driver raised, where SQLAlchemy wrapped it."""
    if _is_of_sqlalchemy(error, "DBAPIError"):
        original: BaseException | None = getattr(error, "orig", None)
        return original or error
    return error


def _is_of_sqlalchemy(error: BaseException, name: str) -> bool:
    """Whether SQLAlchemy raised it; where it isn't loaded it raised nothing."""
    kinds = sys.modules.get("sqlalchemy.exc")
    return kinds is not None and isinstance(error, getattr(kinds, name))


def is_busy(error: BaseException) -> bool:
    """Whether SQLite says that another connection holds the lock."""
    return _primary(cause(error)) in _BUSY


def is_repeatable(error: BaseException) -> bool:
    """Whether PostgreSQL asks to run the transaction again."""
    return getattr(cause(error), "sqlstate", None) in _REPEATABLE


def is_lost(error: BaseException) -> bool:
    """Whether the connection to PostgreSQL is gone."""
    original = cause(error)
    if isinstance(original, sqlite3.Error):
        return False
    state = getattr(original, "sqlstate", None)
    kind = type(original)
    if not kind.__module__.startswith("psycopg"):
        return False
    if state is None:
        return kind.__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")
    return isinstance(state, str) and state.startswith(_LOST) and state != _PG_FULL


def translate(error: BaseException) -> BaseException:
    """The error of Assay that tells what happened; ``error`` itself if there is none."""
    if isinstance(error, errors.AssayError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return errors.InvalidInput("The text holds half of a surrogate pair and can't be stored.")
    if isinstance(error, OverflowError):
        return errors.InvalidInput(f"A number is out of the range of 64 bits: {error}.")
    if _is_of_sqlalchemy(error, "TimeoutError"):
        return errors.StoreUnavailable("All connections to the database are in use; try again.")
    original = cause(error)
    if isinstance(original, sqlite3.Error):
        return _sqlite(original) or error
    if type(original).__module__.startswith("psycopg"):
        return _postgres(original) or error
    return error


def _primary(error: BaseException) -> int:
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else -1


def _sqlite(error: sqlite3.Error) -> errors.AssayError | None:
    code = getattr(error, "sqlite_errorcode", -1)
    primary = _primary(error)
    if primary in _BUSY:
        return errors.StoreUnavailable(
            "Another process kept the database busy for too long. Nothing was changed; try again."
        )
    if primary == sqlite3.SQLITE_FULL or code in _FULL:
        return errors.StoreFull(
            "No space is left for the database. Nothing of this was kept; free some space and"
            " try again."
        )
    if primary == sqlite3.SQLITE_READONLY:
        return errors.PermissionDenied(
            "The database can't be written: the file or its folder is read-only."
        )
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return errors.Corrupted(
            f"The database file is damaged or isn't one of Assay: {error}. Restore a backup."
        )
    if primary in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
        return errors.StoreUnavailable(f"The database file can't be read or written: {error}.")
    return None


def _postgres(error: BaseException) -> errors.AssayError | None:
    state = getattr(error, "sqlstate", None)
    if state == _PG_FULL:
        return errors.StoreFull(
            "No space is left for the database. Nothing of this was kept; free some space and"
            " try again."
        )
    if is_lost(error):
        return errors.StoreUnavailable(
            "The database can't be reached now; nothing is known to be kept. Try again."
        )
    if state in _REPEATABLE:
        return errors.StoreUnavailable("Too many changes collided in the database; try again.")
    if state == "42501":
        return errors.PermissionDenied("The database user may not do this; check its grants.")
    if state is None and type(error).__name__ == "DataError":
        # psycopg refuses a NUL character before it sends anything.
        return errors.InvalidInput(f"The text can't be stored: {error}.")
    if state in ("23505", "23503"):
        return errors.Conflict("Somebody else changed the same thing at this moment; try again.")
    if state == "22003":
        return errors.InvalidInput("A number is out of the range of 64 bits.")
    return None

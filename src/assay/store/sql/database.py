"""The database: connections for reading, and the one way to write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal, TypeVar

from assay.store.base import Done

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


class Database(ABC):
    """Where resources read and write. Resource modules are functions of a ``Connection``.

    SQLite has one writer thread per process, which groups waiting changes into one transaction
    with a
    savepoint each; PostgreSQL runs each change in a transaction of its own from a pool.
    """

    dialect: Literal["sqlite", "postgresql"]

    @abstractmethod
    def read(self) -> AbstractContextManager[Connection]:
        """A connection with one consistent snapshot, for reading only."""

    @abstractmethod
    def write(self, change: Callable[[Connection], T]) -> T:
        """Run ``change`` in a transaction and return its result once that is committed.

        What ``change`` raises is raised here and nothing of it is kept. It may run more than once
        where a
        transaction has to be repeated, so it has no effects but on the connection.
        """

    @abstractmethod
    def submit(self, change: Callable[[Connection], T], done: Done[T]) -> None:
        """As ``write``, without waiting.

        ``done(result, error)`` is called later from another thread.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish waiting writes, then release threads and connections."""

"""Statements: SQL text for both databases, run straight on the driver's connection.

The hot roads (one metric, one batch, one delivery) run a handful of tiny statements each; through
SQLAlchemy's ``exec_driver_sql`` one costs 12 µs, straight on the driver 2.5 µs. Searches, whose
text is composed, use SQLAlchemy Core. Both see the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LIST: Final = "IN (??)"
_encode = msgspec.json.Encoder().encode


class Sql:
    """One statement.

    ``?`` stands for a value, ``IN (??)`` for a list of texts or of whole numbers, and what is
    between braces is left out on SQLite::

        Sql("SELECT key FROM tags WHERE run_id IN (??) {FOR UPDATE}").all(conn, run_ids)
    """

    __slots__ = ("_postgres", "_sqlite")

    def __init__(self, text: str) -> None:
        plain, locking = text, text
        while "{" in plain:
            before, rest = plain.split("{", 1)
            plain = before + rest.split("}", 1)[1]
        locking = locking.replace("{", "").replace("}", "").replace("%", "%%")
        self._sqlite = plain.replace(_LIST, "IN (SELECT value FROM json_each(?))")
        self._postgres = locking.replace(_LIST, "= ANY(%s)").replace("?", "%s")

    def _execute(self, conn: Connection, params: tuple[Any, ...]) -> Any:
        raw: Any = conn.connection.dbapi_connection
        if conn.dialect.name != "sqlite":
            for value in params:
                if value.__class__ is list:
                    params = tuple(map(_plain, params))
                    break
            return raw.execute(self._postgres, params)
        for value in params:
            if value.__class__ is list:
                params = tuple(_encode(v).decode() if type(v) is list else v for v in params)
                break
        return raw.execute(self._sqlite, params)

    def run(self, conn: Connection, *params: Any) -> int:
        """Execute; returns how many rows it touched."""
        count: int = self._execute(conn, params).rowcount
        return count

    def one(self, conn: Connection, *params: Any) -> tuple[Any, ...] | None:
        """The first row, or ``None``."""
        row: tuple[Any, ...] | None = self._execute(conn, params).fetchone()
        return row

    def all(self, conn: Connection, *params: Any) -> list[tuple[Any, ...]]:
        """All rows."""
        rows: list[tuple[Any, ...]] = self._execute(conn, params).fetchall()
        return rows

    def many(self, conn: Connection, rows: Iterable[Sequence[Any]]) -> int:
        """Execute once per row of values; returns how many rows of the table it touched."""
        raw: Any = conn.connection.dbapi_connection
        cursor = raw.cursor()
        text = self._sqlite if conn.dialect.name == "sqlite" else self._postgres
        cursor.executemany(text, rows)
        count: int = cursor.rowcount
        return count


def _plain(value: Any) -> Any:
    """A list of numbers as PostgreSQL writes it: psycopg looks at each for quotes, which takes as
    long as finding its row. All else as it is.
    """
    if value.__class__ is list and value and value[0].__class__ is int:
        return f"{{{','.join(map(str, value))}}}"
    return value

"""Pages: runs the statements of a search until a page is full, and makes the token of the next one.

A search is one or more *phases*, each a statement whose rows all come before those of the next.
Phases let an index give the order: "runs with a value, by value" is a walk along it that stops
when the page is full.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, cast

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, Select, select

from assay.entities import limits
from assay.errors import InvalidInput
from assay.search import page_token
from assay.search.page_token import PageToken, Position
from assay.store.base import Query
from assay.store.sql.search.order import VALUE, OrderColumn, behind, rank_of


class Phase(msgspec.Struct, frozen=True):
    """One statement of a search."""

    ident: ColumnElement[str]
    tables: FromClause
    conditions: Sequence[ColumnElement[bool]]
    columns: Sequence[OrderColumn]
    """The last is unique. If the first is ``fixed``, the phase holds the rows of that class."""
    beside: Phase | None = None
    """More rows in the same order and of the same columns, to be mixed with these."""

    def statement(self, positions: Sequence[Position], limit: int) -> Select[Any] | None:
        """The rows behind ``positions`` (all, if empty); ``None`` if there can't be any."""
        selected = [part for column in self.columns for part in column.selected()]
        query = select(self.ident, *selected).select_from(self.tables).where(*self.conditions)
        if positions:
            first = self.columns[0]
            rank = rank_of(positions[0])
            if first.fixed is None:
                query = query.where(behind(self.columns, positions))
            elif first.fixed < rank:
                return None
            elif first.fixed == rank == VALUE:
                query = query.where(first.from_here(positions[0]), behind(self.columns, positions))
            elif first.fixed == rank:
                query = query.where(behind(self.columns[1:], positions[1:]))
        order = [clause for column in self.columns for clause in column.clauses()]
        return query.order_by(*order).limit(limit)


class Start(msgspec.Struct, frozen=True):
    """Where a search begins."""

    fingerprint: str
    now_ms: int
    positions: Sequence[Position]


def check_max_results(max_results: int, *, most: int = limits.MAX_SEARCH_RESULTS) -> None:
    """Refuse pages that are empty or too large.

    Raises:
        InvalidInput: ``max_results`` is not within 1 and ``most``.
    """
    if not 1 <= max_results <= most:
        raise InvalidInput(
            f"Invalid value for parameter 'max_results': it must be within 1 and"
            f" {most:,}, got {max_results}."
        )


def open_start(query: Query, *, entity: str, scope: object, types: Sequence[type]) -> Start:
    """Where ``query`` begins; ``scope`` is all else that makes it this query.

    Raises:
        InvalidPageToken: its token is damaged, or of another query.
    """
    print_ = page_token.fingerprint(
        entity, query.filter, list(query.order_by), int(query.view), scope
    )
    if not query.page_token:
        return Start(print_, time.time_ns() // 1_000_000, ())
    token: PageToken = page_token.decode(query.page_token, fingerprint=print_, types=types)
    return Start(print_, token.now_ms, token.positions)


def read_page(
    conn: Connection, phases: Iterable[Phase], *, start: Start, max_results: int
) -> tuple[list[str], str | None]:
    """Ids of a page in order, and the token of the next page if there is one."""
    rows: list[tuple[Any, ...]] = []
    for phase in phases:
        rows += _read_phase(conn, phase, start=start, limit=max_results + 1 - len(rows))
        if len(rows) > max_results:
            del rows[max_results:]
            return [row[0] for row in rows], token_behind(phase.columns, rows[-1], start)
    return [row[0] for row in rows], None


def _read_phase(
    conn: Connection, phase: Phase, *, start: Start, limit: int
) -> list[tuple[Any, ...]]:
    statement = phase.statement(start.positions, limit)
    rows = [] if statement is None else read_rows(conn, statement)
    if phase.beside is None:
        return rows
    more = _read_phase(conn, phase.beside, start=start, limit=limit)
    if not rows or not more:
        return rows or more
    rows += more
    # Stable sorts from the last column to the first; each value is followed by its class.
    for number, column in reversed(list(enumerate(phase.columns, 1))):
        value, rank = 2 * number - 1, 2 * number
        rows.sort(
            key=lambda row: column.type() if row[value] is None else row[value],
            reverse=column.descending,
        )
        rows.sort(key=itemgetter(rank))
    return rows[:limit]


def read_rows(conn: Connection, statement: Select[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """All rows as the driver gives them: no row objects, which cost more than the reading."""
    result = conn.execute(statement)
    try:
        return cast("list[tuple[Any, ...]]", result.cursor.fetchall())
    finally:
        result.close()


def token_behind(columns: Sequence[OrderColumn], row: Sequence[Any], start: Start) -> str:
    """The token of what comes behind a row of a statement of ``Phase``."""
    positions = [
        Position(
            column.type(row[1 + 2 * i]) if row[2 + 2 * i] == VALUE else None,
            is_nan=row[2 + 2 * i] == 1,
        )
        for i, column in enumerate(columns)
    ]
    return page_token.encode(
        fingerprint=start.fingerprint, now_ms=start.now_ms, positions=positions
    )

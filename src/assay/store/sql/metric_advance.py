"""The short road of a single point: series that it only moves forward are updated by one statement.

Nearly every point that is logged is an ordinary number behind the last point of a series that is
known and has its key's latest point already. What it does to the summary is then an expression of
the stored row, so nothing has to be read first, and a whole batch is one statement: it costs a
third of reading, merging and writing rows, most of it without Python's lock, and on PostgreSQL
one round trip. The result is that of ``assay.metrics.figures.merged``; points for which the
expression wouldn't give that (NaN, ±inf, −0.0, numbers whose square leaves the range) and those
of other series take the long road.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from assay.entities.ids import RunId

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["MAX_POINTS", "Identity", "Values", "advance", "is_ordinary"]

MAX_POINTS: Final = 128
"""Points of one statement; each has up to seven bound values."""

_SMALLEST: Final = 1e-150
_LARGEST: Final = 1e150
"""Squares and differences of numbers between these neither overflow nor vanish, which PostgreSQL
takes for an error."""
_EXACT_SIZES: Final = 8
_STEP: Final = 10
"""Larger statements come in steps of this size, filled up with points of no series: fewer are kept
prepared."""

_UPDATE: Final = (
    "UPDATE metric_summaries AS m"
    " SET count = m.count + 1, last_step = v.step, last_timestamp = v.time, last = v.value,"
    " min = CASE WHEN v.value < m.min THEN v.value ELSE m.min END,"
    " max = CASE WHEN v.value > m.max THEN v.value ELSE m.max END,"
    " mean = m.mean"
    " + (v.value - m.mean) * (CAST(1 AS DOUBLE PRECISION) / (m.count + 1)),"
    " sum_squares = m.sum_squares + v.value * v.value FROM"
)
_CONDITIONS: Final = (
    " AND m.is_latest AND NOT m.is_ranked AND m.nan_count = 0 AND m.negative_zeros = 0"
    " AND (m.last_step, m.last_timestamp) < (v.step, v.time)"
    f" AND m.sum_squares < {_LARGEST} AND (m.mean = 0 OR abs(m.mean) > {_SMALLEST})"
)

Identity = tuple[str, ...]
"""What tells a series from the others of its run: the key alone, or key, model, name and digest of
the data set where it has any of these."""
Values = tuple[int, int, float]
"""Step, timestamp, value."""


def is_ordinary(value: float) -> bool:
    """Whether the statement keeps exact figures of such a number."""
    if _SMALLEST < value < _LARGEST or -_LARGEST < value < -_SMALLEST:
        return True
    return value == 0.0 and math.copysign(1.0, value) > 0


def advance(
    conn: Connection, run_id: RunId, points: Mapping[Identity, Values]
) -> dict[Identity, int]:
    """Bring the summaries up to date for those points that only move their series forward.

    Args:
        conn: in a transaction that has locked the run.
        run_id: the run.
        points: one point with an ordinary value for each series, at most ``MAX_POINTS``.

    Returns:
        The numbers of the series that were updated. Of the others nothing was changed.
    """
    whole = {identity: point for identity, point in points.items() if len(identity) > 1}
    if not whole:
        return _PLAIN.advance(conn, run_id, points)
    plain = {identity: point for identity, point in points.items() if identity not in whole}
    numbers = _PLAIN.advance(conn, run_id, plain) if plain else {}
    return numbers | _WHOLE.advance(conn, run_id, whole)


class _Statement:
    """The statement for series of one form of identity, for both databases."""

    def __init__(self, *columns: str, others: str = "") -> None:
        # Named otherwise than the table's columns, which RETURNING can't qualify on SQLite.
        inputs = [*(f"v_{column}" for column in columns), "step", "time", "value"]
        self._inputs = f"v({', '.join(inputs)})"
        same = "".join(f" AND m.{column} = v.v_{column}" for column in columns)
        self._where = f"{same}{others}{_CONDITIONS} RETURNING {', '.join(columns)}, series"
        self._width = len(inputs)
        texts = "%s::text[], " * len(columns)
        self._postgres = (
            f"{_UPDATE} unnest({texts}%s::bigint[], %s::bigint[], %s::float8[]) AS {self._inputs}"
            f" WHERE m.run_id = %s{self._where}"
        )
        # A single row needs no join, which would double its cost.
        single = f"{_UPDATE.removesuffix(' FROM')} WHERE m.run_id = v.run_id{self._where}"
        self._names = [*inputs, "run_id"]
        numbered, named = single, single
        for number, name in enumerate(self._names, 1):
            numbered = numbered.replace(f"v.{name}", f"?{number}")
            named = named.replace(f"v.{name}", f"%({name})s")
        self._postgres_single = named
        self._sqlite: dict[int, str] = {1: numbered}

    def advance(
        self, conn: Connection, run_id: RunId, points: Mapping[Identity, Values]
    ) -> dict[Identity, int]:
        """``advance`` for points of series with this form of identity."""
        raw: Any = conn.connection.dbapi_connection
        if conn.dialect.name == "sqlite":
            bound: list[Any] = []
            for identity, values in points.items():
                bound += identity
                bound += values
            size = _size_for(len(points))
            bound += (None,) * (self._width * (size - len(points)))
            bound.append(run_id)
            rows = raw.execute(self._for_sqlite(size), bound).fetchall()
        elif len(points) == 1:
            [(identity, values)] = points.items()
            named = dict(zip(self._names, (*identity, *values, run_id), strict=True))
            rows = raw.execute(self._postgres_single, named).fetchall()
        else:
            columns = (*zip(*points, strict=True), *zip(*points.values(), strict=True))
            rows = raw.execute(self._postgres, (*map(list, columns), run_id)).fetchall()
        return {row[:-1]: row[-1] for row in rows}

    def _for_sqlite(self, size: int) -> str:
        text = self._sqlite.get(size)
        if text is None:
            row = f"({', '.join('?' * self._width)})"
            rows = ", ".join([row] * size)
            update = f"{_UPDATE} v WHERE m.run_id = ?{self._where}"
            text = f"WITH {self._inputs} AS (VALUES {rows}) {update}"
            self._sqlite[size] = text
        return text


def _size_for(count: int) -> int:
    return count if count <= _EXACT_SIZES else -(-count // _STEP) * _STEP


_PLAIN: Final = _Statement(
    "key", others=" AND m.model_id = '' AND m.dataset_name = '' AND m.dataset_digest = ''"
)
_WHOLE: Final = _Statement("key", "model_id", "dataset_name", "dataset_digest")

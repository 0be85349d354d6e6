"""Stored points: finding the blocks and segments of one series that hold a range of points, and
reading them.

Blocks of a series never overlap, and no (step, timestamp) falls into two of them; their rows are
ordered by their first point. Segments are few, and hold any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from assay.entities.ids import RunId
from assay.entities.metrics import History
from assay.metrics import block, segment
from assay.metrics.points import concatenate, merge, place
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "FIELDS",
    "BlockRow",
    "blocks_between",
    "decode_blocks",
    "segment_points",
    "stored_points",
]

Place = tuple[int, int]
"""(step, timestamp) of a point."""

FIELDS: Final = (
    "first_step, first_timestamp, last_step, last_timestamp, count, min_timestamp, max_timestamp"
)
"""The columns of a ``BlockRow``."""
_SEGMENTS = Sql("SELECT points FROM metric_segments WHERE run_id = ? ORDER BY segment")
_SEGMENTS_BETWEEN = Sql(
    "SELECT points FROM metric_segments WHERE run_id = ? AND max_step >= ? AND min_step <= ?"
    " AND max_timestamp >= ? AND min_timestamp <= ? ORDER BY segment"
)
_FIRST_BLOCK = Sql(
    "SELECT first_step, first_timestamp FROM metric_blocks WHERE run_id = ? AND series = ?"
    " AND (first_step, first_timestamp) <= (?, ?)"
    " ORDER BY first_step DESC, first_timestamp DESC LIMIT 1"
)
_BLOCKS = Sql(
    f"SELECT {FIELDS} FROM metric_blocks"  # noqa: S608
    " WHERE run_id = ? AND series = ? AND (first_step, first_timestamp) >= (?, ?)"
    " AND (first_step, first_timestamp) <= (?, ?) ORDER BY first_step, first_timestamp"
)
_POINTS = Sql(
    "SELECT points FROM metric_blocks WHERE run_id = ? AND series = ? AND first_step = ?"
    " AND first_timestamp = ?"
)


class BlockRow(NamedTuple):
    """Where a block lies."""

    first_step: int
    first_timestamp: int
    last_step: int
    last_timestamp: int
    size: int
    """Its points."""
    min_timestamp: int
    max_timestamp: int

    @property
    def first(self) -> Place:
        """Its first point."""
        return (self.first_step, self.first_timestamp)

    @property
    def last(self) -> Place:
        """Its last point."""
        return (self.last_step, self.last_timestamp)


def blocks_between(
    conn: Connection, run_id: RunId, series: int, *, first: Place, last: Place
) -> list[BlockRow]:
    """The blocks from the one that begins at or before ``first`` up to ``last``, in order."""
    found = _FIRST_BLOCK.one(conn, run_id, series, *first)
    begin = (found[0], found[1]) if found else first
    return [BlockRow(*row) for row in _BLOCKS.all(conn, run_id, series, *begin, *last)]


def decode_blocks(
    conn: Connection, run_id: RunId, series: int, rows: Sequence[BlockRow]
) -> History:
    """The points of these blocks, one after the other."""
    blobs = []
    for row in rows:
        found = _POINTS.one(conn, run_id, series, *row.first)
        if found is not None:
            blobs.append(found[0])
    return block.decode_all(blobs)


def segment_points(conn: Connection, run_id: RunId, series: Sequence[int]) -> dict[int, History]:
    """The points of each of these series that are not folded yet, in order.

    A segment holds all series of its batch, so it is read once for all that are asked for.
    """
    parts: dict[int, list[History]] = {number: [] for number in series}
    for row in _SEGMENTS.all(conn, run_id) if parts else ():
        found = segment.decode(row[0])
        for at, number in enumerate(found.series.tolist()):
            if number in parts:
                parts[number].append(found.at(at))
    return {number: merge(histories) for number, histories in parts.items()}


def _may_hold(row: BlockRow, points: History) -> bool:
    """Whether one of the sorted points lies in the block's ranges.

    The range of timestamps spares a curve whose steps begin anew each epoch the look into all its
    blocks.
    """
    begin = place(points, *row.first)
    end = int(np.searchsorted(points.steps, row.last_step, "right"))
    times = points.timestamps[begin:end]
    return bool(((times >= row.min_timestamp) & (times <= row.max_timestamp)).any())


def stored_points(
    conn: Connection, run_id: RunId, wanted: Mapping[int, History]
) -> dict[int, History]:
    """For each series number, stored points that include all those equal to one of the sorted
    ``wanted``.
    """
    hull = segment.extent(concatenate(list(wanted.values())))
    segments = [
        segment.decode(row[0])
        for row in _SEGMENTS_BETWEEN.all(
            conn,
            run_id,
            hull.min_step,
            hull.max_step,
            hull.min_timestamp,
            hull.max_timestamp,
        )
    ]
    result = {}
    for series, points in wanted.items():
        first = (int(points.steps[0]), int(points.timestamps[0]))
        last = (int(points.steps[-1]), int(points.timestamps[-1]))
        rows = [
            row
            for row in blocks_between(conn, run_id, series, first=first, last=last)
            if _may_hold(row, points)
        ]
        parts = [decode_blocks(conn, run_id, series, rows)]
        parts += [found.of(series) for found in segments]
        result[series] = concatenate(parts)
    return result

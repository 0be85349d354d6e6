"""Folding: a run's segments become blocks, one series after the other, in the transaction of the
batch that made them many.

A fold handles a bounded number of points, all of them new, and touches only the blocks that these
fall into. Small blocks at the end of a series are joined when as many points follow them (as in a
log-structured merge tree), so a point is compressed again at most about six times, whatever the
length of its series.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from assay.entities.ids import RunId
from assay.entities.metrics import History
from assay.errors import Corrupted
from assay.metrics import block, segment
from assay.metrics.downsample import cells_of_block
from assay.metrics.points import merge, place, select
from assay.store.sql.metric_stored import FIELDS, BlockRow, blocks_between, decode_blocks
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["MAX_SEGMENTS", "MAX_SEGMENT_POINTS", "fold", "fold_if_due"]

MAX_SEGMENTS: Final = 256
"""Segments of a run: reading a series looks into each, which takes about 10 µs. A fold of a hundred
series costs 20 ms, so a quarter as many would make it a fifth of the cost of ingest."""
MAX_SEGMENT_POINTS: Final = 131_072
"""Points in them: reading a series loads those of all series (14 bytes a point)."""

logger = logging.getLogger(__name__)

_SAVE = Sql("SAVEPOINT fold")
_UNDO = Sql("ROLLBACK TO SAVEPOINT fold")
_RELEASE = Sql("RELEASE SAVEPOINT fold")
_SEGMENTS = Sql("SELECT points FROM metric_segments WHERE run_id = ? ORDER BY segment")
_DROP_SEGMENTS = Sql("DELETE FROM metric_segments WHERE run_id = ?")
_FIRST = Sql(
    f"SELECT {FIELDS} FROM metric_blocks WHERE run_id = ? AND series = ?"  # noqa: S608
    " ORDER BY first_step, first_timestamp LIMIT 1"
)
_LAST = Sql(
    f"SELECT {FIELDS} FROM metric_blocks WHERE run_id = ? AND series = ?"  # noqa: S608
    " ORDER BY first_step DESC, first_timestamp DESC LIMIT 1"
)
_BEFORE = Sql(
    f"SELECT {FIELDS} FROM metric_blocks WHERE run_id = ? AND series = ?"  # noqa: S608
    " AND (first_step, first_timestamp) < (?, ?)"
    " ORDER BY first_step DESC, first_timestamp DESC LIMIT 1"
)
_DROP_BLOCK = Sql(
    "DELETE FROM metric_blocks WHERE run_id = ? AND series = ? AND first_step = ?"
    " AND first_timestamp = ?"
)
_INSERT_BLOCK = Sql(
    "INSERT INTO metric_blocks (run_id, series, first_step, first_timestamp, last_step,"
    " last_timestamp, min_timestamp, max_timestamp, count, cell_bits, cells, points)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class _Stretch(NamedTuple):
    """Sorted points to be written as blocks of about ``size`` points."""

    points: History
    size: int = block.FULL_BLOCK


def fold_if_due(conn: Connection, run_id: RunId, *, segments: int, points: int, added: int) -> None:
    """Fold the run if the segment of ``added`` points gave it too many segments, or too many
    points in them.

    Damaged points stay as they are and keep being told to who reads them; what is logged now is
    kept all the same.
    """
    crossed = points // MAX_SEGMENT_POINTS > (points - added) // MAX_SEGMENT_POINTS
    if segments % MAX_SEGMENTS and not crossed:
        return
    _SAVE.run(conn)
    try:
        fold(conn, run_id)
    except Corrupted as error:
        _UNDO.run(conn)
        logger.error("Points of run %s can't be folded: %s", run_id, error)
    _RELEASE.run(conn)


def fold(conn: Connection, run_id: RunId) -> None:
    """Turn all segments of the run into blocks. What can be read stays the same."""
    rows = _SEGMENTS.all(conn, run_id)
    if not rows:
        return
    grouped = segment.join([segment.decode(row[0]) for row in rows])
    made: list[tuple[Any, ...]] = []
    for at, series in enumerate(grouped.groups.tolist()):
        for stretch in _place(conn, run_id, series, grouped.of(at)):
            made.extend((run_id, series, *row) for row in _block_rows(stretch))
    _INSERT_BLOCK.many(conn, made)
    _DROP_SEGMENTS.run(conn, run_id)


def _place(conn: Connection, run_id: RunId, series: int, points: History) -> list[_Stretch]:
    """The stretches to write for new sorted points of a series; the blocks that they replace are
    gone.
    """
    found = _LAST.one(conn, run_id, series)
    if found is None:
        return [_Stretch(points)]
    tail = BlockRow(*found)
    behind = _place_after(points, tail)
    stretches: list[_Stretch] = []
    if behind:
        stretches = _weave(conn, run_id, series, select(points, slice(behind)))
    rest = select(points, slice(behind, None))
    if len(rest.steps) == 0:
        return stretches
    if stretches:
        # The tail may have been rewritten: what follows becomes a block of its own, joined by a
        # later fold.
        return [*stretches, _Stretch(rest)]
    return [_Stretch(_join_tail(conn, run_id, series, tail=tail, points=rest))]


def _place_after(points: History, row: BlockRow) -> int:
    """How many of the sorted points lie at or before the last point of the block."""
    step, timestamp = row.last
    if timestamp < 2**63 - 1:
        return place(points, step, timestamp + 1)
    return len(points.steps) if step == 2**63 - 1 else place(points, step + 1, -(2**63))


def _join_tail(
    conn: Connection, run_id: RunId, series: int, *, tail: BlockRow, points: History
) -> History:
    """New points behind the last block, with the small blocks before them that are due to be
    joined.
    """
    count = len(points.steps)
    joined: list[BlockRow] = []
    row: BlockRow | None = tail
    while row is not None and row.size < block.FULL_BLOCK and row.size <= count:
        joined.insert(0, row)
        count += row.size
        found = _BEFORE.one(conn, run_id, series, *row.first)
        row = BlockRow(*found) if found else None
    if not joined:
        return points
    old = decode_blocks(conn, run_id, series, joined)
    for row in joined:
        _DROP_BLOCK.run(conn, run_id, series, *row.first)
    return merge([old, points])


def _weave(conn: Connection, run_id: RunId, series: int, points: History) -> list[_Stretch]:
    """New points that do not lie behind the last block: each joins the block that it falls into or
    behind.
    """
    first = (int(points.steps[0]), int(points.timestamps[0]))
    last = (int(points.steps[-1]), int(points.timestamps[-1]))
    rows = blocks_between(conn, run_id, series, first=first, last=last)
    if not rows:
        found = _FIRST.one(conn, run_id, series)
        rows = [BlockRow(*found)] if found else []
    borders = [0, *(place(points, *row.first) for row in rows[1:]), len(points.steps)]
    stretches = []
    for row, begin, end in zip(rows, borders[:-1], borders[1:], strict=True):
        if begin == end:
            continue
        old = decode_blocks(conn, run_id, series, [row])
        _DROP_BLOCK.run(conn, run_id, series, *row.first)
        joined = merge([old, select(points, slice(begin, end))])
        stretches.append(_Stretch(joined, _even_size(len(joined.steps))))
    return stretches


def _even_size(count: int) -> int:
    """Points per block where a block took in late ones: one block up to twice the size, else
    equal parts, so that no crumbs stay in the midst of a series.
    """
    if count <= 2 * block.FULL_BLOCK:
        return count
    return -(-count // (count // block.FULL_BLOCK))


def _block_rows(stretch: _Stretch) -> list[tuple[Any, ...]]:
    """The columns of the blocks that hold the stretch, from ``first_step`` on."""
    rows = []
    for cut in block.cut(stretch.points, size=stretch.size):
        part = select(stretch.points, cut)
        cells = cells_of_block(part) or (None, None)
        steps, times = part.steps, part.timestamps
        rows.append(
            (
                int(steps[0]),
                int(times[0]),
                int(steps[-1]),
                int(times[-1]),
                int(times.min()),
                int(times.max()),
                len(steps),
                *cells,
                block.encode(part),
            )
        )
    return rows

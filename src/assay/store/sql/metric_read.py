"""Reading points: whole histories, and curves in buckets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.entities.ids import RunId
from assay.entities.metrics import Buckets, History, SeriesKey
from assay.errors import InvalidInput
from assay.metrics import block
from assay.metrics.branches import branches_of
from assay.metrics.downsample import CELL, Grid, downsample, empty_cells, grid, reduce_cells
from assay.metrics.log_grid import LogGrid, fits
from assay.metrics.points import empty_history, merge, place, select
from assay.store.sql.metric_stored import FIELDS, BlockRow, decode_blocks, segment_points
from assay.store.sql.metric_summaries import FoundSeries, find_series
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["MAX_BUCKETS", "buckets", "history"]

MAX_BUCKETS: Final = 100_000
"""Buckets of one curve: more than any screen has pixels."""
_MIN_STEP, _MAX_STEP = -(2**63), 2**63 - 1
_ANY_BITS: Final = 64
"""No cell is wider: borders of a log grid lie at any distance."""

_BLOCKS = Sql(
    "SELECT points FROM metric_blocks WHERE run_id = ? AND series = ? AND first_step <= ?"
    " AND last_step >= ? ORDER BY first_step, first_timestamp"
)
_CELLS = Sql(
    f"SELECT {FIELDS}, cell_bits, CASE WHEN cell_bits <= ? THEN cells END FROM metric_blocks"  # noqa: S608
    " WHERE run_id = ? AND series = ? AND first_step <= ? AND last_step >= ?"
    " ORDER BY first_step, first_timestamp"
)


def history(
    conn: Connection,
    run_id: RunId,
    series: SeriesKey,
    *,
    first_step: int | None = None,
    last_step: int | None = None,
) -> History:
    """All points of a series, or those of a closed range of steps; empty if it has none."""
    for found in find_series(conn, run_id, series.key):
        if found.series == series:
            return _points(conn, run_id, found.number, first_step=first_step, last_step=last_step)
    return empty_history()


def _points(
    conn: Connection,
    run_id: RunId,
    series: int,
    *,
    first_step: int | None = None,
    last_step: int | None = None,
) -> History:
    low = _MIN_STEP if first_step is None else max(first_step, _MIN_STEP)
    high = _MAX_STEP if last_step is None else min(last_step, _MAX_STEP)
    if low > high:
        return empty_history()
    blobs = [row[0] for row in _BLOCKS.all(conn, run_id, series, high, low)]
    fresh = segment_points(conn, run_id, [series])[series]
    points = merge([block.decode_all(blobs), fresh]) if blobs else fresh
    points = _clip(points, low, high)
    if not points.values.flags.writeable:
        # Columns of a segment are views of what was read; the caller gets arrays of its own.
        points = History(points.steps.copy(), points.timestamps.copy(), points.values.copy())
    return points


def _clip(points: History, low: int, high: int) -> History:
    if len(points.steps) == 0 or (points.steps[0] >= low and points.steps[-1] <= high):
        return points
    begin = int(np.searchsorted(points.steps, low, "left"))
    end = int(np.searchsorted(points.steps, high, "right"))
    return select(points, slice(begin, end))


def buckets(
    conn: Connection,
    run_ids: Sequence[RunId],
    keys: Sequence[str],
    *,
    count: int,
    first_step: int | None = None,
    last_step: int | None = None,
    scale: Literal["linear", "log"] = "linear",
    branches: bool = False,
) -> list[Buckets]:
    """Each series of these runs and keys in at most ``count`` buckets over the closed range of
    steps, of equal width on the scale.

    Without a range each series is cut over its own steps. Series without points in the range are
    left out. With ``branches`` each branch of a series has buckets of its own, one branch after
    the other: their steps begin anew where the run was started again.

    Raises:
        InvalidInput: ``count`` is not between 1 and ``MAX_BUCKETS``.
    """
    if not 1 <= count <= MAX_BUCKETS:
        raise InvalidInput(f"The number of buckets must be from 1 to {MAX_BUCKETS}, got {count}.")
    result = []
    for run_id in run_ids:
        series = [found for key in keys for found in find_series(conn, run_id, key)]
        fresh = segment_points(conn, run_id, [found.number for found in series])
        for found in series:
            low = found.first_step if first_step is None else max(first_step, _MIN_STEP)
            high = found.last_step if last_step is None else min(last_step, _MAX_STEP)
            if low > high:
                continue
            cut = LogGrid(count, low, high) if scale == "log" else grid(low, high, count)
            if branches:
                points = _points(conn, run_id, found.number, first_step=low, last_step=high)
                borders = cut.borders()
                parts = [downsample(part, borders) for part in branches_of(points)]
                cells = np.concatenate(parts)
            else:
                cells = _reduced(conn, run_id, found, grid=cut, fresh=fresh[found.number])
            if len(cells):
                result.append(_as_buckets(run_id, found.series, cells))
    return result


class _Stretch(NamedTuple):
    """A block on the way into buckets."""

    row: BlockRow
    cell_bits: int | None
    cells: bytes | None


def _reduced(
    conn: Connection, run_id: RunId, found: FoundSeries, *, grid: Grid | LogGrid, fresh: History
) -> np.ndarray[Any, np.dtype[np.void]]:
    """The series in the buckets of the grid: from cells where they fit, from points elsewhere.

    ``fresh`` are its points that no block has yet.
    """
    low, high = grid.first_step, grid.last_step
    borders = grid.borders()
    fresh = _clip(fresh, low, high)
    widest = grid.bits if isinstance(grid, Grid) else _ANY_BITS
    stretches = [
        _Stretch(BlockRow(*row[:-2]), *row[-2:])
        for row in _CELLS.all(conn, widest, run_id, found.number, high, low)
    ]
    parts = []
    run: list[bytes] = []
    for stretch, newer in _with_newer(stretches, fresh):
        row = stretch.row
        inside = row.first_step >= low and row.last_step <= high
        if inside and len(newer.steps) == 0 and _whole(stretch, grid, borders):
            run.append(stretch.cells or b"")
            continue
        if run:
            parts.append(np.frombuffer(b"".join(run), CELL))
            run = []
        points = merge([decode_blocks(conn, run_id, found.number, [row]), newer])
        parts.append(downsample(_clip(points, low, high), borders))
    if run:
        parts.append(np.frombuffer(b"".join(run), CELL))
    if not stretches:
        return downsample(fresh, borders)
    return reduce_cells(np.concatenate(parts) if parts else empty_cells(), borders)


def _whole(stretch: _Stretch, grid: Grid | LogGrid, borders: NDArray[np.int64]) -> bool:
    """Whether the block has cells, of which none crosses a border."""
    row, bits, cells = stretch
    if cells is None or bits is None:
        return False
    return isinstance(grid, Grid) or fits(
        bits, borders, first_step=row.first_step, last_step=row.last_step
    )


def _with_newer(stretches: Sequence[_Stretch], fresh: History) -> list[tuple[_Stretch, History]]:
    """Each block with the points, not folded yet, that fall into it or between it and the next."""
    if not stretches:
        return []
    if len(fresh.steps) == 0:
        return [(stretch, fresh) for stretch in stretches]
    inner = [place(fresh, *stretch.row.first) for stretch in stretches[1:]]
    borders = [0, *inner, len(fresh.steps)]
    return [
        (stretch, select(fresh, slice(begin, end)))
        for stretch, begin, end in zip(stretches, borders[:-1], borders[1:], strict=True)
    ]


def _as_buckets(
    run_id: RunId, series: SeriesKey, cells: np.ndarray[Any, np.dtype[np.void]]
) -> Buckets:
    return Buckets(
        run_id=run_id,
        series=series,
        steps=cells["first_step"].copy(),
        last_steps=cells["last_step"].copy(),
        timestamps=cells["last_timestamp"].copy(),
        min=cells["min"].copy(),
        max=cells["max"].copy(),
        mean=cells["mean"].copy(),
        last=cells["last"].copy(),
        counts=cells["count"].astype(np.int64),
    )

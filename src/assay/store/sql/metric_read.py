"""Reading points: whole histories, pages of them, and curves in buckets."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from sqlalchemy import Connection

from assay.entities.ids import RunId
from assay.entities.metrics import Buckets, History, Metric, SeriesKey
from assay.entities.page import Page
from assay.errors import InvalidInput, InvalidPageToken
from assay.metrics import block
from assay.metrics.downsample import CELL, Grid, downsample, empty_cells, grid, reduce_cells
from assay.metrics.points import concatenate, empty_history, merge, place, select, value_keys
from assay.store.sql.metric_stored import BlockRow, decode_blocks, segment_points
from assay.store.sql.metric_summaries import FoundSeries, find_series
from assay.store.sql.statements import Sql

__all__ = ["MAX_BUCKETS", "buckets", "history", "page"]

MAX_BUCKETS: Final = 100_000
"""Buckets of one curve: more than any screen has pixels."""
_MIN_STEP, _MAX_STEP = -(2**63), 2**63 - 1

_BLOCKS = Sql(
    "SELECT points FROM metric_blocks WHERE run_id = ? AND series = ? AND first_step <= ?"
    " AND last_step >= ? ORDER BY first_step, first_timestamp"
)
_CELLS = Sql(
    "SELECT first_step, first_timestamp, last_step, last_timestamp, count, cell_bits,"
    " CASE WHEN cell_bits <= ? THEN cells END FROM metric_blocks"
    " WHERE run_id = ? AND series = ? AND first_step <= ? AND last_step >= ?"
    " ORDER BY first_step, first_timestamp"
)


class _Position(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last point of a page, as the page token carries it."""

    timestamp: int
    step: int
    value: int
    """Its place in the total order of values."""
    series: int


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
    blobs = [row[0] for row in _BLOCKS.all(conn, run_id, series, high, low)]
    fresh = segment_points(conn, run_id, series)
    points = merge([block.decode_all(blobs), fresh]) if blobs else fresh
    return _clip(points, low, high)


def _clip(points: History, low: int, high: int) -> History:
    if len(points.steps) == 0 or (points.steps[0] >= low and points.steps[-1] <= high):
        return points
    begin = int(np.searchsorted(points.steps, low, "left"))
    end = int(np.searchsorted(points.steps, high, "right"))
    return select(points, slice(begin, end))


def page(
    conn: Connection,
    run_id: RunId,
    key: str,
    *,
    max_results: int | None = None,
    page_token: str | None = None,
) -> Page[Metric]:
    """Points of all series with this key, by timestamp, step and value (then by series), from the token on.

    Raises:
        InvalidInput: ``max_results`` is not positive.
        InvalidPageToken: the token is none of ours.
    """
    if max_results is not None and max_results < 1:
        raise InvalidInput(f"max_results must be positive, got {max_results}.")
    after = _decode_token(page_token) if page_token else None
    found = find_series(conn, run_id, key)
    parts = [_points(conn, run_id, one.number) for one in found]
    owners = np.repeat(np.arange(len(found)), [len(part.steps) for part in parts])
    points = concatenate(parts)
    keys = value_keys(np.ascontiguousarray(points.values))
    if not _in_page_order(points):
        order = np.lexsort((owners, keys, points.steps, points.timestamps))
        points, keys, owners = select(points, order), keys[order], owners[order]
    begin = _places_before(points, keys, owners, after) if after else 0
    end = len(points.steps) if max_results is None else begin + max_results
    rows = slice(begin, end)
    items = _metrics(run_id, [one.series for one in found], owners[rows], select(points, rows))
    token = None
    if end < len(points.steps):
        token = _encode_token(
            _Position(
                int(points.timestamps[end - 1]),
                int(points.steps[end - 1]),
                int(keys[end - 1]),
                int(owners[end - 1]),
            )
        )
    return Page(items, token)


def _in_page_order(points: History) -> bool:
    times = points.timestamps
    return bool((times[1:] > times[:-1]).all())


def _places_before(
    points: History,
    keys: np.ndarray[Any, np.dtype[np.uint64]],
    owners: np.ndarray[Any, np.dtype[np.int64]],
    after: _Position,
) -> int:
    """How many points lie at or before the position."""
    low, high = 0, len(points.steps)
    for column, bound in (
        (points.timestamps, after.timestamp),
        (points.steps, after.step),
        (keys, np.uint64(after.value)),
    ):
        part = column[low:high]
        low, high = (
            low + int(np.searchsorted(part, bound, "left")),
            low + int(np.searchsorted(part, bound, "right")),
        )
    return low + int(np.searchsorted(owners[low:high], after.series, "right"))


def _metrics(
    run_id: RunId,
    series: Sequence[SeriesKey],
    owners: np.ndarray[Any, np.dtype[np.int64]],
    points: History,
) -> list[Metric]:
    facts = [(s.model_id or None, s.dataset_name or None, s.dataset_digest or None) for s in series]
    key = series[0].key if series else ""
    return [
        Metric(key, value, timestamp, step, *facts[owner], run_id)
        for owner, step, timestamp, value in zip(
            owners.tolist(),
            points.steps.tolist(),
            points.timestamps.tolist(),
            points.values.tolist(),
            strict=True,
        )
    ]


def _encode_token(position: _Position) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode()


def _decode_token(token: str) -> _Position:
    try:
        text = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        position = msgspec.json.decode(text, type=_Position)
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError) as error:
        raise InvalidPageToken("it can't be read") from error
    signed = (position.timestamp, position.step, position.series)
    if not all(_MIN_STEP <= n <= _MAX_STEP for n in signed) or not 0 <= position.value < 2**64:
        raise InvalidPageToken("it can't be read")
    return position


def buckets(
    conn: Connection,
    run_ids: Sequence[RunId],
    keys: Sequence[str],
    *,
    count: int,
    first_step: int | None = None,
    last_step: int | None = None,
) -> list[Buckets]:
    """Each series of these runs and keys in at most ``count`` buckets over the closed range of steps.

    Without a range each series is cut over its own steps. Series without points in the range are left out.

    Raises:
        InvalidInput: ``count`` is not between 1 and ``MAX_BUCKETS``.
    """
    if not 1 <= count <= MAX_BUCKETS:
        raise InvalidInput(f"The number of buckets must be from 1 to {MAX_BUCKETS}, got {count}.")
    result = []
    for run_id in run_ids:
        for key in keys:
            for found in find_series(conn, run_id, key):
                low = found.first_step if first_step is None else max(first_step, _MIN_STEP)
                high = found.last_step if last_step is None else min(last_step, _MAX_STEP)
                if low > high:
                    continue
                cells = _reduced(conn, run_id, found, grid(low, high, count))
                if len(cells):
                    result.append(_as_buckets(run_id, found.series, cells))
    return result


class _Stretch(NamedTuple):
    """A block on the way into buckets."""

    row: BlockRow
    cells: bytes | None


def _reduced(
    conn: Connection, run_id: RunId, found: FoundSeries, grid: Grid
) -> np.ndarray[Any, np.dtype[np.void]]:
    """The series in the buckets of the grid: from cells where they fit, from points elsewhere."""
    low, high = grid.first_step, grid.last_step
    borders = grid.borders()
    fresh = _clip(segment_points(conn, run_id, found.number), low, high)
    stretches = [
        _Stretch(BlockRow(*row[:5]), row[6])
        for row in _CELLS.all(conn, grid.bits, run_id, found.number, high, low)
    ]
    parts = []
    run: list[bytes] = []
    for stretch, newer in _with_newer(stretches, fresh):
        row, cells = stretch
        inside = row.first_step >= low and row.last_step <= high
        if cells is not None and inside and len(newer.steps) == 0:
            run.append(cells)
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
        steps=cells["first_step"],
        last_steps=cells["last_step"],
        timestamps=cells["last_timestamp"],
        min=cells["min"],
        max=cells["max"],
        mean=cells["mean"],
        last=cells["last"],
        counts=cells["count"].astype(np.int64),
    )

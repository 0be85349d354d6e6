"""Pages of a metric's points, in the order of MLflow's get-history: timestamp, step, value.

The order of blocks is another one, (step, timestamp), so a block tells the range of its
timestamps. A page reads only blocks that may hold one of its points; where timestamps grow with
steps that is a handful, whatever the page's number.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from assay.entities.ids import ModelId, RunId
from assay.entities.metrics import History, Metric
from assay.entities.page import Page
from assay.errors import InvalidInput, InvalidPageToken
from assay.metrics import block
from assay.metrics.points import concatenate, select, value_keys
from assay.store.sql.metric_stored import segment_points
from assay.store.sql.metric_summaries import FoundSeries, find_series
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy import Connection

__all__ = ["page"]

_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
_RANGES = Sql(
    "SELECT min_timestamp, max_timestamp, count, first_step, first_timestamp FROM metric_blocks"
    " WHERE run_id = ? AND series = ? AND max_timestamp >= ?"
)
_POINTS = Sql(
    "SELECT points FROM metric_blocks WHERE run_id = ? AND series = ? AND first_step = ?"
    " AND first_timestamp = ?"
)


class _Position(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last point of a page, as the page token carries it."""

    timestamp: int
    step: int
    value: int
    """Its place in the total order of values."""
    series: int
    """Its series' number in the run."""


class _Candidate(NamedTuple):
    """A block that may hold points of the page."""

    min_timestamp: int
    max_timestamp: int
    size: int
    first_step: int
    first_timestamp: int
    series: int


class _Pool(NamedTuple):
    """Points of several series, in the order of pages."""

    points: History
    keys: NDArray[np.uint64]
    series: NDArray[np.int64]


def page(
    conn: Connection,
    run_id: RunId,
    key: str,
    *,
    max_results: int | None = None,
    page_token: str | None = None,
) -> Page[Metric]:
    """Points of all series with this key, by timestamp, step and value (then by series), from the
    token on.

    Raises:
        InvalidInput: ``max_results`` is not positive.
        InvalidPageToken: the token is none of ours.
    """
    if max_results is not None and max_results < 1:
        raise InvalidInput(f"max_results must be positive, got {max_results}.")
    after = _decode_token(page_token) if page_token else None
    found = find_series(conn, run_id, key)
    if not found:
        return Page([])
    pool = _pool(conn, run_id, found, after=after, size=max_results)
    begin = _places_before(pool, after) if after else 0
    end = len(pool.keys) if max_results is None else min(begin + max_results, len(pool.keys))
    token = _encode_token(pool, end - 1) if end < len(pool.keys) else None
    return Page(_metrics(run_id, found, pool, slice(begin, end)), token)


def _pool(
    conn: Connection,
    run_id: RunId,
    found: Sequence[FoundSeries],
    *,
    after: _Position | None,
    size: int | None,
) -> _Pool:
    """All points that can lie on the page, and at least one more if there is one; earlier ones
    may be among them.
    """
    floor = after.timestamp if after else _MIN_INT
    parts = list(segment_points(conn, run_id, [one.number for one in found]).items())
    waiting = [
        _Candidate(row[0], row[1], row[2], row[3], row[4], one.number)
        for one in found
        for row in _RANGES.all(conn, run_id, one.number, floor)
    ]
    waiting.sort(reverse=True)
    while True:
        limit = waiting[-1].min_timestamp if waiting else None
        pool = _ordered(parts, floor=floor, limit=limit)
        if not waiting:
            return pool
        if size is not None:
            passed = _places_before(pool, after) if after else 0
            if len(pool.keys) - passed > size:
                return pool
        missing = sum(candidate.size for candidate in waiting) if size is None else size + 1
        while waiting and missing > 0:
            candidate = waiting.pop()
            missing -= candidate.size
            place = (candidate.first_step, candidate.first_timestamp)
            blob = _POINTS.one(conn, run_id, candidate.series, *place)
            if blob is not None:
                parts.append((candidate.series, block.decode(blob[0])))


def _ordered(parts: Sequence[tuple[int, History]], *, floor: int, limit: int | None) -> _Pool:
    """The points from timestamp ``floor`` up to, not including, ``limit``."""
    points = concatenate([part for _, part in parts])
    series = np.repeat([number for number, _ in parts], [len(part.steps) for _, part in parts])
    inside = points.timestamps >= floor
    if limit is not None:
        inside &= points.timestamps < limit
    if not inside.all():
        points, series = select(points, inside), series[inside]
    keys = value_keys(np.ascontiguousarray(points.values))
    times = points.timestamps
    if not (times[1:] > times[:-1]).all():
        order = np.lexsort((series, keys, points.steps, times))
        points, keys, series = select(points, order), keys[order], series[order]
    return _Pool(points, keys, series)


def _places_before(pool: _Pool, after: _Position) -> int:
    """How many points of the pool lie at or before the position."""
    low, high = 0, len(pool.keys)
    for column, bound in (
        (pool.points.timestamps, after.timestamp),
        (pool.points.steps, after.step),
        (pool.keys, np.uint64(after.value)),
    ):
        part = column[low:high]
        low, high = (
            low + int(np.searchsorted(part, bound, "left")),
            low + int(np.searchsorted(part, bound, "right")),
        )
    return low + int(np.searchsorted(pool.series[low:high], after.series, "right"))


def _metrics(run_id: RunId, found: Sequence[FoundSeries], pool: _Pool, rows: slice) -> list[Metric]:
    points = select(pool.points, rows)
    key = found[0].series.key
    facts: dict[int, tuple[ModelId | None, str | None, str | None]] = {}
    for one in found:
        model_id = ModelId(one.series.model_id) if one.series.model_id else None
        names = (one.series.dataset_name or None, one.series.dataset_digest or None)
        facts[one.number] = (model_id, *names)
    numbers = pool.series[rows].tolist()
    columns = (points.values.tolist(), points.timestamps.tolist(), points.steps.tolist())
    result = []
    for number, value, timestamp, step in zip(numbers, *columns, strict=True):
        model_id, name, digest = facts[number]
        result.append(Metric(key, value, timestamp, step, model_id, name, digest, run_id))
    return result


def _encode_token(pool: _Pool, last: int) -> str:
    points = pool.points
    position = _Position(
        int(points.timestamps[last]),
        int(points.steps[last]),
        int(pool.keys[last]),
        int(pool.series[last]),
    )
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode()


def _decode_token(token: str) -> _Position:
    try:
        text = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        position = msgspec.json.decode(text, type=_Position)
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError) as error:
        raise InvalidPageToken("it can't be read") from error
    signed = (position.timestamp, position.step)
    natural = (position.value, position.series)
    if not all(_MIN_INT <= n <= _MAX_INT for n in signed) or not all(
        0 <= n < limit for n, limit in zip(natural, (2**64, 2**63), strict=True)
    ):
        raise InvalidPageToken("it can't be read")
    return position

"""Ingest of points: one segment a batch, summaries in the same transaction, equal points kept once.

Points that lie behind the last one of their series, as nearly all do, can't be known already and
cost no look-up. For the others only the stored stretch that they fall into is read. Either way the
cost does not depend on the length of the run, but for the folding that a batch triggers now and
then (see ``metric_fold``). Writers of one run take turns, since ``require_active_run`` locks it; so
series and segments are numbered without gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import numpy as np

from assay.entities.ids import RunId
from assay.entities.metrics import History, Metric, PointBatch, SeriesKey
from assay.entities.names import check_key
from assay.metrics import segment
from assay.metrics.figures import Figures, figures_of_point, merged
from assay.metrics.points import (
    GroupedPoints,
    batch_of_metrics,
    group_batch,
    select,
    series_of,
    value_keys,
)
from assay.metrics.summary import figures_of
from assay.store.sql import metric_summaries
from assay.store.sql.active import require_active_run
from assay.store.sql.checks import check_int
from assay.store.sql.metric_advance import MAX_POINTS, Identity, Values, advance, is_ordinary
from assay.store.sql.metric_fold import fold_if_due
from assay.store.sql.metric_stored import stored_points
from assay.store.sql.metric_summaries import SeriesRow
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["append_metrics", "append_points"]

_LAST_SEGMENT = Sql(
    "SELECT segment, total FROM metric_segments WHERE run_id = ? ORDER BY segment DESC LIMIT 1"
)
_INSERT_SEGMENT = Sql(
    "INSERT INTO metric_segments (run_id, segment, count, total, min_step, max_step,"
    " min_timestamp, max_timestamp, points) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INT64: Final = 2**63
NumberedPoint = tuple[int, int, int, float]
"""Number of the series in the run, step, timestamp, value."""


def append_points(conn: Connection, run_id: RunId, batch: PointBatch) -> None:
    """Keep the points of a batch, those that are there already excepted.

    Raises:
        RunNotFound: there is no such run.
        InactiveResource: it is deleted.
        InvalidInput: a bad key, columns of different lengths, a point of no series.
    """
    require_active_run(conn, run_id)
    keys, grouped = group_batch(batch)
    if not keys:
        return
    rows = metric_summaries.load(conn, run_id, list({key.key for key in keys}))
    overlapping = _overlapping(keys, grouped, rows)
    if overlapping:
        keys, grouped = _without_known(
            conn, run_id, keys=keys, grouped=grouped, numbers=overlapping
        )
        if not keys:
            return
    numbers = _record(
        conn, run_id, rows=rows, figures=list(zip(keys, figures_of(grouped), strict=True))
    )
    ranges = segment.extent(grouped.points)
    blob = segment.encode(grouped, numbers, ranges)
    _write_segment(conn, run_id, count=len(grouped.points.steps), ranges=ranges, blob=blob)


def append_metrics(conn: Connection, run_id: RunId, metrics: Sequence[Metric]) -> None:
    """Keep a few points. Raises as ``append_points``, and ``InvalidInput`` where a number doesn't
    fit 64 bits.
    """
    if not metrics:
        return
    if len(metrics) > MAX_POINTS:
        append_points(conn, run_id, batch_of_metrics(metrics))
        return
    require_active_run(conn, run_id)
    numbered, others = _advance(conn, run_id, metrics)
    if others:
        few = _add_few(conn, run_id, others)
        if few is None:
            append_points(conn, run_id, batch_of_metrics(others))
        else:
            numbered += few
    if numbered:
        # Within a series they are in order already.
        numbered.sort(key=itemgetter(0))
        blob, ranges = segment.encode_few(numbered)
        _write_segment(conn, run_id, count=len(numbered), ranges=ranges, blob=blob)


def _advance(
    conn: Connection, run_id: RunId, metrics: Sequence[Metric]
) -> tuple[list[NumberedPoint], Sequence[Metric]]:
    """Take the short road: the points whose summaries are up to date now, and the others."""
    singles: dict[Identity, Values] = {}
    others: dict[Identity, Metric] = {}
    for metric in metrics:
        step, time, value = metric.step, metric.timestamp, float(metric.value)
        identity = _identity(metric)
        if identity in singles or identity in others:
            return [], metrics
        if (
            is_ordinary(value)
            and step.__class__ is int
            and time.__class__ is int
            and -_INT64 <= step < _INT64
            and -_INT64 <= time < _INT64
        ):
            singles[identity] = (step, time, value)
        else:
            others[identity] = metric
    numbers = advance(conn, run_id, singles) if singles else {}
    left: Sequence[Metric] = list(others.values())
    if len(numbers) < len(singles):
        left = [metric for metric in metrics if _identity(metric) not in numbers]
    return [(number, *singles[identity]) for identity, number in numbers.items()], left


def _identity(metric: Metric) -> Identity:
    if metric.model_id or metric.dataset_name or metric.dataset_digest:
        return (
            metric.key,
            metric.model_id or "",
            metric.dataset_name or "",
            metric.dataset_digest or "",
        )
    return (metric.key,)


def _add_few(
    conn: Connection, run_id: RunId, metrics: Sequence[Metric]
) -> list[NumberedPoint] | None:
    """Bring the summaries up to date without arrays; ``None``, and nothing done, unless each point
    is the last of its series.
    """
    rows = metric_summaries.load(conn, run_id, list({metric.key for metric in metrics}))
    figures: dict[SeriesKey, Figures] = {}
    points = []
    for metric in metrics:
        step, timestamp, value = metric.step, metric.timestamp, float(metric.value)
        if step.__class__ is not int or not -_INT64 <= step < _INT64:
            check_int(f"the step of metric {metric.key!r}", step)
        if timestamp.__class__ is not int or not -_INT64 <= timestamp < _INT64:
            check_int(f"the timestamp of metric {metric.key!r}", timestamp)
        series = series_of(metric)
        before = figures.get(series)
        known = before
        if known is None and series in rows:
            known = rows[series].figures
        if known is not None and (
            step < known.last_step
            or (step == known.last_step and timestamp <= known.last_timestamp)
        ):
            return None
        point = figures_of_point(step, timestamp, value)
        figures[series] = point if before is None else merged(before, point)
        points.append((series, step, timestamp, value))
    numbers = _record(conn, run_id, rows=rows, figures=list(figures.items()))
    by_series = dict(zip(figures, numbers, strict=True))
    return [(by_series[series], step, time, value) for series, step, time, value in points]


def _overlapping(
    keys: Sequence[SeriesKey], grouped: GroupedPoints, rows: dict[SeriesKey, SeriesRow]
) -> dict[int, int]:
    """Places of the series whose points may be stored already, with their numbers in the run."""
    if not rows:
        return {}
    begins = grouped.starts[:-1]
    steps = grouped.points.steps[begins].tolist()
    times = grouped.points.timestamps[begins].tolist()
    found = {}
    for place, (key, step, time) in enumerate(zip(keys, steps, times, strict=True)):
        row = rows.get(key)
        if row and (step, time) <= (row.figures.last_step, row.figures.last_timestamp):
            found[place] = row.number
    return found


def _without_known(
    conn: Connection,
    run_id: RunId,
    *,
    keys: list[SeriesKey],
    grouped: GroupedPoints,
    numbers: dict[int, int],
) -> tuple[list[SeriesKey], GroupedPoints]:
    """What is left of a batch without the points that are stored."""
    keep = np.ones(len(grouped.points.steps), np.bool_)
    wanted = {number: grouped.of(place) for place, number in numbers.items()}
    stored = stored_points(conn, run_id, wanted)
    for place, number in numbers.items():
        rows = slice(int(grouped.starts[place]), int(grouped.starts[place + 1]))
        keep[rows] = _unknown(stored[number], wanted[number])
    if keep.all():
        return keys, grouped
    kept = np.add.reduceat(keep.astype(np.int64), grouped.starts[:-1])
    left = np.flatnonzero(kept)
    starts = np.concatenate(([0], np.cumsum(kept[left])))
    rest = GroupedPoints(np.arange(len(left)), starts, select(grouped.points, keep))
    return [keys[place] for place in left.tolist()], rest


def _unknown(stored: History, points: History) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of the points are not among the stored ones."""
    known = set(_identities(stored))
    if not known:
        return np.ones(len(points.steps), np.bool_)
    return np.array([point not in known for point in _identities(points)], np.bool_)


def _identities(points: History) -> zip[tuple[int, int, int]]:
    keys = value_keys(np.ascontiguousarray(points.values))
    return zip(points.steps.tolist(), points.timestamps.tolist(), keys.tolist(), strict=True)


def _record(
    conn: Connection,
    run_id: RunId,
    *,
    rows: dict[SeriesKey, SeriesRow],
    figures: list[tuple[SeriesKey, Figures]],
) -> list[int]:
    """Bring the summaries up to date; returns the number of each series in the run."""
    touched: dict[SeriesKey, SeriesRow] = {}
    fresh: set[SeriesKey] = set()
    number = -1
    for series, added in figures:
        row = rows.get(series)
        if row is None:
            check_key("metric", series.key)
            number = metric_summaries.series_count(conn, run_id) if number < 0 else number + 1
            touched[series] = SeriesRow(number, True, added)
            fresh.add(series)
        else:
            touched[series] = SeriesRow(row.number, row.is_latest, merged(row.figures, added))
    numbers = [row.number for row in touched.values()]
    _mark_latest(rows, touched)
    metric_summaries.save(
        conn,
        run_id,
        new=[item for item in touched.items() if item[0] in fresh],
        changed=[item for item in touched.items() if item[0] not in fresh],
    )
    return numbers


def _mark_latest(rows: dict[SeriesKey, SeriesRow], touched: dict[SeriesKey, SeriesRow]) -> None:
    """Give each key's flag to the series with the latest point; what changes goes into
    ``touched``.
    """
    touched_keys = {series.key for series in touched}
    present = [series for series in {**rows, **touched} if series.key in touched_keys]
    if len(present) == len(touched_keys):
        return
    by_key: dict[str, list[SeriesKey]] = {}
    for series in present:
        by_key.setdefault(series.key, []).append(series)
    for all_of in by_key.values():
        if len(all_of) == 1:
            continue
        now = {series: touched.get(series) or rows[series] for series in all_of}
        latest = max(all_of, key=lambda series: now[series].figures.end())
        for series, row in now.items():
            if row.is_latest != (series == latest):
                touched[series] = row._replace(is_latest=series == latest)


def _write_segment(
    conn: Connection, run_id: RunId, *, count: int, ranges: segment.Extent, blob: bytes
) -> None:
    last = _LAST_SEGMENT.one(conn, run_id)
    number, total = (last[0] + 1, last[1] + count) if last else (0, count)
    _INSERT_SEGMENT.run(conn, run_id, number, count, total, *ranges, blob)
    fold_if_due(conn, run_id, segments=number + 1, points=total, added=count)

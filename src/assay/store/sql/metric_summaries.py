"""Summaries in the database: the figures of each series, its number in the run, and each key's
latest point.

SQLite keeps neither NaN nor the sign of zero: NaN is stored as NULL, and ``negative_zeros`` says
which figures are −0.0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from assay.entities.ids import ModelId, RunId
from assay.entities.metrics import Metric, MetricSummary, SeriesKey
from assay.metrics.figures import Figures
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    "SeriesRow",
    "find_series",
    "latest_metrics",
    "load",
    "metric_summaries",
    "model_metrics",
    "rank",
    "save",
    "series_count",
]

_FIGURES: Final = (
    "count, nan_count, first_step, first_timestamp, first, last_step, last_timestamp, last,"
    " min, max, mean, sum_squares, negative_zeros"
)
_IDENTITY: Final = "key, model_id, dataset_name, dataset_digest"
_ROW: Final = f"SELECT {_IDENTITY}, series, is_latest, {_FIGURES} FROM metric_summaries"  # noqa: S608

_SELECT_KEY = Sql(f"{_ROW} WHERE run_id = ? AND key = ?")
_SELECT_RUN = Sql(f"{_ROW} WHERE run_id = ?")
_SELECT_KEYS = Sql(f"{_ROW} WHERE run_id = ? AND key IN (??)")
_SERIES_COUNT = Sql("SELECT max(series) + 1 FROM metric_summaries WHERE run_id = ?")
_INSERT = Sql(
    f"INSERT INTO metric_summaries (series, is_latest, is_ranked, {_FIGURES}, run_id, {_IDENTITY})"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE = Sql(
    "UPDATE metric_summaries SET is_latest = ?, is_ranked = ?, count = ?, nan_count = ?,"
    " first_step = ?, first_timestamp = ?, first = ?, last_step = ?, last_timestamp = ?, last = ?,"
    " min = ?, max = ?, mean = ?, sum_squares = ?, negative_zeros = ?"
    " WHERE run_id = ? AND key = ? AND model_id = ? AND dataset_name = ? AND dataset_digest = ?"
)
_RANK = Sql(
    "UPDATE metric_summaries SET is_ranked = ? WHERE run_id = ? AND is_latest AND is_ranked = ?"
)
_LATEST_FIELDS: Final = (
    f"{_IDENTITY}, last_step, last_timestamp, last, negative_zeros, run_id FROM metric_summaries"
)
_LATEST_OF_RUN = Sql(f"SELECT {_LATEST_FIELDS} WHERE run_id = ? AND is_latest ORDER BY key")
_LATEST_OF_RUNS = Sql(
    f"SELECT {_LATEST_FIELDS} WHERE run_id IN (??) AND is_latest ORDER BY run_id, key"
)
_OF_MODELS = Sql(
    f"SELECT {_LATEST_FIELDS} WHERE model_id IN (??) AND model_id <> ''"
    " ORDER BY model_id, key, run_id, dataset_name, dataset_digest"
)
_SUMMARIES = Sql(
    f"SELECT run_id, {_IDENTITY}, {_FIGURES} FROM metric_summaries WHERE run_id IN (??)"  # noqa: S608
    f" ORDER BY run_id, {_IDENTITY}"
)
_SUMMARIES_OF_KEYS = Sql(
    f"SELECT run_id, {_IDENTITY}, {_FIGURES} FROM metric_summaries WHERE run_id IN (??)"  # noqa: S608
    f" AND key IN (??) ORDER BY run_id, {_IDENTITY}"
)
_FIND = Sql(
    f"SELECT series, first_step, last_step, {_IDENTITY} FROM metric_summaries"  # noqa: S608
    f" WHERE run_id = ? AND key = ? ORDER BY {_IDENTITY}"
)
_SCAN: Final = 4
"""Reading a row in order costs a quarter of finding one by its key."""
_LAST_ZERO: Final = 0b10
"""The bit of ``negative_zeros`` that stands for ``last``."""


class SeriesRow(NamedTuple):
    """One series as the database has it."""

    number: int
    is_latest: bool
    figures: Figures


class FoundSeries(NamedTuple):
    """What reading a series needs to know of it."""

    number: int
    first_step: int
    last_step: int
    series: SeriesKey


def load(conn: Connection, run_id: RunId, keys: Sequence[str]) -> dict[SeriesKey, SeriesRow]:
    """All series of the run with these keys, whatever their model and data set; others may be
    there too.
    """
    if len(keys) == 1:
        rows = _SELECT_KEY.all(conn, run_id, keys[0])
    elif series_count(conn, run_id) <= _SCAN * len(keys):
        rows = _SELECT_RUN.all(conn, run_id)
    else:
        rows = _SELECT_KEYS.all(conn, run_id, list(keys))
    return {SeriesKey(*row[:4]): SeriesRow(row[4], bool(row[5]), _figures(row[6:])) for row in rows}


def series_count(conn: Connection, run_id: RunId) -> int:
    """How many series the run has; it is the next one's number."""
    row = _SERIES_COUNT.one(conn, run_id)
    return int(row[0] or 0) if row else 0


def save(
    conn: Connection,
    run_id: RunId,
    *,
    new: Iterable[tuple[SeriesKey, SeriesRow]],
    changed: Iterable[tuple[SeriesKey, SeriesRow]],
) -> None:
    """Write rows that weren't there, and those that were.

    A series that moves for the first time since it was made, or since its run ended, leaves the
    index of latest values.
    """
    inserts = [
        (
            row.number,
            *_stored(row, ranked=row.is_latest),
            run_id,
            k.key,
            k.model_id,
            k.dataset_name,
            k.dataset_digest,
        )
        for k, row in new
    ]
    updates = [
        (*_stored(row, ranked=False), run_id, k.key, k.model_id, k.dataset_name, k.dataset_digest)
        for k, row in changed
    ]
    for statement, rows in ((_INSERT, inserts), (_UPDATE, updates)):
        if len(rows) == 1:
            statement.run(conn, *rows[0])
        elif rows:
            statement.many(conn, rows)


def rank(conn: Connection, run_id: RunId) -> None:
    """Put the latest values of a run that rests into the index of latest values."""
    _RANK.run(conn, True, run_id, False)


def find_series(conn: Connection, run_id: RunId, key: str) -> list[FoundSeries]:
    """The series of the run with this key, by model and data set."""
    return [
        FoundSeries(row[0], row[1], row[2], SeriesKey(*row[3:]))
        for row in _FIND.all(conn, run_id, key)
    ]


def latest_metrics(conn: Connection, run_ids: Sequence[RunId]) -> dict[RunId, list[Metric]]:
    """The latest point of each key of each run, by key; runs without metrics have an empty list."""
    result: dict[RunId, list[Metric]] = {run_id: [] for run_id in run_ids}
    if len(run_ids) == 1:
        rows = _LATEST_OF_RUN.all(conn, run_ids[0])
    else:
        rows = _LATEST_OF_RUNS.all(conn, list(run_ids))
    for row in rows:
        result[row[8]].append(_metric(row, run_id=None))
    return result


def model_metrics(conn: Connection, model_ids: Sequence[ModelId]) -> dict[ModelId, list[Metric]]:
    """The latest point of each (key, run, data set) that was logged for each model, by key."""
    result: dict[ModelId, list[Metric]] = {model_id: [] for model_id in model_ids}
    for row in _OF_MODELS.all(conn, list(model_ids)):
        result[row[1]].append(_metric(row, run_id=row[8]))
    return result


def metric_summaries(
    conn: Connection, run_ids: Sequence[RunId], keys: Sequence[str] | None
) -> dict[RunId, list[MetricSummary]]:
    """The figures of the series of each run, by key; runs without any have an empty list."""
    result: dict[RunId, list[MetricSummary]] = {run_id: [] for run_id in run_ids}
    if keys is None:
        rows = _SUMMARIES.all(conn, list(run_ids))
    else:
        rows = _SUMMARIES_OF_KEYS.all(conn, list(run_ids), list(keys))
    for row in rows:
        result[row[0]].append(_figures(row[5:]).summary(SeriesKey(*row[1:5])))
    return result


def _metric(row: Sequence[Any], *, run_id: RunId | None) -> Metric:
    key, model_id, dataset_name, dataset_digest, step, timestamp, value, zeros, _ = row
    if value is None:
        value = math.nan
    elif zeros & _LAST_ZERO:
        value = -0.0
    return Metric(
        key=key,
        value=value,
        timestamp=timestamp,
        step=step,
        model_id=model_id or None,
        dataset_name=dataset_name or None,
        dataset_digest=dataset_digest or None,
        run_id=run_id,
    )


def _figures(row: Sequence[Any]) -> Figures:
    """Figures of a row's columns in the order of ``_FIGURES``."""
    count, nans, first_step, first_time, first, *rest = row
    last_step, last_time, last, low, high, mean, squares, zeros = rest
    if zeros:
        first, last, low, high = (
            -0.0 if zeros >> bit & 1 else value
            for bit, value in enumerate((first, last, low, high))
        )
    nan = math.nan
    return Figures(
        count,
        nans,
        first_step,
        first_time,
        nan if first is None else first,
        last_step,
        last_time,
        nan if last is None else last,
        nan if low is None else low,
        nan if high is None else high,
        nan if mean is None else mean,
        nan if squares is None else squares,
    )


def _stored(row: SeriesRow, *, ranked: bool) -> tuple[Any, ...]:
    """``is_latest``, ``is_ranked`` and the columns of ``_FIGURES``."""
    figures = row.figures
    columns = msgspec.structs.astuple(figures)
    if figures.nan_count or math.isnan(figures.mean):
        columns = tuple(None if math.isnan(column) else column for column in columns)
    zeros = 0
    if not (figures.first and figures.last and figures.min and figures.max):
        shown = (figures.first, figures.last, figures.min, figures.max)
        for bit, value in enumerate(shown):
            if value == 0.0 and math.copysign(1.0, value) < 0:
                zeros |= 1 << bit
    return (row.is_latest, ranked, *columns, zeros)

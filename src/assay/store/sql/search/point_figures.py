"""Figures that summaries don't have: the mean of the last points, and the value at a step.

They are read from the last few blocks of a series, and kept in memory with what shows that no point
came since: to sort ten thousand runs by one reads their points once, not with each page.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Engine,
    FromClause,
    Integer,
    Text,
    and_,
    func,
    literal,
    select,
    tuple_,
)

from assay.entities.ids import RunId
from assay.entities.metrics import History
from assay.errors import LimitExceeded
from assay.metrics import block, segment
from assay.metrics.points import empty_history, merge
from assay.metrics.points import select as select_points
from assay.metrics.summary import mean_of_slices
from assay.search.tree import Field, Figure
from assay.store.sql import tables
from assay.store.sql.search.conditions import alias
from assay.store.sql.search.pages import read_rows
from assay.store.sql.statements import Sql

__all__ = ["MAX_SERIES", "read_figures"]

MAX_SERIES: Final = 20_000
"""Series that one figure may be asked of at once: two seconds, the first time."""
_AT_ONCE: Final = 100
"""Series read together: their points that are in no block yet may take 2 MB a run."""
_MOST_KEPT: Final = 200_000
"""Figures kept for a database; one takes some 300 bytes."""
_LAST_ZERO: Final = 0b10
"""The bit of ``negative_zeros`` that stands for ``last``."""
_LATEST: Final = 2**63 - 1
_EARLIEST: Final = -(2**63)
_SEGMENTS = Sql("SELECT run_id, points FROM metric_segments WHERE run_id IN (??)")

Place = tuple[int, int]
"""(step, timestamp) of a point."""


class _Series(NamedTuple):
    """A series and what is known of it without its points."""

    run_id: RunId
    number: int
    points: int
    first_step: int
    last_step: int
    last_timestamp: int
    last: float | None
    mean: float | None
    negative_zeros: int

    def last_value(self) -> float:
        """Its last value as it was logged."""
        if self.last is None:
            return math.nan
        return -0.0 if self.last == 0.0 and self.negative_zeros & _LAST_ZERO else self.last


_COLUMNS: Final = (
    "run_id",
    "series",
    "count",
    "first_step",
    "last_step",
    "last_timestamp",
    "last",
    "mean",
    "negative_zeros",
)
"""Of ``metric_summaries``, in the order of a ``_Series``."""


class _Kept:
    """Figures of one database, the oldest given up first. Thread-safe.

    Points are only ever added to a series, so their number tells whether a figure still holds; mean
    and end are there for runs that were purged and imported anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[object, ...], tuple[tuple[object, ...], float]] = (
            OrderedDict()
        )

    def get(self, field: Field, one: _Series) -> float | None:
        """The figure, if it was read and holds."""
        with self._lock:
            state, value = self._found.get(_name(field, one), ((), 0.0))
        return value if state == _state(one) else None

    def put(self, field: Field, found: Iterable[tuple[_Series, float]]) -> None:
        """Keep figures that were read."""
        with self._lock:
            for one, value in found:
                self._found[_name(field, one)] = (_state(one), value)
            while len(self._found) > _MOST_KEPT:
                self._found.popitem(last=False)


def _name(field: Field, one: _Series) -> tuple[object, ...]:
    return (one.run_id, one.number, field.figure, field.of)


def _state(one: _Series) -> tuple[object, ...]:
    return (one.points, one.last_step, one.last_timestamp, one.last, one.mean)


_kept: WeakKeyDictionary[Engine, _Kept] = WeakKeyDictionary()


def read_figures(conn: Connection, runs: FromClause, field: Field) -> dict[RunId, float]:
    """The figure of each of the runs that has it, of the series with the latest value of its key.

    ``runs`` has a column ``run_id``. Where ``field`` is dotted, the last value of a metric of that
    whole key comes first.

    Raises:
        LimitExceeded: too many runs have the metric.
    """
    kept = _kept.setdefault(conn.engine, _Kept())
    found: dict[RunId, float] = {}
    waiting: list[_Series] = []
    for one in _latest_series(conn, runs, field.key):
        if field.figure is Figure.AT_STEP and _of(field) < one.first_step:
            continue
        value = _known(field, one)
        if value is None:
            value = kept.get(field, one)
        if value is None:
            waiting.append(one)
        else:
            found[one.run_id] = value
    for at in range(0, len(waiting), _AT_ONCE):
        some = waiting[at : at + _AT_ONCE]
        read = list(zip(some, _read(conn, some, field), strict=True))
        kept.put(field, read)
        found.update((one.run_id, value) for one, value in read)
    if field.dotted:
        whole = _latest_series(conn, runs, field.literal_key)
        found.update((one.run_id, one.last_value()) for one in whole)
    return found


def _latest_series(conn: Connection, runs: FromClause, key: str) -> list[_Series]:
    rows = alias(tables.metric_summaries, "p")
    of_run = and_(rows.c.run_id == runs.c.run_id, rows.c.key == key, rows.c.is_latest)
    columns = (rows.c[name] for name in _COLUMNS)
    statement = select(*columns).select_from(runs.join(rows, of_run)).limit(MAX_SERIES + 1)
    found = read_rows(conn, statement)
    if len(found) > MAX_SERIES:
        raise LimitExceeded(
            "The number of runs with a figure of points", limit=MAX_SERIES, got=len(found)
        )
    return [_Series(*row) for row in found]


def _of(field: Field) -> int:
    assert field.of is not None
    return field.of


def _known(field: Field, one: _Series) -> float | None:
    """The figure, where the summary has it."""
    if field.figure is Figure.AT_STEP:
        return one.last_value() if _of(field) >= one.last_step else None
    if _of(field) == 1:
        return one.last_value()
    if _of(field) >= one.points:
        return math.nan if one.mean is None else one.mean
    return None


def _read(conn: Connection, series: Sequence[_Series], field: Field) -> list[float]:
    """The figure of each of these series from its points; each has some."""
    at_step = field.figure is Figure.AT_STEP
    step, wanted = (_of(field), 1) if at_step else (_LATEST, _of(field))
    fresh = _fresh_points(conn, series)
    parts = [[_until(fresh.get(one.run_id, empty_history()), step)] for one in series]
    # A block back at a time, until those read hold enough points: with the usual ten, one.
    places: dict[int, Place] = dict.fromkeys(range(len(series)), (step, _LATEST))
    missing = [wanted] * len(series)
    while places:
        blocks = _last_blocks(conn, series, places)
        before, places = places, {}
        for number in before:
            blob = blocks.get(number)
            if blob is None:
                continue
            points = block.decode(blob)
            parts[number].append(_until(points, step))
            missing[number] -= len(parts[number][-1].steps)
            if missing[number] > 0:
                places[number] = _before(int(points.steps[0]), int(points.timestamps[0]))
    return [_figure(merge(some).values, field) for some in parts]


def _fresh_points(conn: Connection, series: Sequence[_Series]) -> Mapping[RunId, History]:
    """The points of the series that are in no block yet."""
    numbers = {one.run_id: one.number for one in series}
    parts: dict[RunId, list[History]] = {}
    for run_id, blob in _SEGMENTS.all(conn, list(numbers)):
        points = segment.decode(blob).of(numbers[run_id])
        if len(points.steps):
            parts.setdefault(run_id, []).append(points)
    return {run_id: merge(some) for run_id, some in parts.items()}


def _until(points: History, step: int) -> History:
    end = int(np.searchsorted(points.steps, step, "right"))
    return points if end == len(points.steps) else select_points(points, slice(0, end))


def _before(step: int, timestamp: int) -> Place:
    """The last place before a point's."""
    return (step, timestamp - 1) if timestamp > _EARLIEST else (step - 1, _LATEST)


def _last_blocks(
    conn: Connection, series: Sequence[_Series], places: Mapping[int, Place]
) -> dict[int, bytes]:
    """For each number of a series, the last block that begins at or before the place."""
    rows = [(number, series[number], *place) for number, place in places.items()]
    wanted = _as_table(conn, [(n, one.run_id, one.number, s, t) for n, one, s, t in rows])
    blocks = tables.metric_blocks
    found = (
        select(blocks.c.points)
        .where(
            blocks.c.run_id == wanted.c.run_id,
            blocks.c.series == wanted.c.series,
            tuple_(blocks.c.first_step, blocks.c.first_timestamp)
            <= tuple_(wanted.c.step, wanted.c.time),
        )
        .order_by(blocks.c.first_step.desc(), blocks.c.first_timestamp.desc())
        .limit(1)
        .scalar_subquery()
    )
    read = read_rows(conn, select(wanted.c.place, found))
    return {number: blob for number, blob in read if blob is not None}


def _as_table(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> FromClause:
    names = ("place", "run_id", "series", "step", "time")
    if conn.dialect.name == "postgresql":
        kinds = (Integer, Text, Integer, BigInteger, BigInteger)
        columns = zip(*rows, strict=True)
        arrays: list[Any] = [
            literal(list(column), ARRAY(kind)) for column, kind in zip(columns, kinds, strict=True)
        ]
        return func.unnest(*arrays).table_valued(*names).render_derived()
    packed = msgspec.json.encode(rows).decode()
    items = func.json_each(packed).table_valued("value", name="items")
    return select(
        *(func.json_extract(items.c.value, f"$[{i}]").label(n) for i, n in enumerate(names))
    ).subquery("w")


def _figure(values: np.ndarray[Any, np.dtype[np.float64]], field: Field) -> float:
    if field.figure is Figure.AT_STEP:
        return float(values[-1])
    tail = values[-_of(field) :]
    numbers = np.array([int(np.count_nonzero(~np.isnan(tail)))], np.int64)
    return float(mean_of_slices(tail, np.zeros(1, np.int64), numbers)[0])

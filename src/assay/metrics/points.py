"""Points in arrays: their order, what makes two of them equal, and batches sorted into series.

Points of a series are ordered by (step, timestamp, value). Values have a total order: −inf … −0.0,
0.0 … inf, and NaN last; NaN equals NaN whatever its payload, while −0.0 and 0.0 are two values.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assay.entities.metrics import History, Metric, PointBatch, SeriesKey
from assay.errors import InvalidInput
from assay.metrics.values import NAN_KEY, SIGN

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "GroupedPoints",
    "as_history",
    "batch_of_columns",
    "batch_of_metrics",
    "concatenate",
    "empty_history",
    "group_batch",
    "group_points",
    "merge",
    "place",
    "select",
    "series_of",
    "value_keys",
]

_SMALL = 2**16
"""Below it an index fits ``uint16``, which NumPy sorts by radix: ten times faster than by
comparison."""


class GroupedPoints(NamedTuple):
    """Points of several series, each series in one slice, sorted and without equal points."""

    groups: NDArray[np.int64]
    """Number of each series, ascending, shape (k,)."""
    starts: NDArray[np.int64]
    """Where each series begins, and the end of the last, shape (k + 1,)."""
    points: History
    """Sorted by (series, step, timestamp, value)."""

    def of(self, place: int) -> History:
        """The points of the series at this place in ``groups``."""
        return select(self.points, slice(int(self.starts[place]), int(self.starts[place + 1])))


def value_keys(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Integers with the total order of the values."""
    bits = values.view(np.int64)
    keys = (bits ^ ((bits >> 63) | SIGN)).view(np.uint64)
    keys[np.isnan(values)] = NAN_KEY
    return keys


def empty_history() -> History:
    """No points."""
    return History(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def as_history(steps: bytes, timestamps: bytes, values: bytes) -> History:
    """Little-endian columns as arrays, without a copy."""
    return History(
        np.frombuffer(steps, "<i8"), np.frombuffer(timestamps, "<i8"), np.frombuffer(values, "<f8")
    )


def select(points: History, rows: slice | NDArray[np.int64] | NDArray[np.bool_]) -> History:
    """Some of the points."""
    return History(points.steps[rows], points.timestamps[rows], points.values[rows])


def concatenate(parts: Sequence[History]) -> History:
    """The points of all parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty_history()
    return History(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def merge(parts: Sequence[History]) -> History:
    """The points of all parts in order, equal ones once; of equal ones the first part's stays."""
    points = concatenate(parts)
    if _ascending(points).all():
        return points
    order = np.lexsort((value_keys(points.values), points.timestamps, points.steps))
    points = select(points, order)
    fresh = np.ones(len(points.steps), np.bool_)
    fresh[1:] = _differs(points)
    return points if fresh.all() else select(points, fresh)


def place(points: History, step: int, timestamp: int) -> int:
    """How many of the sorted points lie before (step, timestamp)."""
    low = int(np.searchsorted(points.steps, step, "left"))
    high = int(np.searchsorted(points.steps, step, "right"))
    return low + int(np.searchsorted(points.timestamps[low:high], timestamp, "left"))


def group_points(groups: NDArray[np.integer], points: History) -> GroupedPoints:
    """Points sorted into series: ``groups`` numbers the series of each point, from 0."""
    count = len(groups)
    if count == 0:
        return GroupedPoints(np.empty(0, np.int64), np.zeros(1, np.int64), empty_history())
    if not (groups[1:] >= groups[:-1]).all():
        narrow = groups.astype(np.uint16) if int(groups.max()) < _SMALL else groups
        order = np.argsort(narrow, kind="stable")
        groups, points = groups[order], select(points, order)
    borders = groups[1:] != groups[:-1]
    if not (_ascending(points) | borders).all():
        keys = (value_keys(points.values), points.timestamps, points.steps, groups)
        order = np.lexsort(keys)
        groups, points = groups[order], select(points, order)
        fresh = np.ones(count, np.bool_)
        fresh[1:] = _differs(points) | (groups[1:] != groups[:-1])
        groups, points = groups[fresh], select(points, fresh)
        borders = groups[1:] != groups[:-1]
    starts = np.concatenate(([0], np.flatnonzero(borders) + 1, [len(groups)]))
    return GroupedPoints(groups[starts[:-1]].astype(np.int64), starts, points)


def group_batch(batch: PointBatch) -> tuple[list[SeriesKey], GroupedPoints]:
    """The series of a batch that have points, and these points by series, numbered in the list's
    order.

    Raises:
        InvalidInput: the columns differ in length, or a point names no series of the batch.
    """
    count = len(batch)
    sizes = (len(batch.index), len(batch.steps), len(batch.timestamps), len(batch.values))
    if sizes != (count * 4, count * 8, count * 8, count * 8):
        raise InvalidInput(f"The columns of a batch of points differ in length: {sizes} bytes.")
    index = np.frombuffer(batch.index, "<u4")
    if count and int(index.max()) >= len(batch.series):
        raise InvalidInput(f"A point names series {int(index.max())} of {len(batch.series)}.")
    places: dict[SeriesKey, int] = {}
    numbers = [places.setdefault(key, len(places)) for key in batch.series]
    if len(places) != len(numbers):
        index = np.array(numbers, np.uint32)[index]
    grouped = group_points(index, as_history(batch.steps, batch.timestamps, batch.values))
    keys = list(places)
    present = [keys[number] for number in grouped.groups.tolist()]
    return present, grouped._replace(groups=np.arange(len(present)))


def batch_of_columns(
    series: Sequence[SeriesKey],
    *,
    index: NDArray[np.integer],
    steps: NDArray[np.int64],
    timestamps: NDArray[np.int64],
    values: NDArray[np.float64],
) -> PointBatch:
    """Arrays of one length as a batch; ``index`` is each point's place in ``series``."""
    return PointBatch(
        series=list(series),
        index=np.asarray(index, "<u4").tobytes(),
        steps=np.asarray(steps, "<i8").tobytes(),
        timestamps=np.asarray(timestamps, "<i8").tobytes(),
        values=np.asarray(values, "<f8").tobytes(),
    )


def batch_of_metrics(metrics: Sequence[Metric]) -> PointBatch:
    """Single points as one batch.

    Raises:
        InvalidInput: a step or timestamp does not fit 64 bits.
    """
    places: dict[SeriesKey, int] = {}
    index = [places.setdefault(series_of(m), len(places)) for m in metrics]
    count = len(metrics)
    try:
        return PointBatch(
            series=list(places),
            index=struct.pack(f"<{count}I", *index),
            steps=struct.pack(f"<{count}q", *(m.step for m in metrics)),
            timestamps=struct.pack(f"<{count}q", *(m.timestamp for m in metrics)),
            values=struct.pack(f"<{count}d", *(m.value for m in metrics)),
        )
    except struct.error as error:
        raise InvalidInput(f"A metric has a step or timestamp out of range: {error}.") from error


def series_of(metric: Metric) -> SeriesKey:
    """The series that the point belongs to."""
    return SeriesKey(
        metric.key, metric.model_id or "", metric.dataset_name or "", metric.dataset_digest or ""
    )


def _ascending(points: History) -> NDArray[np.bool_]:
    """Whether each point but the first lies behind the one before by (step, timestamp) alone."""
    steps, times = points.steps, points.timestamps
    later = steps[1:] > steps[:-1]
    if later.all():
        return later
    same = steps[1:] == steps[:-1]
    result: NDArray[np.bool_] = later | (same & (times[1:] > times[:-1]))
    return result


def _differs(points: History) -> NDArray[np.bool_]:
    keys = value_keys(points.values)
    result: NDArray[np.bool_] = (
        (points.steps[1:] != points.steps[:-1])
        | (points.timestamps[1:] != points.timestamps[:-1])
        | (keys[1:] != keys[:-1])
    )
    return result

"""Segments: the points that one batch brought for one run, kept as they came until they are folded.

A segment holds its points series by series, each sorted by (step, timestamp, value), in plain
columns: writing one costs little more than copying memory. Layout: docs/formats/metric-segments.md.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from assay.entities.metrics import History
from assay.errors import Corrupted
from assay.metrics.checksum import CHECKSUM_SIZE, is_sound, seal
from assay.metrics.columns import Column, pack, unpack, width_of
from assay.metrics.points import GroupedPoints, concatenate, empty_history, group_points, select

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "SEGMENT_VERSION",
    "Extent",
    "Segment",
    "decode",
    "encode",
    "encode_few",
    "extent",
    "join",
]

SEGMENT_VERSION: Final = 1
"""Written into each segment. To change the layout: describe it in docs/formats/metric-segments.md,
count up here, keep the old reader in ``decode``, and add a file written by the old version to the
golden tests."""

_HEADER = struct.Struct("<BBBxIIqq")
"""Version, bytes per step and per timestamp, number of series and of points, base step and
timestamp."""


class Extent(NamedTuple):
    """The closed ranges of steps and timestamps in which points lie."""

    min_step: int
    max_step: int
    min_timestamp: int
    max_timestamp: int


class Segment(NamedTuple):
    """A decoded segment; its series carry the numbers they have in the run."""

    series: NDArray[np.int64]
    """Number in the run of each series, shape (k,)."""
    starts: NDArray[np.int64]
    """Where each series begins, and the end of the last, shape (k + 1,)."""
    points: History

    def of(self, series: int) -> History:
        """The points of one series; empty if the segment has none."""
        found = np.flatnonzero(self.series == series)
        return self.at(int(found[0])) if len(found) else empty_history()

    def at(self, place: int) -> History:
        """The points of the series at a place in ``series``."""
        return select(self.points, slice(int(self.starts[place]), int(self.starts[place + 1])))


def extent(points: History) -> Extent:
    """The ranges of one or more points."""
    steps, times = points.steps, points.timestamps
    return Extent(int(steps.min()), int(steps.max()), int(times.min()), int(times.max()))


def encode(grouped: GroupedPoints, series: Sequence[int], ranges: Extent) -> bytes:
    """The stored form of grouped points; ``series`` are the numbers in the run of its groups."""
    points = grouped.points
    steps = pack(points.steps, low=ranges.min_step, high=ranges.max_step)
    times = pack(points.timestamps, low=ranges.min_timestamp, high=ranges.max_timestamp)
    header = _HEADER.pack(
        SEGMENT_VERSION,
        steps.width,
        times.width,
        len(series),
        len(points.steps),
        steps.base,
        times.base,
    )
    return seal(
        header,
        np.array(series, "<u4").tobytes(),
        grouped.starts[1:].astype("<u4").tobytes(),
        steps.data,
        times.data,
        points.values.astype("<f8", copy=False).tobytes(),
    )


def encode_few(points: Sequence[tuple[int, int, int, float]]) -> tuple[bytes, Extent]:
    """``encode`` for a handful of points, without arrays: (series number, step, timestamp, value)
    each, in that order.

    NumPy's cost per call would be ten times that of the points.
    """
    count = len(points)
    numbers, steps, times, values = zip(*points, strict=True)
    ranges = Extent(min(steps), max(steps), min(times), max(times))
    step_width = 8 if width_of(ranges.min_step, ranges.max_step) else 0
    time_width = 8 if width_of(ranges.min_timestamp, ranges.max_timestamp) else 0
    last_places = {number: place for place, number in enumerate(numbers, 1)}
    series, ends = list(last_places), list(last_places.values())
    header = _HEADER.pack(
        SEGMENT_VERSION,
        step_width,
        time_width,
        len(series),
        count,
        0 if step_width else ranges.min_step,
        0 if time_width else ranges.min_timestamp,
    )
    blob = seal(
        header,
        struct.pack(f"<{len(series)}I{len(ends)}I", *series, *ends),
        struct.pack(f"<{count}q", *steps) if step_width else b"",
        struct.pack(f"<{count}q", *times) if time_width else b"",
        struct.pack(f"<{count}d", *values),
    )
    return blob, ranges


def decode(blob: bytes) -> Segment:
    """The points of a segment.

    Raises:
        Corrupted: the bytes are not those that ``encode`` gave.
    """
    size = CHECKSUM_SIZE + _HEADER.size
    if not is_sound(blob, least=_HEADER.size):
        raise Corrupted("A stored metric segment doesn't match its checksum.")
    version, step_width, time_width, series_count, count, step, time = _HEADER.unpack_from(
        blob, CHECKSUM_SIZE
    )
    if version != SEGMENT_VERSION:
        raise Corrupted(f"A stored metric segment has the unknown version {version}.")
    ends = size + 4 * series_count
    steps_at = ends + 4 * series_count
    times_at = steps_at + step_width * count
    values_at = times_at + time_width * count
    if values_at + 8 * count != len(blob):
        raise Corrupted("A stored metric segment has another size than its header says.")
    starts = np.zeros(series_count + 1, np.int64)
    starts[1:] = np.frombuffer(blob, "<u4", series_count, ends)
    points = History(
        unpack(Column(step, step_width, blob[steps_at:times_at]), count),
        unpack(Column(time, time_width, blob[times_at:values_at]), count),
        np.frombuffer(blob, "<f8", count, values_at),
    )
    series = np.frombuffer(blob, "<u4", series_count, size).astype(np.int64)
    return Segment(series, starts, points)


def join(segments: Sequence[Segment]) -> GroupedPoints:
    """The points of one or more segments by series; ``groups`` are the numbers in the run."""
    series = np.concatenate([s.series for s in segments])
    numbers = np.repeat(series, np.concatenate([s.starts[1:] - s.starts[:-1] for s in segments]))
    return group_points(numbers, concatenate([s.points for s in segments]))

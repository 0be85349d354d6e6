from __future__ import annotations

import math
import struct
import zlib

import numpy as np
import pytest

from assay.entities.metrics import History
from assay.errors import Corrupted
from assay.metrics import segment
from assay.metrics.points import GroupedPoints

PAYLOAD_NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_1234))[0]
VALUES = [math.nan, PAYLOAD_NAN, math.inf, -math.inf, -0.0, 0.0, 1e308, 5e-324]


def grouped(series, steps, times, values):
    numbers = np.array(series)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(numbers)) + 1, [len(numbers)]))
    columns = History(np.array(steps), np.array(times), np.array(values, np.float64))
    return GroupedPoints(np.arange(len(starts) - 1), starts, columns)


def encoded(series, steps, times, values):
    points = grouped(series, steps, times, values)
    numbers = list(dict.fromkeys(series))
    return segment.encode(points, numbers, segment.extent(points.points))


def test_points_read_back_bit_by_bit_by_series():
    times = [0, 2**63 - 1, -(2**63), 5, 5, 5, 5, 5]
    steps = [-(2**63), 2**63 - 1, 2**53 + 1, 0, 1, 2, 3, 4]
    found = segment.decode(encoded([3] * 5 + [700] * 3, steps, times, VALUES))

    first, second = found.of(3), found.of(700)
    assert first.steps.tolist() == steps[:5]
    assert second.timestamps.tolist() == times[5:]
    bits = first.values.tobytes() + second.values.tobytes()
    assert bits == struct.pack("<8d", *VALUES)


def test_a_series_without_points_in_the_segment_is_empty():
    assert len(segment.decode(encoded([1], [0], [0], [1.0])).of(2).steps) == 0


@pytest.mark.parametrize("span", [0, 1, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**63])
def test_columns_of_every_width_read_back(span):
    low = 7 - 2**62
    found = segment.decode(encoded([0, 0], [low, low + span], [low, low + span], [1.0, 2.0]))
    assert found.points.steps.tolist() == [low, low + span]
    assert found.points.timestamps.tolist() == [low, low + span]


def test_evenly_logged_points_cost_at_most_sixteen_bytes_each():
    at = np.arange(10_000)
    blob = encoded(
        [0] * 10_000, at, 1_700_000_000_000 + at * 100, np.random.default_rng(0).random(10_000)
    )
    assert len(blob) <= 16 * 10_000


def test_few_points_without_arrays_have_the_same_form():
    blob, ranges = segment.encode_few([(4, 1, 10, 0.5), (4, 2, 30, math.nan), (9, 0, 20, -0.0)])
    found = segment.decode(blob)
    assert ranges == (0, 2, 10, 30)
    assert found.of(4).steps.tolist() == [1, 2]
    assert found.of(4).timestamps.tolist() == [10, 30]
    assert math.isnan(found.of(4).values[1])
    assert math.copysign(1, found.of(9).values[0]) == -1


def test_any_flipped_bit_is_noticed():
    blob = encoded([0, 0, 1], [1, 2, 3], [4, 5, 6], [0.1, 0.2, 0.3])
    for position in range(len(blob) * 8):
        broken = bytearray(blob)
        broken[position // 8] ^= 1 << position % 8
        with pytest.raises(Corrupted):
            segment.decode(bytes(broken))


def test_any_cut_is_noticed():
    blob = encoded([0, 0, 1], [1, 2, 3], [4, 5, 6], [0.1, 0.2, 0.3])
    for size in range(len(blob)):
        with pytest.raises(Corrupted):
            segment.decode(blob[:size])


def test_an_unknown_version_is_refused():
    body = bytearray(encoded([0], [1], [2], [3.0])[4:])
    body[0] = 99
    with pytest.raises(Corrupted, match="version 99"):
        segment.decode(struct.pack("<I", zlib.crc32(body)) + bytes(body))


def test_joined_segments_are_sorted_by_series_and_point():
    joined = segment.join(
        [
            segment.decode(encoded([0, 1], [5, 5], [0, 0], [1.0, 2.0])),
            segment.decode(encoded([0, 1], [3, 6], [0, 0], [3.0, 4.0])),
        ]
    )
    assert joined.groups.tolist() == [0, 1]
    assert joined.of(0).steps.tolist() == [3, 5]
    assert joined.of(1).values.tolist() == [2.0, 4.0]

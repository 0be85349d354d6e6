from __future__ import annotations

import math
import struct
import zlib

import numpy as np
import pytest

from assay.entities.metrics import History
from assay.errors import Corrupted
from assay.metrics import block

SPECIAL = [math.nan, math.inf, -math.inf, -0.0, 0.0, 1e308, -1e308, 5e-324]


def noisy(count, seed=0):
    rng = np.random.default_rng(seed)
    times = 1_700_000_000_000 + np.cumsum(rng.integers(95, 140, count))
    return History(
        np.arange(count), times, np.exp(-np.arange(count) / 1e4) + rng.normal(0, 0.05, count)
    )


def same_bits(a, b):
    return all(x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("count", [1, 2, 255, 256, 4_096])
@pytest.mark.parametrize("digits", [3, 30])
def test_points_read_back_bit_by_bit(count, digits):
    points = noisy(count)
    points.values[:] = points.values.round(digits)
    points.values[: len(SPECIAL)] = SPECIAL[:count]
    points.values.view(np.uint64)[-1] = 0x7FF8_0000_0000_1234
    points.steps[0], points.steps[-1] = -(2**63), 2**63 - 1
    assert same_bits(block.decode(block.encode(points)), points)


def test_values_of_single_precision_take_half_the_room():
    points = noisy(4_096)
    single = points._replace(values=points.values.astype(np.float32).astype(np.float64))
    assert same_bits(block.decode(block.encode(single)), single)
    assert len(block.encode(single)) < len(block.encode(points)) * 0.6


def test_shares_of_one_total_take_a_third_of_the_room():
    points = noisy(4_096)
    shares = points._replace(values=np.floor(points.values * 10_000) / 10_000)
    assert same_bits(block.decode(block.encode(shares)), shares)
    assert len(block.encode(shares)) < len(block.encode(points)) * 0.4


def test_a_noisy_curve_takes_at_most_eight_bytes_a_point():
    assert len(block.encode(noisy(4_096))) <= 8 * 4_096


def test_several_blocks_decode_to_one_history():
    points = noisy(10_000)
    parts = [History(*(c[cut] for c in points)) for cut in block.cut(points)]
    assert [len(p.steps) for p in parts] == [4_096, 4_096, 1_808]
    assert same_bits(block.decode_all([block.encode(p) for p in parts]), points)


def test_points_of_one_step_and_timestamp_stay_in_one_block():
    steps = np.repeat([0, 1, 2], [3_000, 3_000, 10])
    points = History(steps, steps * 5, np.arange(6_010, dtype=np.float64))
    assert [(c.start, c.stop) for c in block.cut(points)] == [(0, 6_000), (6_000, 6_010)]


def test_every_flipped_byte_is_noticed():
    for count in (10, 300):
        blob = block.encode(noisy(count))
        for position in range(len(blob)):
            broken = bytearray(blob)
            broken[position] ^= 0x40
            with pytest.raises(Corrupted):
                block.decode(bytes(broken))


def test_a_cut_block_is_noticed():
    blob = block.encode(noisy(300))
    for size in (0, 3, 4, 30, len(blob) - 1):
        with pytest.raises(Corrupted):
            block.decode(blob[:size])


def test_bytes_with_a_right_checksum_that_are_no_block_are_corrupted():
    body = bytearray(block.encode(noisy(300))[4:])
    body[40:] = bytes(len(body) - 40)
    with pytest.raises(Corrupted):
        block.decode(struct.pack("<I", zlib.crc32(body)) + bytes(body))

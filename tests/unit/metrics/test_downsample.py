from __future__ import annotations

import math

import numpy as np
import pytest

from assay.entities.metrics import History
from assay.metrics.downsample import CELL, cells_of_block, downsample, grid, reduce_cells


def curve(count, *, step=1, seed=0):
    rng = np.random.default_rng(seed)
    return History(np.arange(count) * step, np.arange(count) * 10, rng.normal(size=count))


def test_a_spike_of_one_step_is_seen():
    points = curve(1_000_000)
    points.values[654_321] = 99.0
    cells = downsample(points, grid(0, 999_999, 1_000).borders())
    (at,) = np.flatnonzero(cells["max"] == 99.0)
    assert cells["first_step"][at] <= 654_321 <= cells["last_step"][at]


def test_a_thousand_buckets_of_a_million_steps_are_nearly_a_thousand():
    assert 800 <= len(grid(0, 999_999, 1_000).borders()) + 1 <= 1_000


def test_buckets_without_points_are_left_out():
    points = History(np.array([0, 1, 90, 99]), np.arange(4), np.array([1.0, 2.0, 3.0, 4.0]))
    cells = downsample(points, grid(0, 99, 10).borders())
    assert cells["count"].tolist() == [2, 2]
    assert cells["mean"].tolist() == [1.5, 3.5]
    assert cells["last_step"].tolist() == [1, 99]


def test_nan_is_left_out_unless_a_bucket_holds_nothing_else():
    points = History(
        np.array([0, 1, 8, 9]), np.arange(4), np.array([math.nan, 2.0, math.nan, math.nan])
    )
    cells = downsample(points, grid(0, 9, 2).borders())
    assert (cells["min"][0], cells["max"][0], cells["mean"][0]) == (2.0, 2.0, 2.0)
    assert all(math.isnan(cells[name][1]) for name in ("min", "max", "mean", "last"))
    assert cells["count"].tolist() == [2, 2]


@pytest.mark.parametrize("step", [1, 3, 100, 2**40])
def test_cells_give_the_same_buckets_as_points(step):
    points = curve(4_096, step=step)
    points.values[100:900] = np.nan
    found = cells_of_block(points)
    assert found is not None
    bits, data = found
    assert 16 <= len(data) // CELL.itemsize <= 64
    cut = grid(0, 4_095 * step, 4)
    assert cut.bits >= bits
    exact = downsample(points, cut.borders())
    joined = reduce_cells(np.frombuffer(data, CELL), cut.borders())
    for name in CELL.names:
        np.testing.assert_allclose(joined[name], exact[name], rtol=1e-12)


def test_short_blocks_have_no_cells():
    assert cells_of_block(curve(1_023)) is None


def test_cells_cost_at_most_a_byte_a_point():
    found = cells_of_block(curve(4_096))
    assert found is not None
    assert len(found[1]) <= 4_096


def test_a_block_as_wide_as_the_steps_can_be_has_cells():
    points = curve(2_000)
    points.steps[0], points.steps[-1] = -(2**63), 2**63 - 1
    found = cells_of_block(points)
    assert found is not None
    cells = np.frombuffer(found[1], CELL)
    assert int(cells["count"].sum()) == 2_000

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from assay.entities.metrics import History
from assay.metrics.downsample import CELL, cells_of_block, downsample, reduce_cells
from assay.metrics.log_grid import LogGrid, fits


def test_each_decade_has_about_as_many_buckets():
    borders = LogGrid(700, 1, 9_999_999).borders()
    per_decade = [
        int(((borders >= 10**at) & (borders < 10 ** (at + 1))).sum()) for at in range(2, 7)
    ]
    # In the first decades there are fewer steps than buckets: each has its own.
    assert borders[:40].tolist() == list(range(2, 42))
    assert all(70 <= count <= 110 for count in per_decade)
    ratios = [math.log(b / a) for a, b in pairwise(borders[borders > 1_000].tolist())]
    assert max(ratios) < 1.25 * min(ratios)


def test_steps_below_one_share_a_bucket():
    borders = LogGrid(10, -50, 100).borders()
    assert borders[0] == 1
    assert LogGrid(10, -50, 0).borders().tolist() == []
    assert LogGrid(1, -50, 100).borders().tolist() == []


def test_cells_of_the_right_decades_fit_and_give_the_same_as_points():
    rng = np.random.default_rng(3)
    points = History(np.arange(100_000, 104_096), np.arange(4_096), rng.normal(size=4_096))
    found = cells_of_block(points)
    assert found is not None
    bits, data = found
    wide = LogGrid(100, 1, 1_000_000).borders()
    assert fits(bits, wide, first_step=100_000, last_step=104_095)
    joined = reduce_cells(np.frombuffer(data, CELL), wide)
    exact = downsample(points, wide)
    for name in CELL.names:
        np.testing.assert_allclose(joined[name], exact[name], rtol=1e-12)
    narrow = LogGrid(10_000, 90_000, 110_000).borders()
    assert not fits(bits, narrow, first_step=100_000, last_step=104_095)

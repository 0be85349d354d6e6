from __future__ import annotations

import math

import numpy as np
import pytest

from assay.entities.metrics import Metric, SeriesKey
from assay.metrics.figures import figures_of_point, merged
from assay.metrics.points import batch_of_metrics, group_batch
from assay.metrics.summary import figures_of


def figures(values, *, first_step=0):
    points = [Metric("a", v, 7, first_step + at) for at, v in enumerate(values)]
    _, grouped = group_batch(batch_of_metrics(points))
    (found,) = figures_of(grouped)
    return found


def test_figures_leave_nan_out_but_count_it():
    found = figures([math.nan, 2.0, 4.0, math.nan])
    assert (found.count, found.nan_count) == (4, 2)
    assert (found.min, found.max, found.mean, found.sum_squares) == (2.0, 4.0, 3.0, 20.0)
    assert math.isnan(found.first)
    assert math.isnan(found.last)


def test_only_nan_has_no_figures():
    found = merged(figures([math.nan]), figures([math.nan], first_step=1))
    assert found.count == found.nan_count == 2
    assert all(math.isnan(x) for x in (found.min, found.max, found.mean, found.sum_squares))


def test_the_mean_of_huge_values_does_not_overflow():
    assert figures([1e308] * 8).mean == pytest.approx(1e308)
    joined = merged(figures([1e308] * 4), figures([1e308] * 2, first_step=4))
    assert joined.mean == pytest.approx(1e308)
    assert merged(figures([1.7e308]), figures([-1.7e308], first_step=1)).mean == 0.0


def test_infinities_are_values():
    found = merged(figures([1.0]), figures([math.inf, 2.0], first_step=1))
    assert (found.min, found.max, found.mean) == (1.0, math.inf, math.inf)


@pytest.mark.parametrize("values", [[3.0], [math.nan], [-0.0], [math.inf]])
def test_one_point_has_the_figures_of_a_batch_of_one(values):
    assert repr(figures_of_point(0, 7, values[0])) == repr(figures(values))


def test_the_last_point_is_that_of_the_largest_step_then_timestamp_then_value():
    base = figures_of_point(5, 10, 1.0)
    assert merged(base, figures_of_point(4, 99, 9.0)).last == 1.0
    assert merged(base, figures_of_point(5, 9, 9.0)).last == 1.0
    assert merged(base, figures_of_point(5, 10, 0.5)).last == 1.0
    assert merged(base, figures_of_point(5, 10, 2.0)).last == 2.0
    assert math.isnan(merged(base, figures_of_point(5, 10, math.nan)).last)
    assert merged(base, figures_of_point(5, 11, 0.5)).last == 0.5
    assert merged(base, figures_of_point(5, 10, 0.5)).first == 0.5


def test_merging_many_single_points_keeps_the_mean_exact():
    found = figures_of_point(0, 0, 0.1)
    for step in range(1, 10_000):
        found = merged(found, figures_of_point(step, 0, 0.1))
    assert found.mean == pytest.approx(0.1, rel=1e-13)
    assert found.count == 10_000


def test_a_summary_shows_the_figures_of_its_series():
    shown = figures([1.0, 3.0]).summary(SeriesKey("a"))
    assert (shown.series.key, shown.count, shown.first, shown.last, shown.mean) == (
        "a",
        2,
        1.0,
        3.0,
        2.0,
    )


def test_each_series_of_a_batch_has_its_own_figures():
    rng = np.random.default_rng(0)
    points = [
        Metric(f"m{k}", float(v), 0, s) for s in range(50) for k, v in enumerate(rng.random(5))
    ]
    keys, grouped = group_batch(batch_of_metrics(points))
    for key, found in zip(keys, figures_of(grouped), strict=True):
        values = [p.value for p in points if p.key == key.key]
        assert (found.count, found.min, found.max, found.last) == (
            50,
            min(values),
            max(values),
            values[-1],
        )
        assert found.mean == pytest.approx(sum(values) / 50)

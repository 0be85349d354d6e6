from __future__ import annotations

import math

import numpy as np
import pytest

from assay.entities.metrics import History, Metric, PointBatch, SeriesKey
from assay.errors import InvalidInput
from assay.metrics.points import (
    batch_of_columns,
    batch_of_metrics,
    group_batch,
    merge,
    place,
    value_keys,
)
from assay.metrics.values import value_key

ORDERED = [-math.inf, -1e308, -1.0, -5e-324, -0.0, 0.0, 5e-324, 1.0, 1e308, math.inf, math.nan]


def test_values_have_a_total_order_with_nan_last():
    keys = value_keys(np.array(ORDERED)).tolist()
    assert keys == sorted(set(keys))
    assert [value_key(v) for v in ORDERED] == keys


def test_every_nan_is_the_same_value():
    other = np.array([0xFFF8_0000_0000_0001], np.uint64).view(np.float64)
    assert value_keys(other).tolist() == [value_key(math.nan)] == [value_key(float(other[0]))]


def test_a_batch_is_grouped_sorted_and_freed_of_equal_points():
    keys, grouped = group_batch(
        batch_of_metrics(
            [
                Metric("b", 1.0, 5, 2),
                Metric("a", 1.0, 5, 9),
                Metric("b", math.nan, 5, 1),
                Metric("b", math.nan, 5, 1),
                Metric("b", 0.0, 5, 1),
                Metric("b", -0.0, 5, 1),
            ]
        )
    )
    assert keys == [SeriesKey("b"), SeriesKey("a")]
    assert grouped.of(0).steps.tolist() == [1, 1, 1, 2]
    assert [repr(v) for v in grouped.of(0).values.tolist()] == ["-0.0", "0.0", "nan", "1.0"]
    assert grouped.of(1).steps.tolist() == [9]


def test_a_series_named_twice_in_a_batch_is_one_series():
    batch = batch_of_columns(
        [SeriesKey("a"), SeriesKey("unused"), SeriesKey("a")],
        index=np.array([0, 2, 2]),
        steps=np.array([1, 1, 2]),
        timestamps=np.array([0, 0, 0]),
        values=np.array([1.0, 1.0, 1.0]),
    )
    keys, grouped = group_batch(batch)
    assert keys == [SeriesKey("a")]
    assert grouped.of(0).steps.tolist() == [1, 2]


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(InvalidInput, match="length"):
        group_batch(PointBatch([SeriesKey("a")], bytes(4), bytes(16), bytes(8), bytes(8)))


def test_a_point_of_no_series_is_refused():
    batch = PointBatch([SeriesKey("a")], b"\x01\0\0\0", bytes(8), bytes(8), bytes(8))
    with pytest.raises(InvalidInput, match="names series 1 of 1"):
        group_batch(batch)


@pytest.mark.parametrize("field", ["step", "timestamp"])
def test_a_number_beyond_64_bits_is_refused(field):
    point = Metric(**{"key": "a", "value": 1.0, "timestamp": 0, "step": 0, field: 2**63})
    with pytest.raises(InvalidInput, match="out of range"):
        batch_of_metrics([point])


def test_merging_keeps_order_and_equal_points_once():
    def points(*steps):
        return History(np.array(steps), np.zeros(len(steps), int), np.ones(len(steps)))

    assert merge([points(1, 3, 5), points(2, 3)]).steps.tolist() == [1, 2, 3, 5]


def test_the_place_of_a_point_counts_those_before_it():
    points = History(np.array([1, 2, 2, 3]), np.array([9, 1, 5, 0]), np.zeros(4))
    assert [place(points, 2, t) for t in (0, 1, 2, 5, 6)] == [1, 1, 2, 2, 3]
    assert place(points, 4, 0) == 4

"""Points in random batches and folds, against a plain Python model of what a run logged."""

from __future__ import annotations

import math
import struct
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.entities.metrics import Metric
from assay.metrics.downsample import grid
from assay.metrics.log_grid import LogGrid
from assay.metrics.points import batch_of_metrics, series_of
from assay.store.sql.metric_fold import fold
from assay.store.sql.metrics import SqlMetrics, append_metrics, append_points, latest_metrics
from tests.unit.store.metric_database import RUN, metric_database

KEYS = ["loss", "acc", "wärme/µ"]
VALUES = [0.0, -0.0, 1.5, -1.5, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 0.1]
STEPS = [0, 1, 2, 3, 2**53 + 1, 2**63 - 1, -(2**63), -1]

values = st.sampled_from(VALUES) | st.floats(width=64)
points = st.builds(
    Metric,
    key=st.sampled_from(KEYS),
    value=values,
    timestamp=st.integers(0, 3) | st.sampled_from([-(2**63), 2**63 - 1]),
    step=st.sampled_from(STEPS) | st.integers(0, 40),
    model_id=st.sampled_from([None, None, "m-1"]),
    dataset_name=st.sampled_from([None, None, "d"]),
)
actions = st.lists(
    st.tuples(st.sampled_from(["points", "metrics", "fold"]), st.lists(points, max_size=24)),
    max_size=12,
)


def bits(value):
    return "nan" if value != value else struct.pack("<d", value)


def value_order(value):
    if value != value:
        return (2, 0.0)
    return (1 if math.copysign(1, value) > 0 else 0, value)


def order(point):
    return (point.step, point.timestamp, value_order(point.value))


class Model:
    """All points of a run, each once."""

    def __init__(self):
        self.points = {}

    def add(self, metrics):
        for m in metrics:
            series = self.points.setdefault(series_of(m), {})
            series.setdefault((m.step, m.timestamp, bits(m.value)), m)

    def series(self, key):
        return sorted(self.points[key].values(), key=order)


def apply(database, model, script):
    for action, metrics in script:
        if action == "fold":
            database.write(lambda conn: fold(conn, RUN))
            continue
        if action == "points":
            batch = batch_of_metrics(metrics)
            database.write(lambda conn, batch=batch: append_points(conn, RUN, batch))
        else:
            database.write(lambda conn, metrics=metrics: append_metrics(conn, RUN, metrics))
        model.add(metrics)


def close(a, b):
    return bits(a + 0.0) == bits(b + 0.0) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-300)


def mean_of(numbers):
    if not numbers:
        return math.nan
    if any(math.isinf(n) for n in numbers):
        return sum(n for n in numbers if math.isinf(n))
    return math.fsum(n / len(numbers) for n in numbers)


def check_history(store, key, expected):
    found = store.history(RUN, key)
    assert found.steps.tolist() == [p.step for p in expected]
    assert found.timestamps.tolist() == [p.timestamp for p in expected]
    assert [bits(v) for v in found.values.tolist()] == [bits(p.value) for p in expected]


def check_range(store, key, expected, low, high):
    found = store.history(RUN, key, first_step=low, last_step=high)
    assert found.steps.tolist() == [p.step for p in expected if low <= p.step <= high]


def check_summary(summary, expected):
    numbers = [p.value for p in expected if p.value == p.value]
    assert summary.count == len(expected)
    assert summary.nan_count == len(expected) - len(numbers)
    assert (summary.first_step, bits(summary.first)) == (expected[0].step, bits(expected[0].value))
    last = expected[-1]
    assert (summary.last_step, summary.last_timestamp) == (last.step, last.timestamp)
    assert bits(summary.last) == bits(last.value)
    assert close(summary.min, min(numbers, default=math.nan))
    assert close(summary.max, max(numbers, default=math.nan))
    scale = max((abs(n) for n in numbers if math.isfinite(n)), default=0.0)
    mean = mean_of(numbers)
    assert close(summary.mean, mean) or abs(summary.mean - mean) <= 1e-12 * scale
    with np.errstate(all="ignore"):
        squares = float(np.sum(np.square(np.array(numbers)))) if numbers else math.nan
    assert close(summary.sum_squares, squares)


def check_pages(store, key, expected, size):
    found, token = [], None
    while True:
        page = store.page(RUN, key, max_results=size, page_token=token)
        found.extend(page)
        token = page.token
        if token is None:
            break
        assert len(page) == size
    assert [(m.timestamp, m.step, bits(m.value)) for m in found] == [
        (m.timestamp, m.step, bits(m.value)) for m in expected
    ]
    assert sorted(map(repr, found)) == sorted(
        repr(Metric(m.key, m.value, m.timestamp, m.step, m.model_id, m.dataset_name, None, RUN))
        for m in expected
    )


def check_buckets(found, expected, low, high, count, scale="linear"):
    cut = LogGrid(count, low, high) if scale == "log" else grid(low, high, count)
    borders = cut.borders().tolist()
    assert len(borders) < count
    groups = {}
    for p in expected:
        if low <= p.step <= high:
            groups.setdefault(sum(b <= p.step for b in borders), []).append(p)
    assert found.counts.tolist() == [len(g) for g in groups.values()]
    for at, group in enumerate(groups.values()):
        numbers = [p.value for p in group if p.value == p.value]
        assert (found.steps[at], found.last_steps[at]) == (group[0].step, group[-1].step)
        assert found.timestamps[at] == group[-1].timestamp
        assert bits(found.last[at]) == bits(group[-1].value)
        assert close(found.min[at], min(numbers, default=math.nan))
        assert close(found.max[at], max(numbers, default=math.nan))
        scale = max((abs(n) for n in numbers if math.isfinite(n)), default=0.0)
        mean = mean_of(numbers)
        assert close(found.mean[at], mean) or abs(found.mean[at] - mean) <= 1e-12 * scale


@settings(max_examples=150)
@given(script=actions, size=st.integers(1, 30), count=st.integers(1, 12), a=st.sampled_from(STEPS))
def test_what_was_logged_reads_back_as_a_plain_model_has_it(script, size, count, a):
    with (
        tempfile.TemporaryDirectory() as folder,
        metric_database(Path(folder)) as database,
    ):
        store, model = SqlMetrics(database), Model()
        apply(database, model, script)
        summaries = {s.series: s for s in store.summaries([RUN])[RUN]}
        assert set(summaries) == set(model.points)
        for key in model.points:
            expected = model.series(key)
            check_history(store, key, expected)
            check_range(store, key, expected, a, a + 20)
            check_summary(summaries[key], expected)
        for key in KEYS:
            every = [p for s in model.points for p in model.series(s) if s.key == key]
            every.sort(key=lambda p: (p.timestamp, p.step, value_order(p.value)))
            check_pages(store, key, every, size)
            found = {b.series: b for b in store.buckets([RUN], [key], count=count)}
            for series in (s for s in model.points if s.key == key):
                steps = [p.step for p in model.series(series)]
                check_buckets(found[series], model.series(series), min(steps), max(steps), count)
        check_latest(database, model)


def check_latest(database, model):
    with database.read() as conn:
        found = latest_metrics(conn, [RUN])[RUN]
    every = [p for s in model.points for p in model.points[s].values()]
    keys = sorted({p.key for p in every})
    assert [m.key for m in found] == keys
    for metric in found:
        best = max((p for p in every if p.key == metric.key), key=order)
        assert (metric.step, metric.timestamp) == (best.step, best.timestamp)
        assert bits(metric.value) == bits(best.value)


def stretch(kind, count, seed, so_far):
    """A batch of one series: behind what is there, in its midst, before it, or anywhere."""
    rng = np.random.default_rng(seed)
    if kind == "behind":
        steps = so_far + np.arange(count)
    elif kind == "before":
        steps = -so_far - np.arange(count)
    elif kind == "midst":
        steps = rng.integers(0, so_far + 1, count)
    elif kind == "far":
        steps = rng.integers(-(2**62), 2**62, count)
    else:
        steps = np.full(count, so_far // 2)
    found = rng.normal(size=count).round(3)
    found[rng.random(count) < 0.02] = np.nan
    found[rng.random(count) < 0.01] = np.inf
    times = rng.integers(0, 10**6, count)
    keys = rng.choice(["loss", "acc"], count, p=[0.9, 0.1])
    return [
        Metric(str(k), float(v), int(t), int(s))
        for k, v, t, s in zip(keys, found, times, steps, strict=True)
    ]


stretches = st.tuples(
    st.sampled_from(("behind", "behind", "before", "midst", "far", "same", "again", "fold")),
    st.sampled_from([1, 30, 300, 2_500, 9_000]),
    st.integers(0, 2**32),
)


@settings(max_examples=25)
@given(
    script=st.lists(stretches, min_size=1, max_size=9),
    count=st.sampled_from([1, 2, 7, 50, 333]),
    bounds=st.tuples(st.integers(-20_000, 30_000), st.integers(0, 20_000)),
)
def test_long_curves_read_back_as_a_plain_model_has_them(script, count, bounds):
    with (
        tempfile.TemporaryDirectory() as folder,
        metric_database(Path(folder)) as database,
    ):
        store, model, so_far, sent = SqlMetrics(database), Model(), 0, []
        for kind, size, seed in script:
            if kind == "fold":
                apply(database, model, [("fold", [])])
                continue
            metrics = sent[seed % len(sent)] if kind == "again" and sent else None
            metrics = metrics or stretch(kind, size, seed, so_far)
            sent.append(metrics)
            apply(database, model, [("points", metrics)])
            so_far += size if kind == "behind" else 0
        low, high = bounds[0], bounds[0] + bounds[1]
        for key in model.points:
            expected = model.series(key)
            check_history(store, key, expected)
            check_range(store, key, expected, low, high)
            check_summary({s.series: s for s in store.summaries([RUN])[RUN]}[key], expected)
            (whole,) = store.buckets([RUN], [key.key], count=count)
            steps = [p.step for p in expected]
            check_buckets(whole, expected, min(steps), max(steps), count)
            (logs,) = store.buckets([RUN], [key.key], count=count, scale="log")
            check_buckets(logs, expected, min(steps), max(steps), count, "log")
            part = store.buckets([RUN], [key.key], count=count, first_step=low, last_step=high)
            assert bool(part) == any(low <= s <= high for s in steps)
            for found in part:
                check_buckets(found, expected, low, high, count)
            ordered = sorted(expected, key=lambda p: (p.timestamp, p.step, value_order(p.value)))
            check_pages(store, key.key, ordered, 4_000)


@settings(max_examples=60)
@given(
    first=st.integers(-(2**63), 2**63 - 1) | st.integers(-100, 100),
    width=st.integers(0, 2**64) | st.integers(0, 10_000),
    count=st.integers(1, 3_000),
)
def test_a_grid_covers_its_range_in_equal_buckets_and_no_more_than_asked_for(first, width, count):
    last = min(first + width, 2**63 - 1)
    found = grid(first, last, count)
    borders = found.borders().tolist()
    assert len(borders) < count
    assert all(first < border <= last for border in borders)
    size = found.units << found.bits
    assert all(b - a == size for a, b in pairwise(borders))
    if borders:
        assert borders[0] - first <= size
        assert last - borders[-1] < size
    # At most the next of four sizes between two powers of two is lost to rounding.
    wanted = min(count, last - first + 1)
    assert len(borders) + 1 >= wanted // 2 - 1


@settings(max_examples=60)
@given(
    first=st.integers(-(2**63), 2**63 - 1) | st.integers(-100, 100),
    width=st.integers(0, 2**64) | st.integers(0, 10_000),
    count=st.integers(1, 3_000),
)
def test_a_log_grid_has_ascending_borders_in_its_range_and_no_more_than_asked_for(
    first, width, count
):
    last = min(first + width, 2**63 - 1)
    borders = LogGrid(count, first, last).borders().tolist()
    assert len(borders) < count
    assert all(max(first, 0) < border <= last for border in borders)
    assert all(a < b for a, b in pairwise(borders))

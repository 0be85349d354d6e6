"""The metric store over SQLite and PostgreSQL: what one batch, one fold and one reader do."""

from __future__ import annotations

import math
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from assay import errors
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, ModelId, RunId, new_run_id
from assay.entities.metrics import Metric, PointBatch, SeriesKey
from assay.entities.runs import NewRun
from assay.metrics.points import batch_of_columns, batch_of_metrics
from assay.store.sql import metric_fold
from assay.store.sql.metrics import append_metrics, fold, latest_metrics, model_metrics
from assay.store.sql.statements import Sql
from assay.store.sql.store import open_sql_store

LOSS = SeriesKey("loss")
COUNTS = Sql(
    "SELECT (SELECT count(*) FROM metric_segments), (SELECT count(*) FROM metric_blocks),"
    " (SELECT coalesce(sum(count), 0) FROM metric_blocks)"
)
DAMAGE = Sql("UPDATE metric_segments SET points = ?")
DAMAGE_BLOCKS = Sql("UPDATE metric_blocks SET points = ?")
SPECIAL = [math.nan, math.inf, -math.inf, -0.0, 1e308, 5e-324, 0.1]


@pytest.fixture
def store(uri):
    opened = open_sql_store(uri)
    yield opened
    opened.close()


@pytest.fixture
def run(store):
    return new_run(store)


def new_run(store):
    return store.runs.create(NewRun(new_run_id(), DEFAULT_EXPERIMENT_ID, 1)).info.run_id


def curve(steps, key=LOSS, *, value=0.5):
    steps = np.asarray(steps)
    return batch_of_columns(
        [key],
        index=np.zeros(len(steps), int),
        steps=steps,
        timestamps=steps * 100,
        values=np.full(len(steps), value),
    )


def counts(store):
    with store.database.read() as conn:
        return tuple(map(int, COUNTS.one(conn)))


def log(store, run, *metrics):
    store.database.write(lambda conn: append_metrics(conn, run, metrics))


def latest(store, run):
    with store.database.read() as conn:
        return latest_metrics(conn, [run])[run]


class MetricStoreCases:
    """What holds over either database."""

    def test_values_are_bit_equal_in_history_and_as_the_latest(self, store, run):
        for step, value in enumerate(SPECIAL):
            log(store, run, Metric("loss", value, step, step), Metric(f"{step}", value, 0, 0))
        store.database.write(lambda conn: fold(conn, run))
        found = store.metrics.history(run, LOSS)
        assert found.values.tobytes() == struct.pack(f"<{len(SPECIAL)}d", *SPECIAL)
        shown = {m.key: m.value for m in latest(store, run)}
        assert [repr(shown[f"{step}"]) for step in range(len(SPECIAL))] == list(map(repr, SPECIAL))

    def test_the_same_batch_twice_is_kept_once(self, store, run):
        for _ in range(2):
            store.metrics.append(run, curve(range(500)))
        store.database.write(lambda conn: fold(conn, run))
        store.metrics.append(run, curve(range(250, 750)))
        assert store.metrics.history(run, LOSS).steps.tolist() == list(range(750))
        assert store.metrics.summaries([run])[run][0].count == 750

    def test_a_batch_known_already_leaves_nothing_behind(self, store, run):
        store.metrics.append(run, curve(range(500)))
        before = counts(store)
        store.metrics.append(run, curve(range(500)))
        log(store, run, Metric("loss", 0.5, 100, 1))
        assert counts(store) == before

    def test_many_small_batches_are_folded_by_themselves(self, store, run):
        for step in range(metric_fold.MAX_SEGMENTS * 3):
            log(store, run, Metric("loss", 0.5, step, step))
        segments, _, points = counts(store)
        assert segments < metric_fold.MAX_SEGMENTS
        assert points >= metric_fold.MAX_SEGMENTS * 2
        assert len(store.metrics.history(run, LOSS).steps) == metric_fold.MAX_SEGMENTS * 3

    def test_a_large_batch_is_folded_at_once(self, store, run):
        store.metrics.append(run, curve(range(metric_fold.MAX_SEGMENT_POINTS)))
        assert counts(store) == (0, 32, metric_fold.MAX_SEGMENT_POINTS)

    def test_small_blocks_are_joined_as_the_curve_grows(self, store, run):
        for first in range(0, 20_000, 100):
            store.metrics.append(run, curve(range(first, first + 100)))
            store.database.write(lambda conn: fold(conn, run))
        _, blocks, points = counts(store)
        assert points == 20_000
        assert blocks <= 20_000 // 4_096 + 8

    def test_late_points_join_the_block_they_fall_into(self, store, run):
        store.metrics.append(run, curve(range(0, 40_000, 2)))
        store.database.write(lambda conn: fold(conn, run))
        blocks = counts(store)[1]
        store.metrics.append(run, curve([1, 20_001, 39_997, 50_000, -5]))
        store.database.write(lambda conn: fold(conn, run))
        found = store.metrics.history(run, LOSS).steps.tolist()
        assert found == sorted([*range(0, 40_000, 2), 1, 20_001, 39_997, 50_000, -5])
        assert counts(store)[1] == blocks + 1

    def test_folding_twice_or_nothing_changes_nothing(self, store, run):
        store.database.write(lambda conn: fold(conn, run))
        store.metrics.append(run, curve(range(10)))
        for _ in range(2):
            store.database.write(lambda conn: fold(conn, run))
        assert counts(store) == (0, 1, 10)

    def test_models_and_data_sets_make_series_of_their_own(self, store, run):
        model = ModelId("m-" + "1" * 32)
        log(
            store,
            run,
            Metric("acc", 0.1, 5, 1),
            Metric("acc", 0.2, 6, 1, model),
            Metric("acc", 0.3, 4, 1, model, "digits", "d1"),
        )
        assert [m.value for m in store.metrics.page(run, "acc")] == [0.3, 0.1, 0.2]
        assert [m.model_id for m in store.metrics.page(run, "acc")] == [model, None, model]
        (shown,) = latest(store, run)
        assert (shown.value, shown.model_id) == (0.2, model)
        log(store, run, Metric("acc", 0.9, 0, 2))
        (shown,) = latest(store, run)
        assert (shown.value, shown.model_id) == (0.9, None)
        with store.database.read() as conn:
            found = model_metrics(conn, [model, ModelId("m-other")])
        assert [(m.value, m.dataset_name, m.run_id) for m in found[model]] == [
            (0.2, None, run),
            (0.3, "digits", run),
        ]
        assert found[ModelId("m-other")] == []

    def test_the_latest_of_many_runs_come_together(self, store):
        runs = [new_run(store) for _ in range(3)]
        log(store, runs[0], Metric("b", 1.0, 0, 0), Metric("a", 2.0, 0, 0))
        log(store, runs[1], Metric("a", 3.0, 0, 5), Metric("a", 4.0, 0, 4))
        with store.database.read() as conn:
            found = latest_metrics(conn, runs)
        assert [[(m.key, m.value) for m in found[run]] for run in runs] == [
            [("a", 2.0), ("b", 1.0)],
            [("a", 3.0)],
            [],
        ]

    def test_summaries_can_be_asked_for_by_key(self, store, run):
        log(store, run, Metric("a", 1.0, 0, 0), Metric("b", 2.0, 0, 0), Metric("c", 3.0, 0, 0))
        found = store.metrics.summaries([run, RunId("other")], ["c", "a"])
        assert [s.series.key for s in found[run]] == ["a", "c"]
        assert found[RunId("other")] == []

    def test_pages_cross_segments_and_blocks_in_the_order_of_time(self, store, run):
        store.metrics.append(run, curve(range(5_000)))
        store.database.write(lambda conn: fold(conn, run))
        backwards = [Metric("loss", 1.0, 499_950 - 100 * s, 10_000 + s) for s in range(200)]
        store.metrics.append(run, batch_of_metrics(backwards))
        found, token = [], None
        for _ in range(7):
            page = store.metrics.page(run, "loss", max_results=800, page_token=token)
            found.extend((m.timestamp, m.step) for m in page)
            token = page.token
        assert token is None
        assert found == sorted(
            [(s * 100, s) for s in range(5_000)] + [(m.timestamp, m.step) for m in backwards]
        )

    @pytest.mark.parametrize(
        "token", ["x", "é", "bnVsbA==", "WzEsMl0=", "WzEsMSwxLC0xXQ==", "W10=", "WyIxIiwyLDMsNF0="]
    )
    def test_a_token_that_was_never_given_out_is_refused(self, store, run, token):
        log(store, run, Metric("loss", 1.0, 0, 0))
        with pytest.raises(errors.InvalidPageToken):
            store.metrics.page(run, "loss", page_token=token)

    @pytest.mark.parametrize("size", [0, -1])
    def test_a_page_without_room_is_refused(self, store, run, size):
        with pytest.raises(errors.InvalidInput, match="max_results"):
            store.metrics.page(run, "loss", max_results=size)

    def test_a_metric_that_was_never_logged_has_no_points(self, store, run):
        assert len(store.metrics.history(run, LOSS).steps) == 0
        assert store.metrics.page(run, "loss").items == []
        assert store.metrics.buckets([run], ["loss"], count=10) == []

    def test_buckets_of_several_runs_show_a_spike_of_one_step(self, store):
        runs = [new_run(store) for _ in range(2)]
        for at, run in enumerate(runs):
            store.metrics.append(run, curve(range(200_000)))
            log(store, run, Metric("loss", 77.0 + at, 1, 123_456))
        found = store.metrics.buckets(runs, ["loss"], count=500)
        assert [b.run_id for b in found] == runs
        for at, one in enumerate(found):
            assert one.counts.sum() == 200_001
            (place,) = np.flatnonzero(one.max == 77.0 + at)
            assert one.steps[place] <= 123_456 <= one.last_steps[place]
            assert len(one.steps) <= 500

    @pytest.mark.parametrize("count", [0, -3, 100_001])
    def test_a_senseless_number_of_buckets_is_refused(self, store, run, count):
        with pytest.raises(errors.InvalidInput, match="buckets"):
            store.metrics.buckets([run], ["loss"], count=count)

    def test_a_batch_with_a_bad_key_changes_nothing(self, store, run):
        with pytest.raises(errors.InvalidName):
            log(store, run, Metric("good", 1.0, 0, 0), Metric("../bad", 1.0, 0, 0))
        assert latest(store, run) == []
        assert counts(store) == (0, 0, 0)

    @pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
    def test_numbers_beyond_64_bits_are_refused(self, store, run, number):
        with pytest.raises(errors.InvalidInput):
            log(store, run, Metric("loss", 1.0, number, 0))
        with pytest.raises(errors.InvalidInput):
            log(store, run, Metric("loss", 1.0, 0, number))

    def test_points_of_a_missing_or_deleted_run_are_refused(self, store, run):
        with pytest.raises(errors.RunNotFound):
            store.metrics.append(RunId("missing"), curve([1]))
        store.runs.delete(run)
        with pytest.raises(errors.InactiveResource):
            store.metrics.append(run, curve([1]))
        with pytest.raises(errors.InactiveResource):
            log(store, run, Metric("loss", 1.0, 0, 0))

    def test_an_empty_batch_is_nothing(self, store, run):
        store.metrics.append(run, PointBatch([LOSS], b"", b"", b"", b""))
        log(store, run)
        assert counts(store) == (0, 0, 0)
        assert store.metrics.summaries([run])[run] == []

    @pytest.mark.parametrize("damage", [DAMAGE, DAMAGE_BLOCKS])
    def test_damage_does_not_keep_later_points_out(self, store, run, damage, caplog):
        store.metrics.append(run, curve(range(10)))
        if damage is DAMAGE_BLOCKS:
            store.database.write(lambda conn: fold(conn, run))
        store.database.write(lambda conn: damage.run(conn, b"\x00" * 200))
        total = metric_fold.MAX_SEGMENTS + 5
        for step in range(total):
            log(store, run, Metric("loss", 1.0, step, 10 + step), Metric("acc", 1.0, 0, step))
        assert "can't be folded" in caplog.text
        assert [s.count for s in store.metrics.summaries([run])[run]] == [total, 10 + total]
        if damage is DAMAGE_BLOCKS:
            assert len(store.metrics.history(run, SeriesKey("acc")).steps) == total

    def test_what_is_read_belongs_to_the_reader(self, store, run):
        store.metrics.append(run, curve(range(3)))
        found = store.metrics.history(run, LOSS)
        found.values[:] = 7.0
        assert store.metrics.history(run, LOSS).values.tolist() == [0.5, 0.5, 0.5]

    @pytest.mark.parametrize(
        ("first", "last"), [(3, 2), (2**64, None), (None, -(2**64)), (2**64, 2**65)]
    )
    def test_a_range_that_holds_no_step_has_no_points(self, store, run, first, last):
        store.metrics.append(run, curve(range(5)))
        found = store.metrics.history(run, LOSS, first_step=first, last_step=last)
        assert len(found.steps) == 0
        bounds = {"first_step": first, "last_step": last}
        assert store.metrics.buckets([run], ["loss"], count=5, **bounds) == []

    def test_a_step_that_is_no_integer_is_refused(self, store, run):
        with pytest.raises(errors.InvalidInput, match="integer"):
            log(store, run, Metric("loss", 1.0, 0, 1.5))

    def test_epochs_that_count_steps_anew_keep_all_points(self, store, run):
        for epoch in range(30):
            steps = np.arange(200)
            batch = curve(steps)
            times = (steps + 1_000 * epoch).astype("<i8").tobytes()
            store.metrics.append(
                run, PointBatch(batch.series, batch.index, batch.steps, times, batch.values)
            )
            if epoch % 4 == 3:
                store.database.write(lambda conn: fold(conn, run))
        found = store.metrics.history(run, LOSS)
        assert found.steps.tolist() == [step for step in range(200) for _ in range(30)]
        assert (np.diff(found.timestamps.reshape(200, 30)) == 1_000).all()

    def test_damaged_points_are_told_and_not_returned(self, store, run):
        store.metrics.append(run, curve(range(10)))
        store.database.write(lambda conn: DAMAGE.run(conn, b"\x00" * 200))
        with pytest.raises(errors.Corrupted):
            store.metrics.history(run, LOSS)

    def test_writers_of_one_run_lose_and_double_nothing(self, store, run):
        def write(writer):
            for step in range(60):
                log(store, run, Metric(f"m{step % 7}", float(writer), writer, step))
                log(store, run, Metric("same", 1.0, 0, step))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        assert [s.count for s in store.metrics.summaries([run], ["same"])[run]] == [60]
        assert store.metrics.history(run, SeriesKey("same")).steps.tolist() == list(range(60))
        total = sum(s.count for s in store.metrics.summaries([run])[run])
        assert total == 60 + 4 * 60
        pages = [len(store.metrics.page(run, f"m{k}")) for k in range(7)]
        assert sum(pages) == 4 * 60


class TestSqliteMetrics(MetricStoreCases):
    @pytest.fixture
    def uri(self, tmp_path):
        return f"sqlite:///{tmp_path / 'points.db'}"


@pytest.mark.postgres
class TestPostgresMetrics(MetricStoreCases):
    @pytest.fixture
    def uri(self, postgres_uri):
        return postgres_uri

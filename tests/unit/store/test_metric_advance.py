"""Single points logged in small batches: their figures are those of the same points logged in
bulk.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.entities.ids import DEFAULT_EXPERIMENT_ID, RunId
from assay.entities.metrics import Metric, MetricSummary
from assay.entities.runs import NewRun, RunStatus
from assay.metrics.points import batch_of_metrics, series_of
from assay.store.base import Query
from assay.store.sql.store import SqlStore, open_sql_store

NAN, INF = float("nan"), float("inf")
SINGLES, BULK = RunId("singles"), RunId("bulk")


def log_both_ways(store: SqlStore, batches: list[list[Metric]]) -> None:
    for metrics in batches:
        store.runs.log_batch(SINGLES, metrics=metrics)
        store.metrics.append(BULK, batch_of_metrics(metrics))


def figures(store: SqlStore, run_id: RunId) -> dict[str, list[object]]:
    return {
        repr(summary.series): [bits(getattr(summary, field)) for field in summary.__struct_fields__]
        for summary in store.metrics.summaries([run_id])[run_id]
    }


def bits(value: object) -> object:
    if not isinstance(value, float):
        return value
    return "NaN" if value != value else struct.pack("<d", value)


def latest(store: SqlStore, run_id: RunId) -> list[tuple[object, ...]]:
    return [(m.key, bits(m.value), m.step) for m in store.runs.get(run_id).data.latest]


def check_equal(store: SqlStore) -> None:
    assert figures(store, SINGLES) == figures(store, BULK)
    assert latest(store, SINGLES) == latest(store, BULK)
    for summary in store.metrics.summaries([SINGLES])[SINGLES]:
        check_history(store, summary)


def check_history(store: SqlStore, summary: MetricSummary) -> None:
    one, other = (store.metrics.history(run, summary.series) for run in (SINGLES, BULK))
    assert one.steps.tolist() == other.steps.tolist()
    assert one.timestamps.tolist() == other.timestamps.tolist()
    assert one.values.tobytes() == other.values.tobytes()
    assert len(one.steps) == summary.count


class Figures:
    """Against any database."""

    @pytest.mark.parametrize("width", [1, 3, 9, 37, 128])
    def test_growing_curves_have_the_same_figures(self, store: SqlStore, width: int) -> None:
        rng = random.Random(width)
        log_both_ways(
            store,
            [
                [
                    Metric(f"m{key}", rng.gauss(0, 10.0 ** (key % 9 - 4)), 1_000 + i, i)
                    for key in range(width)
                ]
                for i in range(12)
            ],
        )
        check_equal(store)

    @pytest.mark.parametrize(
        "values",
        [
            [0.0, 1.0, 0.0, -1.0, 0.0],
            [0.0, -0.0, 1.0, 2.0],
            [-0.0, 1.0, 0.0],
            [1.0, NAN, 2.0, 3.0],
            [NAN, NAN, 1.0, 2.0],
            [1.0, INF, 2.0, -INF, 3.0],
            [5e-324, 1.0, 1e-160, 2.0, -1e-149],
            [1e-320, 0.0, 0.0, 0.0],
            [1e308, 1e308, 1.0, -1e308, 1e149, 1e149],
            [2.0**53 + 2, 0.1, 1 / 3, 1e16],
        ],
    )
    def test_remarkable_values_have_the_same_figures(
        self, store: SqlStore, values: list[float]
    ) -> None:
        log_both_ways(
            store,
            [
                [Metric("remarkable", value, 1_000 + i, i), Metric("plain", 0.5, 1_000 + i, i)]
                for i, value in enumerate(values)
            ],
        )
        check_equal(store)

    def test_points_behind_and_before_the_last_one_may_share_a_batch(self, store: SqlStore) -> None:
        log_both_ways(
            store,
            [
                [Metric("a", 1.0, 10, 5), Metric("b", 1.0, 10, 5)],
                [Metric("a", 2.0, 10, 6), Metric("b", 2.0, 10, 4), Metric("new", 3.0, 10, 1)],
                [Metric("a", 2.0, 10, 6), Metric("b", 3.0, 10, 6), Metric("b", 3.5, 11, 6)],
                [Metric("a", 9.0, 11, 6), Metric("b", NAN, 12, 6), Metric("new", 4.0, 9, 1)],
                [Metric("a", NAN, 12, 6), Metric("a", 1.5, 13, 6), Metric("newer", 4.0, 9, 1)],
            ],
        )
        check_equal(store)

    def test_the_latest_of_a_key_is_found_among_its_models_and_data_sets(
        self, store: SqlStore
    ) -> None:
        def of(model: str | None, step: int, dataset: str | None = None) -> Metric:
            return Metric("acc", step / 8, 1_000, step, model, dataset)  # type: ignore[arg-type]

        log_both_ways(
            store,
            [
                [of(None, 1), of("m-1", 2)],
                [of(None, 3), of("m-1", 4)],
                [of("m-1", 5), of("m-1", 5, "d")],
                [of(None, 6)],
                [of("m-1", 7, "d"), of(None, 8)],
            ],
        )
        check_equal(store)

    def test_a_batch_that_is_refused_moves_no_figures(self, store: SqlStore) -> None:
        store.runs.log_batch(SINGLES, metrics=[Metric("a", 1.0, 1, 1)])
        before = figures(store, SINGLES)
        with pytest.raises(ValueError, match="metric"):
            store.runs.log_batch(
                SINGLES, metrics=[Metric("a", 2.0, 2, 2), Metric("b\n/../", 2.0, 2, 2)]
            )
        assert figures(store, SINGLES) == before
        point = store.metrics.history(SINGLES, series_of(Metric("a", 1.0, 1, 1)))
        assert point.steps.tolist() == [1]

    def test_growing_and_ended_runs_are_found_in_one_order(self, store: SqlStore) -> None:
        def log(number: int, *values: float) -> None:
            for step, value in enumerate(values):
                store.runs.log_batch(RunId(f"r{number}"), metrics=[Metric("acc", value, 1, step)])

        def found(filter: str = "", size: int = 10, token: str | None = None) -> list[str]:
            query = Query(
                filter=filter, order_by=["metrics.acc DESC"], max_results=size, page_token=token
            )
            page = store.runs.search([DEFAULT_EXPERIMENT_ID], query)
            ids = [str(run.info.run_id) for run in page]
            return ids if page.token is None else ids + found(filter, size, page.token)

        for number in range(6):
            store.runs.create(NewRun(RunId(f"r{number}"), DEFAULT_EXPERIMENT_ID, number))
        log(0, 0.5)
        log(1, 0.9, 0.4)
        log(2, 0.1, 0.2, 0.7)
        log(3, 0.3, 0.6)
        log(4, 0.2, 0.6)
        log(5, 0.9, NAN)
        for number in (2, 4, 5):
            store.runs.update(RunId(f"r{number}"), status=RunStatus.FINISHED, end_time=9)
        order = ["r2", "r4", "r3", "r0", "r1", "r5"]
        assert found()[:6] == order
        assert found(size=1)[:6] == order
        assert found("metrics.acc > 0.45") == order[:4]
        log(2, 0.1, 0.2, 0.7, 0.1)
        assert found()[:6] == ["r4", "r3", "r0", "r1", "r2", "r5"]


def opened(uri: str) -> Iterator[SqlStore]:
    store = open_sql_store(uri)
    for run_id in (SINGLES, BULK):
        store.runs.create(NewRun(run_id, DEFAULT_EXPERIMENT_ID, 5))
    yield store
    store.close()


class TestSqlite(Figures):
    """In a file."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStore]:
        yield from opened(f"sqlite:///{tmp_path}/assay.db")


@pytest.mark.postgres
class TestPostgres(Figures):
    """On a server."""

    @pytest.fixture
    def store(self, postgres_uri: str) -> Iterator[SqlStore]:
        yield from opened(postgres_uri)

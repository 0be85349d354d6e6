"""Search in real databases against the plain Python meaning of the same search."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from assay.entities.ids import ExperimentId
from assay.entities.lifecycle import ViewType
from assay.search import Record, evaluate, sort_key
from assay.search.tree import SUMMARY_FIGURES, Node, OrderTerm
from assay.store.base import Query
from assay.store.sql import tables
from assay.store.sql.search.run_table import run_table
from assay.store.sql.search.runs import complete_order, search_runs
from tests.property.search_strategies import (
    NOW_MS,
    FoundRun,
    Series,
    orders,
    populations,
    render,
    render_order,
    trees,
)
from tests.services.postgres import PostgresServer, only_postgres

FINAL = {"audit_log", "audit_head"}
"""Tables from which nothing can be deleted; runs write nothing there."""


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    path: Path = tmp_path_factory.mktemp("search") / "search.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        tables.metadata.create_all(connection)
        yield connection
    engine.dispose()


@pytest.fixture(scope="module")
def postgres(postgres_server: PostgresServer) -> Iterator[Connection]:
    uri = postgres_server.create_database()
    engine = create_engine(uri.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        tables.metadata.create_all(connection)
        connection.commit()
        yield connection
    engine.dispose()
    postgres_server.drop_database(uri)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _insert_metric(run: FoundRun, key: str, series: Series, number: int) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "key": key,
        "model_id": "",
        "dataset_name": "",
        "dataset_digest": "",
        "series": number,
        "is_latest": True,
        "is_ranked": crc32(f"{run.run_id}{key}".encode()) % 2 == 0,
        "count": series.count,
        "nan_count": 0,
        "first_step": 0,
        "first_timestamp": 0,
        "first": _number(series.first),
        "last_step": 0,
        "last_timestamp": 0,
        "last": _number(series.last),
        "min": _number(series.min),
        "max": _number(series.max),
        "mean": _number(series.mean),
        "sum_squares": 0.0,
        "negative_zeros": 0,
    }


def _as_number(text: str) -> float | None:
    return {"0.5": 0.5, "10": 10.0, "9": 9.0, "1e3": 1000.0}.get(text)


def _fill(connection: Connection, runs: Sequence[FoundRun]) -> None:
    """Straight into the tables: a test of reading does not use our writing."""
    for table in reversed(tables.metadata.sorted_tables):
        if table.name not in FINAL:
            connection.execute(table.delete())
    for ident in ("0", "7"):
        connection.execute(
            tables.experiments.insert().values(
                experiment_id=ident,
                name=ident,
                artifact_location="",
                lifecycle_stage="active",
                creation_time=0,
                last_update_time=0,
            )
        )
    for run in runs:
        connection.execute(
            tables.runs.insert().values(
                run_id=run.run_id,
                experiment_id=run.experiment_id,
                run_name=run.run_name,
                user_id=run.user_id,
                status=run.status,
                start_time=run.start_time,
                end_time=run.end_time,
                artifact_uri="",
                lifecycle_stage="active" if run.active else "deleted",
            )
        )
        for key, value in run.params.items():
            connection.execute(
                tables.params.insert().values(
                    run_id=run.run_id, key=key, value=value, number=_as_number(value)
                )
            )
        for key, value in run.tags.items():
            connection.execute(tables.tags.insert().values(run_id=run.run_id, key=key, value=value))
        for number, (key, series) in enumerate(run.metrics.items()):
            connection.execute(
                tables.metric_summaries.insert().values(_insert_metric(run, key, series, number))
            )
        for number, (name, digest, context) in enumerate(run.datasets):
            ident = f"{run.run_id}-{number}"
            connection.execute(
                tables.datasets.insert().values(
                    dataset_id=ident,
                    experiment_id=run.experiment_id,
                    name=f"{name}",
                    digest=digest,
                    source_type="",
                    source="",
                )
            )
            connection.execute(
                tables.dataset_inputs.insert().values(
                    run_id=run.run_id,
                    dataset_id=ident,
                    tags=json.dumps({} if context is None else {"mlflow.data.context": context}),
                )
            )


def _record(run: FoundRun) -> Record:
    both = run.start_time is not None and run.end_time is not None
    return Record(
        attributes={
            "run_id": run.run_id,
            "run_name": run.run_name,
            "user_id": run.user_id,
            "status": run.status,
            "start_time": run.start_time,
            "end_time": run.end_time,
            "duration": run.end_time - run.start_time if both else None,  # type: ignore[operator]
        },
        metrics={
            key: [{figure: getattr(series, figure) for figure in SUMMARY_FIGURES}]
            for key, series in run.metrics.items()
        },
        params=run.params,
        tags=run.tags,
        datasets=[
            {"name": name, "digest": digest} | ({} if context is None else {"context": context})
            for name, digest, context in run.datasets
        ],
    )


def _without_shared_datasets(runs: Sequence[FoundRun]) -> bool:
    pairs = [(r.experiment_id, d[:2]) for r in runs for d in r.datasets]
    return len(pairs) == len(set(pairs))


searches = {
    "runs": populations.filter(_without_shared_datasets),
    "tree": trees | st.just(None),
    "order": orders,
    "size": st.integers(1, 5),
    "view": st.sampled_from(ViewType),
    "experiments": st.sampled_from((["0"], ["7", "0"], ["0", "7", "9"])),
    "few": st.sampled_from((-1, 1_000)),
}
"""``few`` switches between the two ways in which filters on metrics are run."""


def _expected(
    runs: Sequence[FoundRun],
    tree: Node | None,
    order: Sequence[OrderTerm],
    *,
    view: ViewType,
    experiments: list[str],
) -> list[str]:
    seen = [
        _record(run)
        for run in runs
        if run.experiment_id in experiments
        and (view is ViewType.ALL or (view is ViewType.ACTIVE_ONLY) == run.active)
    ]
    if tree is not None:
        seen = [record for record in seen if evaluate(tree, record, now_ms=NOW_MS)]
    return [str(r.attributes["run_id"]) for r in sorted(seen, key=sort_key(complete_order(order)))]


def _check(connection: Connection, **given: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assay.store.sql.search.runs.FEW", given["few"])
        _check_pages(connection, **given)


def _check_pages(connection: Connection, **given: object) -> None:
    runs, tree, order, size, view, experiments, _ = (given[name] for name in searches)
    _fill(connection, runs)  # type: ignore[arg-type]
    pages: list[str] = []
    token: str | None = None
    while True:
        query = Query(
            filter="" if tree is None else render(tree),  # type: ignore[arg-type]
            order_by=[render_order(term) for term in order],  # type: ignore[attr-defined]
            view=view,  # type: ignore[arg-type]
            max_results=size,  # type: ignore[arg-type]
            page_token=token,
        )
        ids, token = search_runs(connection, [ExperimentId(e) for e in experiments], query)  # type: ignore[attr-defined]
        assert len(ids) == size or token is None
        pages += ids
        if token is None:
            break
    assert pages == _expected(runs, tree, order, view=view, experiments=experiments)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    # `now` has to mean the same to both sides.
    monkeypatch.setattr("assay.store.sql.search.pages.time.time_ns", lambda: NOW_MS * 1_000_000)


@given(**searches)
@settings(max_examples=150)
def test_sqlite_finds_the_runs_that_the_plain_meaning_finds_in_the_same_order(
    sqlite: Connection, **given: object
) -> None:
    _check(sqlite, **given)
    sqlite.rollback()


@only_postgres(18)
@pytest.mark.postgres
@given(**searches)
@settings(max_examples=150)
def test_postgresql_finds_the_runs_that_the_plain_meaning_finds_in_the_same_order(
    postgres: Connection, **given: object
) -> None:
    _check(postgres, **given)
    postgres.rollback()


@given(populations.filter(_without_shared_datasets))
@settings(max_examples=50)
def test_a_run_table_of_sqlite_holds_what_the_runs_hold(
    sqlite: Connection, runs: Sequence[FoundRun]
) -> None:
    _check_table(sqlite, runs)
    sqlite.rollback()


@only_postgres(18)
@pytest.mark.postgres
@given(populations.filter(_without_shared_datasets))
@settings(max_examples=20)
def test_a_run_table_of_postgresql_holds_what_the_runs_hold(
    postgres: Connection, runs: Sequence[FoundRun]
) -> None:
    _check_table(postgres, runs)
    postgres.rollback()


def _check_table(connection: Connection, runs: Sequence[FoundRun]) -> None:
    _fill(connection, runs)
    table = run_table(
        connection,
        [ExperimentId("0"), ExperimentId("7")],
        Query(order_by=["run_id"], view=ViewType.ALL),
    )
    ordered = sorted(runs, key=lambda run: run.run_id)
    assert [info.run_id for info in table.infos] == [run.run_id for run in ordered]
    assert table.params == {
        key: [run.params.get(key) for run in ordered] for key in {k for r in runs for k in r.params}
    }
    assert table.tags == {
        key: [run.tags.get(key) for run in ordered] for key in {k for r in runs for k in r.tags}
    }
    assert set(table.metrics) == {k for r in runs for k in r.metrics}
    for key, column in table.metrics.items():
        for run, value in zip(ordered, column, strict=True):
            series = run.metrics.get(key)
            assert (
                value == series.last
                if series and not math.isnan(series.last)
                else math.isnan(value)
            )

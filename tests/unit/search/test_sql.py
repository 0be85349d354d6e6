"""Searches in SQLite: defaults, limits, views, pages, experiments and logged models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, create_engine, event

from assay.entities.ids import ExperimentId
from assay.entities.lifecycle import ViewType
from assay.errors import InvalidFilter, InvalidInput, InvalidPageToken
from assay.store.base import ModelOrder, Query
from assay.store.sql import tables
from assay.store.sql.search.experiments import search_experiments
from assay.store.sql.search.models import search_models
from assay.store.sql.search.run_table import run_table
from assay.store.sql.search.runs import search_runs

E0, E1 = ExperimentId("0"), ExperimentId("1")
MAX_DEPTH = 64


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path / 'search.db'}")
    with engine.connect() as connection:
        tables.metadata.create_all(connection)
        yield connection
    engine.dispose()


def add(conn: Connection, table: Table, **values: object) -> None:
    """Insert a row; what isn't given is 0 or empty."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.name in values:
            row[column.name] = values[column.name]
        elif not column.nullable:
            row[column.name] = "" if column.type.python_type is str else 0
    conn.execute(table.insert().values(row))


def add_run(conn: Connection, run_id: str, **values: object) -> None:
    given = {"experiment_id": "0", "lifecycle_stage": "active", "status": "RUNNING", **values}
    add(conn, tables.runs, run_id=run_id, **given)


def add_metric(
    conn: Connection, run_id: str, key: str, last: float | None, **values: object
) -> None:
    series = len(key) + len(str(values))
    given = {"is_latest": True, "is_ranked": True, "count": 1, "series": series, **values}
    add(conn, tables.metric_summaries, run_id=run_id, key=key, last=last, **given)


def add_model(conn: Connection, model_id: str, **values: object) -> None:
    given = {"experiment_id": "0", "lifecycle_stage": "active", **values}
    add(conn, tables.logged_models, model_id=model_id, **given)


def test_runs_come_latest_first_then_by_id_and_unstarted_last(conn: Connection) -> None:
    for run_id, start in (("b", 1), ("a", 1), ("c", 2), ("d", None)):
        add_run(conn, run_id, start_time=start)
    assert search_runs(conn, [E0], Query())[0] == ["c", "a", "b", "d"]


def test_no_experiments_have_no_runs(conn: Connection) -> None:
    add_run(conn, "a")
    assert search_runs(conn, [], Query()) == ([], None)
    assert run_table(conn, [], Query()).infos == []


@pytest.mark.parametrize("max_results", [-1, 0, 50_001])
def test_pages_that_are_empty_or_too_large_are_refused(conn: Connection, max_results: int) -> None:
    with pytest.raises(InvalidInput, match="max_results"):
        search_runs(conn, [E0], Query(max_results=max_results))


def test_a_view_shows_active_deleted_or_all_runs(conn: Connection) -> None:
    add_run(conn, "a")
    add_run(conn, "b", lifecycle_stage="deleted")
    found = {view: search_runs(conn, [E0], Query(view=view))[0] for view in ViewType}
    assert found == {
        ViewType.ACTIVE_ONLY: ["a"],
        ViewType.DELETED_ONLY: ["b"],
        ViewType.ALL: ["a", "b"],
    }


def test_pages_neither_repeat_nor_skip_while_runs_are_added(conn: Connection) -> None:
    for i in range(6):
        add_run(conn, f"r{i}", start_time=i)
    first, token = search_runs(conn, [E0], Query(max_results=3))
    add_run(conn, "new", start_time=100)
    second, last = search_runs(conn, [E0], Query(max_results=3, page_token=token))
    assert (first, second, last) == (["r5", "r4", "r3"], ["r2", "r1", "r0"], None)


def test_a_token_serves_its_own_query_only(conn: Connection) -> None:
    for i in range(3):
        add_run(conn, f"r{i}")
    token = search_runs(conn, [E0], Query(max_results=1))[1]
    for experiments, query in (
        ([E1], Query(page_token=token)),
        ([E0], Query(page_token=token, filter="status = 'RUNNING'")),
        ([E0], Query(page_token=token, order_by=["end_time"])),
        ([E0], Query(page_token=token, view=ViewType.ALL)),
    ):
        with pytest.raises(InvalidPageToken):
            search_runs(conn, experiments, query)


def test_a_metric_named_like_a_figure_wins_in_the_runs_that_have_it(conn: Connection) -> None:
    add_run(conn, "figure")
    add_metric(conn, "figure", "loss", 9.0, min=1.0)
    add_run(conn, "literal")
    add_metric(conn, "literal", "loss", 9.0, min=1.0)
    add_metric(conn, "literal", "loss.min", 5.0)

    def found(text: str) -> list[str]:
        return search_runs(conn, [E0], Query(filter=text))[0]  # type: ignore[return-value]

    assert found("metrics.loss.min = 1") == ["figure"]
    assert found("metrics.loss.min = 5") == ["literal"]
    assert found("metrics.`loss`.min = 1") == ["figure", "literal"]
    assert found("metrics.`loss.min` = 5") == ["literal"]


def test_the_deepest_and_longest_filters_run(conn: Connection) -> None:
    add_run(conn, "a")
    deep = "status = 'RUNNING'"
    for i in range(MAX_DEPTH // 2):
        deep = f"not (metrics.a > 1 {'and' if i % 2 else 'or'} {deep})"
    long = " and ".join(["not metrics.a > 1"] * 256)
    many = "run_id IN (" + ", ".join(f"'{i:032}'" for i in range(1_500)) + ", 'a')"
    assert search_runs(conn, [E0], Query(filter=long))[0] == ["a"]
    assert search_runs(conn, [E0], Query(filter=many))[0] == ["a"]
    search_runs(conn, [E0], Query(filter=deep))


def test_a_search_ordered_by_a_metric_reads_along_its_index(conn: Connection) -> None:
    statements: list[tuple[str, Any]] = []

    def note(_c: object, _k: object, statement: str, parameters: Any, *_: object) -> None:
        statements.append((statement, parameters))

    event.listen(conn.engine, "before_cursor_execute", note)
    search_runs(conn, [E0], Query(filter="params.b = 'x'", order_by=["metrics.a DESC"]))
    event.remove(conn.engine, "before_cursor_execute", note)
    indexes = ("ix_metric_summaries_key_last_run_id ", "ix_metric_summaries_key_run_id ")
    for (sql, parameters), index in zip(statements, indexes, strict=False):
        plan = [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        assert plan[0].startswith(f"SEARCH w USING INDEX {index}")
        assert not any(step.startswith("SCAN") for step in plan)


def test_a_run_table_tells_negative_zero(conn: Connection) -> None:
    add_run(conn, "a")
    add_metric(conn, "a", "x", 0.0, negative_zeros=2)
    assert str(run_table(conn, [E0], Query()).metrics["x"][0]) == "-0.0"


def test_experiments_come_latest_first_and_by_number(conn: Connection) -> None:
    for ident, made in (("10", 5), ("9", 5), ("2", 7)):
        add(conn, tables.experiments, experiment_id=ident, name=ident, creation_time=made,
            lifecycle_stage="active")  # fmt: skip
    add(conn, tables.experiment_tags, experiment_id="9", key="team", value="A")
    assert search_experiments(conn, Query())[0] == ["2", "9", "10"]
    assert search_experiments(conn, Query(order_by=["creation_time"]))[0] == ["10", "9", "2"]
    assert search_experiments(conn, Query(filter="tags.team ILIKE 'a'"))[0] == ["9"]
    assert search_experiments(conn, Query(filter="tags.team IS NULL"))[0] == ["2", "10"]
    first, token = search_experiments(conn, Query(max_results=2))
    assert (first, search_experiments(conn, Query(page_token=token))[0]) == (["2", "9"], ["10"])
    with pytest.raises(InvalidFilter):
        search_experiments(conn, Query(filter="attributes.name = 'x'"))


@pytest.fixture
def models(conn: Connection) -> Connection:
    for run_id in ("r1", "r2"):
        add_run(conn, run_id)
    add_model(conn, "m-1", name="svc", creation_timestamp=1, model_type="sk")
    add_model(conn, "m-2", name="tree", creation_timestamp=2)
    add_model(conn, "m-3", name="gone", creation_timestamp=3, lifecycle_stage="deleted")
    add_metric(conn, "r1", "acc", 0.5, model_id="m-1", dataset_name="test", dataset_digest="d1",
               last_timestamp=1)  # fmt: skip
    add_metric(conn, "r2", "acc", 0.9, model_id="m-1", dataset_name="test", dataset_digest="d2",
               last_timestamp=2)  # fmt: skip
    add_metric(conn, "r1", "acc", 0.7, model_id="m-2", dataset_name="train")
    return conn


def test_models_come_latest_first_without_deleted_ones(models: Connection) -> None:
    assert search_models(models, [E0], Query())[0] == ["m-2", "m-1"]


def test_any_metric_of_a_model_may_match(models: Connection) -> None:
    def found(text: str, *datasets: tuple[str, str | None]) -> list[str]:
        return search_models(models, [E0], Query(filter=text), datasets)[0]  # type: ignore[return-value]

    assert found("metrics.acc < 0.6") == ["m-1"]
    assert found("metrics.acc > 0.6") == ["m-2", "m-1"]
    assert found("metrics.acc > 0.6", ("test", "d1")) == []
    assert found("metrics.acc > 0.6", ("test", None)) == ["m-1"]
    assert found("", ("train", None)) == ["m-2"]
    assert found("model_type = 'sk' and attributes.name IN ('svc')") == ["m-1"]


def test_models_are_ordered_by_their_latest_metric(models: Connection) -> None:
    def found(*order: ModelOrder) -> list[str]:
        ids: list[str] = []
        query = Query(max_results=1)
        while True:
            page, token = search_models(models, [E0], query, (), order)
            ids += page
            if token is None:
                return ids
            query = Query(max_results=1, page_token=token)

    acc = "metrics.acc"
    assert found(ModelOrder(acc)) == ["m-2", "m-1"]
    assert found(ModelOrder(acc, ascending=False)) == ["m-1", "m-2"]
    assert found(ModelOrder(acc, dataset_name="test", dataset_digest="d1")) == ["m-1", "m-2"]
    assert found(ModelOrder("model_type")) == ["m-1", "m-2"]
    for wrong in (ModelOrder("params.x"), ModelOrder(acc, dataset_digest="d1")):
        with pytest.raises(InvalidInput):
            found(wrong)

"""A lineage costs statements by its depth, not by its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.entities.governance import Direction, NodeKind
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, new_run_id
from assay.entities.runs import NewRun
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store

RUNS = 1_200


@pytest.fixture
def crowd(store: SqlStore) -> str:
    """A data set that many runs used, and a model of each; returns its digest."""
    template = new_run_id()
    store.runs.create(NewRun(template, DEFAULT_EXPERIMENT_ID, 1_000))

    def fill(conn: Any) -> None:
        Sql(
            "INSERT INTO datasets (dataset_id, experiment_id, name, digest, source_type, source)"
            " VALUES ('d', '0', 'iris', 'd1', 'local', 'x')"
        ).run(conn)
        ids = [f"run{number:05d}" for number in range(RUNS)]
        Sql(
            "INSERT INTO runs (run_id, experiment_id, run_name, user_id, status, start_time,"
            " lifecycle_stage, deleted_with_experiment, artifact_uri)"
            " SELECT ?, experiment_id, run_name, user_id, status, start_time, lifecycle_stage,"
            " deleted_with_experiment, artifact_uri FROM runs WHERE run_id = ?"
        ).many(conn, [(ident, template) for ident in ids])
        Sql("INSERT INTO dataset_inputs (run_id, dataset_id, tags) VALUES (?, 'd', 'x')").many(
            conn, [(ident,) for ident in ids]
        )
        Sql("INSERT INTO model_outputs (run_id, model_id, step) VALUES (?, ?, 0)").many(
            conn, [(ident, f"m-{ident}") for ident in ids]
        )

    store.database.write(fill)
    return "d1"


class LineageTests:
    """What holds on both databases."""

    def test_large_lineage_is_cut_and_says_so(self, store: SqlStore, crowd: str) -> None:
        graph = store.lineage.graph(NodeKind.DATASET, crowd, limit=500)
        assert len(graph.nodes) == 500
        assert graph.truncated
        whole = store.lineage.graph(NodeKind.DATASET, crowd, limit=5_000)
        assert len(whole.nodes) == 1 + 2 * RUNS
        assert not whole.truncated

    def test_number_of_statements_does_not_grow_with_the_nodes(
        self, store: SqlStore, crowd: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        statements: list[Sql] = []
        execute = Sql._execute

        def counted(self: Sql, conn: Any, params: tuple[Any, ...]) -> Any:
            statements.append(self)
            return execute(self, conn, params)

        monkeypatch.setattr(Sql, "_execute", counted)
        way = Direction.DOWNSTREAM
        store.lineage.graph(NodeKind.DATASET, crowd, direction=way, depth=2, limit=RUNS + 5)
        few = len(statements)
        statements.clear()
        store.lineage.graph(NodeKind.DATASET, crowd, direction=way, depth=2, limit=5_000)
        assert len(statements) == few < 20


def opened(uri: str) -> Iterator[SqlStore]:
    store = open_sql_store(uri)
    yield store
    store.close()


class TestSqlite(LineageTests):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStore]:
        yield from opened(f"sqlite:///{tmp_path}/assay.db")


@pytest.mark.postgres
class TestPostgres(LineageTests):
    @pytest.fixture
    def store(self, postgres_uri: str) -> Iterator[SqlStore]:
        yield from opened(postgres_uri)

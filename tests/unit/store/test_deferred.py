"""Writes that call back instead of blocking."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import errors
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, RunId, new_writer_id
from assay.entities.metrics import Metric
from assay.entities.operations import Delivery, Receipt, SetTags
from assay.entities.params import Param
from assay.entities.runs import NewRun
from assay.store.base import SupportsDeferred
from assay.store.sql.store import SqlStore, open_sql_store

RUN = RunId("r")


class DeferredWrites:
    """What every database owes; subclasses give the store."""

    def test_deferred_batch_is_kept_when_its_caller_is_called(self, store: SqlStore) -> None:
        assert isinstance(store, SupportsDeferred)
        over: queue.Queue[object] = queue.Queue()
        store.defer_batch(
            RUN,
            metrics=[Metric("m", 1.0, 1)],
            params=[Param("p", "1")],
            done=lambda result, error: over.put((result, error)),
        )
        assert over.get(timeout=10) == (None, None)
        data = store.runs.get(RUN).data
        assert (data.metrics, data.params) == ({"m": 1.0}, {"p": "1"})

    def test_deferred_batch_that_is_refused_calls_back_with_the_error(
        self, store: SqlStore
    ) -> None:
        over: queue.Queue[BaseException | None] = queue.Queue()
        store.defer_batch(
            RunId("nobody"), params=[Param("p", "1")], done=lambda _, error: over.put(error)
        )
        assert isinstance(over.get(timeout=10), errors.RunNotFound)

    def test_malformed_deferred_batch_is_refused_at_once(self, store: SqlStore) -> None:
        with pytest.raises(errors.InvalidInput):
            store.defer_batch(RUN, params=[Param("bad?", "1")], done=lambda _, __: None)

    def test_deferred_delivery_calls_back_with_its_receipt(self, store: SqlStore) -> None:
        over: queue.Queue[Receipt | None] = queue.Queue()
        delivery = Delivery(new_writer_id(), 0, 10, [SetTags(RUN, {"a": "1"})])
        store.defer_delivery(delivery, done=lambda receipt, _: over.put(receipt))
        assert over.get(timeout=10) == Receipt(applied=True, position=10)
        assert store.runs.get(RUN).data.tags["a"] == "1"

    def test_closed_store_refuses_deferred_writes(self, store: SqlStore) -> None:
        store.close()
        with pytest.raises(errors.StoreUnavailable):
            store.defer_batch(RUN, params=[Param("p", "1")], done=lambda _, __: None)


class TestOnSqlite(DeferredWrites):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStore]:
        yield from opened(f"sqlite:///{tmp_path}/a.db")


@pytest.mark.postgres
class TestOnPostgres(DeferredWrites):
    @pytest.fixture
    def store(self, postgres_uri: str) -> Iterator[SqlStore]:
        yield from opened(postgres_uri)


def opened(uri: str) -> Iterator[SqlStore]:
    store = open_sql_store(uri)
    store.runs.create(NewRun(RUN, DEFAULT_EXPERIMENT_ID, 5))
    yield store
    store.close()

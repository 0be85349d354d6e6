"""Deliveries whose answers get lost, and deliverers that die: everything arrives once, in order."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.client import sources
from assay.client.connect import open_store
from assay.client.delivery import Courier
from assay.client.journal import Journal
from assay.client.orphans import deliver_orphans
from assay.client.quarantine import refused_operation
from assay.client.sources import LiveSource
from assay.entities.ids import RunId, new_run_id
from assay.entities.metrics import SeriesKey
from assay.entities.operations import Delivery, LogParams, Receipt, SetTags, StartRun
from assay.errors import InvalidInput, StoreUnavailable
from assay.store.base import Store
from assay.store.uri import Location, resolve_location


class UnreliableRoad:
    """The way to a real store, on which requests and answers get lost."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self._store = store
        self._chance = chance
        self.runs = store.runs

    def apply(self, delivery: Delivery) -> Receipt:
        if self._chance.random() < 0.2:
            raise StoreUnavailable("the request was lost")
        receipt = self._store.apply(delivery)
        if self._chance.random() < 0.3:
            raise StoreUnavailable("the answer was lost")
        return receipt

    def position(self, writer_id: str) -> int:
        return self._store.position(writer_id)


class PickyRoad(UnreliableRoad):
    """A server that refuses a whole request over one operation it doesn't know."""

    def apply(self, delivery: Delivery) -> Receipt:
        if any(isinstance(o, SetTags) for o in delivery.operations):
            raise InvalidInput("Unknown operation.")
        return self._store.apply(delivery)


@pytest.fixture(scope="module")
def location(tmp_path_factory: pytest.TempPathFactory) -> Location:
    return resolve_location(tmp_path_factory.mktemp("home") / ".assay", environ={})


@pytest.fixture(scope="module")
def store(location: Location) -> Store:
    return open_store(location)


def try_to_deliver(courier: Courier, source: LiveSource, attempts: int) -> None:
    for _ in range(attempts):
        try:
            if courier.deliver(source) is None:
                return
        except StoreUnavailable:
            continue


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    bursts=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    chunk=st.sampled_from([40, 200, 1_000, 100_000]),
)
def test_lost_answers_and_dead_deliverers_double_and_lose_nothing(
    seed: int, bursts: list[int], chunk: int, location: Location, store: Store
) -> None:
    chance = random.Random(seed)
    before, sources.CHUNK_BYTES = sources.CHUNK_BYTES, chunk
    try:
        courier = Courier(location)
        courier._store = UnreliableRoad(store, chance)  # type: ignore[assignment]
        journal = Journal(location.journal_folder, "test")
        source = LiveSource(journal)
        run_id = new_run_id()
        journal.operation(StartRun(run_id, 1_000, experiment_id="0"))
        step = 0
        for number, burst in enumerate(bursts):
            for _ in range(burst):
                journal.point(run_id, "loss", float(step), step, step)
                step += 1
            journal.operation(LogParams(run_id, {f"p{number}": str(step)}))
            journal.operation(SetTags(run_id, {"last": str(step)}))
            try_to_deliver(courier, source, attempts=chance.randrange(4))
        source.close()
        journal.release()
        second = Courier(location)
        second._store = UnreliableRoad(store, chance)  # type: ignore[assignment]
        for _ in range(200):
            try:
                deliver_orphans(second)
            except StoreUnavailable:
                continue
            break
    finally:
        sources.CHUNK_BYTES = before
    run = store.runs.get(run_id)
    assert store.metrics.history(run_id, SeriesKey("loss")).steps.tolist() == list(range(step))
    (summary,) = store.metrics.summaries([run_id])[run_id]
    assert summary.count == step
    assert len(run.data.params) == len(bursts)
    assert run.data.tags["last"] == str(step)
    assert not journal.folder.exists()


def test_a_refused_request_is_taken_apart_and_only_the_culprit_set_aside(
    location: Location, store: Store
) -> None:
    journal = Journal(location.journal_folder, "test")
    run_id = new_run_id()
    journal.operation(StartRun(run_id, 1_000, experiment_id="0"))
    journal.operation(LogParams(RunId("no such run"), {"a": "1"}))
    for step in range(10):
        journal.point(run_id, "loss", 1.0, step, 0)
    journal.operation(LogParams(run_id, {"b": "2"}))
    courier = Courier(location)
    courier.run_patience_s = 0
    source = LiveSource(journal)
    while courier.deliver(source) is not None:
        pass
    source.close()
    journal.release()
    courier.close()
    assert store.runs.get(run_id).data.params == {"b": "2"}
    assert len(store.metrics.history(run_id, SeriesKey("loss")).steps) == 10
    assert len(courier.quarantine.refused()) == 1


def test_a_server_that_refuses_whole_requests_gets_the_rest_one_by_one(
    tmp_path: Path, location: Location, store: Store
) -> None:
    elsewhere = msgspec.structs.replace(location, journal_folder=tmp_path)
    journal = Journal(tmp_path, "test")
    run_id = new_run_id()
    journal.operation(StartRun(run_id, 1_000, experiment_id="0"))
    for step in range(30):
        journal.point(run_id, "loss", 1.0, step, 0)
        if step == 20:
            journal.operation(SetTags(run_id, {"a": "b"}))
    courier = Courier(elsewhere)
    courier._store = PickyRoad(store, random.Random(0))  # type: ignore[assignment]
    source = LiveSource(journal)
    while courier.deliver(source) is not None:
        pass
    source.close()
    journal.release()
    assert len(store.metrics.history(run_id, SeriesKey("loss")).steps) == 30
    (refused,) = courier.quarantine.refused()
    assert refused_operation(refused) == SetTags(run_id, {"a": "b"})

"""What a watch of experiments notices, and how it treats slow watchers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from assay.artifacts.local import LocalArtifactStore
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, RunId, new_run_id
from assay.entities.metrics import Metric
from assay.entities.runs import NewRun, RunStatus
from assay.http.errors import HttpError
from assay.server.assay_api import live
from assay.server.assay_api.live import Hub, LiveQuery, RunChange, Watch, _offer
from assay.server.context import Context, Services
from assay.server.locations import Locations
from assay.server.settings import ServerSettings
from assay.store.sql.store import SqlStore, open_sql_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/assay.db")
    yield store
    store.close()


@pytest.fixture
def watch(store: SqlStore) -> Watch:
    watch = Watch(store, (DEFAULT_EXPERIMENT_ID,))
    assert watch.look() == []
    return watch


def start(store: SqlStore, start_time: int = 1) -> RunId:
    return store.runs.create(NewRun(new_run_id(), DEFAULT_EXPERIMENT_ID, start_time)).info.run_id


def seen(changes: list[RunChange]) -> list[tuple[str, RunId]]:
    return [(change.change, change.run_id) for change in changes]


def test_the_first_look_tells_nothing(store: SqlStore) -> None:
    start(store)
    assert Watch(store, (DEFAULT_EXPERIMENT_ID,)).look() == []


def test_a_new_run_is_told_once(store: SqlStore, watch: Watch) -> None:
    run_id = start(store)
    assert seen(watch.look()) == [("new", run_id)]
    assert watch.look() == []


def test_only_metrics_that_moved_are_told(store: SqlStore, watch: Watch) -> None:
    run_id = start(store)
    store.runs.log_batch(run_id, metrics=[Metric("a", 1.0, 1, 1), Metric("b", math.nan, 1, 1)])
    watch.look()
    store.runs.log_batch(run_id, metrics=[Metric("a", math.inf, 2, 2)])
    (change,) = watch.look()
    assert change.metrics == {"a": "Infinity"}
    assert watch.look() == []


def test_a_run_that_ends_is_told_though_newer_runs_push_it_out(
    store: SqlStore, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_NEWEST", 1)
    old = start(store, 1)
    start(store, 2)
    watch.look()
    store.runs.update(old, status=RunStatus.FAILED, end_time=9)
    (change,) = watch.look()
    assert (change.change, change.run_id, change.status) == ("updated", old, RunStatus.FAILED)


def test_a_deleted_run_is_told(store: SqlStore, watch: Watch) -> None:
    run_id = start(store)
    watch.look()
    store.runs.delete(run_id)
    assert seen(watch.look()) == [("deleted", run_id)]


def test_a_finished_run_that_is_pushed_out_is_no_news(
    store: SqlStore, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_NEWEST", 1)
    old = start(store, 1)
    store.runs.update(old, status=RunStatus.FINISHED, end_time=9)
    watch.look()
    newer = start(store, 2)
    assert seen(watch.look()) == [("new", newer)]


def test_a_slow_watcher_is_told_to_read_anew(store: SqlStore, watch: Watch) -> None:
    start(store)
    changes = watch.look()
    queue: asyncio.Queue[RunChange | None] = asyncio.Queue()
    for _ in range(2_000):
        _offer(queue, changes)
    left = [queue.get_nowait() for _ in range(queue.qsize())]
    assert None in left
    assert len(left) <= 1_001


def test_a_watch_ends_with_its_last_watcher(store: SqlStore) -> None:
    async def scenario() -> None:
        hub = Hub()
        streams = [hub.events(store, (DEFAULT_EXPERIMENT_ID,)) for _ in range(2)]
        for stream in streams:
            assert b"retry" in await anext(stream)
        assert hub.watchers == 2
        (watch,) = hub.watches.values()
        for stream in streams:
            await stream.aclose()
        assert hub.watchers == 0
        assert watch.task is not None
        assert watch.task.done()

    asyncio.run(scenario())


def test_more_watchers_than_a_process_can_bear_are_sent_away(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_WATCHERS", 1)
    settings = ServerSettings(store_uri="", artifacts_uri="/nowhere")
    services = Services(
        settings=settings,
        store=store,
        artifacts=LocalArtifactStore(Path("/nowhere")),
        locations=Locations("/nowhere"),
    )
    context = Context(services, method="GET", path="/", query=b"", headers=[], params={})

    async def scenario() -> None:
        hub, query = Hub(), LiveQuery([DEFAULT_EXPERIMENT_ID])
        first = await hub.stream(context, query)
        assert isinstance(first.chunks, AsyncGenerator)
        await anext(first.chunks)
        with pytest.raises(HttpError) as caught:
            await hub.stream(context, query)
        assert caught.value.status == 503
        await first.chunks.aclose()
        await hub.stream(context, query)

    asyncio.run(scenario())


def test_watchers_outlive_a_look_that_fails(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "POLL_S", 0.01)
    looks: list[int] = []
    honest = Watch.look

    def look(watch: Watch) -> list[RunChange]:
        looks.append(1)
        if len(looks) == 2:
            start(store)
            raise OSError("the store is away")
        return honest(watch)

    monkeypatch.setattr(Watch, "look", look)

    async def scenario() -> None:
        stream = Hub().events(store, (DEFAULT_EXPERIMENT_ID,))
        await anext(stream)
        assert b'"change":"new"' in await anext(stream)
        await stream.aclose()

    asyncio.run(scenario())
    assert "a look at the store failed" in caplog.text

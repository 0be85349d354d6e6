"""Live updates: what changed in some experiments, as server-sent events.

Nobody pushes: runs may be written by another process of this server, so each set of experiments
that somebody watches is polled once for all its watchers, in the background and only while
somebody watches. A poll reads the runs that are running and the newest ones, which is where
changes happen, so its cost doesn't grow with the number of runs. A watcher that reads too slowly
is told to read everything anew instead of being waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from time import monotonic
from typing import Annotated, Literal

import msgspec

from assay.entities.ids import ExperimentId, RunId
from assay.entities.lifecycle import LifecycleStage
from assay.entities.runs import Run, RunStatus
from assay.errors import LimitExceeded, RunNotFound
from assay.http.errors import HttpError
from assay.http.replies import StreamReply
from assay.server.assay_api.encoding import JsonFloat, json_float
from assay.server.context import Context
from assay.server.routing import Permission, Route
from assay.store.base import Query, Store
from assay.store.rest import wire

_log = logging.getLogger(__name__)

POLL_S = 1.0
"""Time between two looks while something changes; a curve that moves once a second looks alive."""
CALM_POLL_S = 3.0
"""Time between two looks after ``CALM_AFTER`` looks without a change."""
CALM_AFTER = 5
HEARTBEAT_S = 15.0
"""An idle connection gets a comment this often, so that proxies keep it and a closed one is
noticed."""
LIFETIME_S = 300.0
"""A connection ends after this time and browsers open it again: one that was left behind frees its
place."""
MAX_WATCHERS = 256
"""Watchers per process; each is a connection and a short queue."""
MAX_EXPERIMENTS = 100
MAX_RUNNING = 500
MAX_NEWEST = 50
_QUEUE = 1_000
"""Changes that may wait for a watcher; then it gets ``resync``."""


class RunChange(msgspec.Struct, frozen=True):
    """Something about a run is new."""

    change: Literal["new", "updated", "deleted"]
    run_id: RunId
    experiment_id: ExperimentId
    run_name: str
    status: RunStatus
    start_time: int | None
    end_time: int | None
    metrics: dict[str, JsonFloat]
    """Latest values of the metrics that changed; of all metrics for a new run."""


class LiveQuery(msgspec.Struct, frozen=True):
    """Which experiments to watch."""

    experiment_ids: Annotated[
        list[ExperimentId], msgspec.Meta(min_length=1, max_length=MAX_EXPERIMENTS)
    ]


class _Seen(msgspec.Struct, frozen=True):
    """What a run looked like at the last poll."""

    run: Run
    points: dict[str, tuple[int, int]]


class Watch:
    """The poll of one set of experiments, and those who watch it."""

    def __init__(self, store: Store, experiment_ids: tuple[ExperimentId, ...]) -> None:
        self._store = store
        self._experiment_ids = experiment_ids
        self._seen: dict[RunId, _Seen] | None = None
        self.queues: set[asyncio.Queue[RunChange | None]] = set()
        self.task: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()
        """Set after the first look, against which changes are told."""

    async def follow(self) -> None:
        """Poll until nobody watches."""
        calm = 0
        while self.queues:
            try:
                changes = await asyncio.to_thread(self.look)
            except Exception:  # noqa: BLE001 - watchers outlive a store that is away for a while
                _log.warning("live updates: a look at the store failed", exc_info=True)
                changes = []
            self.ready.set()
            calm = 0 if changes else calm + 1
            for queue in self.queues:
                _offer(queue, changes)
            await asyncio.sleep(CALM_POLL_S if calm > CALM_AFTER else POLL_S)

    def look(self) -> list[RunChange]:
        """What changed since the last look; nothing at the first."""
        running = self._search("attributes.status = 'RUNNING'", MAX_RUNNING)
        now = {run.info.run_id: _seen(run) for run in (*self._search("", MAX_NEWEST), *running)}
        changes: list[RunChange] = []
        if self._seen is not None:
            for run_id, seen in now.items():
                changes.extend(_changes(self._seen.get(run_id), seen.run))
            for run_id in self._seen.keys() - now.keys():
                changes.extend(self._gone(self._seen[run_id]))
        self._seen = now
        return changes

    def _search(self, text: str, count: int) -> list[Run]:
        query = Query(filter=text, max_results=count)
        return self._store.runs.search(self._experiment_ids, query).items

    def _gone(self, seen: _Seen) -> list[RunChange]:
        """A run that the searches no longer show: ended, deleted, or pushed out by newer ones."""
        try:
            run = self._store.runs.get(seen.run.info.run_id)
        except RunNotFound:
            return [_change("deleted", seen.run, {})]
        if run.info.lifecycle_stage is LifecycleStage.DELETED:
            return [_change("deleted", run, {})]
        return _changes(seen, run)


def _seen(run: Run) -> _Seen:
    return _Seen(run, {point.key: (point.step, point.timestamp) for point in run.data.latest})


def _changes(seen: _Seen | None, run: Run) -> list[RunChange]:
    if seen is None:
        return [_change("new", run, run.data.metrics)]
    moved = {
        point.key: point.value
        for point in run.data.latest
        if seen.points.get(point.key) != (point.step, point.timestamp)
        or not _same(seen.run.data.metrics.get(point.key), point.value)
    }
    if not moved and run.info == seen.run.info:
        return []
    return [_change("updated", run, moved)]


def _same(one: float | None, other: float) -> bool:
    return one == other or (one is not None and one != one and other != other)  # noqa: PLR0124 - NaN


def _change(
    kind: Literal["new", "updated", "deleted"], run: Run, metrics: dict[str, float]
) -> RunChange:
    return RunChange(
        change=kind,
        run_id=run.info.run_id,
        experiment_id=run.info.experiment_id,
        run_name=run.info.run_name,
        status=run.info.status,
        start_time=run.info.start_time,
        end_time=run.info.end_time,
        metrics={key: json_float(value) for key, value in metrics.items()},
    )


def _offer(queue: asyncio.Queue[RunChange | None], changes: list[RunChange]) -> None:
    if queue.qsize() + len(changes) > _QUEUE:
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)
        return
    for change in changes:
        queue.put_nowait(change)


class Hub:
    """All watches of one server process."""

    def __init__(self) -> None:
        self.watches: dict[tuple[ExperimentId, ...], Watch] = {}

    @property
    def watchers(self) -> int:
        """How many connections are open."""
        return sum(len(watch.queues) for watch in self.watches.values())

    async def stream(self, context: Context, request: LiveQuery) -> StreamReply:
        """The stream for one watcher."""
        if len(request.experiment_ids) > MAX_EXPERIMENTS:
            raise LimitExceeded(
                "Experiments of one live stream",
                limit=MAX_EXPERIMENTS,
                got=len(request.experiment_ids),
            )
        if self.watchers >= MAX_WATCHERS:
            raise HttpError(
                503,
                "Too many live streams are open. Try again later.",
                error_code="TEMPORARILY_UNAVAILABLE",
                headers=((b"retry-after", b"10"),),
            )
        key = tuple(sorted(set(request.experiment_ids)))
        return StreamReply(self.events(context.store, key), content_type=b"text/event-stream")

    async def events(
        self, store: Store, key: tuple[ExperimentId, ...]
    ) -> AsyncGenerator[bytes, None]:
        """Events for one watcher; the first comes when changes from now on are noticed."""
        watch = self.watches.get(key)
        if watch is None:
            watch = self.watches[key] = Watch(store, key)
        queue: asyncio.Queue[RunChange | None] = asyncio.Queue()
        watch.queues.add(queue)
        if watch.task is None:
            watch.task = asyncio.create_task(watch.follow())
        end = monotonic() + LIFETIME_S
        try:
            await watch.ready.wait()
            yield b"retry: 1000\n: watching\n\n"
            while (left := end - monotonic()) > 0:
                try:
                    async with asyncio.timeout(min(HEARTBEAT_S, left)):
                        change = await queue.get()
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                yield _event(change)
        finally:
            watch.queues.discard(queue)
            if not watch.queues:
                self.watches.pop(key, None)
                watch.task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch.task


def _event(change: RunChange | None) -> bytes:
    if change is None:
        return b"event: resync\ndata: {}\n\n"
    # JSON never holds a raw line break, so a change is one line.
    return b"event: run\ndata: " + msgspec.json.encode(change) + b"\n\n"


def live_routes() -> tuple[Route, ...]:
    """The route of live updates, with a hub of its own: one per application."""
    return (
        Route(
            method="GET",
            path=wire.PREFIX + "/live",
            handler=Hub().stream,
            permission=Permission.READ,
            summary="Changes of runs in some experiments as server-sent events.",
            request=LiveQuery,
            response=RunChange,
            response_kind="text/event-stream",
            group="Live updates",
        ),
    )

"""The host: the models of one process, and who answers which requests.

Preparing a plan loads what isn't loaded yet, in a thread; using one is a change of one reference on
the event loop, so a request sees the old plan or the new one, never half of each. Models that no
plan has any more go when their last request is answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assay.errors import AssayError, NotFound
from assay.http.errors import HttpError
from assay.serving.lane import Lane
from assay.serving.log.recorder import Note, Recorder
from assay.serving.process.plan import Known, Plan, Version
from assay.serving.served import load
from assay.serving.settings import ServingSettings
from assay.serving.threads import HANGS, PredictionThreads
from assay.serving.traffic import Traffic

if TYPE_CHECKING:
    from assay.serving.process.changes import Changes

_log = logging.getLogger(__name__)
_SHADOWS = 16
"""Shadow requests at once, in each process; more are left out, so that they never slow answers."""


class Host:
    """Models by the names of their routes. Lives on the event loop."""

    def __init__(self, settings: ServingSettings, recorder: Recorder | None = None) -> None:
        self.settings = settings
        self._recorder = recorder
        self.plan = Plan(number=0, versions=[], routes=[])
        """What answers now."""
        self.lanes: dict[str, Lane] = {}
        """Loaded versions of the plan in use, by their keys."""
        self._routes: dict[str, Traffic] = {}
        self._threads = PredictionThreads(settings.threads)
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="assay-load")
        self._prepared: list[tuple[Plan, dict[str, Lane]]] = []
        """What may be used next."""
        self.changes: Changes | None = None
        """Where wishes for other models go; ``None``: they aren't taken."""
        self.known = Known({}, 0, [])
        """What all workers together counted, a second ago at most."""
        self._asking = 0
        self._shadowing: set[asyncio.Task[None]] = set()

    @property
    def is_ready(self) -> bool:
        """Whether there is a plan in use."""
        return bool(self._routes)

    async def prepare(self, plan: Plan) -> dict[str, str]:
        """Load the plan's versions; the reasons of those that can't be served, by key."""
        loop = asyncio.get_running_loop()
        lanes: dict[str, Lane] = {}
        failures: dict[str, str] = {}
        loaded = {key: lane for _, known in self._prepared for key, lane in known.items()}
        loaded.update(self.lanes)
        for version in plan.versions:
            known = loaded.get(version.key)
            if known is not None:
                lanes[version.key] = known
                continue
            made = await loop.run_in_executor(self._loader, self._load, version)
            if isinstance(made, Lane):
                lanes[version.key] = made
            else:
                failures[version.key] = made
        # A new worker is yet to be told to use the first, whatever comes after it.
        first = [] if self.is_ready else self._prepared[:1]
        self._prepared = [*first, (plan, lanes)]
        return failures

    def _load(self, version: Version) -> Lane | str:
        try:
            served = load(version, trust=self.settings.trust)
        except AssayError as error:
            return error.message
        except Exception as error:  # noqa: BLE001 - a model may raise anything; it is told
            _log.exception("%s can't be served", version.key)
            return f"{type(error).__name__}: {error}"
        return Lane(served, self._threads, self.settings, self._recorder)

    def use(self, number: int) -> None:
        """Answer by the plan that was prepared under this number."""
        if self.is_ready and self.plan.number == number:
            return
        plan, lanes = next(one for one in self._prepared if one[0].number == number)
        self._routes = {route.name: Traffic(route, lanes) for route in plan.routes}
        for route in plan.routes:
            for key in (route.main, *(one.key for one in (*route.canaries, *route.shadows))):
                lanes[key].is_compared = route.is_trial
        self.plan, self.lanes = plan, lanes
        self._prepared = [one for one in self._prepared if one[0].number > number]

    def traffic(self, name: str | None) -> Traffic:
        """The route of this name; ``None``: the only one.

        Raises:
            NotFound: there is none, or the request must say which.
        """
        routes = self._routes
        if name is None and len(routes) == 1:
            return next(iter(routes.values()))
        if name is not None and name in routes:
            return routes[name]
        known = ", ".join(routes)
        if name is None:
            raise NotFound(
                f"Several models are served here ({known}): ask /models/<name>/invocations."
            )
        raise NotFound(f"No model {name!r} is served here, only {known or 'none yet'}.")

    def routes(self) -> list[Traffic]:
        """All routes, in the order in which they were asked for."""
        return list(self._routes.values())

    def note(self, request_id: str, body: bytes) -> Note | None:
        """A note of a request for the prediction log; ``None``: it isn't logged."""
        if self._recorder is None:
            return None
        return self._recorder.begin(request_id, len(body))

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around each prediction: at most so many at once as the limits allow.

        Raises:
            HttpError: 503, when there are.
        """
        if self._asking >= self.settings.limits.concurrency:
            raise HttpError(
                503,
                f"{self._asking} predictions are being asked for already; try again in a second.",
                error_code="RESOURCE_EXHAUSTED",
                headers=((b"retry-after", b"1"),),
            )
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    @contextmanager
    def staying(self) -> Iterator[None]:
        """Around the rest of an answer that ``asking`` let in and that is sent piece by piece."""
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    def hangs(self) -> bool:
        """Whether all threads are in predictions that were given up long ago."""
        return self._threads.all_busy_for(HANGS * self.settings.limits.timeout_s)

    def ask_shadows(
        self,
        traffic: Traffic,
        body: bytes,
        kind: str,
        answer: bytes,
        note: Note | None = None,
    ) -> None:
        """Ask the route's shadows what the answering version was asked, for their counts only."""
        for lane in traffic.shadows():
            if len(self._shadowing) >= _SHADOWS:
                return
            task = asyncio.get_running_loop().create_task(_shadow(lane, body, kind, answer, note))
            self._shadowing.add(task)
            task.add_done_callback(self._shadowing.discard)

    def close(self) -> None:
        """Wait for no thread: what they still do is nobody's any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._loader.shutdown(wait=False, cancel_futures=True)


async def _shadow(lane: Lane, body: bytes, kind: str, answer: bytes, note: Note | None) -> None:
    shadowed = None if note is None else note.for_shadow()
    try:
        lane.counts.compare(same=await lane.answer(body, kind, shadowed) == answer)
    except Exception as error:  # noqa: BLE001 - it is counted; nobody waits for it
        _log.debug("shadow %s: %s", lane.version.key, error)

"""Wishes: models that were asked to be loaded or unloaded over HTTP, until each is answered.

Only the supervisor's own thread calls what is here; the registry is asked by the follower's.
"""

from __future__ import annotations

from typing import NamedTuple

from assay.serving.process.crew import Worker
from assay.serving.process.follow import Follower
from assay.serving.process.plan import Answered, Plan, Wish


class _Open(NamedTuple):
    worker: Worker
    wish: Wish


class Wishes:
    """What is still to be answered."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._open: list[_Open] = []

    def add(self, worker: Worker, wish: Wish) -> None:
        """A worker was asked for a change; a plan with it will follow, or a refusal."""
        self._open.append(_Open(worker, wish))
        self._follower.change(wish)

    def settled(self, plan: Plan) -> None:
        """All workers answer by this plan."""
        sources = {route.name: route.source for route in plan.routes}
        for one in list(self._open):
            if sources.get(one.wish.name) == one.wish.uri:
                self._answer(one, None)

    def refused(self, reason: str) -> bool:
        """The plan with the wishes can't be used: they are taken back. Whether there were any."""
        had = bool(self._open)
        for one in list(self._open):
            self._follower.take_back(one.wish)
            self._answer(one, reason)
        return had

    def failed(self, wish: Wish, reason: str) -> None:
        """The registry doesn't have what a wish names."""
        for one in list(self._open):
            if one.wish is wish:
                self._answer(one, reason)

    def _answer(self, one: _Open, reason: str | None) -> None:
        self._open.remove(one)
        one.worker.tell(Answered(one.wish.number, reason))

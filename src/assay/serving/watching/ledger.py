"""The ledger: what all workers counted, those that are gone included, and how trials go."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import NamedTuple

from assay.policies.traffic import Abort
from assay.serving.process.plan import Plan, Version
from assay.serving.watching.counts import Counts, since, total
from assay.serving.watching.trials import judge


class Ending(NamedTuple):
    """A trial that is to end."""

    version: Version
    selector: str
    reason: str

    @property
    def name(self) -> str:
        """Of the registered model."""
        return self.version.name


class Ledger:
    """Counts by version, over the life of the server."""

    def __init__(self) -> None:
        self._now: dict[Hashable, dict[str, Counts]] = {}
        self._past: dict[str, Counts] = {}
        self._begun: dict[tuple[str, str], tuple[Counts, Counts]] = {}
        """Counts of the trial's version and of the main one when a trial began, by their keys."""
        self._plan: Plan | None = None

    def note(self, worker: Hashable, counts: dict[str, Counts]) -> None:
        """What a worker counts now. A version that it has let go is kept as it last was."""
        before = self._now.get(worker, {})
        for key in before.keys() - counts.keys():
            self._past[key] = total([self._past.get(key, Counts()), before[key]])
        self._now[worker] = counts

    def gone(self, worker: Hashable) -> None:
        """A worker has ended."""
        self.note(worker, {})
        self._now.pop(worker, None)

    def totals(self) -> dict[str, Counts]:
        """Counts of all workers together."""
        keys = dict.fromkeys([*self._past, *(key for one in self._now.values() for key in one)])
        return {
            key: total(
                [
                    self._past.get(key, Counts()),
                    *(one[key] for one in self._now.values() if key in one),
                ]
            )
            for key in keys
        }

    def begin(self, plan: Plan) -> None:
        """From now on this plan is used: trials that it goes on with are judged from their own
        beginning, new ones from here.
        """
        now = self.totals()
        begun = {}
        for route in plan.routes:
            for share in (*route.canaries, *route.shadows):
                pair = (share.key, route.main)
                fresh = (now.get(share.key, Counts()), now.get(route.main, Counts()))
                begun[pair] = self._begun.get(pair, fresh)
        self._begun, self._plan = begun, plan

    def endings(self) -> Iterator[Ending]:
        """Trials that have gone beyond the limits of their route."""
        if not self._begun or self._plan is None:
            return
        now = self.totals()
        versions = {version.key: version for version in self._plan.versions}
        for route in self._plan.routes:
            for share in (*route.canaries, *route.shadows):
                begun = self._begun[share.key, route.main]
                trial = since(now.get(share.key, Counts()), begun[0])
                main = since(now.get(route.main, Counts()), begun[1])
                verdict = judge(route.abort or Abort(), trial, main)
                if verdict is not None:
                    yield Ending(versions[share.key], share.selector, verdict.reason)

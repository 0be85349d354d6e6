"""Telling: a scoring server's figures of the last hour, told to the registry every few seconds.

Pages show them beside the model. They are pushed, because the registry's server asks no address
that somebody names; each time the whole hour is told, so that a registry that was away for a while
has all of it again. Models that aren't registered, and registries that can't keep figures or don't
let this server write, are told nothing.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from assay.entities.served_figures import (
    HOUR_MINUTES,
    MINUTE_MS,
    Part,
    ServedFigures,
    ServedMinute,
)
from assay.errors import AssayError, StoreUnavailable
from assay.fluent.reading import client_for
from assay.serving.process.plan import Plan, Route, Version
from assay.serving.watching.counts import Counts

_log = logging.getLogger(__name__)
_EVERY_S: Final = 5.0
_MAX_VERSIONS: Final = 100
_MAX_SOURCE: Final = 500

Send = Callable[[list[ServedFigures]], None]


class Teller:
    """Notes what is counted, and tells it. ``counted`` takes no time."""

    def __init__(
        self,
        *,
        deployment_id: str = "",
        every_s: float = _EVERY_S,
        send: Send | None = None,
    ) -> None:
        """``deployment_id``: under which the registry knows the server; ``send``: who is told,
        instead of the registry.
        """
        self._server_id = f"s-{os.urandom(8).hex()}"
        self._host = socket.gethostname()[:_MAX_SOURCE]
        self._deployment_id = deployment_id
        self._every_s = every_s
        self._send = send or _to_registry
        self._lock = threading.Lock()
        self._hours: dict[str, _Hour] = {}
        self._plan: Plan | None = None
        self._stopped = threading.Event()

    def start(self) -> threading.Thread:
        """Begin to tell, in a thread of its own."""
        thread = threading.Thread(target=self._tell_all, daemon=True, name="assay-tell")
        thread.start()
        return thread

    def stop(self) -> None:
        """Tell no more."""
        self._stopped.set()

    def counted(self, totals: dict[str, Counts], plan: Plan) -> None:
        """How all workers stand; called about once a second."""
        minute = int(time.time() * 1000) // MINUTE_MS * MINUTE_MS
        with self._lock:
            self._plan = plan
            for version in plan.versions:
                if version.version is not None and version.key in totals:
                    hour = self._hours.setdefault(version.key, _Hour(version))
                    hour.note(totals[version.key], minute)
            for hour in self._hours.values():
                hour.forget(minute)

    def figures(self) -> list[ServedFigures]:
        """The last hour, of the versions that are served or were."""
        with self._lock:
            if self._plan is None:
                return []
            parts = _parts(self._plan)
            told = []
            for key, hour in self._hours.items():
                part, percent, source = parts.get(key, (Part.FORMER, 0.0, ""))
                if part is Part.FORMER and not hour.minutes:
                    continue
                told.append(
                    ServedFigures(
                        server_id=self._server_id,
                        name=hour.version.name,
                        version=int(hour.version.version or 0),
                        part=part,
                        percent=percent,
                        source=source[:_MAX_SOURCE],
                        host=self._host,
                        deployment_id=self._deployment_id,
                        minutes=list(hour.minutes.values()),
                    )
                )
            # Those that answer come first, should there be too many.
            return sorted(told, key=lambda one: one.part is Part.FORMER)[:_MAX_VERSIONS]

    def _tell_all(self) -> None:
        away = False
        while not self._stopped.wait(self._every_s):
            figures = self.figures()
            if not figures:
                continue
            try:
                self._send(figures)
                away = False
            except StoreUnavailable as error:
                if not away:
                    _log.warning("the registry can't be told the figures now: %s", error.message)
                away = True
            except AssayError as error:
                _log.warning("the registry isn't told figures any more: %s", error.message)
                return


class _Hour:
    """The minutes of one version that had requests."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.minutes: dict[int, ServedMinute] = {}
        self._seen = Counts()

    def note(self, now: Counts, minute: int) -> None:
        """What came since the last look, to this minute."""
        seen, self._seen = self._seen, now
        fresh = ServedMinute(
            time=minute,
            answered=now.answered - seen.answered,
            refused=now.refused - seen.refused,
            failed=now.failed - seen.failed,
            seconds=max(0.0, now.seconds - seen.seconds),
            buckets=[a - b for a, b in zip(now.buckets, seen.buckets, strict=True)],
        )
        if fresh.answered or fresh.refused or fresh.failed:
            before = self.minutes.get(minute)
            self.minutes[minute] = fresh if before is None else _sum(before, fresh)

    def forget(self, minute: int) -> None:
        """Let go what is older than an hour."""
        since = minute - HOUR_MINUTES * MINUTE_MS
        for time_ms in [one for one in self.minutes if one <= since]:
            del self.minutes[time_ms]


def _sum(one: ServedMinute, other: ServedMinute) -> ServedMinute:
    return ServedMinute(
        time=one.time,
        answered=one.answered + other.answered,
        refused=one.refused + other.refused,
        failed=one.failed + other.failed,
        seconds=one.seconds + other.seconds,
        buckets=[a + b for a, b in zip(one.buckets, other.buckets, strict=True)],
    )


def _parts(plan: Plan) -> dict[str, tuple[Part, float, str]]:
    """Part, percent and source by version; of one that has several parts, the first."""
    parts: dict[str, tuple[Part, float, str]] = {}
    for route in plan.routes:
        parts.setdefault(route.main, (Part.MAIN, _rest(route), route.source))
        for share in route.canaries:
            parts.setdefault(share.key, (Part.CANARY, share.weight, route.source))
        for share in route.shadows:
            parts.setdefault(share.key, (Part.SHADOW, share.weight, route.source))
    return parts


def _rest(route: Route) -> float:
    return max(0.0, 100.0 - sum(share.weight for share in route.canaries))


def _to_registry(figures: list[ServedFigures]) -> None:
    client_for().store.deployments.tell(figures)

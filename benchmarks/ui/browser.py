"""A fresh tab whose traffic, tasks, frames and memory can be read, by way of DevTools."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, NamedTuple

from playwright.sync_api import Browser, BrowserContext, Page

PROBES = Path(__file__).with_name("probes.js")
WAIT_MS = 60_000
QUIET_MS = 700
"""A page without a new request for so long has what it starts with."""


class Sent(NamedTuple):
    """One request that was made, and what it brought over the wire."""

    url: str
    kind: str
    """DevTools' type: ``Document``, ``Script``, ``Stylesheet``, ``Font``, ``Fetch`` …"""
    at_ms: float
    """When it was asked for, in ms since 1970."""
    ended_ms: float
    """When the answer was there; infinite if it wasn't."""
    wire_bytes: int


class NotMeasured(Exception):
    """Why there is no figure."""


class Tab:
    """A page, seen through DevTools."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._cdp = page.context.new_cdp_session(page)
        self._kinds: dict[str, tuple[str, str, float]] = {}
        self._clock = 0.0
        """What DevTools' clock, in s, is behind the time of day."""
        self._ended: dict[str, float] = {}
        self._bytes: dict[str, int] = {}
        self._last = monotonic()
        self._cdp.on("Network.requestWillBeSent", self._sent)
        self._cdp.on("Network.loadingFinished", self._finished)
        self._cdp.send("Network.enable")
        # The time that the thread ran: what others did on the machine is not the page's work.
        self._cdp.send("Performance.enable", {"timeDomain": "threadTicks"})

    def _sent(self, event: dict[str, Any]) -> None:
        url, kind = event["request"]["url"], event.get("type", "Other")
        self._clock = event["wallTime"] - event["timestamp"]
        self._kinds[event["requestId"]] = (url, kind, event["wallTime"] * 1e3)
        self._last = monotonic()

    def _finished(self, event: dict[str, Any]) -> None:
        self._bytes[event["requestId"]] = int(event["encodedDataLength"])
        self._ended[event["requestId"]] = (event["timestamp"] + self._clock) * 1e3

    def open(self, url: str, selector: str, *, timeout_ms: int = WAIT_MS) -> float:
        """Go there and wait for what ``selector`` names; the milliseconds that took."""
        self.page.add_init_script(f"bench.watch({json.dumps(selector)})")
        began = perf_counter()
        self.page.goto(url, wait_until="commit", timeout=timeout_ms)
        self.page.wait_for_selector(selector, timeout=timeout_ms)
        return (perf_counter() - began) * 1e3

    def quiet(self) -> None:
        """Wait until no request was made for a while."""
        while (left := QUIET_MS - (monotonic() - self._last) * 1e3) > 0:
            self.page.wait_for_timeout(left)

    def sent(self) -> list[Sent]:
        """All requests until now; those that didn't end count as nothing on the wire."""
        return [
            Sent(url, kind, at_ms, self._ended.get(ident, inf), self._bytes.get(ident, 0))
            for ident, (url, kind, at_ms) in self._kinds.items()
            if url.startswith("http")
        ]

    def sent_before(self) -> list[Sent]:
        """The requests that were made before what the page was opened for was there."""
        seen = float(self.page.evaluate("bench.seenAt()"))
        return [one for one in self.sent() if one.at_ms < seen]

    def metric(self, name: str) -> float:
        """One of DevTools' figures of the page: ``ScriptDuration``, ``TaskDuration`` …"""
        found = {
            one["name"]: one["value"] for one in self._cdp.send("Performance.getMetrics")["metrics"]
        }
        return float(found[name])

    def heap_mb(self) -> float:
        """What its scripts hold, typed arrays among it, after collecting what they don't."""
        self._cdp.send("HeapProfiler.collectGarbage")
        used = self._cdp.send("Runtime.getHeapUsage")
        return float(used["usedSize"] + used.get("backingStorageSize", 0)) / 1e6

    def long_tasks(self) -> list[float]:
        """How long each task of more than 50 ms took, in ms."""
        if not self.page.evaluate("bench.supports()"):
            raise NotMeasured("this browser doesn't report long tasks")
        return [duration for _, duration in self.page.evaluate("bench.tasks()")]

    def wait_ms(self, condition: str, timeout_ms: int = WAIT_MS) -> float:
        """Wait until the expression or function holds; the milliseconds that took."""
        began = perf_counter()
        self.page.wait_for_function(condition, timeout=timeout_ms)
        return (perf_counter() - began) * 1e3

    def repaint_ms(self, kind: str, act: Callable[[], object], read: str) -> float:
        """From the next event of ``kind``, which ``act`` causes, until ``read`` (an expression)
        gives something else, painted.
        """
        before = self.page.evaluate(f"() => {read}")
        self.page.evaluate(
            f"([kind, before]) => {{ bench.arm(kind);"
            f" window.benchRepaint = bench.until(() => {read}, before, 20000); }}",
            [kind, before],
        )
        act()
        found = self.page.evaluate("() => window.benchRepaint")
        if found is None:
            raise NotMeasured("nothing changed within 20 s")
        return float(found)


@contextmanager
def tab(browser: Browser, width: int = 1280, height: int = 800) -> Iterator[Tab]:
    """A tab in a context of its own: nothing cached, nothing remembered."""
    with context(browser, width, height) as made:
        yield Tab(made.new_page())


@contextmanager
def context(browser: Browser, width: int = 1280, height: int = 800) -> Iterator[BrowserContext]:
    """A browser without a past."""
    made = browser.new_context(viewport={"width": width, "height": height})
    made.set_default_timeout(WAIT_MS)
    made.add_init_script(path=PROBES)
    try:
        yield made
    finally:
        made.close()


def percentile(values: list[float], share: float) -> float:
    """The value that ``share`` of the values don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

"""Figures of the server in Prometheus' text format, summed over all its processes.

Each process counts in its own slice of one anonymous shared memory map made before the processes
were forked, so a scrape that reaches any of them sees the whole server, without locks, files or a
client library.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from assay.server.routing import Route

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CLASSES = 6
"""Responses are counted by the first digit of their status; 0 is not used."""
_SUM = _CLASSES + len(BUCKETS_S) + 1
_WIDTH = _SUM + 1
"""Numbers kept per route: status classes, latency buckets, and the sum of seconds."""


class Monitor:
    """Counts requests by route, status class and latency."""

    def __init__(self, *, processes: int = 1) -> None:
        self._processes = processes
        self._base = 0
        self.watch(())

    def watch(self, routes: Iterable[Route]) -> None:
        """Count requests of these routes, known by their place; called before processes are
        forked.
        """
        self._labels = [(route.method, route.path) for route in routes]
        # The last row counts what matched no route.
        self._labels.append(("", ""))
        self._rows = len(self._labels)
        self._map = mmap.mmap(-1, 8 * _WIDTH * self._rows * self._processes)
        self._cells = memoryview(self._map).cast("d")

    def use_slice(self, process: int) -> None:
        """Count in the slice of this process, from 0."""
        self._base = process * self._rows * _WIDTH

    def count(self, place: int, *, status: int, seconds: float) -> None:
        """Note one answered request of the route at this place in the table; -1: of none."""
        row = self._base + (place if place >= 0 else self._rows - 1) * _WIDTH
        cells = self._cells
        cells[row + status // 100] += 1
        cells[row + _CLASSES + bisect_left(BUCKETS_S, seconds)] += 1
        cells[row + _SUM] += seconds

    def _sums(self, row: int) -> Sequence[float]:
        starts = [(p * self._rows + row) * _WIDTH for p in range(self._processes)]
        return [sum(self._cells[start + i] for start in starts) for i in range(_WIDTH)]

    def render(self) -> bytes:
        """All figures as text."""
        requests = [
            "# HELP assay_http_requests_total Answered requests.",
            "# TYPE assay_http_requests_total counter",
        ]
        times = [
            "# HELP assay_http_request_seconds Time until a request was answered.",
            "# TYPE assay_http_request_seconds histogram",
        ]
        for row, (method, path) in enumerate(self._labels):
            sums = self._sums(row)
            if not any(sums[:_CLASSES]):
                continue
            label = f'method="{method}",route="{path}"'
            requests += [
                f'assay_http_requests_total{{{label},status="{digit}xx"}} {int(sums[digit])}'
                for digit in range(1, _CLASSES)
                if sums[digit]
            ]
            times += _histogram(label, sums)
        processes = [
            "# HELP assay_processes Processes that serve.",
            "# TYPE assay_processes gauge",
            f"assay_processes {self._processes}",
        ]
        return ("\n".join(requests + times + processes) + "\n").encode()


def _histogram(label: str, sums: Sequence[float]) -> list[str]:
    name, total, lines = "assay_http_request_seconds", 0, []
    for place, bound in enumerate((*(str(b) for b in BUCKETS_S), "+Inf")):
        total += int(sums[_CLASSES + place])
        lines.append(f'{name}_bucket{{{label},le="{bound}"}} {total}')
    return [*lines, f"{name}_sum{{{label}}} {sums[_SUM]:.6f}", f"{name}_count{{{label}}} {total}"]

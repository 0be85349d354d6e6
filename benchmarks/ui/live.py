"""B13: pages that watch fifty runs, each of which logs ten metrics a second."""

from __future__ import annotations

import http.client
import json
import tempfile
import threading
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser

from benchmarks.registry import serving
from benchmarks.ui import charts, table
from benchmarks.ui.browser import tab
from benchmarks.ui.budgets import Figures

RUNS, METRICS = 50, 10
SECONDS = 60
WARM_UP_MS = 8_000
"""Until the first points of all runs are there and drawn."""


class Writer(threading.Thread):
    """The runs: each second one batch of each."""

    def __init__(self, url: str, runs: list[str]) -> None:
        super().__init__(daemon=True)
        self._url, self._runs = url, runs
        self._over = threading.Event()
        self.late = 0

    def run(self) -> None:
        """Log until stopped; a second that took longer is counted as late."""
        step, due = 0, monotonic()
        while not self._over.wait(max(0.0, due - monotonic())):
            now = int(due * 1e3)
            for number, run in enumerate(self._runs):
                value = 1 / (1 + step / 20) + number * 0.01
                metrics = [
                    {"key": f"group/m{i}", "value": value + i, "timestamp": now, "step": step}
                    for i in range(METRICS)
                ]
                call(self._url, "runs/log-batch", {"run_id": run, "metrics": metrics})
            step += 1
            due += 1
            self.late += monotonic() > due

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self.join()


def call(url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """One call of MLflow's API."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    headers = {"content-type": "application/json"}
    connection.request("POST", f"/api/2.0/mlflow/{path}", json.dumps(body), headers)
    answer = connection.getresponse()
    found = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {found[:300]!r}")
    return dict(json.loads(found))


def measure(browser: Browser) -> Figures:
    """The table, then the charts, for a minute each."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as work:
        folder = Path(work)
        with serving("assay", f"sqlite:///{folder}/assay.db", folder) as url:
            experiment = call(url, "experiments/create", {"name": "live"})["experiment_id"]
            about = [{"experiment_id": experiment, "run_name": f"live-{i}"} for i in range(RUNS)]
            runs = [call(url, "runs/create", one)["run"]["info"]["run_id"] for one in about]
            writer = Writer(url, runs)
            writer.start()
            try:
                return {
                    **_watch(browser, f"{url}/experiments/{experiment}", table.FIRST_ROW, "table"),
                    **_watch(
                        browser,
                        url + charts.address(experiment, limit=RUNS),
                        "[data-drawn]",
                        "charts",
                    ),
                    "late": writer.late,
                }
            finally:
                writer.stop()


def _watch(browser: Browser, page: str, selector: str, name: str) -> Figures:
    with tab(browser) as made:
        made.open(page, selector)
        made.page.wait_for_timeout(WARM_UP_MS)
        heap, busy = made.heap_mb(), made.metric("TaskDuration")
        made.page.wait_for_timeout(SECONDS * 1e3)
        busy = made.metric("TaskDuration") - busy
        return {f"{name}_busy": 100 * busy / SECONDS, f"{name}_growth_mb": made.heap_mb() - heap}

"""Assay's pages beside MLflow's, in turn within one run, over the same runs."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser

from benchmarks.registry import serving
from benchmarks.ui import charts, mlflow_seed, table
from benchmarks.ui.browser import percentile, tab
from benchmarks.ui.budgets import Figures

TIMEOUT_MS = 180_000
TALL = (1600, 3600)
"""All twenty panels of either fit in without scrolling."""
MLFLOW_ROW = '.ag-row a[href*="/runs/"]'
MLFLOW_DRAWN = """() => {
    const lines = [...document.querySelectorAll(".js-plotly-plot")].map((plot) =>
        [...plot.querySelectorAll(".scatterlayer .js-line")].filter(
            (line) => (line.getAttribute("d") ?? "").length > 400).length);
    return lines.length === 20 && lines.every((count) => count >= 10);
}"""
MLFLOW_SCROLL = """async ([frames, pixels]) => {
    const box = document.querySelector(".ag-body-viewport");
    return [await bench.scroll(box, frames, pixels), box.scrollTop];
}"""
MLFLOW_FRAMES = 20
"""The hundred runs that its first page has end after so many."""


class Compared(NamedTuple):
    """One row of the table."""

    figure: str
    title: str
    unit: str
    least: float | None = None
    """How many times less than MLflow's is aimed at."""
    digits: int = 0


COMPARED = [
    Compared("rows_ms", "run table cold, 10,000 runs (MLflow: 500)", "ms", 3),
    Compared("curves_ms", "10 runs × 20 metrics × 1,000 points, all drawn", "ms", 8),
    Compared("scripts_kb", "scripts of the run table on the wire", "kB"),
    Compared("requests", "requests until the first rows", ""),
    Compared("api_kb", "what the API sent for them", "kB"),
    Compared("frame_p95_ms", "scrolling the table: frame, p95", "ms", digits=1),
    Compared("heap_mb", "heap with the run table", "MB", digits=1),
]


def measure(browser: Browser, url: str, rounds: int) -> dict[str, Any]:
    """Medians of both, which take turns."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as work:
        folder = Path(work)
        ids = mlflow_seed.fill(folder)
        with serving("mlflow", f"sqlite:///{folder}/mlflow.db", folder) as theirs:
            once: dict[str, Callable[[], Figures]] = {
                "assay": lambda: _ours(browser, url),
                "mlflow": lambda: _theirs(browser, theirs, ids),
            }
            seen: dict[str, list[Figures]] = {tool: [] for tool in once}
            for _ in range(rounds):
                for tool, look in once.items():
                    seen[tool].append(look())
    return {
        "version": version("mlflow"),
        "figures": {
            tool: {name: statistics.median(one[name] for one in found) for name in found[0]}
            for tool, found in seen.items()
        },
    }


def _ours(browser: Browser, url: str) -> Figures:
    figures = _table(browser, url + table.EXPERIMENT, table.FIRST_ROW, table.SCROLL)
    return {**figures, "curves_ms": charts.all_curves_ms(browser, url, *TALL)}


def _theirs(browser: Browser, url: str, ids: dict[str, str]) -> Figures:
    page = f"{url}/#/experiments/{ids['big']}/runs"
    figures = _table(browser, page, MLFLOW_ROW, MLFLOW_SCROLL)
    with tab(browser, *TALL) as made:
        curves = f"{url}/#/experiments/{ids['curves']}/runs?compareRunsMode=CHART"
        first = made.open(curves, ".js-plotly-plot", timeout_ms=TIMEOUT_MS)
        figures["curves_ms"] = first + made.wait_ms(MLFLOW_DRAWN, TIMEOUT_MS)
    return figures


def _table(browser: Browser, page: str, row: str, scroll: str) -> Figures:
    with tab(browser) as made:
        took = made.open(page, row, timeout_ms=TIMEOUT_MS)
        made.quiet()
        first = made.sent_before()
        api = [one for one in first if "/api/" in one.url or "/ajax-api/" in one.url]
        graphql = [one for one in first if one.url.endswith("/graphql")]
        scripts = [one for one in made.sent() if one.kind == "Script"]
        deltas, _ = made.page.evaluate(scroll, [MLFLOW_FRAMES, 100])
        return {
            "rows_ms": took,
            "requests": len(first),
            "api_kb": sum(one.wire_bytes for one in [*api, *graphql]) / 1e3,
            "scripts_kb": sum(one.wire_bytes for one in scripts) / 1e3,
            "frame_p95_ms": percentile(deltas, 0.95),
            "heap_mb": made.heap_mb(),
        }

"""B1 to B7: the run table, over ``big``."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote, urlsplit

from playwright.sync_api import Browser

from assay.server.ui import STATIC
from benchmarks.ui.browser import Sent, Tab, context, percentile, tab
from benchmarks.ui.budgets import Figures

FIRST_ROW = "[data-run-row][data-run]"
EXPERIMENT = "/experiments/1"
ROW_IDS = """(() => {
    const rows = [...document.querySelectorAll("[data-run-row][data-run]")].slice(0, 6);
    return rows.length ? rows.map((row) => row.dataset.run).join() : null;
})()"""
SCROLL = """async ([frames, pixels]) => {
    const box = bench.scrollerOf(document.querySelector("[data-run-row]"));
    return [await bench.scroll(box, frames, pixels), box.scrollTop];
}"""
FRAMES, PIXELS = 200, 600


def wide_columns() -> str:
    """Thirty columns, as the address names them."""
    keys = ("train/loss", "val/loss", "val/accuracy")
    stats = ("", ".min", ".max", ".mean")
    metrics = [f"m{stat}:{key}" for key in keys for stat in stats]
    params = ["p:learning_rate", "p:batch_size", "p:model"]
    params += [f"p:config/option_{i:02d}" for i in range(12)]
    return quote(json.dumps(["a:status", "a:start_time", "a:duration", *metrics, *params]))


def bytes_and_requests(browser: Browser, url: str, page: str = EXPERIMENT) -> Figures:
    """B1, B2 and B3: a cold load, until the page is quiet and until its rows came."""
    with tab(browser) as made:
        made.open(url + page, FIRST_ROW)
        made.quiet()
        everything = made.sent()
    rows = min(one.ended_ms for one in everything if one.url.endswith("/runs/rows"))
    first = [one for one in everything if one.at_ms < rows]
    scripts = _of_kind(everything, "Script")
    styles = _of_kind(everything, "Stylesheet")
    # What the browser asks for by itself is the icon; the stream of changes never ends.
    asked = [one for one in first if one.kind not in ("Other", "EventSource")]
    api = [one for one in asked if "/api/" in one.url]
    return {
        "js_kb": sum(_gzip_bytes(one) for one in scripts) / 1e3,
        "js_wire_kb": sum(one.wire_bytes for one in scripts) / 1e3,
        "chunk_kb": largest_chunk({Path(urlsplit(one.url).path).name for one in scripts}) / 1e3,
        "css_kb": sum(_gzip_bytes(one) for one in styles) / 1e3,
        "fonts": len(_of_kind(everything, "Font")),
        "requests": len(asked),
        "api_requests": len(api),
        "api_kb": sum(one.wire_bytes for one in api) / 1e3,
    }


def _of_kind(sent: list[Sent], kind: str) -> list[Sent]:
    return [one for one in sent if one.kind == kind]


def _gzip_bytes(one: Sent) -> int:
    return gzip_size(STATIC / urlsplit(one.url).path.lstrip("/"))


def gzip_size(path: Path) -> int:
    """Bytes of a file's gzip form: the wire may have carried it as Brotli, or as it is."""
    packed = path.with_name(path.name + ".gz")
    return (packed if packed.exists() else path).stat().st_size


def largest_chunk(initial: set[str]) -> int:
    """Gzip bytes of the largest script that isn't among those of the first page."""
    lazy = [path for path in (STATIC / "assets").glob("*.js") if path.name not in initial]
    return max((gzip_size(path) for path in lazy), default=0)


def appearing(browser: Browser, url: str) -> Figures:
    """B4: from typing the address to rows, without and with the browser's cache."""
    with context(browser) as made:
        cold = Tab(made.new_page()).open(url + EXPERIMENT, FIRST_ROW)
        warm = Tab(made.new_page()).open(url + EXPERIMENT, FIRST_ROW)
    return {"cold_ms": cold, "warm_ms": warm}


def blocking(browser: Browser, url: str) -> Figures:
    """B5: tasks of the main thread that keep a reader waiting while the page comes."""
    with tab(browser) as made:
        made.open(url + EXPERIMENT, FIRST_ROW)
        made.quiet()
        tasks = made.long_tasks()
    return {
        "blocking_ms": sum(duration - 50 for duration in tasks),
        "longest_ms": max(tasks, default=50.0),
    }


def scrolling(browser: Browser, url: str) -> Figures:
    """B6: 200 frames of 600 pixels over 30 columns."""
    with tab(browser) as made:
        made.open(f"{url}{EXPERIMENT}?cols={wide_columns()}", FIRST_ROW)
        made.quiet()
        before = made.metric("ScriptDuration")
        deltas, top = made.page.evaluate(SCROLL, [FRAMES, PIXELS])
        script = made.metric("ScriptDuration") - before
        nodes = made.page.locator("[data-run-row]").count()
    if top < FRAMES * PIXELS * 0.9:
        raise SystemExit(f"the table scrolled by {top:.0f} pixels only")
    return {
        "p50_ms": percentile(deltas, 0.5),
        "p95_ms": percentile(deltas, 0.95),
        "max_ms": max(deltas),
        "script_ms": script * 1e3 / FRAMES,
        "nodes": nodes,
    }


def asking(browser: Browser, url: str) -> Figures:
    """B7: another order, then a filter, each until other rows were painted."""
    with tab(browser) as made:
        made.open(url + EXPERIMENT + f"?cols={wide_columns()}", FIRST_ROW)
        made.quiet()
        head = made.page.locator('[data-col-id="m:val/loss"] button').first
        sort = made.repaint_ms("click", head.click, ROW_IDS)
        made.quiet()
        box = made.page.get_by_role("search").get_by_role("combobox")
        box.click()

        def search() -> None:
            made.page.keyboard.insert_text("params.model = 'cnn'")
            made.page.keyboard.press("Enter")

        found = made.repaint_ms("input", search, ROW_IDS)
    return {"sort_ms": sort, "filter_ms": found}


def heap(browser: Browser, url: str) -> Figures:
    """B12, the table's half: after scrolling through a good part of it."""
    with tab(browser) as made:
        made.open(f"{url}{EXPERIMENT}?cols={wide_columns()}", FIRST_ROW)
        made.page.evaluate(SCROLL, [FRAMES, PIXELS])
        made.quiet()
        return {"table_mb": made.heap_mb()}

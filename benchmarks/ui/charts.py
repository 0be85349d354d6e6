"""B8 to B12: panels of curves. The pages note what they fetch and draw as ``performance`` measures;
each plot says in ``data-drawn`` how many lines it shows.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Browser

from benchmarks.ui.browser import NotMeasured, Tab, percentile, tab
from benchmarks.ui.budgets import Figures
from benchmarks.ui.content import RUNS_OF_CURVES

PANELS, CURVES, LONG = "2", "3", "4"
"""Ids of the seed's experiments."""
DRAWN = f'[data-drawn="{RUNS_OF_CURVES}"]'
TWELVE = (1600, 1500)
ALL = (1600, 14_000)
"""High enough for a hundred panels in three columns."""
MOVES = 40
COUNT = f"""(() => {{
    const inView = [...document.querySelectorAll('{DRAWN}')].filter((one) => {{
        const box = one.getBoundingClientRect();
        return box.top < innerHeight && box.bottom > 0;
    }});
    return inView.length;
}})()"""
TIMES = """() => {
    const fetches = bench.measures("assay:panel-fetch", 0);
    const draws = bench.measures("assay:panel-draw", 0).filter((one) => one.detail.lines > 0);
    return {
        asked: Math.min(...fetches.map((one) => one.start)),
        answered: Math.min(...fetches.map((one) => one.end)),
        drawn: Math.max(...draws.map((one) => one.end)),
        drawing: draws.reduce((sum, one) => sum + one.end - one.start, 0),
        draws: draws.length,
    };
}"""
ZOOM = """async () => {
    const since = bench.since();
    const start = performance.now();
    for (;;) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const draws = bench.measures("assay:panel-draw", since);
        const fetches = bench.measures("assay:panel-fetch", since);
        const refined = fetches.length && draws.find((one) => one.start >= fetches[0].end);
        if (refined) return [draws[0].end - since, refined.end - since];
        if (performance.now() - start > 20000) return null;
    }
}"""
SCROLL = """async ([frames, pixels]) => {
    const box = bench.scrollerOf(document.querySelector("[data-drawn]"));
    const before = box.scrollTop;
    return [await bench.scroll(box, frames, pixels), box.scrollTop - before];
}"""


def address(experiment: str, **state: Any) -> str:
    """The charts of an experiment, in a state of the page's own."""
    charts = f"&charts={quote(json.dumps(state))}" if state else ""
    return f"/experiments/{experiment}?tab=charts{charts}"


def _settled(made: Tab, least: int) -> dict[str, float]:
    """When all panels that come by themselves are drawn: what the page noted."""
    made.wait_ms(f"() => {COUNT} >= {least}")
    made.quiet()
    times: dict[str, float] = made.page.evaluate(TIMES)
    return times


def twelve(browser: Browser, url: str) -> Figures:
    """B8: a window that twelve panels or more fit in."""
    with tab(browser, *TWELVE) as made:
        made.open(url + address(PANELS), DRAWN)
        times = _settled(made, 12)
    return {
        "draw_ms": times["drawn"] - times["answered"],
        "total_ms": times["drawn"] - times["asked"],
    }


def hundred(browser: Browser, url: str) -> Figures:
    """B9: a hundred panels, of which few are in view, then all."""
    with tab(browser) as made:
        made.open(url + address(PANELS), DRAWN)
        first = _settled(made, 3)
        deltas, moved = made.page.evaluate(SCROLL, [150, 50])
    if moved < 3_000:
        raise NotMeasured(f"the page of panels scrolled by {moved:.0f} pixels only")
    with tab(browser, *ALL) as made:
        made.open(url + address(PANELS), DRAWN)
        everything = _settled(made, 100)
    return {
        "first_ms": first["drawn"] - first["asked"],
        "all_ms": everything["drawn"] - everything["answered"],
        "scroll_p95_ms": percentile(deltas, 0.95),
    }


def zooming(browser: Browser, url: str) -> Figures:
    """B10: a panel of ten million points, then a hundredth of its width dragged over."""
    with tab(browser, 1280, 800) as made:
        made.open(url + address(LONG, cols=1), DRAWN)
        times = _settled(made, 1)
        box = made.page.locator(".u-over").first.bounding_box()
        if box is None:
            raise NotMeasured("the plot is not on the page")
        x, y = box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2
        mouse = made.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + box["width"] * 0.005, y)
        mouse.move(x + box["width"] * 0.01, y)
        made.page.evaluate("() => { bench.arm('pointerup'); }")
        mouse.up()
        found = made.page.evaluate(ZOOM)
    if found is None:
        raise NotMeasured("the zoom asked the server for nothing within 20 s")
    return {
        "panel_ms": times["drawn"] - times["asked"],
        "redraw_ms": found[0],
        "refined_ms": found[1],
    }


def pointing(browser: Browser, url: str) -> Figures:
    """B11: the pointer moves over one panel, and all in view follow."""
    with tab(browser, *TWELVE) as made:
        made.open(url + address(PANELS), DRAWN)
        _settled(made, 12)
        box = made.page.locator(".u-over").first.bounding_box()
        if box is None:
            raise NotMeasured("the plot is not on the page")
        y = box["y"] + box["height"] / 2
        made.page.mouse.move(box["x"] + 5, y)
        made.page.evaluate("() => bench.watchFrames()")
        for step in range(MOVES):
            made.page.mouse.move(box["x"] + 10 + step * (box["width"] - 20) / MOVES, y)
        deltas = made.page.evaluate("() => benchFrames()")
    return {"p95_ms": percentile(deltas, 0.95)}


def heap(browser: Browser, url: str) -> Figures:
    """B12, the charts' half: after all hundred panels were looked at."""
    with tab(browser) as made:
        made.open(url + address(PANELS), DRAWN)
        made.page.evaluate(SCROLL, [250, 50])
        made.quiet()
        return {"charts_mb": made.heap_mb()}


def all_curves_ms(browser: Browser, url: str, width: int, height: int) -> float:
    """From the address to twenty panels with ten lines each."""
    with tab(browser, width, height) as made:
        first = made.open(url + address(CURVES), DRAWN)
        return first + made.wait_ms(f"() => {COUNT} === 20")

"""What tests of the charts do again and again: open, wait for a picture, read its table, drag."""

from __future__ import annotations

import json
import re
import urllib.parse
from typing import Any

from playwright.sync_api import Locator, Page, Request

from tests.services.browser import Visit


def open_charts(tab: Visit, experiment: str, more: str = "", **state: Any) -> Page:
    """The charts of an experiment, in a state of theirs."""
    charts = f"&charts={urllib.parse.quote(json.dumps(state))}" if state else ""
    page = tab.open(f"/experiments/{experiment}?tab=charts{more}{charts}")
    page.locator("article").first.wait_for()
    return page


def panel(page: Page, title: str) -> Locator:
    """A panel by its title."""
    return page.get_by_role("article", name=title, exact=True)


def drawn(page: Page, title: str, lines: int) -> Locator:
    """The plot of a panel, once it has drawn that many lines."""
    plot = panel(page, title).locator(f'[data-drawn="{lines}"]')
    plot.wait_for()
    return plot


def choose(page: Page, title: str, entry: str) -> None:
    """Choose something in a panel's menu."""
    page.get_by_role("button", name=f"Menu of {title}", exact=True).click()
    page.get_by_role("menuitem", name=entry, exact=True).click()


def body_of(request: Request) -> dict[str, Any]:
    """What a request carries."""
    body: dict[str, Any] = json.loads(request.post_data or "{}")
    return body


def zoom_of(page: Page) -> tuple[float, float]:
    """The zoom, once it stands in the address."""
    page.wait_for_url(re.compile("zoom"))
    low, high = state_of(page)["zoom"]
    return low, high


def queries(page: Page) -> list[dict[str, Any]]:
    """What the page asks for of series, from now on."""
    asked: list[dict[str, Any]] = []

    def note(request: Request) -> None:
        if request.url.endswith("/series/query"):
            asked.append(body_of(request))

    page.on("request", note)
    return asked


def state_of(page: Page) -> dict[str, Any]:
    """The state of the charts in the address."""
    query = urllib.parse.parse_qs(urllib.parse.urlparse(page.url).query)
    state: dict[str, Any] = json.loads(query.get("charts", ["{}"])[0])
    return state


def figures(page: Page, title: str) -> dict[str, list[str]]:
    """The table of a panel's lines: from name to last, min, max, mean, points."""
    choose(page, title, "Data as a table…")
    dialog = page.get_by_role("dialog", name=f"Data of {title}")
    rows = dialog.locator("table").first.locator("tbody tr")
    rows.first.wait_for()
    found = {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows.all()
    }
    dialog.get_by_role("button", name="Close").click()
    return found


def drag(page: Page, plot: Locator, start: float, end: float) -> None:
    """Drag over a plot, from one share of its width to another."""
    box = plot.locator(".u-over").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y)
    page.mouse.move(box["x"] + box["width"] * end, y)
    page.mouse.up()

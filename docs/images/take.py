"""Takes the pictures of the README and the guides: `python docs/images/take.py SERVER_URL`.

Run the demo in an empty folder first, then give the address of its server. Needs the development
environment and Chromium.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from assay.client.client import Client

WIDTH, HEIGHT = 1280, 760
COLOURS = 256
"""Enough for text and a few accents; keeps the pictures small."""
SETTLED = """() => !document.querySelector('[class*="skeleton"]')"""
BEST = "metrics.`val/accuracy` DESC"


def pages(url: str) -> dict[str, str]:
    """The pages that are taken, by the names of their pictures."""
    client = Client(url)
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None, "run the demo first"
    best = client.search_runs([experiment.experiment_id], order_by=[BEST], max_results=1)[0]
    runs = f"/experiments/{experiment.experiment_id}"
    return {
        "home": "/",
        "runs": f'{runs}?sort=["-m:val/accuracy"]',
        "charts": f"{runs}?tab=charts",
        "compare": f'{runs}?tab=compare&compare={{"view":"parallel"}}',
        "metrics": f"/runs/{best.info.run_id}?tab=metrics",
        "files": f"/runs/{best.info.run_id}?tab=files&path=confusion_matrix.png",
        "model": "/models/digits",
        "version": "/models/digits/1",
    }


def take(browser: Browser, url: str, *, theme: str) -> None:
    """All pages in one theme."""
    page = browser.new_page(
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    for name, path in pages(url).items():
        page.goto(url + path)
        page.locator("main h1").first.wait_for()
        page.wait_for_load_state("load")
        page.wait_for_function(SETTLED)
        _save(page, Path(__file__).with_name(f"{name}-{theme}.png"))
    page.close()


def _save(page: Page, path: Path) -> None:
    """Once two pictures in a row are the same, nothing moves any more."""
    before, now = b"", page.screenshot()
    while now != before:
        page.wait_for_timeout(400)
        before, now = now, page.screenshot()
    small = (
        Image.open(io.BytesIO(now))
        .convert("RGB")
        .quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE)
    )
    small.save(path, optimize=True)


def main() -> None:
    """Both themes."""
    url = sys.argv[1].rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for theme in ("light", "dark"):
            take(browser, url, theme=theme)
        browser.close()


if __name__ == "__main__":
    main()

"""Takes the README's picture of the start page: `python docs/images/take.py EXPERIMENT_URL`.

Run the demo in an empty folder first, then give the address of its experiment's page. Needs the
development environment and Chromium.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1440, 600
COLOURS = 96
"""Enough for text and a few accents; keeps the picture small."""


def main() -> None:
    """Sort by accuracy, the best first, and keep what the window shows."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(sys.argv[1])
        heading = page.get_by_role("button", name="val/accuracy")
        heading.click()
        heading.click()
        page.mouse.move(0, 0)
        heading.evaluate("button => button.blur()")
        taken = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    small = taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(Path(__file__).with_name("start-page.png"), optimize=True)


if __name__ == "__main__":
    main()

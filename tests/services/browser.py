"""A real Chromium, and what a page must never do in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Visit:
    """One tab, and everything that went wrong or went elsewhere in it."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.home = home
        self.problems: list[str] = []
        self.foreign: list[str] = []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self._seen(request.url))

    def _note(self, kind: str, text: str) -> None:
        # Violations of the content security policy are errors of the console.
        if kind in ("error", "warning"):
            self.problems.append(text)

    def _seen(self, url: str) -> None:
        if not url.startswith((self.home + "/", "data:")):
            self.foreign.append(url)

    def open(self, path: str) -> Page:
        """Go to a page of the server, which must answer with 200."""
        answer = self.page.goto(self.home + path)
        assert answer is not None
        assert answer.status == 200, path
        return self.page

    def rows(self) -> list[list[str]]:
        """The cells of the first table's body."""
        rows = self.page.locator("table").first.locator("tbody tr")
        return [row.locator("td").all_inner_texts() for row in rows.all()]

    def headings(self) -> list[str]:
        """The columns of the first table."""
        head = self.page.locator("table").first.locator("thead tr").last
        return head.locator("th").all_inner_texts()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window.

    While it is there, no other event loop can run in this thread: hence one per module.
    """
    executable = shutil.which("chromium")
    assert executable, "Chromium is installed by tests/services/install.sh"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()

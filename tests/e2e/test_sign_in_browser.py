"""Signing in with a browser: a real Chromium, which asks for name and token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from assay.store.sql.store import open_sql_store
from assay.store.user import local_cause
from tests.services.mlflow_client import ServerProcess

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, str]]:
    folder: Path = tmp_path_factory.mktemp("browser")
    store = open_sql_store(f"sqlite:///{folder}/assay.db")
    store.users.set("rita", ["reader"], cause=local_cause())
    _, secret = store.users.make_token("rita", cause=local_cause())
    store.close()
    server = ServerProcess(folder, auth="tokens")
    server.start()
    yield server, secret
    server.stop()


def test_a_browser_gets_the_pages_with_name_and_token(
    chromium: Browser, place: tuple[ServerProcess, str]
) -> None:
    server, secret = place
    # The pages of the server allow no script but theirs, so the test needs a way round.
    context = chromium.new_context(
        http_credentials={"username": "rita", "password": secret}, bypass_csp=True
    )
    page = context.new_page()
    answer = page.goto(server.url + "/")
    assert answer is not None
    assert answer.status == 200
    page.get_by_role("link", name="Default", exact=True).click()
    expect(page.locator("h1")).to_have_text("Default")
    told = page.evaluate(
        """async () => {
            const live = new EventSource("/api/assay/v1/live?experiment_ids=0");
            const kind = await new Promise((done) => {
                live.onopen = () => done("open");
                live.onerror = () => done("error");
            });
            live.close();
            return kind;
        }"""
    )
    assert told == "open"
    context.close()


@pytest.mark.parametrize("name", ["rita", "bob"])
def test_a_browser_with_wrong_credentials_sees_no_page(
    chromium: Browser, place: tuple[ServerProcess, str], name: str
) -> None:
    server, secret = place
    password = secret if name == "bob" else "password"
    context = chromium.new_context(http_credentials={"username": name, "password": password})
    answer = context.new_page().goto(server.url + "/")
    assert answer is not None
    assert answer.status == 401
    context.close()

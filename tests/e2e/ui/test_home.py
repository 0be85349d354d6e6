"""The first page, the frame around all pages, and the settings, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from assay.client.client import Client
from tests.e2e.ui.conftest import HOSTILE, experiment_id
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

pytestmark = pytest.mark.browser
BOTH = pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server on which nobody ever recorded a run."""
    process = ServerProcess(tmp_path)
    process.start()
    yield process
    process.stop()


def names(page: Page) -> set[str]:
    links = page.locator("main table tbody th a")
    return {link.get_attribute("title") or "" for link in links.all()}


@BOTH
def test_experiments_are_listed_with_their_runs(tab: Visit, axe: Callable[[Page], None]) -> None:
    page = tab.open("/")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="digits", exact=True))

    expect(row).to_contain_text("12")
    expect(row).to_contain_text("team: vision")
    assert set(HOSTILE) <= names(page)
    axe(page)


def test_words_and_expressions_find_experiments(tab: Visit) -> None:
    page = tab.open("/")
    expect(page.get_by_role("link", name="digits", exact=True)).to_be_visible()

    page.get_by_label("Search experiments").fill("DIG")
    expect(page.locator("main table tbody tr")).to_have_count(1)
    assert "q=DIG" in page.url
    page.get_by_label("Search experiments").fill("tags.team = 'vision'")
    expect(page.get_by_role("link", name="digits", exact=True)).to_be_visible()
    page.get_by_label("Search experiments").fill("tags.team >> 1")
    expect(page.get_by_role("alert")).to_contain_text("filter")
    tab.problems.clear()  # the browser notes the refused filter as a failed request


def test_folders_fold_and_stay_folded(tab: Visit, client: Client) -> None:
    for name in ("lab/a", "lab/b"):
        client.create_experiment(name)
    page = tab.open("/?q=lab/")
    folder = page.get_by_role("button", name="lab 2 experiments")
    expect(page.get_by_role("link", name="a", exact=True)).to_be_visible()

    folder.click()
    expect(page.get_by_role("link", name="a", exact=True)).to_have_count(0)
    page.reload()
    expect(folder).to_have_attribute("aria-expanded", "false")


def test_an_experiment_is_made_renamed_deleted_and_restored(tab: Visit) -> None:
    page = tab.open("/")
    page.get_by_role("button", name="New experiment").click()
    page.get_by_role("dialog").get_by_label("Name").fill("life of one")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="life of one")).to_be_visible()

    page.go_back()
    page.get_by_role("button", name="Actions for life of one").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Name").fill("digits")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("digits")
    page.get_by_role("dialog").get_by_label("Name").fill("life renamed")
    page.get_by_role("button", name="Save").click()

    page.get_by_role("button", name="Actions for life renamed").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_role("link", name="life renamed")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="life renamed")).to_be_visible()
    tab.problems.clear()  # the browser notes the refused name as a failed request


def test_several_experiments_open_together(tab: Visit, ui: ServerProcess) -> None:
    page = tab.open("/")
    page.get_by_role("checkbox", name="Select digits", exact=True).check()
    page.get_by_role("checkbox", name="Select Default", exact=True).check()

    page.get_by_role("link", name="Open 2 together").click()

    expect(page.get_by_role("heading", name="2 experiments")).to_be_visible()
    assert experiment_id(ui) in page.url


def test_the_first_run_opens_by_itself(chromium: Browser, empty: ServerProcess) -> None:
    visit = Visit(chromium.new_page(), empty.url)
    page = visit.open("/")
    expect(page.get_by_text("Listening…")).to_be_visible()
    script = page.locator("main pre").inner_text()
    assert f'assay.set_tracking_uri("{empty.url}")' in script
    run = Client(empty.url).create_run("0", run_name="the very first")

    page.wait_for_url(f"**/runs/{run.info.run_id}", timeout=20_000)
    assert visit.problems == []
    page.close()


def test_a_sample_project_comes_and_goes(chromium: Browser, empty: ServerProcess) -> None:
    visit = Visit(chromium.new_page(), empty.url)
    page = visit.open("/")
    page.get_by_role("button", name="Or add a sample project").click()
    expect(page.get_by_role("heading", name="sample-")).to_be_visible(timeout=20_000)

    page.get_by_role("link", name="Experiments").first.click()
    page.get_by_role("button", name="Remove the sample project").click()

    expect(page.get_by_role("button", name="Remove the sample project")).to_have_count(0)
    assert visit.problems == []
    page.close()


def test_the_palette_finds_everything_by_a_few_letters(tab: Visit) -> None:
    page = tab.open("/")
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search or jump to…")
    box.fill("mlp-0.1")
    option = page.get_by_role("option").filter(has_text="mlp-0.1").first
    expect(option).to_be_visible()
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")

    page.wait_for_url("**/runs/*")


def test_links_of_mlflow_lead_to_the_pages_here(tab: Visit, ui: ServerProcess) -> None:
    page = tab.open(f"/#/experiments/{experiment_id(ui)}")

    expect(page.get_by_role("heading", name="digits")).to_be_visible()
    assert page.url.endswith(f"/experiments/{experiment_id(ui)}")


def test_a_theme_is_chosen_and_kept(tab: Visit) -> None:
    page = tab.open("/")
    background = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(background)
    page.get_by_role("button", name="Look").click()
    page.get_by_role("menuitemcheckbox", name="Dark").click()
    page.wait_for_function(f"{background} !== '{before}'")

    page.reload()
    assert page.evaluate(background) != before
    tab.open("/?theme=light")
    assert page.evaluate(background) == before


def test_unknown_addresses_say_so(tab: Visit) -> None:
    page = tab.open("/settings/nowhere")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page = tab.open("/experiments/987654321")
    expect(page.get_by_text("This experiment does not exist")).to_be_visible()
    tab.problems.clear()  # the browser notes the 404 as a failed request


@BOTH
def test_settings_tell_how_the_server_is_set_up(tab: Visit, axe: Callable[[Page], None]) -> None:
    page = tab.open("/settings")

    row = page.get_by_role("row").filter(has=page.get_by_text("store_uri", exact=True))
    expect(row).to_contain_text("sqlite:///")
    expect(page.get_by_text("Schema of the database")).to_be_visible()
    axe(page)


def test_a_webhook_is_made_and_deleted(tab: Visit) -> None:
    page = tab.open("/settings")
    page.get_by_role("button", name="New webhook").click()
    page.get_by_role("dialog").get_by_label("Name").fill("to-the-lab")
    page.get_by_label("Address").fill("https://93.184.215.14/assay")
    page.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text="to-the-lab")
    expect(row).to_contain_text("model_version.created")

    row.get_by_role("button").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


@BOTH
def test_shortcuts_have_a_page(tab: Visit, axe: Callable[[Page], None]) -> None:
    page = tab.open("/")
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    page.keyboard.press("?")

    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    axe(page)


def test_a_server_that_goes_away_and_comes_back(chromium: Browser, empty: ServerProcess) -> None:
    page = chromium.new_page()
    page.goto(empty.url + "/")
    expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
    port = int(empty.url.rpartition(":")[2])
    empty.stop()
    page.get_by_label("Search experiments").fill("x")
    banner = page.get_by_text("The server does not answer")
    expect(banner.first).to_be_visible(timeout=20_000)

    again = ServerProcess(empty.folder, port=port)
    again.start()
    try:
        expect(banner).to_have_count(0, timeout=20_000)
    finally:
        page.close()
        again.stop()


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_the_window(tab: Visit, width: int) -> None:
    tab.page.set_viewport_size({"width": width, "height": 700})
    for path in ("/", "/settings", "/shortcuts", "/models", "/requests"):
        page = tab.open(path)
        expect(page.locator("main h1").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_nothing_but_our_own_scripts_may_run(tab: Visit) -> None:
    answer = tab.page.goto(tab.home + "/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy

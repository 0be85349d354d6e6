"""The table of runs in a browser: figures, columns at the right edge, colours, and mere readers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.ui.conftest import experiment_id
from tests.e2e.ui.test_run_table import column, header, menu, names, opened, search
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess


def edge(cell: Locator) -> float:
    """Where an element ends at the right, in pixels."""
    box = cell.bounding_box()
    assert box is not None
    return box["x"] + box["width"]


def test_a_metric_shows_sorts_and_filters_by_a_figure_that_takes_a_number(
    tab: Visit, ui: ServerProcess, axe: Callable[[Page], None]
) -> None:
    page = opened(tab, experiment_id(ui))
    menu(page, "train/loss", "Sort ascending")
    menu(page, "train/loss", "Value at a step…")
    dialog = page.get_by_role("dialog", name="A figure of train/loss")
    field = dialog.get_by_label("Step")
    expect(field).to_be_focused()
    field.fill("1.5")
    expect(dialog.get_by_role("button", name="Show")).to_be_disabled()
    expect(field).to_have_attribute("aria-invalid", "true")
    axe(page)
    field.fill("10")
    field.press("Enter")
    expect(dialog).to_have_count(0)
    expect(header(page, "train/loss")).to_contain_text("at step 10")
    expect(header(page, "train/loss")).to_have_attribute("aria-sort", "ascending")
    page.wait_for_function(
        """() => {
            const head = document.querySelector("[data-col-id^='m.at_step.10:']");
            const place = `[role=gridcell][data-col="${head.dataset.col}"]`;
            const shown = [...document.querySelectorAll(place)].map(it => it.textContent);
            const values = shown.map(text => Number(text.replace("▼", "")));
            return values.length === 12 && values.every((it, i) => !i || it >= values[i - 1]);
        }"""
    )
    assert "sgd-0.3" in names(page)[0]
    state = search(page)
    assert state["sort"] == ["m.at_step.10:train/loss"]
    assert "m.at_step.10:train/loss" in state["cols"]  # type: ignore[operator]

    # What a cell is asked to narrow by is the figure that it shows.
    page.get_by_role("gridcell").filter(has_text=column(page, "train/loss")[3]).click(
        button="right"
    )
    page.get_by_role("menuitem", name="Only train/loss ≤").click()
    expect(page.locator("[data-run-row]")).to_have_count(4)
    assert "at_step:10" in str(search(page)["q"])

    menu(page, "train/loss", "Mean of the last points…")
    page.get_by_role("dialog").get_by_label("Points").fill("3")
    page.get_by_role("dialog").get_by_role("button", name="Show").click()
    expect(header(page, "train/loss")).to_contain_text("mean of last 3")
    page.reload()
    expect(header(page, "train/loss")).to_contain_text("mean of last 3")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Options").click()
        page.get_by_text("Export: JSON").click()
    assert len(json.loads(saved.value.path().read_text(encoding="utf-8"))) == 4


def test_a_column_stays_at_the_right_edge(tab: Visit, ui: ServerProcess) -> None:
    page = opened(tab, experiment_id(ui))
    page.set_viewport_size({"width": 980, "height": 700})
    grid = page.get_by_role("grid")
    menu(page, "train/loss", "Keep at the right")
    head = header(page, "train/loss")
    expect(head).to_have_attribute("data-pinned", "right")
    inner = grid.evaluate(
        "box => box.getBoundingClientRect().left + box.clientLeft + box.clientWidth"
    )
    assert abs(edge(head) - inner) < 2
    cell = page.locator("[data-run-row] [data-pinned=right]").first
    assert abs(edge(cell) - inner) < 2
    grid.evaluate("box => box.scrollTo(180, 0)")
    expect(grid).to_have_attribute("data-aside", "")
    assert abs(edge(cell) - inner) < 2
    assert search(page)["right"] == ["m:train/loss"]

    # By keyboard: the header of another column goes there too, and comes back.
    grid.focus()
    for key in ("Home", "Control+ArrowUp", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    moved = page.locator("[role=columnheader][data-active]")
    name = moved.get_attribute("data-col-id")
    page.keyboard.press("Control+Shift+ArrowRight")
    expect(page.locator(f'[data-col-id="{name}"]')).to_have_attribute("data-pinned", "right")
    page.reload()
    expect(page.locator("[role=columnheader][data-pinned=right]")).to_have_count(2)
    menu(page, "train/loss", "Let it scroll")
    expect(page.locator("[role=columnheader][data-pinned=right]")).to_have_count(1)


MARK = "[data-run-row] [data-act=hide] > span"


def colours(page: Page) -> dict[str, str]:
    """The colour of each drawn run, by its name."""
    found: dict[str, str] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("[data-run-row]")].map(row => [
            row.querySelector("[data-act=link]").textContent,
            getComputedStyle(row.querySelector("[data-act=hide] > span")).color]))"""
    )
    return found


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
def test_runs_are_coloured_by_what_they_have_in_common(
    tab: Visit, ui: ServerProcess, axe: Callable[[Page], None], theme: str
) -> None:
    page = opened(tab, experiment_id(ui))
    assert len(set(colours(page).values())) > 6
    menu(page, "model", "Colour the runs by it")
    legend = page.get_by_role("group", name="Colours of the runs")
    expect(legend.get_by_role("listitem")).to_have_text(["mlp", "sgd"])
    by_model = colours(page)
    assert len(set(by_model.values())) == 2
    assert by_model["mlp-0.1"] != by_model["sgd-0.1"]
    # Not by colour alone: shapes differ, and the value is told.
    shapes = page.locator(MARK).evaluate_all("marks => marks.map(mark => mark.dataset.shape)")
    assert len(set(shapes)) == 2
    expect(page.get_by_role("button", name="Leave out of charts (sgd)").first).to_be_attached()
    assert search(page)["colour"] == "p:model"
    axe(page)

    # The charts draw the same colours, and say what they mean.
    page.get_by_role("link", name="Charts").click()
    expect(legend.get_by_role("listitem")).to_have_text(["mlp", "sgd"])
    swatch = page.get_by_role("list").get_by_text("sgd-0.1", exact=True).locator("xpath=..")
    mark = swatch.locator("[aria-hidden]").first
    expect(mark).to_have_css("background-color", by_model["sgd-0.1"])
    page.get_by_role("link", name="Runs").click()

    # A metric's values are a scale; groups of what colours tell have its colour.
    menu(page, "val/accuracy", "Colour the runs by it")
    expect(legend.get_by_role("listitem")).to_have_count(0)
    expect(legend).to_contain_text("1.0194")
    scale = colours(page)
    assert len({scale["sgd-0.3"], scale["sgd-0.03"], scale["sgd-0.001"]}) == 3
    page.reload()
    expect(legend).to_contain_text("val/accuracy")
    legend.get_by_role("button", name="Each run its own colour").click()
    expect(legend).to_have_count(0)
    assert "colour" not in search(page)


def test_groups_tell_their_figures_and_show_the_best(
    tab: Visit, ui: ServerProcess, axe: Callable[[Page], None]
) -> None:
    page = opened(tab, experiment_id(ui), "?group=%5B%22p:model%22%5D&colour=p:model", count=2)
    cell = page.locator("[data-group] [data-kind=metric]").first
    expect(cell).to_contain_text("±")
    cell.hover()
    expect(cell).to_have_attribute(
        "title", re.compile(r"^6 runs: mean .*, sd .*, min .*, max .*, best ")
    )
    sgd = page.get_by_role("row").filter(has_text="sgd")
    expect(sgd.locator("[data-kind=name] [data-shape]")).to_have_count(1)
    page.get_by_role("button", name="model", exact=True, pressed=True).click()
    page.get_by_role("menuitemcheckbox", name="Groups show the best value").click()
    page.keyboard.press("Escape")
    header(page, "train/loss").get_by_role("button").first.click()
    expect(sgd.locator("[data-kind=metric]").first).to_have_text("min -0.038779")
    expect(page.get_by_role("row").nth(1)).to_contain_text("sgd")
    axe(page)
    page.reload()
    expect(sgd.locator("[data-kind=metric]").first).to_have_text("min -0.038779")


def test_who_may_only_read_is_offered_no_change(tab: Visit, ui: ServerProcess) -> None:
    def reader(route: Route) -> None:
        answer = route.fetch().json() | {"auth": "token", "permissions": ["read"]}
        route.fulfill(body=json.dumps(answer), content_type="application/json")

    tab.page.route("**/whoami", reader)
    with tab.page.expect_response("**/whoami"):
        page = opened(tab, experiment_id(ui))
    changes: list[str] = []
    page.on(
        "request", lambda request: changes.append(request.url) if "set-tag" in request.url else None
    )
    row = page.locator("[data-run-row]").first
    row.locator("[data-kind=name]").hover()
    expect(row.get_by_role("button", name="Look at it beside the table")).to_be_visible()
    expect(row.get_by_role("button", name="Star")).to_have_count(0)
    page.get_by_role("grid").focus()
    for key in ("ArrowDown", "ArrowUp", "s", "F2"):
        page.keyboard.press(key)
    expect(page.get_by_role("textbox", name="Rename")).to_have_count(0)
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menuitem", name="Keep on top")).to_be_visible()
    for name in ("Star", "Rename"):
        expect(page.get_by_role("menuitem", name=name)).to_have_count(0)
    assert changes == []

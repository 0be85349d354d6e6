"""Panels of charts in a browser: groups, expressions, arranging, layouts, notes, hostile names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from assay.client.client import Client
from assay.entities.logged_models import LoggedModelOutput
from assay.entities.metrics import Metric
from tests.e2e.ui.charts_page import (
    choose,
    drawn,
    figures,
    open_charts,
    panel,
    queries,
    state_of,
)
from tests.e2e.ui.conftest import HOSTILE, experiment_id, record_digits
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess


def test_panels_come_from_keys_in_sections(tab: Visit, ui: ServerProcess) -> None:
    page = open_charts(tab, experiment_id(ui))

    drawn(page, "train/loss", 12)
    drawn(page, "val/accuracy", 12)
    expect(
        page.get_by_role("region", name="train", exact=True).get_by_role("article")
    ).to_have_count(1)
    bars = panel(page, "epochs").get_by_role("listitem")
    expect(bars).to_have_count(12)
    expect(bars.first).to_contain_text("30")

    page.get_by_role("button", name="train").first.click()
    expect(panel(page, "train/loss")).to_have_count(0)
    page.reload()
    drawn(page, "val/accuracy", 12)
    expect(panel(page, "train/loss")).to_have_count(0)


def test_only_what_is_in_view_is_asked_for_in_one_query(tab: Visit, client: Client) -> None:
    experiment = client.create_experiment("many metrics")
    run = client.create_run(experiment, run_name="wide").info.run_id
    client.log_batch(
        run,
        metrics=[
            Metric(f"m/{key}", key * step, 1, step) for key in range(200) for step in range(3)
        ],
    )
    asked = queries(tab.page)

    page = open_charts(tab, experiment)

    drawn(page, "m/0", 1)
    titles = page.locator("article h3").all_inner_texts()
    assert titles[:3] == ["m/0", "m/1", "m/2"]
    assert titles[9:12] == ["m/9", "m/10", "m/11"]
    assert len(asked) == 1
    assert len(asked[0]["keys"]) < 60
    assert "m/199" not in asked[0]["keys"]

    page.get_by_role("searchbox", name="Search metrics").fill("^m/19\\d$")
    expect(page.locator("article")).to_have_count(10)
    drawn(page, "m/190", 1)
    page.get_by_role("searchbox", name="Search metrics").fill("m/77")
    expect(page.locator("article")).to_have_count(1)
    page.get_by_role("searchbox", name="Search metrics").fill("nothing like it")
    expect(page.get_by_text("No metric matches")).to_be_visible()


def test_run_of_a_line_is_hidden_and_comes_back(tab: Visit, ui: ServerProcess) -> None:
    page = open_charts(tab, experiment_id(ui))
    drawn(page, "train/loss", 12)

    page.get_by_role("list", name="Runs in the charts").get_by_role(
        "button", name="mlp-0.3"
    ).click()
    page.get_by_role("menuitem", name="Hide").click()

    drawn(page, "train/loss", 11)
    page.get_by_role("button", name="Show 1 hidden").click()
    drawn(page, "train/loss", 12)
    page.get_by_role("list", name="Runs in the charts").get_by_role(
        "button", name="mlp-0.3"
    ).click()
    page.get_by_role("menuitem", name="Open the run").click()
    page.wait_for_url(re.compile("/runs/"))


def test_groups_show_mean_band_and_count(tab: Visit, ui: ServerProcess) -> None:
    page = open_charts(tab, experiment_id(ui))
    drawn(page, "train/loss", 12)

    page.get_by_label("Group by").select_option(label="model")

    drawn(page, "train/loss", 2)
    expect(
        panel(page, "train/loss").get_by_text("± standard deviation, interpolated")
    ).to_be_visible()
    assert list(figures(page, "train/loss")) == ["model = mlp · n = 6", "model = sgd · n = 6"]
    page.go_back()
    drawn(page, "train/loss", 12)


def test_expression_over_the_baseline(tab: Visit, ui: ServerProcess) -> None:
    page = open_charts(tab, experiment_id(ui))
    drawn(page, "train/loss", 12)

    page.get_by_role("button", name="Add a panel").click()
    page.get_by_label("An expression").check()
    field = page.get_by_label("Expression", exact=True)
    field.fill("train/loss - base(nothing)")
    expect(page.get_by_role("alert")).to_contain_text("No metric is called")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    field.fill("train/loss - base(train/loss)")
    page.get_by_role("button", name="Save", exact=True).click()

    mine = panel(page, "train/loss - base(train/loss)")
    expect(mine.get_by_text("needs a baseline run")).to_be_visible()
    page.get_by_role("list", name="Runs in the charts").get_by_role(
        "button", name="mlp-0.3"
    ).click()
    page.get_by_role("menuitem", name="Make it the baseline").click()
    drawn(page, "train/loss - base(train/loss)", 12)
    table = figures(page, "train/loss - base(train/loss)")
    assert table["mlp-0.3"][0] == "0"
    assert table["sgd-0.001"][0] != "0"


def test_several_metrics_of_a_pattern_share_a_panel_with_two_axes(
    tab: Visit, ui: ServerProcess
) -> None:
    page = open_charts(tab, experiment_id(ui), limit=10)
    drawn(page, "train/loss", 10)

    page.get_by_role("button", name="Add a panel").click()
    page.get_by_role("checkbox", name="train/loss").check()
    page.get_by_role("checkbox", name="val/accuracy", exact=True).check()
    page.get_by_label("val/accuracy at the right axis").check()
    page.get_by_label("Title").fill("both")
    page.get_by_role("button", name="Save", exact=True).click()

    drawn(page, "both", 20)
    assert state_of(page)["extra"][0]["right"] == ["val/accuracy"]
    choose(page, "both", "Edit…")
    page.get_by_label("Metrics that match").check()
    page.get_by_label("Regular expression").fill("loss$")
    expect(page.get_by_text("1 metric matches")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    drawn(page, "both", 10)


def test_panels_are_arranged_by_menu_and_by_hand(tab: Visit, ui: ServerProcess) -> None:
    page = open_charts(tab, experiment_id(ui), find="^(epochs|broken)$")
    titles = page.locator("article h3")
    expect(titles).to_have_text(["broken", "epochs"])

    choose(page, "epochs", "Move to the front")
    expect(titles).to_have_text(["epochs", "broken"])
    choose(page, "epochs", "Wider")
    choose(page, "epochs", "Taller")
    assert state_of(page)["changes"] == {"k:epochs": {"wide": 2, "tall": 2}}
    choose(page, "epochs", "Duplicate")
    expect(titles).to_have_count(3)
    choose(page, "broken", "Remove")
    expect(titles).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(titles).to_have_count(3)


def test_panel_fills_the_window_with_its_table(tab: Visit, ui: ServerProcess) -> None:
    page = open_charts(tab, experiment_id(ui))
    drawn(page, "train/loss", 12)

    page.get_by_role("button", name="Full screen: train/loss").click()

    full = page.get_by_role("dialog", name="train/loss")
    full.locator('[data-drawn="12"]').wait_for()
    expect(full.get_by_role("row")).to_have_count(13)
    page.keyboard.press("Escape")
    expect(full).to_have_count(0)
    expect(page).not_to_have_url(re.compile("full"))


def test_layout_is_shared_and_new_metrics_stand_apart(
    tab: Visit, ui: ServerProcess, client: Client, context: BrowserContext
) -> None:
    experiment = record_digits(client, "laid out")
    page = open_charts(tab, experiment, cols=2)
    drawn(page, "train/loss", 12)

    page.get_by_role("button", name="Layouts").click()
    page.get_by_label("Name").fill("two columns")
    page.get_by_role("button", name="Save as a layout").click()
    expect(page.get_by_text("Layout “two columns” saved")).to_be_visible()
    run = client.search_runs([experiment], max_results=1)[0].info.run_id
    client.log_batch(run, metrics=[Metric("train/fresh", step, 1, step) for step in range(5)])

    page.evaluate("localStorage.clear()")
    other = Visit(context.new_page(), ui.url)
    second = open_charts(other, experiment)
    second.get_by_role("button", name="Layouts").click()
    second.get_by_role("button", name="two columns", exact=True).click()
    news = second.get_by_role("region", name="New since this layout")
    expect(news.get_by_role("article")).to_have_count(1)
    expect(second.get_by_label("Columns of the grid")).to_have_value("2")
    second.get_by_role("button", name="two columns").click()
    second.get_by_role("button", name="Remove layout two columns").click()
    expect(second.get_by_text("None saved yet.")).to_be_visible()
    assert other.problems == []


def test_charts_open_as_they_were_left(tab: Visit, ui: ServerProcess) -> None:
    experiment = experiment_id(ui)
    page = open_charts(tab, experiment)
    page.get_by_label("Columns of the grid").select_option("1")
    expect(page).to_have_url(re.compile("cols"))

    page = open_charts(tab, experiment)

    expect(page.get_by_label("Columns of the grid")).to_have_value("1")
    expect(page).to_have_url(re.compile("cols"))


def test_more_than_two_hundred_lines_are_a_heat_map_and_said_so(tab: Visit, client: Client) -> None:
    experiment = client.create_experiment("crowd")
    for place in range(210):
        run = client.create_run(experiment, run_name=f"run-{place}").info.run_id
        client.log_batch(run, metrics=[Metric("loss", place * s, 1, s) for s in range(3)])

    page = open_charts(tab, experiment, limit=500)

    expect(panel(page, "loss").get_by_text("heat map of 210 lines")).to_be_visible()


def test_hostile_names_stay_texts(tab: Visit, ui: ServerProcess) -> None:
    for text in HOSTILE:
        page = open_charts(tab, experiment_id(ui, text))

        expect(panel(page, "loss").get_by_role("listitem")).to_have_count(1)
        expect(panel(page, "loss")).to_contain_text("∞")


def test_hostile_addresses_do_no_harm(tab: Visit, ui: ServerProcess) -> None:
    page = open_charts(
        tab,
        experiment_id(ui),
        find="(l+)+|(o+o+)*",
        cols=1e9,
        zoom=["a", 1],
        extra=[
            {
                "id": "<b>",
                "expr": "constructor.constructor('alert(1)')()",
                "title": "bad(l+)+|(o+o+)*",
            },
            7,
        ],
        changes={"k:train/loss": {"title": "<img src=x onerror=alert(1)>", "min": "no"}},
    )
    expect(panel(page, "bad(l+)+|(o+o+)*")).to_contain_text("There is no function")
    page.get_by_role("searchbox", name="Search metrics").fill("")

    drawn(page, "<img src=x onerror=alert(1)>", 12)


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
def test_page_is_accessible(tab: Visit, ui: ServerProcess, axe: Callable[[Page], None]) -> None:
    page = open_charts(tab, experiment_id(ui), values=True)
    drawn(page, "train/loss", 12)
    axe(page)

    for show in (
        page.get_by_role("button", name="Settings", exact=True).last.click,
        page.get_by_role("button", name="Add a panel").click,
        lambda: choose(page, "train/loss", "Data as a table…"),
    ):
        show()
        page.get_by_role("dialog").wait_for()
        axe(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Full screen: train/loss").click()
    page.get_by_role("dialog", name="train/loss").locator("[data-drawn]").wait_for()
    axe(page)


def test_notes_models_and_versions_are_marks(
    tab: Visit, client: Client, axe: Callable[[Page], None]
) -> None:
    experiment = client.create_experiment("marked")
    run = client.create_run(experiment, run_name="maker").info.run_id
    client.log_batch(run, metrics=[Metric("loss", 30.0 - s, 1_000 + s, s) for s in range(30)])
    saved = client.create_logged_model(experiment, "net", source_run_id=run)
    client.log_outputs(run, [LoggedModelOutput(saved.model_id, 12)])
    client.finalize_logged_model(saved.model_id, "READY")
    client.create_registered_model("<b>marked")
    client.create_model_version("<b>marked", f"models:/{saved.model_id}", run)
    page = open_charts(tab, experiment)
    plot = drawn(page, "loss", 1)
    told = panel(page, "loss").get_by_role("status")

    def read(steps: int) -> None:
        plot.focus()
        page.keyboard.press("Home")
        for _ in range(steps):
            page.keyboard.press("ArrowRight")

    read(5)
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Note at step 5…").click()
    text = f"{HOSTILE[1]} {HOSTILE[5]} looks odd"
    page.get_by_role("textbox", name="Text").fill(text)
    axe(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Note saved")).to_be_visible()
    read(5)
    # Said to those who listen, and shown beside the values to those who look.
    expect(told).to_contain_text("looks odd")
    expect(panel(page, "loss").locator("bdi", has_text="looks odd")).to_be_visible()
    read(12)
    expect(told).to_contain_text("Model net · maker. Registered as <b>marked 1 · maker")

    page.reload()
    drawn(page, "loss", 1)
    choose(page, "loss", "Data as a table…")
    marks = page.get_by_role("region", name="Marks and notes")
    expect(marks.get_by_role("row")).to_have_count(4)
    expect(marks.get_by_role("row").nth(1)).to_contain_text(f"maker: {text}")
    assert marks.locator("img").count() == 0
    axe(page)
    marks.get_by_role("button", name="Change the note").click()
    page.get_by_role("button", name="Remove the note").click()
    expect(marks.get_by_role("row")).to_have_count(3)
    assert "assay.chart_notes" not in client.get_run(run).data.tags

    # Who may only read is offered no note.
    def reader(route: Route) -> None:
        answer = route.fetch().json()
        answer |= {"auth": "token", "permissions": ["read"]}
        route.fulfill(body=json.dumps(answer), content_type="application/json")

    page.route("**/whoami", reader)
    page.reload()
    plot = drawn(page, "loss", 1)
    read(5)
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Open the run")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Note at step 5…")).to_have_count(0)

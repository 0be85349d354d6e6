"""The table of runs in a browser: asking, ordering, choosing, changing, and what comes in live."""

from __future__ import annotations

import csv
import json
import re
import urllib.parse
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from assay.client.client import Client
from assay.entities.lifecycle import LifecycleStage
from tests.e2e.ui.conftest import HOSTILE, experiment_id, record_digits
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

RUNS = 12

IN_ORDER = """() => {
    const at = [...document.querySelectorAll("[data-run-row]")].map((row) => +row.ariaRowIndex);
    return at.every((one, i) => i === 0 || one > at[i - 1]);
}"""
"""At rest the rows stand in the document as they are seen, for who hears them read."""


def rows(page: Page) -> Locator:
    """The rows of runs and groups that are drawn."""
    return page.locator("[data-run-row]")


def names(page: Page) -> list[str]:
    """The names in the drawn rows, from the top."""
    return page.locator("[data-run-row] [data-act=link]").all_inner_texts()


def column(page: Page, name: str) -> list[str]:
    """What a column shows, from the top."""
    texts: list[str] = page.evaluate(
        """name => {
            const heads = [...document.querySelectorAll('[role=columnheader][data-col]')];
            const head = heads.find(one => one.querySelector('bdi').textContent === name);
            const place = `[role=gridcell][data-col="${head.dataset.col}"]`;
            return [...document.querySelectorAll(place)].map(cell => cell.textContent);
        }""",
        name,
    )
    return texts


def header(page: Page, name: str) -> Locator:
    """The header of a column."""
    return page.get_by_role("columnheader").filter(has_text=name)


def menu(page: Page, head: str, entry: str) -> None:
    """Choose something in a column's menu."""
    header(page, head).get_by_role("button", name=re.compile("^Menu of")).click()
    words = re.compile(rf"^[✓\s]*{re.escape(entry)}(Ctrl .*|Shift)?$")
    page.get_by_role("menu").locator("[role^=menuitem]").filter(has_text=words).click()


def search(page: Page) -> dict[str, object]:
    """The state in the address."""
    query = urllib.parse.parse_qs(urllib.parse.urlparse(page.url).query)
    state: dict[str, object] = {}
    for key, (value,) in query.items():
        try:
            state[key] = json.loads(value)
        except ValueError:
            state[key] = value
    return state


@pytest.fixture
def digits(tab: Visit, ui: ServerProcess) -> Page:
    """The table of the experiment ``digits``, read."""
    return opened(tab, experiment_id(ui))


@pytest.fixture
def own(tab: Visit, client: Client, request: pytest.FixtureRequest) -> tuple[Page, str]:
    """The table of an experiment that no other test looks at, and its id."""
    ident = record_digits(client, f"own {request.node.name}")
    return opened(tab, ident), ident


def opened(tab: Visit, ident: str, query: str = "", count: int = RUNS) -> Page:
    """A table, when its rows and cells are there."""
    page = tab.open(f"/experiments/{ident}{query}")
    expect(rows(page)).to_have_count(count)
    if count == RUNS:
        expect(header(page, "learning_rate")).to_be_visible()
    return page


def test_first_view_shows_metrics_and_the_params_that_vary(digits: Page) -> None:
    heads = digits.locator("[role=columnheader][data-col] bdi").all_inner_texts()
    assert heads[:4] == ["Name", "Status", "Started", "Duration"]
    assert {"train/loss", "val/accuracy", "learning_rate", "model"} <= set(heads)
    assert "seed" not in heads
    expect(digits.get_by_role("status").filter(has_text="12 runs")).to_be_visible()
    grid = digits.get_by_role("grid", name="Runs")
    expect(grid).to_have_attribute("aria-rowcount", "13")
    expect(grid).to_have_attribute("aria-colcount", str(len(heads) + 1))


def test_sort_by_click_and_by_a_second_column(digits: Page) -> None:
    header(digits, "learning_rate").get_by_role("button").first.click()
    header(digits, "val/accuracy").get_by_role("button").first.click(modifiers=["Shift"])
    expect(header(digits, "learning_rate")).to_have_attribute("aria-sort", "ascending")
    expect(header(digits, "val/accuracy")).to_have_attribute("aria-sort", "descending")
    expect(rows(digits).first).to_contain_text("0.001")
    rates = column(digits, "learning_rate")
    assert rates == sorted(rates)
    assert search(digits)["sort"] == ["p:learning_rate", "-m:val/accuracy"]
    digits.go_back()
    expect(header(digits, "val/accuracy")).not_to_have_attribute("aria-sort", "descending")


def test_words_find_names_and_expressions_find_values(digits: Page) -> None:
    box = digits.get_by_role("combobox", name="Filter runs")
    box.fill("mlp")
    expect(rows(digits)).to_have_count(6)
    box.fill("metrics.`val/accuracy` > 0.9 and params.model = 'sgd'")
    box.press("Enter")
    expect(rows(digits)).to_have_count(2)
    chips = digits.get_by_role("list", name="Conditions").get_by_role("listitem")
    expect(chips).to_have_count(2)
    chips.last.get_by_role("button").click()
    expect(rows(digits)).to_have_count(4)
    assert search(digits)["q"] == "metrics.`val/accuracy` > 0.9"


def test_query_box_completes_fields_operators_and_values(digits: Page) -> None:
    box = digits.get_by_role("combobox", name="Filter runs")
    box.press_sequentially("mod")
    digits.get_by_role("option", name="params.model").click()
    box.press("ArrowDown")
    box.press("Enter")
    digits.get_by_role("option", name="sgd").click()
    expect(box).to_have_value("params.model = 'sgd' ")
    box.press("Escape")
    box.press("Enter")
    expect(rows(digits)).to_have_count(6)
    digits.get_by_role("button", name="Clear the filter").click()
    expect(rows(digits)).to_have_count(RUNS)
    expect(digits.get_by_role("option", name="params.model = 'sgd'")).to_be_visible()


def test_mistake_in_a_filter_is_underlined_where_it_is(tab: Visit, digits: Page) -> None:
    box = digits.get_by_role("combobox", name="Filter runs")
    box.fill("params.model == 'sgd'")
    box.press("Enter")
    expect(digits.get_by_role("alert")).to_be_visible()
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(digits.locator("mark")).to_have_text("==")
    expect(rows(digits)).to_have_count(RUNS)
    tab.problems.clear()  # The browser notes the answer 400.


def test_cell_menu_narrows_and_excludes(digits: Page) -> None:
    digits.get_by_role("gridcell", name="mlp", exact=True).first.click(button="right")
    digits.get_by_role("menuitem", name="Only model = mlp").click()
    expect(rows(digits)).to_have_count(6)
    assert search(digits)["q"] == "params.`model` = 'mlp'"
    digits.get_by_role("gridcell", name="0.3", exact=True).first.click(button="right")
    digits.get_by_role("menuitem", name="Exclude learning_rate = 0.3").click()
    expect(rows(digits)).to_have_count(5)


def test_figures_of_a_metric_are_chosen_in_its_header(digits: Page) -> None:
    before = column(digits, "train/loss")
    menu(digits, "train/loss", "Greatest value")
    expect(header(digits, "train/loss")).to_contain_text("max")
    expect(digits.get_by_role("gridcell", name="…", exact=True)).to_have_count(0)
    after = column(digits, "train/loss")
    assert after != before
    assert "m.max:train/loss" in search(digits)["cols"]  # type: ignore[operator]


def test_columns_are_picked_by_search_and_by_what_differs(digits: Page) -> None:
    digits.get_by_role("button", name="Columns").click()
    dialog = digits.get_by_role("dialog", name="Columns")
    dialog.get_by_label("Search columns").fill("seed")
    dialog.get_by_role("checkbox", name="seed").check()
    dialog.get_by_label("Search columns").fill("")
    group = dialog.get_by_role("checkbox", name=re.compile("^Params"))
    expect(group).to_be_checked()
    dialog.get_by_role("button", name="Close").click()
    expect(header(digits, "seed")).to_be_visible()
    digits.reload()
    expect(header(digits, "seed")).to_be_visible()
    digits.get_by_role("button", name="Columns").click()
    digits.get_by_role("button", name="Only columns that differ").click()
    digits.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(header(digits, "seed")).to_have_count(0)


def test_columns_move_by_drag_and_by_keyboard_and_change_width(digits: Page) -> None:
    def heads() -> list[str]:
        return digits.locator("[role=columnheader][data-col] bdi").all_inner_texts()

    source = header(digits, "model").bounding_box()
    target = header(digits, "Status").bounding_box()
    assert source is not None
    assert target is not None
    digits.mouse.move(source["x"] + 20, source["y"] + 15)
    digits.mouse.down()
    digits.mouse.move(target["x"] + 40, target["y"] + 15, steps=4)
    digits.mouse.move(target["x"] + 5, target["y"] + 15, steps=4)
    digits.mouse.up()
    expect(digits.locator("[role=columnheader][data-col='1']")).to_contain_text("model")
    assert "aria-sort" not in (header(digits, "model").evaluate("e => e.outerHTML"))
    digits.get_by_role("grid").focus()
    digits.keyboard.press("ArrowUp")
    digits.keyboard.press("ArrowRight")
    digits.keyboard.press("Control+ArrowRight")
    expect(digits.locator("[role=columnheader][data-col='2']")).to_contain_text("model")
    assert heads()[1] == "Status"
    width = header(digits, "Status").evaluate("e => e.offsetWidth")
    digits.keyboard.press("Alt+ArrowRight")
    expect(header(digits, "Status")).to_have_js_property("offsetWidth", width + 20)


def test_keyboard_goes_selects_and_opens(digits: Page) -> None:
    grid = digits.get_by_role("grid", name="Runs")
    grid.focus()
    active = digits.locator("[role=gridcell][data-active]")
    digits.keyboard.press("ArrowDown")
    digits.keyboard.press("Space")
    digits.keyboard.press("Shift+ArrowDown")
    digits.keyboard.press("Shift+ArrowDown")
    expect(digits.locator("[aria-selected=true]")).to_have_count(3)
    expect(digits.get_by_role("toolbar", name="3 selected")).to_be_visible()
    digits.keyboard.press("End")
    last = grid.get_attribute("aria-colcount")
    expect(active).to_have_attribute("aria-colindex", str(last))
    digits.keyboard.press("Control+Home")
    expect(active).to_have_attribute("aria-colindex", "2")
    assert grid.get_attribute("aria-activedescendant") == active.get_attribute("id")
    name = names(digits)[0]
    digits.keyboard.press("/")
    expect(digits.get_by_role("combobox", name="Filter runs")).to_be_focused()
    grid.focus()
    digits.keyboard.press("Enter")
    expect(digits).to_have_url(re.compile(r"/runs/[0-9a-f]{32}"))
    digits.go_back()
    expect(rows(digits).first).to_contain_text(name)
    expect(digits.get_by_role("toolbar", name="3 selected")).to_be_visible()


def test_compare_takes_the_selection_along(digits: Page) -> None:
    for place in (0, 2):
        rows(digits).nth(place).get_by_role("checkbox").click()
    digits.get_by_role("button", name="Compare", exact=True).click()
    expect(digits.get_by_role("link", name="Compare")).to_have_attribute("aria-current", "page")
    assert len(search(digits)["runs"]) == 2  # type: ignore[arg-type]


def test_groups_show_figures_and_open(digits: Page) -> None:
    menu(digits, "model", "Group by it")
    expect(rows(digits)).to_have_count(2)
    expect(digits.get_by_role("status").filter(has_text="2 groups")).to_be_visible()
    expect(rows(digits).first).to_contain_text("6 runs")
    expect(rows(digits).first).to_contain_text("±")
    rows(digits).first.get_by_role("button", name="Show the runs below").click()
    expect(rows(digits)).to_have_count(8)
    expect(rows(digits).first).to_have_attribute("aria-expanded", "true")
    expect(rows(digits).nth(1)).to_have_attribute("aria-level", "2")


def test_groups_are_ordered_by_the_mean_of_a_metric(digits: Page) -> None:
    menu(digits, "learning_rate", "Group by it")
    expect(rows(digits)).to_have_count(6)
    menu(digits, "val/accuracy", "Sort ascending")
    expect(rows(digits).first).to_contain_text("learning_rate: 0.001")
    menu(digits, "val/accuracy", "Sort descending")
    expect(rows(digits).first).to_contain_text("learning_rate: 0.3")


def test_children_fold_under_their_parent(tab: Visit, client: Client) -> None:
    experiment = client.create_experiment("nested")
    parent = client.create_run(experiment, run_name="parent", start_time=1_760_000_000_000)
    for place in range(3):
        client.create_run(
            experiment,
            run_name=f"child-{place}",
            start_time=1_760_000_000_001 + place,
            tags={"mlflow.parentRunId": parent.info.run_id},
        )
    page = opened(tab, experiment, count=4)
    page.get_by_role("button", name="Options").click()
    page.get_by_role("menuitemcheckbox", name="Fold children under parents").click()
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("treegrid", name="Runs")).to_be_visible()
    page.get_by_role("button", name="Show the runs below").click()
    expect(rows(page)).to_have_count(4)
    assert names(page) == ["parent", "child-2", "child-1", "child-0"]


def test_star_rename_note_and_what_the_server_then_holds(
    own: tuple[Page, str], client: Client
) -> None:
    page, ident = own
    row = rows(page).first
    row.hover()
    row.get_by_role("button", name="Star").click()
    expect(row.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("grid").focus()
    page.keyboard.press("F2")
    field = page.get_by_role("textbox", name="Rename")
    field.fill("best so far")
    field.press("Enter")
    expect(row).to_contain_text("best so far")
    page.keyboard.press("i")
    panel = page.get_by_role("complementary")
    panel.get_by_role("button", name="Add a note").click()
    panel.get_by_role("textbox", name="Note").fill("**keep** this")
    panel.get_by_role("button", name="Save").click()
    expect(panel.locator("strong")).to_have_text("keep")
    found = client.search_runs([ident], "attributes.run_name = 'best so far'")
    (run,) = found
    assert run.data.tags["assay.star"] == "true"
    page.get_by_role("grid").focus()
    page.keyboard.press("j")
    expect(panel.get_by_role("heading", level=2)).to_have_text(names(page)[1])


def test_rename_that_fails_is_taken_back(tab: Visit, own: tuple[Page, str]) -> None:
    page, _ = own
    name = names(page)[0]
    page.route("**/runs/update", lambda route: route.fulfill(status=500, body="{}"))
    page.get_by_role("grid").focus()
    page.keyboard.press("F2")
    page.get_by_role("textbox", name="Rename").fill("never")
    page.get_by_role("textbox", name="Rename").press("Enter")
    expect(rows(page).first).to_contain_text(name)
    expect(page.locator("[data-tone=bad]").first).to_be_visible()
    tab.problems.clear()  # The browser notes the answer 500.


def test_delete_undo_and_the_bin(own: tuple[Page, str], client: Client) -> None:
    page, ident = own
    rows(page).nth(0).get_by_role("checkbox").click()
    rows(page).nth(2).get_by_role("checkbox").click(modifiers=["Shift"])
    expect(page.get_by_role("toolbar", name="3 selected")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(rows(page)).to_have_count(9)
    page.get_by_role("button", name="Undo").click()
    expect(rows(page)).to_have_count(12)
    rows(page).nth(0).get_by_role("checkbox").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(rows(page)).to_have_count(11)
    page.get_by_role("button", name="Options").click()
    page.get_by_role("menuitem", name="Deleted runs").click()
    expect(rows(page)).to_have_count(1)
    rows(page).get_by_role("checkbox").click()
    page.get_by_role("button", name="Restore", exact=True).click()
    expect(rows(page)).to_have_count(0)
    page.get_by_role("button", name="Back to the runs").click()
    expect(rows(page)).to_have_count(12)
    runs = client.search_runs([ident])
    assert {run.info.lifecycle_stage for run in runs} == {LifecycleStage.ACTIVE}


def test_all_that_match_are_tagged_at_once(own: tuple[Page, str], client: Client) -> None:
    page, ident = own
    page.get_by_role("combobox", name="Filter runs").fill("mlp")
    expect(rows(page)).to_have_count(6)
    rows(page).first.get_by_role("checkbox").click()
    page.get_by_role("button", name="Select all 6").click()
    page.get_by_role("button", name="Tag…").click()
    page.get_by_role("textbox", name="Key").fill("cohort")
    page.get_by_role("textbox", name="Value").fill("two")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("6 runs tagged")).to_be_visible()
    tagged = client.search_runs([ident], "tags.cohort = 'two'")
    assert {run.data.params["model"] for run in tagged} == {"mlp"}
    assert len(tagged) == 6


def test_running_runs_are_stopped_after_a_question(own: tuple[Page, str], client: Client) -> None:
    page, ident = own
    rows(page).first.get_by_role("checkbox").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Mark as killed").click()
    expect(rows(page).first).to_contain_text("Killed")
    assert len(client.search_runs([ident], "attributes.status = 'KILLED'")) == 1


def test_selected_runs_are_exported(digits: Page) -> None:
    for place in (0, 1):
        rows(digits).nth(place).get_by_role("checkbox").click()
    digits.get_by_role("button", name="Export").click()
    with digits.expect_download() as download:
        digits.get_by_role("menuitem", name="CSV with the shown columns").click()
    with download.value.path().open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2
    assert {line["params.model"] for line in lines} == {"mlp"}


def test_all_but_one_are_exported(digits: Page) -> None:
    digits.get_by_role("combobox", name="Filter runs").fill("mlp")
    expect(rows(digits)).to_have_count(6)
    rows(digits).first.get_by_role("checkbox").click()
    digits.get_by_role("button", name="Select all 6").click()
    left_out = names(digits)[2]
    rows(digits).nth(2).get_by_role("checkbox").click()
    expect(digits.get_by_role("toolbar", name="5 selected")).to_be_visible()
    digits.get_by_role("button", name="Export").click()
    with digits.expect_download() as download:
        digits.get_by_role("menuitem", name="CSV with the shown columns").click()
    with download.value.path().open(newline="") as file:
        exported = {line["run_name"] for line in csv.DictReader(file)}
    assert exported == set(names(digits)) - {left_out}


def test_runs_on_top_and_the_baseline_stay(digits: Page) -> None:
    grid = digits.get_by_role("grid", name="Runs")
    grid.focus()
    digits.keyboard.press("b")
    expect(digits.locator("[data-top]")).to_have_count(1)
    digits.get_by_role("combobox", name="Filter runs").fill("sgd-0.001")
    expect(digits.locator("[data-run-row]:not([data-top])")).to_have_count(1)
    expect(digits.locator("[data-top]")).to_contain_text("mlp-0.3")
    row = digits.locator("[data-run-row]:not([data-top])")
    expect(row).to_contain_text(re.compile(r"[+−]0\.9"))


def test_best_of_a_metric_is_marked_and_its_direction_is_remembered(digits: Page) -> None:
    best = digits.get_by_role("img", name="best")
    expect(best).to_have_count(2)
    menu(digits, "val/accuracy", "Neither is better")
    expect(best).to_have_count(1)
    digits.reload()
    expect(best).to_have_count(1)


def test_curves_stand_in_cells(digits: Page) -> None:
    menu(digits, "train/loss", "Add its curve")
    curves = digits.get_by_role("img", name="Curve of train/loss")
    expect(curves).to_have_count(RUNS)
    assert len(curves.first.locator("path").get_attribute("d") or "") > 100


def test_views_are_saved_shared_and_changed(own: tuple[Page, str], client: Client) -> None:
    page, ident = own
    page.get_by_role("combobox", name="Filter runs").fill("mlp")
    expect(rows(page)).to_have_count(6)
    page.get_by_role("button", name="Views").click()
    page.get_by_text("Save this view…").click()
    page.get_by_role("textbox", name="Name").fill("only mlp")
    page.get_by_role("checkbox", name="What the experiment opens with").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="only mlp")).to_be_visible()
    tags = client.get_experiment(ident).tags
    assert json.loads(tags["assay.view.only mlp"])["q"] == "mlp"
    page.goto(page.url.split("?")[0])
    expect(rows(page)).to_have_count(6)
    page.get_by_role("combobox", name="Filter runs").fill("mlp-0.1")
    expect(page.get_by_role("button", name=re.compile("only mlp.*modified"))).to_be_visible()
    page.get_by_role("button", name=re.compile("only mlp")).click()
    page.get_by_text("Back to the saved view").click()
    expect(rows(page)).to_have_count(6)


def test_new_runs_and_values_come_in_by_themselves(own: tuple[Page, str], client: Client) -> None:
    page, ident = own
    running = rows(page).first
    before = running.inner_text()
    run_id = running.get_attribute("data-run")
    assert run_id is not None
    client.log_metric(run_id, "val/accuracy", 0.123456, step=1_000)
    expect(running).to_contain_text("0.12346")
    assert running.inner_text() != before
    client.create_run(ident, run_name="newcomer")
    expect(rows(page)).to_have_count(13)
    expect(rows(page).first).to_contain_text("newcomer")


def test_empty_experiment_waits_for_its_first_run(tab: Visit, client: Client) -> None:
    ident = client.create_experiment("nothing yet")
    page = tab.open(f"/experiments/{ident}")
    expect(page.get_by_text(f'assay.set_tracking_uri("{tab.home}")')).to_be_visible()
    expect(page.get_by_text("listening…")).to_be_visible()
    with page.expect_response(re.compile("/api/assay/v1/live")):
        page.reload()
    expect(page.get_by_text("listening…")).to_be_visible()
    run = client.create_run(ident, run_name="first")
    expect(page).to_have_url(re.compile(f"/runs/{run.info.run_id}"))


def test_ten_thousand_positions_and_many_columns_draw_few_elements(
    tab: Visit, client: Client
) -> None:
    ident = many(client)
    page = tab.open(f"/experiments/{ident}")
    shown = page.get_by_role("status").filter(has_text="450 runs")
    expect(shown).to_be_visible()
    page.get_by_role("button", name="Columns").click()
    dialog = page.get_by_role("dialog", name="Columns")
    dialog.get_by_role("checkbox", name=re.compile("^Metrics")).check()
    dialog.get_by_role("button", name="Close").click()
    assert page.locator("[role=columnheader]").count() < 30
    grid = page.get_by_role("grid", name="Runs")
    grid.evaluate("e => { e.scrollTop = e.scrollHeight; e.scrollLeft = e.scrollWidth; }")
    expect(page.get_by_role("gridcell", name="run-0", exact=False).first).to_be_attached()
    expect(page.locator("[aria-rowindex='451']")).to_contain_text("run-0")
    expect(page.locator("[aria-rowindex='451']")).to_contain_text("0.059")
    page.wait_for_function(IN_ORDER)
    client.create_run(ident, run_name="meanwhile")
    page.get_by_role("button", name="1 new").click()
    expect(rows(page).first).to_contain_text("meanwhile")
    expect(page.get_by_role("status").filter(has_text="451 runs")).to_be_visible()
    assert rows(page).count() <= 50
    assert page.locator("[role=gridcell]").count() < 50 * 20


def many(client: Client) -> str:
    """450 runs, one of them with sixty metrics."""
    ident = client.create_experiment("many")
    for place in range(450):
        run = client.create_run(
            ident, run_name=f"run-{place}", start_time=1_760_000_000_000 + place
        )
        if place == 0:
            for key in range(60):
                client.log_metric(run.info.run_id, f"part/m{key:02}", key / 1000)
    return ident


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(tab: Visit, ui: ServerProcess, text: str) -> None:
    page = tab.open(f"/experiments/{experiment_id(ui, text)}")
    row = rows(page)
    expect(row).to_have_count(1)
    expect(row).to_contain_text("∞")
    expect(row.locator("[data-act=link] bdi")).to_have_text(text)
    row.locator("[data-kind=param]").first.click(button="right")
    expect(page.get_by_role("menu")).to_be_visible()
    page.get_by_role("menuitem", name=re.compile("^Only harm")).click()
    expect(page.get_by_role("list", name="Conditions")).to_be_visible()
    expect(rows(page)).to_have_count(1)


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
def test_nothing_stands_in_the_way_of_anybody(digits: Page, axe: Callable[[Page], None]) -> None:
    axe(digits)
    rows(digits).first.get_by_role("checkbox").click()
    menu(digits, "train/loss", "Shade the values")
    digits.keyboard.press("Escape")
    digits.get_by_role("grid").focus()
    digits.keyboard.press("i")
    expect(digits.get_by_role("complementary").get_by_text("learning_rate")).to_be_visible()
    axe(digits)
    digits.get_by_role("button", name="Columns").click()
    expect(digits.get_by_role("dialog", name="Columns")).to_be_visible()
    axe(digits)

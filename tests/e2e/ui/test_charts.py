"""Charts in a browser: panels, axes, zoom, groups, expressions, layouts, and live points."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

from assay.client.client import Client
from assay.entities.metrics import Metric
from tests.e2e.ui.conftest import HOSTILE, experiment_id, record_digits
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

POINTS = 6_000
SPIKE_AT = 3_500


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
    rows = dialog.locator("table").first.locator("tbody tr").all()
    found = {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows}
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


@pytest.fixture(scope="module")
def long(ui: ServerProcess) -> str:
    """Two runs whose curves are longer than the screen is wide, one with a spike."""
    client = Client(ui.url)
    experiment = client.create_experiment("long curves")
    for place in range(2):
        ident = client.create_run(experiment, run_name=f"long-{place}").info.run_id
        now = int(time.time() * 1000)
        points = [
            Metric("loss", math.exp(-step / 2_000) + place, now + step * 100, step)
            for step in range(POINTS)
        ]
        if place == 0:
            points[SPIKE_AT] = Metric("loss", 50.0, now + SPIKE_AT * 100, SPIKE_AT)
        client.log_batch(ident, metrics=points)
        client.log_batch(
            ident, metrics=[Metric("epoch", s // 100, now, s) for s in range(0, POINTS, 10)]
        )
        client.set_terminated(ident)
    return experiment


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


def test_spike_of_one_step_survives_the_buckets(tab: Visit, long: str) -> None:
    page = open_charts(tab, long)

    drawn(page, "loss", 2)

    expect(panel(page, "loss").get_by_text("points per pixel")).to_be_visible()
    last, least, most, *_, points = figures(page, "loss")["long-0"]
    assert most == "50"
    assert points == "6,000"
    assert float(least) == pytest.approx(math.exp(-(POINTS - 1) / 2_000), rel=0.01)
    assert float(last) == pytest.approx(0.05, abs=0.01)


def test_drag_zooms_and_fetches_that_range_finely(tab: Visit, long: str) -> None:
    page = open_charts(tab, long)
    plot = drawn(page, "loss", 2)
    expect(panel(page, "loss").get_by_text("points per pixel")).to_be_visible()

    with page.expect_request(lambda request: request.url.endswith("/series/query")) as caught:
        drag(page, plot, 0.4, 0.45)

    asked = body_of(caught.value)
    assert 2_000 < asked["first_step"] < asked["last_step"] < 3_000
    # Each point has more than half a pixel now: nothing is merged any more.
    expect(panel(page, "loss").get_by_text("points per pixel")).to_have_count(0)
    low, high = zoom_of(page)
    assert 2_000 < low < high < 3_000
    expect(panel(page, "epoch").locator("[data-drawn]")).to_be_visible()

    page.reload()
    drawn(page, "loss", 2)
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    box = panel(page, "loss").locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + 5)
    expect(page.get_by_role("button", name="Reset zoom")).to_have_count(0)
    assert "zoom" not in state_of(page)


def test_wheel_with_ctrl_zooms_around_the_pointer(tab: Visit, long: str) -> None:
    page = open_charts(tab, long)
    plot = drawn(page, "loss", 2)
    plot.locator(".u-over").hover()

    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")

    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    low, high = zoom_of(page)
    assert low == pytest.approx(POINTS - high, abs=POINTS * 0.05)

    # Two fingers do the same: what lies between them when they touch fills more when they part.
    page.get_by_role("button", name="Reset zoom").click()
    expect(page.get_by_role("button", name="Reset zoom")).to_have_count(0)
    box = plot.locator(".u-over").bounding_box()
    assert box is not None
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *shares: float) -> None:
        y = box["y"] + box["height"] / 2
        points = [
            {"x": box["x"] + box["width"] * share, "y": y, "id": number}
            for number, share in enumerate(shares)
        ]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.4, 0.6)
    touch("touchMove", 0.3, 0.7)
    touch("touchMove", 0.2, 0.8)
    touch("touchEnd")
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    low, high = zoom_of(page)
    assert low == pytest.approx(POINTS / 3, abs=POINTS * 0.05)
    assert high == pytest.approx(POINTS * 2 / 3, abs=POINTS * 0.05)


def test_pointer_reads_all_lines_greatest_first(tab: Visit, ui: ServerProcess) -> None:
    page = open_charts(tab, experiment_id(ui))
    plot = drawn(page, "train/loss", 12)
    drawn(page, "val/accuracy", 12)

    plot.locator(".u-over").hover()

    rows = panel(page, "train/loss").locator("table tr")
    expect(rows).to_have_count(12)
    values = [float(row.locator("td").nth(1).inner_text()) for row in rows.all()]
    assert values == sorted(values, reverse=True)
    expect(panel(page, "train/loss").get_by_text(re.compile(r"step \d+"))).to_be_visible()
    page.mouse.move(2, 2)
    expect(rows).to_have_count(0)


def test_keyboard_reads_values_and_makes_a_baseline(tab: Visit, ui: ServerProcess) -> None:
    page = open_charts(tab, experiment_id(ui))
    plot = drawn(page, "train/loss", 12)

    plot.focus()
    page.keyboard.press("End")
    expect(panel(page, "train/loss").get_by_role("status")).to_contain_text(", 29")
    page.keyboard.press("ArrowLeft")
    expect(panel(page, "train/loss").get_by_role("status")).to_contain_text(", 28")
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Make it the baseline").click()

    expect(
        page.get_by_role("list", name="Runs in the charts").get_by_text("(baseline)")
    ).to_be_visible()
    plot.focus()
    page.keyboard.press("Home")
    expect(panel(page, "train/loss").locator("table").get_by_text("baseline")).to_be_visible()
    page.keyboard.press("+")
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Reset zoom")).to_have_count(0)


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


def test_axes_and_smoothing_are_said_and_stay_in_the_address(tab: Visit, long: str) -> None:
    page = open_charts(tab, long)
    drawn(page, "loss", 2)

    page.get_by_label("Smoothing", exact=True).select_option("gaussian")
    expect(panel(page, "loss").get_by_text("smoothed over those means")).to_be_visible()
    page.get_by_label("Horizontal axis").select_option("m:epoch")
    expect(panel(page, "loss").get_by_text("epoch interpolated")).to_be_visible()
    page.get_by_role("button", name="Settings", exact=True).last.click()
    page.get_by_label("Scale of the vertical axis").select_option("symlog")
    page.get_by_label("Outliers").select_option("1")
    expect(panel(page, "loss").get_by_text("outermost 1 % outside")).to_be_visible()

    assert state_of(page) == {"smooth": "gaussian", "x": "m:epoch", "y": "symlog", "outliers": 1}
    drawn(page, "loss", 2)


def test_all_panels_share_a_range_and_follow_the_end(
    tab: Visit, client: Client, tmp_path: Path
) -> None:
    experiment = client.create_experiment("many scales")
    run = client.create_run(experiment, run_name="scales").info.run_id
    keys = [f"m/{number:02d}" for number in range(12)]
    client.log_batch(
        run,
        metrics=[
            Metric(key, (10.0**place) * step / 100, step, step)
            for place, key in zip([0] * 11 + [3], keys, strict=True)
            for step in range(101)
        ],
    )
    # Started again from step 50: a second branch, five below.
    client.log_batch(run, metrics=[Metric(keys[0], -5.0, 1_000 + s, s) for s in range(50, 60)])
    devices = [f"system/gpu_{number}_power" for number in range(2)]
    client.log_batch(run, metrics=[Metric(key, s, s, s) for key in devices for s in range(20)])
    page = open_charts(tab, experiment, cols=1)
    drawn(page, keys[0], 1)
    expect(panel(page, keys[11]).locator("canvas")).to_have_count(0)

    def svg() -> str:
        with page.expect_download() as download:
            choose(page, keys[0], "Save as SVG")
        path = tmp_path / "panel.svg"
        download.value.save_as(path)
        return path.read_text()

    def ticks(source: str) -> list[float]:
        found = re.findall(r">([-−]?[\d.,]+)</text>", source)
        return [float(text.replace(",", "").replace("−", "-")) for text in found]

    # Two branches are two strokes of one path.
    assert max(len(re.findall("M", path)) for path in re.findall(r'd="([^"]+)"', svg())) == 2
    assert max(ticks(svg())) < 102
    page.get_by_role("button", name="Settings", exact=True).click()
    with page.expect_response(lambda answer: answer.url.endswith("/runs/rows")):
        page.get_by_label("Same vertical range in all panels").check()
    page.wait_for_function("() => location.href.includes('lockY')")
    page.get_by_label("Shown of the horizontal axis").select_option("The last 10 %, moving on")
    page.keyboard.press("Escape")
    expect(page.get_by_text("The last 10 %")).to_be_hidden()
    found = ticks(svg())
    assert max(found) == 1_000
    assert not [value for value in found if 0 < value < 90]

    page.get_by_role("button", name="System").click()
    expect(panel(page, "system/gpu_*_power").locator('[data-drawn="2"]')).to_be_visible()


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


def test_new_points_of_a_running_run_come_in_and_wait_while_zoomed(
    tab: Visit, client: Client
) -> None:
    experiment = client.create_experiment("running")
    run = client.create_run(experiment, run_name="alive").info.run_id
    client.log_batch(run, metrics=[Metric("loss", 1.0, step, step) for step in range(50)])
    page = open_charts(tab, experiment, values=True)
    drawn(page, "loss", 1)
    points = panel(page, "loss").locator("tbody td").last
    expect(points).to_have_text("50")
    asked = queries(tab.page)

    def append_until(first: int, shown: Locator, text: str) -> None:
        client.log_batch(run, metrics=[Metric("loss", 2.0, s, s) for s in range(first, first + 10)])
        expect(shown).to_have_text(text, timeout=20_000)

    append_until(50, points, "60")
    # Only what was new was fetched.
    assert {query["first_step"] for query in asked} == {50}

    drag(page, drawn(page, "loss", 1), 0.2, 0.6)
    zoom = zoom_of(page)
    client.log_batch(run, metrics=[Metric("loss", 3.0, s, s) for s in range(60, 70)])
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    assert zoom_of(page) == zoom
    page.get_by_role("button", name="Reset zoom").click()
    expect(points).to_have_text("70", timeout=20_000)


def test_more_than_two_hundred_lines_are_a_heat_map_and_said_so(tab: Visit, client: Client) -> None:
    experiment = client.create_experiment("crowd")
    for place in range(210):
        run = client.create_run(experiment, run_name=f"run-{place}").info.run_id
        client.log_batch(run, metrics=[Metric("loss", place * s, 1, s) for s in range(3)])

    page = open_charts(tab, experiment, limit=500)

    expect(panel(page, "loss").get_by_text("heat map of 210 lines")).to_be_visible()


def test_panel_is_exported(tab: Visit, long: str, context: BrowserContext, tmp_path: Path) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = open_charts(tab, long, smooth="ema", amount=0.5)
    drawn(page, "loss", 2)
    expect(panel(page, "loss").get_by_text("smoothed over those means")).to_be_visible()

    def saved(entry: str) -> bytes:
        with page.expect_download() as download:
            choose(page, "loss", entry)
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path.read_bytes()

    rows = list(csv.DictReader(io.StringIO(saved("Save as CSV").decode())))
    assert {row["line"] for row in rows} == {"long-0", "long-1"}
    assert sum(int(row["points"]) for row in rows) == 2 * POINTS
    assert max(float(row["high"]) for row in rows) == 50
    assert rows[10]["smoothed"] != rows[10]["value"]
    assert saved("Save as PNG").startswith(b"\x89PNG")
    svg = saved("Save as SVG").decode()
    assert svg.startswith("<svg")
    assert "long-1" in svg
    choose(page, "loss", "Copy Python code")
    expect(page.get_by_text("Copied")).to_be_visible()
    code = page.evaluate("() => navigator.clipboard.readText()")
    compile(code, "panel.py", "exec")
    assert "get_metric_history" in code


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

    page.get_by_role("button", name="Settings", exact=True).last.click()
    axe(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add a panel").click()
    axe(page)
    page.keyboard.press("Escape")
    choose(page, "train/loss", "Data as a table…")
    axe(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Full screen: train/loss").click()
    page.get_by_role("dialog", name="train/loss").locator("[data-drawn]").wait_for()
    axe(page)

"""Charts in a browser: lines, axes, zoom, values, live points, and what leaves as a file."""

from __future__ import annotations

import csv
import io
import math
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from assay.client.client import Client
from assay.entities.metrics import Metric
from tests.e2e.ui.charts_page import (
    body_of,
    choose,
    drag,
    drawn,
    figures,
    open_charts,
    panel,
    queries,
    state_of,
    zoom_of,
)
from tests.e2e.ui.conftest import experiment_id
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

POINTS = 6_000
SPIKE_AT = 3_500


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


def test_axis_of_metrics_zooms_into_all_of_them_and_log_steps_have_log_buckets(
    tab: Visit, long: str
) -> None:
    page = open_charts(tab, long, x="m:epoch")
    plot = drawn(page, "loss", 2)
    expect(panel(page, "loss").get_by_text("points per pixel")).to_be_visible()
    asks = re.compile("/series/query")
    with page.expect_request(
        lambda it: asks.search(it.url) and "loss" in body_of(it)["keys"]
    ) as caught:
        drag(page, plot, 0.4, 0.45)
    asked = body_of(caught.value)
    assert sorted(asked["keys"]) == ["epoch", "loss"]
    # Epochs are a hundred steps each: those in view, and a bucket at each side.
    low, high = zoom_of(page)
    assert 100 * low - 200 < asked["first_step"] < asked["last_step"] < 100 * high + 200
    expect(panel(page, "loss").get_by_text("points per pixel")).to_have_count(0)

    axis = page.get_by_label("Horizontal axis")
    axis.select_option("Expression…")
    field = page.get_by_label("Expression for x")
    field.fill("epoch / nothing")
    expect(page.get_by_role("alert")).to_contain_text("No metric is called")
    field.fill("epoch / 60")
    field.press("Enter")
    expect(panel(page, "loss").get_by_text("epoch / 60 interpolated")).to_be_visible()
    assert state_of(page) == {"x": "e:epoch / 60"}
    choose(page, "loss", "Data as a table…")
    places = page.get_by_role("region", name=re.compile("long-")).locator("tbody td:first-child")
    # The last epoch, 59, was logged up to step 5,990.
    assert float(places.last.inner_text()) == pytest.approx(59 / 60, abs=0.02)
    page.get_by_role("dialog").get_by_role("button", name="Close").click()

    axis.select_option("Step")
    page.get_by_role("button", name="Settings", exact=True).click()
    with page.expect_request(asks) as caught:
        page.get_by_label("Scale of the horizontal axis").select_option("log")
    assert body_of(caught.value)["scale"] == "log"
    page.keyboard.press("Escape")
    expect(panel(page, "loss").get_by_text("points per pixel")).to_be_visible()
    choose(page, "loss", "Data as a table…")
    rows = page.get_by_role("region", name=re.compile("long-")).locator("tbody tr")
    rows.first.wait_for()
    counts = [int(text) for text in rows.locator("td:nth-child(5)").all_inner_texts()]
    assert counts[:10] == [1] * 10
    assert counts[-1] > 20

    # A panel with an axis of its own is zoomed alone, and as finely.
    page = open_charts(tab, long, changes={"k:loss": {"x": "m:epoch"}})
    plot = drawn(page, "loss", 2)
    with page.expect_request(
        lambda it: asks.search(it.url) and "loss" in body_of(it)["keys"]
    ) as own:
        drag(page, plot, 0.4, 0.45)
    assert body_of(own.value)["first_step"] > 2_000
    expect(panel(page, "loss").get_by_text("points per pixel")).to_have_count(0)
    assert "zoom" not in state_of(page)


def test_restart_is_a_branch_also_where_points_are_merged(
    tab: Visit, client: Client, tmp_path: Path
) -> None:
    experiment = client.create_experiment("restarted")
    run = client.create_run(experiment, run_name="again").info.run_id
    first = [Metric("loss", 10.0, s, s) for s in range(POINTS)]
    again = [Metric("loss", 5.0, POINTS + s, s) for s in range(2_000, 4_000)]
    client.log_batch(run, metrics=first)
    client.log_batch(run, metrics=again)
    page = open_charts(tab, experiment)
    plot = drawn(page, "loss", 1)
    expect(panel(page, "loss").get_by_text("points per pixel")).to_be_visible()

    def strokes() -> list[list[tuple[float, float]]]:
        with page.expect_download() as download:
            choose(page, "loss", "Save as SVG")
        download.value.save_as(tmp_path / "panel.svg")
        source = (tmp_path / "panel.svg").read_text()
        path = max(re.findall(r'd="([^"Z]+)"', source), key=len)
        points = [re.findall(r"[\d.]+", part) for part in path.split("M")[1:]]
        return [list(zip(map(float, p[::2]), map(float, p[1::2]), strict=True)) for p in points]

    whole, branch = strokes()
    # Neither is a mean of both, and none leads back: each runs level, from left to right.
    for stroke in (whole, branch):
        assert len({y for _, y in stroke}) == 1
        assert stroke == sorted(stroke)
    assert branch[0][1] > whole[0][1]
    assert branch[0][0] - whole[0][0] == pytest.approx((whole[-1][0] - whole[0][0]) / 3, rel=0.05)
    assert figures(page, "loss")["again"][-1] == f"{POINTS + 2_000:,}"

    drag(page, plot, 0.4, 0.43)
    expect(panel(page, "loss").get_by_text("points per pixel")).to_have_count(0)
    assert [len({y for _, y in stroke}) for stroke in strokes()] == [1, 1]


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

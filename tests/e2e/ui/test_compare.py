"""The comparison of runs in a browser: differences, charts that select, code, pictures, tables."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from assay.client.client import Client
from assay.entities.ids import RunId
from tests.e2e.ui.conftest import HOSTILE
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

VIEWS = [
    "diff",
    "parallel",
    "scatter",
    "slices",
    "contour",
    "box",
    "importance",
    "code",
    "images",
    "tables",
]
RATES = ["1e-3", "0.001", "0.01", "0.1"]
PATCH = """diff --git a/train.py b/train.py
index 11..22 100644
--- a/train.py
+++ b/train.py
@@ -1,2 +1,2 @@
 import numpy
-rate = 0
+rate = {rate}
"""


class Seeded(NamedTuple):
    """An experiment whose runs have everything that is compared."""

    experiment: str
    runs: list[RunId]


@pytest.fixture(scope="module")
def seeded(ui: ServerProcess) -> Seeded:
    """Four runs; the first two differ in how the rate was written, the others in what it is."""
    client = Client(ui.url)
    experiment = client.create_experiment("compared")
    return Seeded(experiment, [record(client, experiment, place) for place in range(len(RATES))])


def record(client: Client, experiment: str, place: int) -> RunId:
    """One run, with code, packages, pictures and a table."""
    tags = {
        "mlflow.source.git.commit": "ab" * 20 if place < 2 else "cd" * 20,
        "assay.gpu": "A100" if place < 3 else "H100",
        "team": "vision",
    }
    run = client.create_run(experiment, run_name=f"run-{place}", tags=tags).info.run_id
    client.log_param(run, "rate", RATES[place])
    client.log_param(run, "layers", place + 1)
    client.log_param(run, "model", "small" if place % 2 else "large")
    client.log_metric(run, "loss", [0.5, 0.4, 0.3, 0.2][place])
    client.log_metric(run, "accuracy", [0.6, 0.9, 0.7, 0.8][place])
    python = "3.11.9" if place < 3 else "3.12.1"
    client.log_text(run, f"# Python {python}\nnumpy==2.{place // 2}.0\n", "assay/requirements.txt")
    client.log_text(run, PATCH.format(rate=RATES[place]), "assay/source.patch")
    lines = "".join(f"line{number}: {number}\n" for number in range(40))
    client.log_text(run, f"rate: {RATES[place]}\n{lines}end:{' ' * place} 1\n", "config.yaml")
    for step in (0, 10):
        image = np.full((8, 8, 3), 40 * place + step, np.uint8)
        client.log_image(run, image, key="val/sample", step=step)
    table = {"id": ["a", "b", "c"], "label": [1, 2, 3], "guess": [1, 2, place]}
    client.log_table(run, table, "guesses.json")
    client.set_terminated(run)
    return run


def open_compare(
    tab: Visit, seeded: Seeded, view: str, *, runs: list[int] | None = None, **more: Any
) -> Page:
    """The comparison of some of the runs, the first of them the baseline."""
    compare = {"view": view, **more}
    query = {"tab": "compare", "compare": json.dumps(compare)}
    if runs is not None:
        chosen = [seeded.runs[place] for place in runs]
        query |= {"runs": json.dumps(chosen), "base": chosen[0]}
    return tab.open(f"/experiments/{seeded.experiment}?{urllib.parse.urlencode(query)}")


def state(page: Page) -> dict[str, Any]:
    """The state in the address."""
    query = urllib.parse.parse_qs(urllib.parse.urlparse(page.url).query)
    found: dict[str, Any] = {}
    for key, (value,) in query.items():
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def fact(page: Page, name: str) -> Locator:
    """The row of a fact in the table of differences."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))


def drag(page: Page, path: list[tuple[float, float]]) -> None:
    """Press at the first point, move over the others, let go at the last."""
    page.mouse.move(*path[0])
    page.mouse.down()
    for point in path[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def box(locator: Locator) -> tuple[float, float, float, float]:
    """Left, top, width and height of what is shown."""
    locator.scroll_into_view_if_needed()
    found = locator.bounding_box()
    assert found is not None
    return found["x"], found["y"], found["width"], found["height"]


def test_only_what_differs_is_shown_and_numbers_are_compared_as_numbers(
    tab: Visit, seeded: Seeded
) -> None:
    page = open_compare(tab, seeded, "diff", runs=[0, 1])
    expect(fact(page, "layers")).to_be_visible()
    expect(fact(page, "layers").get_by_text("differs from the baseline")).to_be_attached()
    expect(fact(page, "loss")).to_contain_text("0.4")
    expect(fact(page, "rate")).to_have_count(0)
    page.get_by_label("Only what differs").uncheck()
    expect(fact(page, "rate")).to_contain_text("1e-3")
    expect(fact(page, "rate").get_by_text("differs from the baseline")).to_have_count(0)
    assert state(page)["compare"]["all"] is True


def test_sentences_say_what_differs_from_the_baseline(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "diff", runs=[0, 3])
    told = page.get_by_role("region", name="What differs from the baseline")
    expect(told).to_contain_text("rate is 0.1 instead of 1e-3")
    expect(told).to_contain_text("numpy is 2.1.0 instead of 2.0.0")
    expect(told).to_contain_text("GPU is H100 instead of A100")
    expect(told).to_contain_text(f"Git commit is {'cd' * 20}")
    expect(told).to_contain_text("loss is 0.2, 0.3 less")


def test_another_baseline_and_turned_table(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "diff", runs=[0, 1, 2])
    page.get_by_label("Baseline", exact=True).select_option(label="run-2")
    expect(page.get_by_role("columnheader").nth(1)).to_contain_text("run-2")
    page.get_by_label("Runs as rows").check()
    expect(page.get_by_role("columnheader", name="layers")).to_be_visible()
    expect(page.get_by_role("rowheader", name="run-2")).to_contain_text("baseline")
    assert state(page)["base"] == seeded.runs[2]


def test_brushing_an_axis_selects_runs(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "parallel", axes=["p:layers", "m:loss"])
    left, top, width, _ = box(page.get_by_role("img", name=re.compile("^Parallel coordinates")))
    margin = min(70, width / 4)
    # The upper half of the first axis: layers 3 and 4 of 1 to 4.
    drag(page, [(left + margin, top + 6), (left + margin, top + 180)])
    expect(page.get_by_text("2 of 4 runs are kept")).to_be_visible()
    assert set(state(page)["compare"]["brush"]) == {"p:layers"}
    page.get_by_role("button", name="Select these 2 runs").click()
    expect(page.get_by_text("2 selected")).to_be_visible()
    assert sorted(state(page)["runs"]) == sorted(seeded.runs[2:])


def test_axes_are_brushed_and_moved_by_keyboard(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "parallel", axes=["p:layers", "p:model", "m:loss"])
    page.get_by_role("button", name="layers").press("Enter")
    panel = page.get_by_role("dialog", name="Axis layers")
    panel.get_by_label("From").fill("2")
    panel.get_by_label("To", exact=True).fill("3")
    panel.get_by_label("To", exact=True).press("Enter")
    expect(page.get_by_text("2 of 4 runs are kept")).to_be_visible()
    page.get_by_role("button", name="model").press("Enter")
    page.get_by_role("dialog", name="Axis model").get_by_label("small").uncheck()
    expect(page.get_by_text("1 of 4 runs are kept")).to_be_visible()
    page.get_by_role("dialog", name="Axis model").get_by_role("button", name="Move left").click()
    page.wait_for_function("() => location.search.includes('p%3Amodel%22%2C%22p%3Alayers')")
    page.get_by_role("button", name="Show them in the table").click()
    expect(page.locator("[data-run-row]")).to_have_count(1)


def test_dragging_a_name_moves_its_axis(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "parallel", axes=["p:layers", "p:model", "m:loss"])
    left, top, width, height = box(page.get_by_role("button", name="layers"))
    target = box(page.get_by_role("button", name="loss"))
    middle = top + height / 2
    drag(page, [(left + width / 2, middle), (target[0] + target[2] / 2, middle)])
    page.wait_for_function(
        "() => decodeURIComponent(location.search).includes('m:loss\",\"p:layers')"
    )
    assert state(page)["compare"]["axes"] == ["p:model", "m:loss", "p:layers"]


def test_a_lasso_selects_runs(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "scatter", x="p:layers", y="m:loss")
    left, top, width, height = box(page.get_by_role("img", name=re.compile("^Scatter plot of 4")))
    # The left half of the plot, which holds layers 1 and 2.
    middle = left + 66 + (width - 78) / 2
    bottom = top + height - 40
    around = [(left + 60, top + 2), (middle, top + 2), (middle, bottom), (left + 60, bottom)]
    drag(page, around)
    expect(page.get_by_text("2 selected")).to_be_visible()
    assert sorted(state(page)["runs"]) == sorted(seeded.runs[:2])


def test_regression_and_pareto_front(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "scatter", x="m:loss", y="m:accuracy")
    page.get_by_label("Straight line").check()
    expect(page.get_by_text("R² 0.160, 4 runs")).to_be_visible()
    page.get_by_label("Pareto front").check()
    # Less loss is better, which its name says: 0.2/0.8 and 0.4/0.9 are beaten by none.
    expect(page.get_by_label("Less is better across")).to_be_checked()
    expect(page.get_by_text("2 runs are beaten by no other in both.")).to_be_visible()
    page.get_by_role("button", name="Select the front").click()
    expect(page.get_by_text("2 selected")).to_be_visible()
    assert sorted(state(page)["runs"]) == sorted([seeded.runs[1], seeded.runs[3]])


def test_slices_boxes_and_contours_are_drawn_and_told_as_tables(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "slices")
    expect(page.get_by_role("img", name="accuracy over layers")).to_be_visible()
    page = open_compare(tab, seeded, "box", metric="m:loss", by="p:model", shape="violin")
    expect(page.get_by_role("row", name=re.compile("large"))).to_contain_text("0.4")
    assert painted(page.get_by_role("img", name="Distribution of loss by model."))
    page = open_compare(tab, seeded, "contour", metric="m:loss", x="p:layers", y="p:rate")
    assert painted(page.get_by_role("img", name="loss over layers and rate."))
    page.get_by_text("The same as a table: Cells").click()
    expect(page.get_by_role("region", name="Cells").get_by_role("row")).to_have_count(5)
    with page.expect_response(re.compile("d3-contour|src-")):
        page.get_by_role("button", name="Contours").click()
    assert painted(page.get_by_role("img", name="loss over layers and rate."))


def painted(canvas: Locator) -> bool:
    """Whether there is colour on it, and not lines of axes only."""
    expect(canvas).to_be_visible()
    found: int = canvas.evaluate(
        """canvas => {
            // From a copy: the page's own canvas is not made for being read.
            const copy = new OffscreenCanvas(canvas.width, canvas.height);
            const context = copy.getContext("2d", { willReadFrequently: true });
            context.drawImage(canvas, 0, 0);
            const { data } = context.getImageData(0, 0, copy.width, copy.height);
            let coloured = 0;
            for (let i = 0; i < data.length; i += 4) {
                const [r, g, b, a] = data.slice(i, i + 4);
                if (a > 60 && Math.max(r, g, b) - Math.min(r, g, b) > 40) coloured += 1;
            }
            return coloured;
        }"""
    )
    return found > 500


def test_importance_states_how_many_runs_it_rests_on(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "importance", metric="m:loss")
    # The first answer of a server waits for its libraries to be loaded.
    expect(page.get_by_text(re.compile("^Only 4 runs"))).to_be_visible(timeout=120_000)
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="layers"))
    expect(row).to_contain_text("−1.00")


def test_a_missing_library_is_told_with_its_remedy(tab: Visit, seeded: Seeded) -> None:
    message = "scikit-learn is not installed. Run: pip install 'assay[analysis]'"
    tab.page.route(
        "**/runs/importance",
        lambda route: route.fulfill(
            status=501,
            json={"error_code": "NOT_IMPLEMENTED", "message": message},
        ),
    )
    page = open_compare(tab, seeded, "importance", metric="m:loss")
    expect(page.get_by_role("alert")).to_contain_text("pip install 'assay[analysis]'")
    # Chromium itself notes the answer's status.
    tab.problems[:] = [one for one in tab.problems if "501" not in one]


def test_uncommitted_changes_and_commits(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "code", runs=[0, 3])
    expect(page.get_by_text(f"git diff {'ab' * 20} {'cd' * 20}")).to_be_visible()
    expect(page.get_by_role("heading", name="train.py")).to_be_visible()
    changed = page.get_by_role("region", name="train.py").locator("mark")
    expect(changed).to_have_text(["1e-3", "0.1"])


def test_files_side_by_side_or_in_one_column(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "code", runs=[0, 3])
    page.get_by_role("button", name="File", exact=True).click()
    page.get_by_label("File", exact=True).select_option("config.yaml")
    lines = page.get_by_role("region", name="config.yaml")
    expect(page.get_by_text("1 added, 1 removed")).to_be_visible()
    expect(lines.get_by_role("row")).to_have_count(5)
    page.get_by_label("White space counts").check()
    expect(page.get_by_text("2 added, 2 removed")).to_be_visible()
    page.get_by_label("In one column").check()
    expect(lines.get_by_text("rate: 1e-3")).to_be_visible()
    lines.get_by_role("button", name=re.compile("^Show .* equal lines")).click()
    expect(lines.get_by_text("line20: 20")).to_be_visible()


def test_pictures_of_one_step_side_by_side(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "images", runs=[0, 1, 3])
    pictures = page.get_by_role("img", name=re.compile("sample, run-., step 10$"))
    expect(pictures).to_have_count(3)
    page.wait_for_function("() => [...document.images].every(one => one.naturalWidth > 0)")
    page.get_by_role("slider").press("ArrowLeft")
    expect(page.get_by_role("img", name=re.compile("step 0$"))).to_have_count(3)
    page.get_by_label("Difference to the first").check()
    expect(page.locator("figure img[data-blend]")).to_have_count(2)
    assert state(page)["compare"]["step"] == 0


def test_tables_are_joined_by_key(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "tables", runs=[0, 3], table="guesses.json")
    expect(page.get_by_label("Joined by")).to_have_value("id")
    table = page.get_by_role("table")
    expect(table.get_by_role("rowheader")).to_have_text(["c"])
    expect(table.get_by_text("differs from the baseline")).to_have_count(1)
    page.get_by_label("Only what differs").uncheck()
    expect(table.get_by_role("rowheader")).to_have_text(["a", "b", "c"])
    table.get_by_role("button", name="guess").last.click()
    expect(table.get_by_role("columnheader", name="guess").last).to_have_attribute(
        "aria-sort", "ascending"
    )
    table.get_by_role("button", name="guess").last.click()
    expect(table.get_by_role("rowheader")).to_have_text(["c", "b", "a"])


def test_back_leads_through_the_views(tab: Visit, seeded: Seeded) -> None:
    page = open_compare(tab, seeded, "diff", runs=[0, 1])
    ways = page.get_by_role("navigation", name="Ways to compare")
    ways.get_by_role("link", name="Scatter").click()
    expect(page.get_by_role("img", name=re.compile("^Scatter plot of 2"))).to_be_visible()
    page.go_back()
    expect(ways.get_by_role("link", name="Differences")).to_have_attribute("aria-current", "page")
    expect(fact(page, "layers")).to_be_visible()


def test_hostile_names_and_values_stay_text(tab: Visit, client: Client) -> None:
    for text in HOSTILE:
        experiment = client.create_experiment(f"compared {text}")
        for place in ("", "other "):
            name = f"{place}{text}"
            run = client.create_run(experiment, run_name=name, tags={"harm": name})
            client.log_param(run.info.run_id, "harm", name)
        for view in ("diff", "parallel"):
            compare = json.dumps({"view": view, "axes": ["p:harm", "t:harm"]})
            query = urllib.parse.urlencode({"tab": "compare", "compare": compare})
            page = tab.open(f"/experiments/{experiment}?{query}")
            key = page.get_by_role("button", name="harm", exact=True)
            if view == "diff":
                key = page.get_by_role("rowheader", name="harm", exact=True)
            expect(key.first).to_be_visible()


def test_values_of_a_running_run_come_in_live(tab: Visit, client: Client) -> None:
    experiment = client.create_experiment("compared live")
    runs = [client.create_run(experiment, run_name=name).info.run_id for name in ("a", "b")]
    for run in runs:
        client.log_metric(run, "loss", 0.5 if run == runs[0] else 0.25, step=0)
    page = open_compare(tab, Seeded(experiment, runs), "diff", runs=[0, 1])
    expect(fact(page, "loss")).to_contain_text("0.25")
    client.log_metric(runs[1], "loss", 0.125, step=1)
    expect(fact(page, "loss")).to_contain_text("0.125", timeout=20_000)


def test_an_address_of_nonsense_shows_the_comparison(tab: Visit, seeded: Seeded) -> None:
    nonsense = {
        "view": "<b>",
        "axes": [{}, 7, "x:y"],
        "brush": {"p:rate": "no"},
        "log": 3,
        "from": -9,
    }
    query = urllib.parse.urlencode({"tab": "compare", "compare": json.dumps(nonsense)})
    page = tab.open(f"/experiments/{seeded.experiment}?{query}")
    expect(fact(page, "layers")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
def test_every_view_is_accessible(tab: Visit, seeded: Seeded, axe: Callable[[Page], None]) -> None:
    for view in VIEWS:
        page = open_compare(tab, seeded, view, runs=[0, 1, 2, 3])
        page.wait_for_load_state("networkidle")
        expect(page.locator("main canvas, main table, main figure").first).to_be_visible()
        axe(page)

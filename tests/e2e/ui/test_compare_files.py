"""Files of compared runs in a browser: long tables, cells that are pictures, boxes and masks."""

from __future__ import annotations

import base64
import io
import json
import urllib.parse
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from assay.client.client import Client
from assay.client.image_overlays import overlay_files
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

pytestmark = pytest.mark.browser

Axe = Callable[[Page], None]
ROWS = 3_000
ELSEWHERE = "https://elsewhere.example/x.png"
COVER = """() => [...document.querySelectorAll("figure canvas")].map(
    (canvas) => canvas.width && canvas.getContext("2d").getImageData(2, 2, 1, 1).data[3])"""


class Seeded(NamedTuple):
    """Two runs of one experiment."""

    experiment: str
    runs: list[str]

    def at(self, view: str, **more: Any) -> str:
        query = {
            "tab": "compare",
            "compare": json.dumps({"view": view, **more}),
            "runs": json.dumps(self.runs),
            "base": self.runs[0],
        }
        return f"/experiments/{self.experiment}?{urllib.parse.urlencode(query)}"


@pytest.fixture(scope="module")
def seeded(ui: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    client = Client(ui.url)
    experiment = client.create_experiment("files compared")
    pixel = io.BytesIO()
    Image.new("RGB", (2, 2), (200, 30, 30)).save(pixel, "PNG")
    data = f"data:image/png;base64,{base64.b64encode(pixel.getvalue()).decode()}"
    folder = tmp_path_factory.mktemp("overlays")
    runs = []
    for place in range(2):
        run = str(client.create_run(experiment, run_name=f"run-{place}").info.run_id)
        client.log_image(run, Image.new("RGB", (80, 60), (240, 240, 240)), "seen.png")
        rows = {"id": list(range(ROWS)), "seen": ["seen.png", data, ELSEWHERE] * (ROWS // 3)}
        rows["score"] = [k + place * (k % 1_000 == 999) for k in range(ROWS)]
        client.log_table(run, rows, "long.json")
        boxes: list[dict[str, Any]] = [{"box": [40, 30, 70, 50], "label": "dog"}] * (place + 1)
        mask = np.zeros((60, 80), int)
        mask[:30, :40] = 7
        overlay = overlay_files("seen.png", boxes=boxes, masks={"truth": mask}, labels={7: "sky"})
        for name, content in overlay:
            (folder / name).write_bytes(content)
            client.log_artifact(run, str(folder / name))
        client.set_terminated(run)
        runs.append(run)
    return Seeded(experiment, runs)


def test_long_tables_are_joined_in_pages_and_pictures_seen(
    tab: Visit, seeded: Seeded, axe: Axe
) -> None:
    page = tab.open(seeded.at("tables", table="long.json"))
    table = page.get_by_role("table")
    # What differs stands beyond the first thousand rows too.
    expect(page.get_by_text("Shown: 3 of 3,000 rows.")).to_be_visible()
    expect(table.get_by_role("rowheader")).to_have_text(["999", "1999", "2999"])
    expect(table.get_by_text("differs from the baseline")).to_have_count(3)
    page.get_by_label("Only what differs").uncheck()
    expect(page.get_by_text("Shown: 3,000 of 3,000 rows.")).to_be_visible()
    for name in ("seen.png", "Picture"):
        picture = table.get_by_role("img", name=name).first
        expect(picture).to_be_visible()
        page.wait_for_function("one => one.naturalWidth > 0", arg=picture.element_handle())
    expect(table.get_by_text(ELSEWHERE).first).to_be_visible()
    assert table.get_by_role("row").count() < 100
    axe(page)
    page.get_by_role("region", name="Tables").evaluate("box => box.scrollTop = box.scrollHeight")
    expect(table.get_by_role("rowheader", name="2999")).to_be_visible()
    page.get_by_role("searchbox", name="Find rows").fill("2998")
    expect(page.get_by_text("Shown: 1 of 3,000 rows.")).to_be_visible()


def test_boxes_and_masks_lie_over_the_pictures_of_all_runs(
    tab: Visit, seeded: Seeded, axe: Axe
) -> None:
    page = tab.open(seeded.at("images", image="seen.png"))
    expect(page.get_by_role("img", name="1 box", exact=True)).to_be_visible()
    expect(page.get_by_role("img", name="2 boxes")).to_be_visible()
    page.wait_for_function(f"() => ({COVER})().join() === '130,130'")
    axe(page)
    page.get_by_role("checkbox", name="sky").uncheck()
    page.wait_for_function(f"() => ({COVER})().join() === '0,0'")
    page.get_by_role("checkbox", name="dog").uncheck()
    expect(page.get_by_role("img", name="0 boxes")).to_have_count(2)
    # Fitted or zoomed, what is drawn lies exactly over what it is drawn over.
    for width, zoom in ((240, ""), (320, "4")):
        page.get_by_label("Zoom").select_option(zoom)
        for figure in page.get_by_role("figure").all():
            over = figure.get_by_role("img", name="0 boxes").bounding_box()
            picture = figure.locator("img").first.bounding_box()
            assert over is not None
            assert picture is not None
            assert over["width"] == pytest.approx(4 / 3 * over["height"], abs=1)
            assert over["width"] <= picture["width"]
            assert over["width"] == pytest.approx(width, abs=90)
            middle = over["x"] + over["width"] / 2
            assert middle == pytest.approx(picture["x"] + picture["width"] / 2, abs=1)

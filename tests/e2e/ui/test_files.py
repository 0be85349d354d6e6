"""Files of a run: the tree, every kind of view, and content that must not come alive."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from assay.client.client import Client
from assay.client.image_overlays import overlay_files
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess
from tests.services.prefix_proxy import behind_prefix

pytestmark = pytest.mark.browser

Axe = Callable[[Page], None]
CODE = "import os\n\n\ndef main() -> str:\n    return os.name  # where\n"
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"


class Seeded(NamedTuple):
    """Two runs: one with files of many kinds, one with few."""

    run: str
    other: str

    def at(self, path: str) -> str:
        return f"/runs/{self.run}?tab=files&path={path}"


@pytest.fixture(scope="module")
def seeded(ui: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    client = Client(ui.url)
    experiment = client.create_experiment("files")
    other = client.create_run(
        experiment, run_name="other", start_time=1_760_000_000_000
    ).info.run_id
    run = client.create_run(experiment, run_name="files", start_time=1_760_000_100_000).info.run_id
    folder = tmp_path_factory.mktemp("many")
    for ident in (run, other):
        client.log_text(ident, CODE * 100, "code/train.py")
    texts = {
        "conf.json": '{"rate": NaN, "layers": [1, {"deep": "yes"}], "harm": '
        + json.dumps(EVIL)
        + "}",
        "README.md": f"# A heading\n\n{EVIL}\n",
        "rows.csv": "id,name,score\n"
        + "".join(f"{k},row {k},{k * 37 % 100 / 100}\n" for k in range(3000)),
        "page.html": "<h1>Own page</h1><script>var r='reached';try{parent.document.title='stolen'}"
        "catch(e){r='kept out'}document.body.append(r)</script>",
        "fig.plotly.json": '{"data": [{"x": [1, 2], "y": [2, 1]}],'
        ' "layout": {"title": {"text": "Curve"}}}',
        # The formula is compiled in the frame, and the tick at 8 is nowhere in the file.
        "fig.vl.json": json.dumps(
            {
                "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
                "title": "Squares",
                "data": {"values": [{"x": 0}, {"x": 3}]},
                "transform": [{"calculate": "datum.x * datum.x", "as": "y"}],
                "mark": "line",
                "encoding": {
                    "x": {"field": "x", "type": "quantitative"},
                    "y": {"field": "y", "type": "quantitative"},
                },
            }
        ),
        "draw.svg": "<svg xmlns='http://www.w3.org/2000/svg' width='90' height='60'>"
        "<script>alert(1)</script><rect width='90' height='60' fill='teal'/></svg>",
        "fake.png": "no picture",
        "fake.pdf": "no page",
        "evil\u202egnp.txt": EVIL,
        "nb.ipynb": json.dumps(
            {
                "nbformat": 4,
                "cells": [
                    {"cell_type": "markdown", "source": "# Of the notebook"},
                    {
                        "cell_type": "code",
                        "execution_count": 7,
                        "source": "print(1)",
                        "outputs": [
                            {
                                "output_type": "stream",
                                "name": "stdout",
                                "text": "\u001b[31mred\u001b[0m",
                            },
                            {"output_type": "display_data", "data": {"text/html": EVIL}},
                        ],
                    },
                ],
            }
        ),
    }
    for path, text in texts.items():
        client.log_text(run, text, path)
    (folder / "model.pkl").write_bytes(pickle.dumps(np.zeros(3)))
    (folder / "blob.bin").write_bytes(bytes(range(256)))
    np.savez(folder / "weights.npz", w=np.zeros((3, 4)))
    for name in ("model.pkl", "blob.bin", "weights.npz"):
        client.log_artifact(run, str(folder / name))
    many = folder / "many"
    many.mkdir()
    for k in range(2500):
        (many / f"file-{k}.txt").write_text(str(k))
    client.log_artifacts(run, str(many), "many")
    client.log_image(run, Image.new("RGB", (80, 60), (250, 250, 250)), "seen.png")
    mask = np.zeros((60, 80), int)
    mask[:30, :40] = 7
    overlay = overlay_files(
        "seen.png",
        boxes=[
            {"box": [40, 30, 70, 50], "label": "dog", "score": 0.875},
            {"box": [10, 30, 20, 50], "label": EVIL},
        ],
        masks={"truth": mask},
        labels={7: "sky"},
    )
    for name, content in overlay:
        (folder / name).write_bytes(content)
        client.log_artifact(run, str(folder / name))
    for step in (0, 1, 10):
        client.log_image(run, Image.new("RGB", (64, 48), (step * 20, 90, 90)), key="cat", step=step)
    client.set_terminated(run)
    client.set_terminated(other)
    return Seeded(run, other)


def test_keys_open_a_file_and_a_line_has_an_address(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(f"/runs/{seeded.run}?tab=files")
    tree = page.get_by_role("tree", name="Files")
    expect(tree.get_by_role("treeitem", name="code")).to_have_attribute("aria-expanded", "false")
    tree.focus()
    tree.press("Home")
    tree.press("ArrowRight")
    expect(tree.get_by_role("treeitem", name="train.py")).to_be_visible()
    tree.press("ArrowDown")
    tree.press("Enter")
    expect(page.get_by_role("heading", name="code/train.py")).to_be_visible()
    page.get_by_role("button", name="Link to line 5", exact=True).click()
    page.wait_for_url(lambda url: "line=5" in url and "path=code" in url)
    page.get_by_role("textbox", name="Go to line").fill("321")
    page.get_by_role("textbox", name="Go to line").press("Enter")
    page.wait_for_url("**line=321**")
    page.reload()
    expect(page.locator("[data-target]")).to_contain_text("321")
    expect(page.locator("[data-target]")).to_be_in_viewport()
    # Coloured by a worker: a keyword stands in a piece of its own.
    expect(page.get_by_text("import", exact=True).first).to_be_visible()


def test_a_large_folder_is_windowed_and_searched(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(f"/runs/{seeded.run}?tab=files")
    tree = page.get_by_role("tree", name="Files")
    tree.get_by_role("treeitem", name="many").click()
    expect(tree.get_by_role("treeitem", name="file-0.txt")).to_be_visible()
    assert tree.get_by_role("treeitem").count() < 100
    tree.focus()
    tree.press("End")
    # The folder comes in pages; at the end of one the next is read.
    expect(tree.get_by_role("treeitem", name="file-9.txt")).to_have_count(0)
    page.get_by_role("searchbox", name="Search files").fill("FILE-2499")
    expect(page.get_by_text("1 file found")).to_be_visible()
    tree.get_by_role("treeitem", name="many/file-2499.txt").click()
    expect(
        page.get_by_role("region", name="many/file-2499.txt").get_by_text("2499", exact=True)
    ).to_be_visible()


def test_a_table_is_sorted_filtered_and_paged_by_the_server(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(seeded.at("rows.csv"))
    expect(page.get_by_text("3,000 rows · 3 columns")).to_be_visible()
    table = page.get_by_role("region", name="rows.csv").get_by_role("table")
    assert table.get_by_role("row").count() < 100
    sort = table.get_by_role("button", name="Sort by score")
    sort.click()
    sort.click()
    expect(table.get_by_role("columnheader", name="score")).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(table.get_by_role("row").nth(2)).to_contain_text("0.99")
    page.get_by_role("combobox", name="Column").select_option("name")
    page.get_by_role("searchbox", name="Contains").fill("row 299")
    expect(page.get_by_text("11 rows")).to_be_visible()
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.get_by_text("3,000 rows")).to_be_visible()
    sort.click()
    page.get_by_role("region", name="rows.csv").last.evaluate(
        "box => box.scrollTop = box.scrollHeight"
    )
    expect(table.get_by_text("row 2999")).to_be_visible()


def test_json_folds_and_keeps_what_json_does_not_know(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(seeded.at("conf.json"))
    tree = page.get_by_role("tree", name="conf.json")
    expect(tree.get_by_text('"NaN"')).to_be_visible()
    expect(tree.get_by_text("onerror")).to_be_visible()
    tree.get_by_role("treeitem", name="layers").click()
    expect(tree.get_by_text('"yes"')).to_have_count(0)
    page.get_by_role("button", name="Text", exact=True).click()
    expect(page.get_by_text('{"rate"')).to_be_visible()


def test_pages_and_figures_run_in_a_frame_without_a_way_out(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(seeded.at("page.html"))
    frame = page.locator("iframe")
    expect(frame).to_have_attribute("sandbox", "allow-scripts")
    expect(frame.content_frame.get_by_text("kept out")).to_be_visible()
    assert "stolen" not in page.title()
    # The frame's attempt is told on the console: that is the proof, and no mistake of the page.
    tab.problems[:] = [text for text in tab.problems if "Blocked a frame" not in text]
    page.goto(tab.home + seeded.at("fig.plotly.json"))
    expect(page.locator("iframe").content_frame.get_by_text("Curve")).to_be_visible()


COVER = """(canvas) => {
    const at = (x, y) => canvas.getContext("2d").getImageData(x, y, 1, 1).data[3];
    return canvas.width === 80 && [at(5, 5), at(70, 50)];
}"""


def test_boxes_and_masks_are_drawn_over_a_picture_and_switched_by_class(
    tab: Visit, seeded: Seeded, axe: Axe
) -> None:
    page = tab.open(seeded.at("seen.png"))
    boxes = page.get_by_role("img", name="2 boxes")
    expect(boxes.locator("text").first).to_have_text("dog 0.875")
    expect(boxes.locator("text").last).to_have_text(EVIL[:100])
    picture = page.get_by_role("img", name="seen.png").bounding_box()
    assert boxes.bounding_box() == picture
    mask = page.get_by_role("img", name="Mask truth")
    page.get_by_role("checkbox", name="sky").wait_for()
    page.wait_for_function(f"() => ({COVER})(document.querySelector('canvas'))?.[0] === 130")
    assert mask.evaluate(COVER) == [130, 0]
    axe(page)
    page.get_by_role("checkbox", name="sky").uncheck()
    page.wait_for_function(f"() => ({COVER})(document.querySelector('canvas'))[0] === 0")
    page.get_by_role("checkbox", name="dog").uncheck()
    expect(page.get_by_role("img", name="1 box")).to_be_visible()
    page.get_by_role("button", name="Zoom in").click()
    expect(page.get_by_role("img", name="seen.png")).to_have_css("width", "160px")


def test_figures_are_drawn_behind_the_prefix_of_a_proxy(
    context: BrowserContext, ui: ServerProcess, seeded: Seeded
) -> None:
    with behind_prefix(ui.url, "/lab/assay") as home:
        visit = Visit(context.new_page(), home)
        page = visit.open(seeded.at("fig.plotly.json"))
        expect(page.locator("iframe").content_frame.get_by_text("Curve")).to_be_visible()
        page.goto(home + seeded.at("fig.vl.json"))
        frame = page.locator("iframe").content_frame
        expect(frame.get_by_text("8", exact=True)).to_be_visible()
        page.goto(home + seeded.at("README.md"))
        expect(page.get_by_role("heading", name="A heading")).to_be_visible()
        assert visit.problems == []
        assert visit.foreign == []
        page.close()


def test_files_that_are_not_what_they_say_are_shown_harmlessly(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(seeded.at("fake.png"))
    expect(page.get_by_text("The content is not what the name says")).to_be_visible()
    expect(page.get_by_text("6e 6f 20 70")).to_be_visible()
    page.goto(tab.home + seeded.at("fake.pdf"))
    expect(page.get_by_text("The content is not what the name says")).to_be_visible()
    page.goto(tab.home + seeded.at("draw.svg"))
    expect(page.get_by_text("90 × 60 pixels")).to_be_visible()
    page.goto(tab.home + seeded.at("README.md"))
    expect(page.get_by_role("heading", name="A heading")).to_be_visible()
    assert page.locator("article img, article script").count() == 0
    page.goto(tab.home + seeded.at("evil%E2%80%AEgnp.txt"))
    expect(page.get_by_role("heading", name="evil�gnp.txt")).to_be_visible()
    expect(page.get_by_text(EVIL)).to_be_visible()


def test_a_pickle_is_described_and_never_loaded(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(seeded.at("model.pkl"))
    expect(page.get_by_text("What loading it would import")).to_be_visible()
    expect(page.get_by_text("numpy.dtype")).to_be_visible()
    page.goto(tab.home + seeded.at("weights.npz"))
    expect(page.get_by_role("row", name="w <f8 3 × 4")).to_be_visible()
    page.goto(tab.home + seeded.at("blob.bin"))
    page.get_by_role("button", name="Details").click()
    expect(page.get_by_text("256 B (256 B)")).to_be_visible()
    # sha256 of the bytes 0 to 255.
    expect(
        page.get_by_text("40aff2e9d2d8922e47afd4648e6967497158785fbd1da870e7110266bf944880")
    ).to_be_visible()


def test_a_notebook_is_shown_without_its_html(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(seeded.at("nb.ipynb"))
    expect(page.get_by_role("heading", name="Of the notebook")).to_be_visible()
    expect(page.get_by_text("In [7]")).to_be_visible()
    expect(page.get_by_text("red", exact=True)).to_be_visible()
    expect(page.get_by_text("Output of a kind that is not shown here.")).to_be_visible()


def test_pictures_of_a_key_are_stepped_through(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(f"/runs/{seeded.run}?tab=files")
    tree = page.get_by_role("tree", name="Files")
    tree.get_by_role("treeitem", name="images").click()
    tree.locator('[role="treeitem"][title^="images/"][title$=".png"]').first.click()
    expect(page.get_by_text("Step 0 (1 of 3)")).to_be_visible()
    slider = page.get_by_role("slider", name="Step")
    slider.focus()
    slider.press("End")
    expect(page.get_by_text("Step 10 (3 of 3)")).to_be_visible()
    page.get_by_role("button", name="100 %").click()
    expect(page.get_by_text("64 × 48 pixels")).to_be_visible()


def test_a_search_finds_and_a_slow_expression_is_stopped(
    tab: Visit, seeded: Seeded, client: Client
) -> None:
    client.log_text(seeded.run, ("a" * 40 + "!\n") * 3 + "needle 42\n", "long.txt")
    page = tab.open(seeded.at("long.txt"))
    find = page.get_by_role("searchbox", name="Find in this text")
    page.get_by_role("button", name="Regular expression").click()
    find.fill("needle \\d+")
    expect(page.get_by_text("0 of 1")).to_be_visible()
    find.press("Enter")
    expect(page.locator("[data-current]")).to_contain_text("needle 42")
    expect(page.locator("mark")).to_have_text("needle 42")
    find.fill("(")
    expect(page.get_by_text("Not a valid expression")).to_be_visible()
    find.fill("^(a+)+$")
    expect(page.get_by_text("takes too long")).to_be_visible(timeout=30_000)
    find.fill("needle")
    expect(page.get_by_text("0 of 1")).to_be_visible()


def test_files_and_folders_are_downloaded(tab: Visit, seeded: Seeded, tmp_path: Path) -> None:
    page = tab.open(seeded.at("code/train.py"))
    with page.expect_download() as one:
        page.get_by_role("region", name="code/train.py").first.get_by_role(
            "link", name="Download"
        ).click()
    assert one.value.suggested_filename == "train.py"
    page.get_by_role("tree", name="Files").get_by_role("treeitem", name="code").click()
    with page.expect_download() as folder:
        page.get_by_role("link", name="Download as ZIP: code").click()
    folder.value.save_as(tmp_path / "code.zip")
    with zipfile.ZipFile(tmp_path / "code.zip") as archive:
        assert archive.read("train.py").decode() == CODE * 100


def test_the_last_file_is_open_in_the_next_run(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(seeded.at("code/train.py"))
    expect(page.get_by_text("500 lines")).to_be_visible()
    page.get_by_role("link", name="Next run (j)").click()
    page.wait_for_url(f"**/runs/{seeded.other}**path=code**")
    expect(page.get_by_role("heading", name="code/train.py")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
def test_views_are_accessible(tab: Visit, seeded: Seeded, axe: Axe) -> None:
    ready = {
        "code/train.py": "500 lines",
        "rows.csv": "3,000 rows",
        "conf.json": "3 keys",
        "README.md": "A heading",
        "draw.svg": "90 × 60 pixels",
        "model.pkl": "What loading it would import",
        "blob.bin": "First 256 bytes",
        "nb.ipynb": "In [7]",
    }
    for path, text in ready.items():
        page = tab.open(seeded.at(path))
        expect(page.get_by_text(text).first).to_be_visible()
        axe(page)

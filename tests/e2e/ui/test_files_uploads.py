"""Files that come into a run from its page, their order, what they came of, and shapes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from assay.client.client import Client
from tests.services.browser import Visit

pytestmark = pytest.mark.browser

Axe = Callable[[Page], None]
EVIL = '<img src=x onerror=alert(1)> "quoted" \u202egnp.txt'
CUBE = "".join(f"v {n & 1} {n >> 1 & 1} {n >> 2}\n" for n in range(8)) + "f 1 2 4 3\nf 5 6 8 7\n"
COVERED = """(canvas) => {
    const { width, height } = canvas;
    // From a copy: the page's own canvas is not made for being read.
    const copy = new OffscreenCanvas(width, height);
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    let sum = 0;
    for (let at = 3; at < data.length; at += 4) if (data[at]) sum += at % 9973;
    return sum;
}"""
DROP = """(row, [name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    for (const kind of ["dragover", "drop"]) {
        const options = { bubbles: true, cancelable: true, dataTransfer: data };
        row.dispatchEvent(new DragEvent(kind, options));
    }
}"""


def _payload(name: str, content: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "text/plain", "buffer": content}


def _text(client: Client, run: str, path: str) -> str:
    return b"".join(client.artifact_store(run).read(path)).decode()  # type: ignore[arg-type]


def test_files_are_uploaded_ordered_and_never_replaced_unasked(
    tab: Visit, client: Client, axe: Axe
) -> None:
    run = client.create_run("0", run_name="uploads").info.run_id
    page = tab.open(f"/runs/{run}?tab=files")
    expect(page.get_by_text("Or drop files here.")).to_be_visible()

    def pick(*files: dict[str, object]) -> None:
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Upload files").click()
        chooser.value.set_files(files)  # type: ignore[arg-type]

    pick(_payload("notes.txt", b"first"), _payload(EVIL, b"evil" * 3), _payload("b\\c", b"1"))
    uploads = page.get_by_role("region", name="Uploads")
    expect(uploads.get_by_text("2 of 3 uploaded")).to_be_visible()
    # What can be no name is refused, with the server's own words.
    expect(uploads.get_by_role("alert")).to_contain_text("it holds a backslash")
    tab.problems[:] = [text for text in tab.problems if "400" not in text]
    tree = page.get_by_role("tree", name="Files")
    expect(tree.get_by_role("treeitem")).to_have_count(2)
    assert _text(client, run, "notes.txt") == "first"

    client.log_text(run, "x" * 100, "folder/large.txt")
    page.get_by_role("button", name="Read the list again").click()
    page.get_by_role("button", name="Order by size").click()
    files = tree.get_by_role("treeitem")
    expect(files.nth(1)).to_contain_text("onerror")
    page.get_by_role("button", name="Order by size").click()
    expect(files.nth(1)).to_contain_text("notes.txt")

    # Dropped onto a folder it goes there; what is there already is asked about.
    folder = tree.get_by_role("treeitem", name="folder")
    folder.evaluate(DROP, ["small.txt", "tiny"])
    expect(uploads.get_by_text("folder/small.txt")).to_be_visible()
    folder.click()
    expect(tree.get_by_role("treeitem", name="small.txt")).to_be_visible()
    folder.evaluate(DROP, ["large.txt", "changed"])
    replace = page.get_by_role("button", name="Replace folder/large.txt")
    expect(replace).to_be_visible()
    assert _text(client, run, "folder/large.txt") == "x" * 100
    axe(page)
    tree.get_by_role("treeitem", name="large.txt").click()
    expect(page.get_by_text("x" * 100)).to_be_visible()
    replace.click()
    # The open file is shown anew.
    expect(page.get_by_text("changed", exact=True)).to_be_visible()
    assert _text(client, run, "folder/large.txt") == "changed"

    # What only reads finds no way to upload.
    def reader(route: Route) -> None:
        answer = route.fetch().json()
        answer |= {"auth": "token", "permissions": ["read"]}
        route.fulfill(body=json.dumps(answer), content_type="application/json")

    page.route("**/whoami", reader)
    page.reload()
    expect(tree.get_by_role("treeitem", name="notes.txt")).to_be_visible()
    expect(page.get_by_role("button", name="Upload files")).to_have_count(0)


def test_beside_a_file_stands_what_it_came_of_and_went_into(
    tab: Visit, client: Client, axe: Axe
) -> None:
    run = client.create_run("0", run_name="maker").info.run_id
    client.log_text(run, "flavors: {}\n", "model/MLmodel")
    client.create_registered_model("used", tags={})
    client.create_model_version("used", f"runs:/{run}/model", run)
    page = tab.open(f"/runs/{run}?tab=files&path=model/MLmodel")
    page.get_by_role("button", name="Details").click()
    expect(page.get_by_text("this run")).to_be_visible()
    expect(page.get_by_text("was registered from it")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="used version 1").click()
    page.wait_for_url("**/models/used/1**")
    page.goto(f"{tab.home}/models/used/1?tab=files&path=MLmodel")
    # Who wanted to see it of one file sees it of the next.
    page.get_by_role("link", name="maker").last.click()
    page.wait_for_url(f"**/runs/{run}**")


def test_shapes_are_drawn_and_turned_and_liars_refused(
    tab: Visit, client: Client, axe: Axe
) -> None:
    run = client.create_run("0", run_name="shapes").info.run_id
    client.log_text(run, CUBE, "cube.obj")
    head = "ply\nformat ascii 1.0\nelement vertex 99999999999\nproperty float x\n"
    client.log_text(run, head + "property float y\nproperty float z\nend_header\n1 2 3\n", "a.ply")
    page = tab.open(f"/runs/{run}?tab=files&path=cube.obj")
    canvas = page.get_by_role("img", name="8 points, 4 triangles")
    expect(canvas).to_be_visible()
    page.wait_for_function(f"one => ({COVERED})(one) > 0", arg=canvas.element_handle())
    before = canvas.evaluate(COVERED)
    stage = page.get_by_role("group", name="8 points, 4 triangles of cube.obj")
    stage.press("ArrowRight")
    turned = f"([one, before]) => ({COVERED})(one) !== before"
    page.wait_for_function(turned, arg=[canvas.element_handle(), before])
    stage.press("0")
    page.wait_for_function(
        f"([one, before]) => ({COVERED})(one) === before", arg=[canvas.element_handle(), before]
    )
    axe(page)
    page.get_by_role("treeitem", name="a.ply").click()
    expect(page.get_by_text("The header promises 99,999,999,999")).to_be_visible()

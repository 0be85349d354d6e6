"""The page that tries a model, in a real browser: hostile names, exact numbers, both modes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser, expect

import assay
from assay.pyfunc import PythonModel
from tests.services.browser import Visit, chromium
from tests.services.mlflow_client import ROOT
from tests.services.scoring import ScoringServer

__all__ = ["chromium"]

_AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
_HOSTILE = "<img src=x onerror=alert(1)>"
_TOKEN = "a-token-of-some-length"
_ROW = {
    _HOSTILE: [1.5],
    "count": [9_007_199_254_740_993],
    "ok": [True],
    "when": pd.to_datetime(["2024-01-02T03:04:05"]),
    "tags": [["a", "b"]],
    "note": ['it\'s "quoted" </script>'],
}


class Echo(PythonModel):
    """Answers with what it was asked, and has a face that streams."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        row = model_input.iloc[0]
        return [f"{row['count']} {row['ok']} {row['tags']} {row['note']} {params['depth']}"]

    def predict_stream(self, context: Any, model_input: dict[str, Any], params: Any = None) -> Any:
        yield from ("one", "two")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    folder = tmp_path_factory.mktemp("page")
    assay.pyfunc.save_model(
        folder / "echo",
        python_model=Echo(),
        input_example=(pd.DataFrame(_ROW), {"depth": 2}),
        pip_requirements=["pandas"],
    )
    path = os.pathsep.join([str(ROOT), *sys.path])
    options = ("--env-manager", "local", "--trust")
    named = {_HOSTILE: f"{folder}/echo", "plain": f"{folder}/echo"}
    (folder / "models.json").write_text(json.dumps(named))
    options = (*options, "--models-file", "models.json")
    with ScoringServer(folder, options=options, PYTHONPATH=path, ASSAY_SERVE_TOKEN=_TOKEN) as it:
        yield it


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["wide", "phone"])
def visit(
    request: pytest.FixtureRequest, chromium: Browser, server: ScoringServer
) -> Iterator[Visit]:
    width, scheme = request.param
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(30_000)
    made = Visit(context.new_page(), server.url)
    yield made
    context.close()
    # A page without a token asks once, and is refused: the browser says so.
    assert [one for one in made.problems if "401" not in one] == []
    assert made.foreign == []


def test_a_model_is_tried_by_form_json_and_stream(visit: Visit) -> None:
    page = visit.open("/")
    page.get_by_label("Token of this server").fill("wrong")
    page.get_by_role("button", name="Continue").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("isn't the server's token")
    page.get_by_label("Token of this server").fill(_TOKEN)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(_HOSTILE)
    answer = page.get_by_role("region", name="What was answered")
    told = page.locator("p[role=status]")
    expect(page.get_by_label("count")).to_have_value("9007199254740993")
    page.get_by_role("button", name="Predict").press("Enter")
    expect(told).to_contain_text("200 in")
    expect(told).to_contain_text("answered by version")
    expect(answer).to_contain_text("9007199254740993 True ['a', 'b'] it's")

    page.get_by_label("count").fill("many")
    page.get_by_label("tags").fill("[1")
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_label("count")).to_be_focused()
    expect(page.get_by_text("A whole number is wanted.")).to_be_visible()
    expect(page.get_by_text("JSON is wanted")).to_be_visible()
    page.get_by_label("count").fill("7")
    page.get_by_label("tags").fill("[]")
    page.get_by_label("depth").fill("5")
    page.get_by_label("ok").select_option("false")

    page.get_by_label("JSON", exact=True).check()
    body = page.get_by_label("Body of the request")
    asked = json.loads(body.input_value())
    assert asked["params"] == {"depth": 5}
    assert asked["dataframe_split"]["data"][0][1:3] == [7, False]
    page.get_by_role("button", name="Predict").click()
    expect(answer).to_contain_text("7 False [] it's")
    body.fill("{")
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_text("This is no JSON")).to_be_visible()

    page.get_by_label("Model").select_option("plain")
    page.get_by_label("Piece by piece").check()
    page.get_by_role("button", name="Predict").click()
    expect(answer).to_contain_text('data: "two"')
    expect(page.get_by_role("region", name="curl")).to_contain_text("$ASSAY_SERVE_TOKEN")
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide


def test_page_is_accessible_and_its_snippets_work(visit: Visit, server: ScoringServer) -> None:
    page = visit.open("/")
    page.get_by_label("Token of this server").fill(_TOKEN)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("p[role=status]")).to_contain_text("200 in")

    page.evaluate(_AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        """async () => {
            const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
            const { violations } = await axe.run(document, { runOnly });
            return violations.map((one) => [one.id, one.nodes.map((n) => n.html)]);
        }"""
    )

    assert found == []
    for name, command in (("curl", ["bash", "-c"]), ("Python", [sys.executable, "-c"])):
        code = page.get_by_role("region", name=name, exact=True).inner_text()
        environment = {**os.environ, "ASSAY_SERVE_TOKEN": _TOKEN}
        done = subprocess.run(
            [*command, code], capture_output=True, text=True, env=environment, timeout=30
        )
        assert "9007199254740993 True" in done.stdout, done.stderr


def test_page_loads_nothing_inline_and_says_so(server: ScoringServer) -> None:
    for path in ("/", "/page.js", "/page_fields.js", "/page.css"):
        response = server.get(path)
        policy = response.headers["content-security-policy"]
        assert response.status == 200
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
    assert b"<script>" not in server.get("/").data
    assert server.get("/signatures").status == 401
    for name in ("page.js", "page_fields.js"):
        source = (Path(assay.__file__).parent / "serving" / "page" / name).read_text()
        assert "innerHTML" not in source
        assert "insertAdjacentHTML" not in source

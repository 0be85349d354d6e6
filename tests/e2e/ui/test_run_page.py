"""The run page: what a run is, what can be changed on it, its log, the way to its neighbours."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, Route, expect

from assay.client.client import Client
from assay.entities.datasets import Dataset, DatasetInput, InputTag
from assay.entities.logged_models import LoggedModelOutput
from tests.e2e.ui.conftest import HOSTILE
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

pytestmark = pytest.mark.browser

Axe = Callable[[Page], None]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
LOG = "assay/output.log"
MARKS = "assay/output.marks.tsv"
START = 1_760_000_000_000


class Seeded(NamedTuple):
    """A parent with two children, of which the second failed with everything captured."""

    experiment: str
    parent: str
    child: str
    failed: str


@pytest.fixture(scope="module")
def seeded(ui: ServerProcess) -> Seeded:
    client = Client(ui.url)
    experiment = client.create_experiment("run page")
    parent = client.create_run(experiment, run_name="sweep", start_time=START).info.run_id
    ids = []
    for place, name in enumerate(("first", "second")):
        ident = client.create_run(
            experiment,
            run_name=name,
            start_time=START + (place + 1) * 1000,
            tags={"mlflow.parentRunId": parent},
        ).info.run_id
        client.log_param(ident, "rate", 0.1 * (place + 1))
        for step in range(5):
            client.log_metric(ident, "loss", 0.5 / (step + 1), step=step)
        ids.append(ident)
    client.log_param(parent, "rate", "1e-1")
    client.log_metric(parent, "loss", 0.2)
    record_failure(client, experiment, ids[1])
    client.set_terminated(parent, end_time=START + 90_000)
    client.set_terminated(ids[0], end_time=START + 60_000)
    client.set_terminated(ids[1], "FAILED", end_time=START + 62_000)
    return Seeded(experiment, parent, ids[0], ids[1])


def record_failure(client: Client, experiment: str, run: str) -> None:
    """What a run captures, and models and data of it."""
    tags = {
        "mlflow.source.git.commit": COMMIT,
        "mlflow.source.git.repoURL": "git@git.example.org:team/vision.git",
        "assay.source.git.dirty": "true",
        "assay.command": "python train.py --rate 0.2",
        "assay.python": "cpython 3.11.2",
        "assay.cpu": "Some CPU, 8 cores",
        "team": "vision",
        "assay.exception": "ValueError: bad batch",
        "assay.exit_code": "1",
        "assay.cpu_seconds": "75.25",
        "assay.peak_memory_bytes": "3100000000",
    }
    for key, value in tags.items():
        client.set_tag(run, key, value)
    client.log_metric(run, "system/cpu_percent", 71.5)
    client.log_text(run, "# Python 3.11.2\nnumpy==2.1.0\nscipy==1.14.0\n", "assay/requirements.txt")
    client.log_text(
        run, "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-old = 1\n+new = 2\n", "assay/source.patch"
    )
    levels = ("INFO", "DEBUG", "WARNING", "ERROR")
    lines = [f"\x1b[32m12:00:00\x1b[0m {levels[k % 4]} step {k}" for k in range(4000)]
    end = "Traceback (most recent call last):\n  File 'train.py', line 3\nValueError: bad batch\n"
    client.log_text(run, "\n".join(lines) + "\n" + end, LOG)
    marks = f"1\t{START}\tout\n2\t{START + 1234}\terr\n3\t{START + 2000}\tout\n4001\t{START}\terr\n"
    client.log_text(run, "# assay output marks 1\nline\ttime_ms\tstream\n" + marks, MARKS)
    dataset = Dataset("digits", "abc123", "local", '{"uri": "digits.csv"}', '{"columns": ["px"]}')
    client.log_inputs(run, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
    model = client.create_logged_model(experiment, "classifier", source_run_id=run)
    client.log_outputs(run, [LoggedModelOutput(model.model_id, 4)])
    client.finalize_logged_model(model.model_id, "READY")


@pytest.fixture
def own(client: Client, request: pytest.FixtureRequest) -> str:
    """A finished run that the test may change."""
    experiment = client.create_experiment(f"own {request.node.name} {time.time_ns()}")
    run = client.create_run(experiment, run_name="mine", tags={"team": "vision"}).info.run_id
    client.set_terminated(run)
    return run


def test_the_overview_compares_with_the_parent(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(f"/runs/{seeded.failed}")
    expect(page.get_by_role("heading", name="second")).to_be_visible()
    expect(page.get_by_text("1 min 0 s").first).to_be_visible()
    metrics = page.get_by_role("region", name="Metrics").last
    row = metrics.get_by_role("row", name=re.compile("^loss"))
    expect(row.get_by_role("cell").nth(0)).to_have_text("0.1")
    expect(row.get_by_role("cell").nth(1)).to_have_text("−0.1 (−50 %)")
    expect(row.get_by_role("cell").nth(3)).to_have_text("0.5")
    expect(page.get_by_text("there: 1e-1")).to_be_visible()
    # The other child's rate is 0.1: the same number in another spelling is no difference.
    page.goto(f"{tab.home}/runs/{seeded.child}")
    expect(page.get_by_role("heading", name="first")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Δ to sweep")).to_be_visible()
    expect(page.get_by_text("there: 1e-1")).to_have_count(0)


def test_a_failed_run_says_why_on_top(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(f"/runs/{seeded.failed}")
    failure = page.get_by_role("region", name="The run failed")
    expect(failure.get_by_text("ValueError: bad batch").first).to_be_visible()
    for name, value in (
        ("Exit code", "1"),
        ("Processor time", "1 min 15 s"),
        ("Peak memory", "3.1 GB"),
    ):
        fact = failure.locator("dl > div").filter(has_text=name)
        expect(fact.get_by_role("definition")).to_have_text(value)
    expect(failure.get_by_text("Last 50 lines of the log")).to_be_visible()
    failure.get_by_text("Resources at the end").click()
    expect(failure.get_by_text("cpu_percent")).to_be_visible()
    failure.get_by_role("link", name="Open the log").click()
    expect(page.get_by_text("4,003 lines")).to_be_visible()


def test_tags_are_added_changed_and_deleted_with_a_way_back(
    tab: Visit, own: str, client: Client
) -> None:
    page = tab.open(f"/runs/{own}")
    page.get_by_role("button", name="Add a tag").click()
    page.get_by_role("textbox", name="Key").fill("owner")
    page.get_by_role("textbox", name="Value").fill("ana")
    page.get_by_role("textbox", name="Value").press("Enter")
    expect(page.get_by_role("listitem").filter(has_text="owner ana")).to_be_visible()
    page.get_by_role("button", name="Edit the tag owner").click()
    page.get_by_role("textbox", name="Value").fill("bo")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("listitem").filter(has_text="owner bo")).to_be_visible()
    page.get_by_role("button", name="Delete the tag team").click()
    expect(page.get_by_role("listitem").filter(has_text="team")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("listitem").filter(has_text="team vision")).to_be_visible()
    page.reload()
    expect(page.get_by_role("listitem").filter(has_text="owner bo")).to_be_visible()
    assert client.get_run(own).data.tags["team"] == "vision"


def test_a_name_and_a_star_are_kept_and_taken_back_when_refused(
    tab: Visit, own: str, client: Client
) -> None:
    page = tab.open(f"/runs/{own}")
    page.get_by_role("button", name="Star this run").click()
    expect(page.get_by_role("button", name="Star this run")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Name of the run").fill("better name")
    page.get_by_role("textbox", name="Name of the run").press("Enter")
    expect(page.get_by_role("heading", name="better name")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="better name")).to_be_visible()
    assert client.get_run(own).data.tags["assay.star"]

    def refuse(route: Route) -> None:
        route.fulfill(status=403, json={"error_code": "PERMISSION_DENIED", "message": "No rights."})

    page.route("**/runs/update", refuse)
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Name of the run").fill("worse")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("No rights.")).to_be_visible()
    expect(page.get_by_role("heading", name="better name")).to_be_visible()
    # The browser tells the refusal that the test made up.
    tab.problems[:] = [text for text in tab.problems if "403" not in text]


def test_notes_are_written_with_a_preview(tab: Visit, own: str) -> None:
    page = tab.open(f"/runs/{own}")
    page.get_by_role("button", name="Write notes").click()
    page.get_by_role("textbox", name="Notes").fill("## Findings\n\n<script>alert(1)</script>ok")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Findings")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Findings")).to_be_visible()


def test_a_run_goes_to_the_bin_and_comes_back(tab: Visit, own: str, client: Client) -> None:
    page = tab.open(f"/runs/{own}")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_text("This run is in the bin.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("This run is in the bin.")).to_have_count(0)
    expect(page.get_by_text("The run is back.")).to_be_visible()
    assert client.get_run(own).info.lifecycle_stage == "active"
    client.delete_run(own)
    page.reload()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("This run is in the bin.")).to_have_count(0)


def test_j_and_k_go_through_the_list_in_its_order(tab: Visit, seeded: Seeded) -> None:
    ascending = "?sort=%5B%22a%3Astart_time%22%5D"
    page = tab.open(f"/runs/{seeded.parent}?tab=metrics&from={ascending.replace('%', '%25')}")
    expect(page.get_by_text("1 of 3")).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="first")).to_be_visible()
    expect(page.get_by_text("2 of 3")).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="second")).to_be_visible()
    expect(page.get_by_role("link", name="Metrics")).to_have_attribute("aria-current", "page")
    page.keyboard.press("k")
    expect(page.get_by_role("heading", name="first")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="second")).to_be_visible()


def test_a_log_is_filtered_searched_and_linked(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(f"/runs/{seeded.failed}?tab=log&line=3000")
    expect(page.locator("[data-target]")).to_contain_text("step 2999")
    expect(page.locator("[data-target]")).to_be_in_viewport()
    log = page.get_by_role("region", name="Output of the run")
    assert log.get_by_role("button").count() < 150
    expect(log.get_by_text("\x1b")).to_have_count(0)
    page.get_by_role("combobox", name="Level").select_option("error")
    expect(page.get_by_text("1,003 of 4,003 lines")).to_be_visible()
    page.get_by_role("combobox", name="Level").select_option("all")
    # What came from stderr is told by a word, not by its colour alone; times are switched on.
    page.get_by_role("combobox", name="Stream").select_option("err")
    expect(page.get_by_text("4 of 4,003 lines")).to_be_visible()
    expect(log.locator('[data-stream="err"]')).to_have_text(["err"] * 4)
    expect(log.get_by_text("ValueError: bad batch")).to_be_visible()
    expect(log.get_by_title(re.compile("2025")).first).to_have_count(0)
    page.get_by_role("button", name="Times").click()
    expect(log.get_by_text(re.compile(r"^\d\d:\d\d:21\.234$"))).to_be_visible()
    page.get_by_role("combobox", name="Stream").select_option("all")
    page.get_by_role("searchbox", name="Find in this text").fill("step 399")
    expect(page.get_by_text("0 of 11")).to_be_visible()
    page.get_by_role("checkbox", name="Only hits").check()
    expect(page.get_by_text("11 of 4,003 lines")).to_be_visible()
    page.get_by_role("button", name="Next hit").click()
    expect(page.locator("[data-current]")).to_contain_text("step 399")
    page.get_by_role("button", name="Link to line 3991", exact=True).click()
    page.wait_for_url("**line=3991**")


def test_a_running_log_is_followed_until_somebody_scrolls_up(tab: Visit, client: Client) -> None:
    experiment = client.create_experiment(f"live {time.time_ns()}")
    run = client.create_run(experiment, run_name="live").info.run_id
    page = tab.open(f"/runs/{run}?tab=log")
    expect(page.get_by_text("Waiting for the first lines")).to_be_visible()
    text = "".join(f"line {k}\n" for k in range(100))
    client.log_text(run, text + "progress 1", LOG)
    log = page.get_by_role("region", name="Output of the run")
    expect(log.get_by_text("progress 1")).to_be_in_viewport()
    client.log_text(run, text + "progress 1 of 2\nline 100\n", LOG)
    expect(log.get_by_text("line 100")).to_be_in_viewport()
    expect(log.get_by_text("progress 1 of 2")).to_have_count(1)
    log.hover()
    page.mouse.wheel(0, -900)
    expect(page.get_by_text("Paused: scrolled up")).to_be_visible()
    client.log_text(run, text + "progress 1 of 2\nline 100\nline 101\n", LOG)
    expect(page.get_by_text("103 lines")).to_be_visible()
    expect(log.get_by_text("line 101")).not_to_be_in_viewport()
    page.get_by_role("button", name="Follow").click()
    expect(log.get_by_text("line 101")).to_be_in_viewport()
    client.set_terminated(run)


def test_a_log_that_came_just_before_the_end_is_shown(tab: Visit, client: Client) -> None:
    experiment = client.create_experiment(f"short {time.time_ns()}")
    run = client.create_run(experiment, run_name="short").info.run_id
    page = tab.open(f"/runs/{run}?tab=log")
    expect(page.get_by_text("Waiting for the first lines")).to_be_visible()
    with page.expect_response(lambda answer: "/files/list" in answer.url):
        pass  # the page has just seen that there is none

    client.log_text(run, "the only line\n", LOG)
    client.set_terminated(run)

    expect(page.get_by_text("the only line")).to_be_visible()


def test_figures_move_while_the_run_goes(tab: Visit, client: Client) -> None:
    experiment = client.create_experiment(f"moving {time.time_ns()}")
    run = client.create_run(experiment, run_name="moving").info.run_id
    client.log_metric(run, "loss", 0.75, step=0)
    page = tab.open(f"/runs/{run}")
    row = page.get_by_role("row", name=re.compile("^loss"))
    expect(row.get_by_role("cell").first).to_have_text("0.75")
    client.log_metric(run, "loss", 0.25, step=1)
    expect(row.get_by_role("cell").first).to_have_text("0.25")
    client.set_terminated(run, "FINISHED")
    expect(page.get_by_text("Finished")).to_be_visible()


def test_code_environment_and_commands(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(f"/runs/{seeded.failed}?tab=code")
    expect(page.get_by_role("link", name=COMMIT[:12])).to_have_attribute(
        "href", f"https://git.example.org/team/vision/commit/{COMMIT}"
    )
    expect(page.locator('[data-mark="+"]')).to_contain_text("new = 2")
    reproduce = page.get_by_role("region", name="Reproduce")
    expect(reproduce.locator("code").first).to_have_text(
        f"assay -t {tab.home} reproduce {seeded.failed}"
    )
    reproduce.get_by_text("Step by step").click()
    snippet = reproduce.locator("details code")
    expect(snippet).to_contain_text("git apply source.patch")
    expect(snippet).to_contain_text("uv venv --python 3.11")
    page.get_by_role("button", name="pip", exact=True).click()
    expect(snippet).to_contain_text("python -m pip install -r requirements.txt")
    page.get_by_role("link", name="Environment").click()
    page.get_by_role("searchbox", name="Filter packages").fill("sci")
    expect(page.get_by_text("1 of 2 packages")).to_be_visible()
    expect(page.get_by_role("row", name="scipy 1.14.0")).to_be_visible()
    expect(page.get_by_text("Some CPU, 8 cores")).to_be_visible()


def test_what_went_in_and_came_out(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(f"/runs/{seeded.failed}?tab=inputs")
    data = page.get_by_role("region", name="Data sets")
    expect(data.get_by_text("abc123")).to_be_visible()
    expect(data.get_by_text("training")).to_be_visible()
    data.get_by_text("Schema").click()
    expect(data.get_by_text('"px"')).to_be_visible()
    made = page.get_by_role("region", name="Models", exact=True)
    expect(made.get_by_text("step 4")).to_be_visible()
    lineage = page.get_by_role("region", name="Lineage")
    expect(lineage.get_by_text("digits")).to_be_visible()
    made.get_by_role("link", name="classifier").click()
    page.wait_for_url("**/logged-models/**")


def test_children_are_a_tree(tab: Visit, seeded: Seeded) -> None:
    page = tab.open(f"/runs/{seeded.parent}")
    page.get_by_role("link", name="Children (2)").click()
    expect(page.get_by_role("row", name=re.compile("first"))).to_contain_text("Finished")
    expect(page.get_by_role("row", name=re.compile("second"))).to_contain_text("Failed")
    page.get_by_role("link", name="second").click()
    expect(page.get_by_role("link", name="sweep")).to_be_visible()


def test_hostile_runs_are_shown_harmlessly(tab: Visit, client: Client) -> None:
    for text in HOSTILE:
        experiment = client.get_experiment_by_name(text)
        assert experiment is not None
        run = client.search_runs([experiment.experiment_id])[0].info.run_id
        page = tab.open(f"/runs/{run}")
        shown = text.replace("\u202e", "�").replace("\u2066", "�")
        expect(page.get_by_role("heading", level=1)).to_have_text(shown)
        expect(page.get_by_text("∞").first).to_be_visible()


def test_an_unknown_run_says_so(tab: Visit) -> None:
    page = tab.open("/runs/" + "0" * 32)
    expect(page.get_by_text("This run does not exist")).to_be_visible()
    tab.problems[:] = [text for text in tab.problems if "404" not in text]


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
def test_all_parts_are_accessible(tab: Visit, seeded: Seeded, axe: Axe) -> None:
    ready = {
        "overview": "ValueError: bad batch",
        "log": "4,003 lines",
        "code": "new = 2",
        "environment": "2 packages",
        "inputs": "abc123",
    }
    for part, text in ready.items():
        page = tab.open(f"/runs/{seeded.failed}?tab={part}")
        expect(page.get_by_text(text).first).to_be_visible()
        axe(page)
    page = tab.open(f"/runs/{seeded.parent}?tab=children")
    expect(page.get_by_role("link", name="second")).to_be_visible()
    axe(page)

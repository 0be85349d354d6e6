"""Projects on the pages: queues, launching again with changes, sweeps, reproductions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, Route, expect

from assay.client.client import Client
from assay.entities.jobs import JobState
from assay.entities.tags import PROJECT_REASON
from tests.e2e.ui.project_seed import (
    COMMIT,
    Reproduced,
    record_local_run,
    record_reproduction,
    record_sweep,
    run_agent,
    send_to_queue,
    write_project,
)
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

pytestmark = pytest.mark.browser

Axe = Callable[[Page], None]
HOSTILE = "$(touch x) `y`; \"a\" 'b' #c"


class Floor(NamedTuple):
    """A project in a folder, an experiment and a queue of the test's own."""

    experiment: str
    queue: str
    project: Path


@pytest.fixture
def floor(client: Client, tmp_path: Path) -> Floor:
    name = f"projects {time.time_ns()}"
    client.create_experiment(name)
    return Floor(name, f"q{time.time_ns()}", write_project(tmp_path / "shapes"))


@pytest.fixture(scope="module")
def reproduced(ui: ServerProcess) -> Reproduced:
    client = Client(ui.url)
    return record_reproduction(client, client.create_experiment("reproductions"))


@pytest.fixture(scope="module")
def swept(ui: ServerProcess) -> str:
    return record_sweep(ui.url, "sweeps")


def wait_for_job(page: Page, state: str) -> None:
    project = page.get_by_role("region", name="Project")
    expect(project.get_by_text(state, exact=True)).to_be_visible()


def test_a_run_goes_through_a_queue_again_with_changes(
    tab: Visit, ui: ServerProcess, client: Client, floor: Floor, tmp_path: Path
) -> None:
    first = send_to_queue(
        ui.url, floor.project, experiment=floor.experiment, queue=floor.queue, name="first"
    )
    page = tab.open(f"/runs/{first}")
    project = page.get_by_role("region", name="Project")
    expect(project.get_by_text(str(floor.project))).to_be_visible()
    wait_for_job(page, "Waiting")
    project.get_by_role("button", name="Run again with changes").click()
    dialog = page.get_by_role("dialog", name="Run again with changes")
    # The folder is on another machine; what was sent with the run is not.
    address = dialog.get_by_role("textbox", name="Project")
    expect(address).to_have_value(f"runs:/{first}/assay/project.zip")
    expect(dialog.get_by_role("combobox", name="Queue")).to_have_value(floor.queue)
    put = dialog.get_by_role("button", name="Put into the queue")
    rate = dialog.get_by_role("spinbutton", name="rate")
    expect(rate).to_have_value("0.5")
    expect(rate).to_have_accessible_description("How fast it learns")
    rate.fill("2")
    expect(rate).to_have_accessible_description("'rate' must be from 0 to 1, got '2'")
    expect(put).to_be_disabled()
    rate.fill("0.25")
    dialog.get_by_role("textbox", name="label").fill(HOSTILE)
    kind = dialog.get_by_role("combobox", name="kind")
    expect(kind).to_have_accessible_description("enum · required")
    kind.select_option("line")
    dialog.get_by_role("combobox", name="quick").select_option("Yes")
    depth = dialog.get_by_role("spinbutton", name="depth")
    # The browser reads no number in it: it must not be taken for an empty field.
    depth.press_sequentially("-")
    expect(depth).to_have_accessible_description("'depth' must be a whole number")
    expect(put).to_be_disabled()
    depth.fill("")
    dialog.get_by_role("button", name="Add a parameter").click()
    dialog.get_by_role("textbox", name="Name 1").fill("more")
    dialog.get_by_role("textbox", name="Value of more").fill("7")
    dialog.get_by_role("textbox", name="Name of the run").fill("second")
    put.click()

    expect(page.get_by_role("heading", name="second")).to_be_visible()
    expect(page.get_by_text("Scheduled")).to_be_visible()
    second = page.url.rsplit("/", 1)[-1]
    said = run_agent(ui.url, floor.queue, tmp_path)
    assert "2 finished" in said, said
    wait_for_job(page, "Finished")
    expect(project.get_by_role("link", name="first")).to_be_visible()
    page.get_by_role("link", name="Log", exact=True).click()
    expect(page.get_by_text("rate 0.25")).to_be_visible()
    expect(page.get_by_text(f"label {HOSTILE!r}")).to_be_visible()
    expect(page.get_by_text("others line Yes --more 7")).to_be_visible()
    run = client.get_run(second)
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "rate": "0.25",
        "label": HOSTILE,
        "kind": "line",
        "quick": "Yes",
        "more": "7",
    }
    # What a reproduction starts from.
    kept = json.loads(client.read_artifact(second, "assay/launch.json"))
    assert kept["project"] == f"runs:/{first}/assay/project.zip"
    assert kept["env_manager"] == "local"
    # The form of the next one has the same fields; the queue stores none of it.
    declared = [parameter["name"] for parameter in kept["declared"]]
    assert declared == ["rate", "label", "kind", "quick", "depth"]
    assert "declared" not in json.loads(client.store.jobs.search(run_id=second).items[0].launch)


def test_a_project_starts_from_a_form_and_its_job_is_cancelled(
    tab: Visit, client: Client, floor: Floor
) -> None:
    page = tab.open("/queues")
    page.get_by_role("button", name="Start a project").click()
    dialog = page.get_by_role("dialog", name="Start a project")
    put = dialog.get_by_role("button", name="Put into the queue")
    address = dialog.get_by_role("textbox", name="Project")
    address.fill("/home/ana/code")
    expect(dialog.get_by_text("a folder of one machine")).to_be_visible()
    address.fill("ext::sh -c 'touch x'")
    expect(dialog.get_by_text("Helper programs")).to_be_visible()
    expect(put).to_be_disabled()
    address.fill("https://git.example.org/team/shapes.git#train")
    dialog.get_by_role("textbox", name="Version").fill(COMMIT)
    dialog.get_by_role("button", name="Add a parameter").click()
    dialog.get_by_role("textbox", name="Name 1").fill("rate")
    dialog.get_by_role("textbox", name="Value of rate").fill("0.5")
    dialog.get_by_role("combobox", name="Queue").fill(floor.queue)
    dialog.get_by_role("combobox", name="Experiment").select_option(label=floor.experiment)
    dialog.get_by_role("textbox", name="Name of the run").fill("from a form")
    put.click()
    expect(page.get_by_role("heading", name="from a form")).to_be_visible()
    run_id = page.url.rsplit("/", 1)[-1]
    page.get_by_role("link", name=floor.queue).click()

    queue = page.get_by_role("region", name=floor.queue).first
    expect(queue.get_by_text("1 waiting, 0 at work")).to_be_visible()
    expect(queue.get_by_text(f"agent --queue {floor.queue}")).to_be_visible()
    row = queue.get_by_role("row").filter(has_text="from a form")
    expect(row.get_by_text("Waiting")).to_be_visible()
    row.get_by_role("button", name="Cancel the job of from a form").click()
    dialog = page.get_by_role("dialog", name="Cancel the job")
    dialog.get_by_role("textbox", name="Reason").fill("a typo")
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_text("No job waits or runs")).to_be_visible()
    page.get_by_role("link", name="Ended").click()
    expect(page.get_by_role("link", name="Open")).not_to_have_attribute("aria-current", "page")
    expect(page.get_by_role("row").filter(has_text="cancelled it: a typo")).to_be_visible()

    job = client.store.jobs.search(queue=floor.queue).items[0]
    assert job.state is JobState.CANCELLED
    launch = json.loads(job.launch)
    assert launch["project"] == "https://git.example.org/team/shapes.git#train"
    assert (launch["version"], launch["tracking_uri"]) == (COMMIT, "")
    run = client.get_run(run_id)
    assert run.info.status == "KILLED"
    assert run.data.params == {"rate": "0.5"}


def test_a_run_that_no_queue_takes_is_failed_and_says_why(
    tab: Visit, client: Client, floor: Floor
) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=403, json={"error_code": "PERMISSION_DENIED", "message": "No rights."})

    page = tab.open("/queues")
    page.route("**/jobs/enqueue", refuse)
    page.get_by_role("button", name="Start a project").click()
    dialog = page.get_by_role("dialog", name="Start a project")
    dialog.get_by_role("textbox", name="Project").fill("git@git.example.org:team/shapes.git")
    dialog.get_by_role("combobox", name="Experiment").select_option(label=floor.experiment)
    dialog.get_by_role("button", name="Put into the queue").click()
    expect(dialog.get_by_text("No rights.")).to_be_visible()
    found = client.get_experiment_by_name(floor.experiment)
    assert found is not None
    (run,) = client.search_runs([found.experiment_id])
    assert run.info.status == "FAILED"
    assert run.data.tags[PROJECT_REASON] == "No rights."
    # The browser tells the refusal that the test made up.
    tab.problems[:] = [text for text in tab.problems if "403" not in text]


def test_a_queue_page_follows_its_agents(
    tab: Visit, ui: ServerProcess, floor: Floor, tmp_path: Path
) -> None:
    send_to_queue(ui.url, floor.project, experiment=floor.experiment, queue=floor.queue, name="one")
    page = tab.open(f"/queues?queue={floor.queue}&show=all")
    row = page.get_by_role("row").filter(has_text="one")
    expect(row.get_by_text("none yet")).to_be_visible()
    run_agent(ui.url, floor.queue, tmp_path)
    expect(row.get_by_text("Finished")).to_be_visible()
    expect(row.get_by_text("bench")).to_be_visible()
    expect(row.get_by_text("1 of 2")).to_be_visible()


def test_a_folder_of_one_machine_is_reached_by_its_commit_or_not_at_all(
    tab: Visit, client: Client, floor: Floor
) -> None:
    found = client.get_experiment_by_name(floor.experiment)
    assert found is not None
    clean = record_local_run(client, found.experiment_id, dirty=False)
    page = tab.open(f"/runs/{clean}")
    project = page.get_by_role("region", name="Project")
    expect(project.get_by_text("uv · sha256:abab")).to_be_visible()
    project.get_by_role("button", name="Run again with changes").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox", name="Project")).to_have_value(
        "https://git.example.org/team/shapes.git#train"
    )
    expect(dialog.get_by_role("textbox", name="Version")).to_have_value(COMMIT)
    expect(dialog.get_by_role("textbox", name="Value of label")).to_have_value("two\nlines")
    dirty = record_local_run(client, found.experiment_id, dirty=True)
    page.goto(f"{tab.home}/runs/{dirty}")
    expect(project.get_by_text("run /home/ana/shapes/train -e main")).to_be_visible()
    expect(project.get_by_role("button", name="Run again with changes")).to_have_count(0)


def test_a_reproduction_tells_what_differs_and_why(tab: Visit, reproduced: Reproduced) -> None:
    page = tab.open(f"/runs/{reproduced.original}")
    command = page.get_by_role("region", name="Reproduce").locator("code").first
    expect(command).to_have_text(f"assay -t {tab.home} reproduce {reproduced.original}")
    page.get_by_role("link", name="Reproduced: different").click()
    why = page.get_by_role("region", name="Why").get_by_role("listitem")
    expect(why.first).to_have_text("Seeds: no seed is set for numpy; the baseline has 7")
    compared = page.get_by_role("region", name="What was compared").first
    rows = compared.get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("30 of 30 points differ")
    expect(compared.get_by_text("plots/<b>roc</b>.png")).to_be_visible()
    compared.get_by_role("checkbox", name="Only what isn't identical").uncheck()
    expect(rows).to_have_count(201)
    compared.get_by_role("button", name="Show 42 more").click()
    expect(rows).to_have_count(243)
    page.get_by_role("link", name="second", exact=True).click()
    expect(page.get_by_role("heading", name="second")).to_be_visible()
    page.get_by_text("Reproduces").get_by_role("link", name="first").click()
    expect(page.get_by_role("heading", name="first")).to_be_visible()
    page.get_by_role("link", name="Reproduction", exact=True).click()
    page.get_by_role("link", name="Compare the two runs").click()
    expect(page.get_by_role("region", name="What differs")).to_be_visible()


def test_a_sweep_tells_its_progress_and_its_best_trial(tab: Visit, swept: str) -> None:
    page = tab.open(f"/runs/{swept}")
    sweep = page.get_by_role("region", name="Sweep")
    expect(sweep.get_by_text("6 of 6 trials ended")).to_be_visible()
    expect(sweep.get_by_text("5 completed · 1 failed")).to_be_visible()
    expect(sweep.get_by_text("0.125")).to_be_visible()
    expect(sweep.get_by_role("definition").filter(has_text="0.2")).to_be_visible()
    sweep.get_by_role("link", name="Trials as parallel coordinates").click()
    chart = page.get_by_role("region", name="Parallel coordinates")
    for axis in ("rate", "depth", "loss"):
        expect(chart.get_by_text(axis, exact=True).first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
def test_the_pages_have_no_barriers(
    tab: Visit,
    ui: ServerProcess,
    floor: Floor,
    reproduced: Reproduced,
    swept: str,
    axe: Axe,
) -> None:
    run = send_to_queue(
        ui.url, floor.project, experiment=floor.experiment, queue=floor.queue, name="waits"
    )
    page = tab.open(f"/queues?queue={floor.queue}")
    page.get_by_role("button", name="Cancel the job of waits").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Start a project").click()
    page.get_by_role("textbox", name="Project").fill("--x")
    axe(page)
    page.goto(f"{tab.home}/runs/{run}")
    wait_for_job(page, "Waiting")
    axe(page)
    page.get_by_role("button", name="Run again with changes").click()
    page.get_by_role("spinbutton", name="rate").fill("2")
    axe(page)
    page.goto(f"{tab.home}/runs/{reproduced.original}?tab=reproduction")
    expect(page.get_by_role("region", name="What was compared").first).to_be_visible()
    axe(page)
    page.goto(f"{tab.home}/runs/{swept}")
    expect(page.get_by_text("6 of 6 trials ended")).to_be_visible()
    axe(page)


def test_a_phone_shows_the_queue_without_scrolling_the_page(
    tab: Visit, ui: ServerProcess, floor: Floor
) -> None:
    send_to_queue(ui.url, floor.project, experiment=floor.experiment, queue=floor.queue, name="w")
    tab.page.set_viewport_size({"width": 390, "height": 800})
    page = tab.open(f"/queues?queue={floor.queue}")
    expect(page.get_by_role("row").filter(has_text="Waiting")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390

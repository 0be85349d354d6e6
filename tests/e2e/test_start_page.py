"""The pages of the server in a real Chromium, over runs that a training script recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from assay.client.client import Client
from assay.entities.ids import RunId
from assay.entities.logged_models import LoggedModelOutput
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

pytestmark = pytest.mark.browser

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg/onload=alert(1)>",
    "javascript:alert(1)//</title><b>",
    "{{7*7}}${7*7}&lt;b&gt;",
]
RATES = [0.001, 0.01, 0.1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with three runs as people have them, and hostile ones."""
    process = ServerProcess(tmp_path_factory.mktemp("pages"))
    process.start()
    try:
        client = Client(process.url)
        _record_digits(client)
        _record_hostile(client)
        yield process
    finally:
        process.stop()


def _record_digits(client: Client) -> None:
    digits = client.create_experiment("digits")
    for rate in RATES:
        run = client.create_run(digits, run_name=f"rate {rate}", start_time=1_000 + int(rate * 1e6))
        ident = run.info.run_id
        client.log_param(ident, "learning_rate", rate)
        client.log_param(ident, "model", "sgd")
        for step in range(3):
            client.log_metric(ident, "loss", 1 / (step + 1 + rate), step=step)
        client.log_metric(ident, "accuracy", 0.9 + rate / 2, step=2)
        client.log_metric(ident, "broken", math.nan)
        client.log_text(ident, "all went well", "notes/end.txt")
        client.set_terminated(ident, "FINISHED" if rate < 0.1 else "FAILED")


def _record_hostile(client: Client) -> None:
    for text in HOSTILE:
        experiment = client.create_experiment(text, tags={"note": text})
        run = client.create_run(experiment, run_name=text, tags={"harm": text})
        client.log_param(run.info.run_id, "harm", text)
        client.log_text(run.info.run_id, text, "harm.html")


@pytest.fixture
def visit(chromium: Browser, server: ServerProcess) -> Iterator[Visit]:
    """A fresh tab; at its end nothing may have gone wrong or elsewhere."""
    page = chromium.new_page()
    tab = Visit(page, server.url)
    yield tab
    page.close()
    assert tab.problems == []
    assert tab.foreign == []


def experiment_id(server: ServerProcess, name: str) -> str:
    found = Client(server.url).get_experiment_by_name(name)
    assert found is not None
    return found.experiment_id


def test_experiments_are_listed_with_their_runs(visit: Visit) -> None:
    visit.open("/")

    found = {row[0]: row[1:4] for row in visit.rows()}

    assert found["digits"] == ["3", "", "1"]
    assert set(HOSTILE) < set(found)


def test_one_finds_the_way_to_a_run_and_back(visit: Visit) -> None:
    page = visit.open("/")
    page.get_by_role("link", name="digits", exact=True).click()
    page.get_by_role("link", name="rate 0.01").click()

    assert page.locator("h1").inner_text() == "rate 0.01"
    page.get_by_role("link", name="digits", exact=True).click()
    assert page.locator("h1").inner_text() == "digits"
    page.get_by_role("link", name="Experiments").click()
    assert page.locator("h1").inner_text() == "Experiments"


def test_runs_stand_side_by_side_with_metrics_and_params(
    visit: Visit, server: ServerProcess
) -> None:
    visit.open(f"/experiments/{experiment_id(server, 'digits')}")
    columns = visit.headings()

    runs = [dict(zip(columns, row, strict=True)) for row in visit.rows()]

    assert [run["Run"] for run in runs] == ["rate 0.1", "rate 0.01", "rate 0.001"]
    assert [run["accuracy"] for run in runs] == ["0.95", "0.905", "0.9005"]
    assert [run["learning_rate"] for run in runs] == ["0.1", "0.01", "0.001"]
    assert [run["Status"] for run in runs] == ["Failed", "Finished", "Finished"]
    assert runs[0]["broken"] == "nan"


def test_a_heading_sorts_by_number_in_both_directions(visit: Visit, server: ServerProcess) -> None:
    page = visit.open(f"/experiments/{experiment_id(server, 'digits')}")
    heading = page.get_by_role("button", name="learning_rate")

    heading.click()
    ascending = [row[0] for row in visit.rows()]
    heading.click()

    assert ascending == ["rate 0.001", "rate 0.01", "rate 0.1"]
    assert [row[0] for row in visit.rows()] == ascending[::-1]


def test_a_filter_narrows_the_runs_and_a_bad_one_is_explained(
    visit: Visit, server: ServerProcess
) -> None:
    page = visit.open(f"/experiments/{experiment_id(server, 'digits')}")

    page.get_by_label("Filter").fill("metrics.accuracy > 0.902 and params.learning_rate < 0.05")
    page.get_by_role("button", name="Search").click()
    assert [row[0] for row in visit.rows()] == ["rate 0.01"]

    page.get_by_label("Filter").fill("metrics.accuracy >> <script>alert(1)</script>")
    page.get_by_role("button", name="Search").click()
    assert page.get_by_role("alert").inner_text()
    assert page.get_by_label("Filter").input_value().endswith("</script>")


def test_a_run_shows_all_it_recorded_and_gives_its_files(
    visit: Visit, server: ServerProcess, tmp_path: Path
) -> None:
    client = Client(server.url)
    run = client.search_runs([experiment_id(server, "digits")], "params.learning_rate = '0.01'")[0]
    page = visit.open(f"/runs/{run.info.run_id}")

    assert {row[0]: row[1:] for row in visit.rows()} == {
        "accuracy": ["0.905", "2"],
        "broken": ["nan", "0"],
        "loss": ["0.332226", "2"],
    }
    with page.expect_download() as download:
        page.get_by_role("link", name="notes/end.txt").click()
    download.value.save_as(tmp_path / "end.txt")
    assert (tmp_path / "end.txt").read_text() == "all went well"


def test_models_that_a_run_made_are_shown(visit: Visit, server: ServerProcess) -> None:
    client = Client(server.url)
    ident = client.create_experiment("with models")
    run = client.create_run(ident)
    made = [
        client.create_logged_model(ident, name="net", source_run_id=run.info.run_id)
        for _ in range(3)
    ]
    client.log_outputs(
        run.info.run_id,
        [LoggedModelOutput(one.model_id, step) for step, one in enumerate(made)],
    )
    client.finalize_logged_model(made[0].model_id, "READY")
    client.set_logged_model_tags(made[0].model_id, {"assay.verified": "true"})
    client.delete_logged_model(made[1].model_id)

    visit.open(f"/runs/{run.info.run_id}")

    assert [row for row in visit.rows() if row[0].startswith("models:/")] == [
        [f"models:/{made[2].model_id}", "net", "2", "pending", "not yet"],
        [f"models:/{made[1].model_id}", "", "1", "deleted", ""],
        [f"models:/{made[0].model_id}", "net", "0", "ready", "yes"],
    ]


def test_metrics_with_several_steps_are_drawn(visit: Visit, server: ServerProcess) -> None:
    run = Client(server.url).search_runs([experiment_id(server, "digits")])[0]
    page = visit.open(f"/runs/{run.info.run_id}")

    drawn = page.get_by_role("img").all()

    assert [one.get_attribute("aria-label") for one in drawn] == [
        "loss: 0.3226 to 0.9091, steps 0 to 2"
    ]
    box = drawn[0].locator("path.line").bounding_box()
    assert box is not None
    assert box["width"] > 200
    assert box["height"] > 50


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_shown_as_text(visit: Visit, server: ServerProcess, text: str) -> None:
    ident = experiment_id(server, text)
    page = visit.open(f"/experiments/{ident}")
    assert page.locator("h1").inner_text() == text
    assert page.title() == f"{text} · Assay"

    page.get_by_role("link", name=text, exact=True).click()

    assert page.locator("h1").inner_text() == text
    assert page.get_by_role("cell", name=text, exact=True).count() >= 2
    assert page.locator("main script, main img, main svg").count() == 0


def test_a_page_of_a_user_is_downloaded_and_never_shown(
    visit: Visit, server: ServerProcess
) -> None:
    client = Client(server.url)
    run = client.search_runs([experiment_id(server, HOSTILE[0])])[0]
    page = visit.open(f"/runs/{run.info.run_id}")

    with page.expect_download() as download:
        page.get_by_role("link", name="harm.html").click()

    assert download.value.suggested_filename == "harm.html"
    assert page.url.endswith(RunId(run.info.run_id))


def test_the_documentation_of_the_api_is_a_page_too(visit: Visit) -> None:
    page = visit.open("/")

    page.get_by_role("link", name="API", exact=True).click()

    assert "/api/assay/v1/ingest" in page.locator("main").inner_text()


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_the_window(visit: Visit, server: ServerProcess, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 700})
    run = Client(server.url).search_runs([experiment_id(server, "digits")])[0]

    for path in ("/", f"/experiments/{run.info.experiment_id}", f"/runs/{run.info.run_id}"):
        page = visit.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path

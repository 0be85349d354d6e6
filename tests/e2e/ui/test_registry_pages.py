"""The pages of models in a real Chromium: list, board, versions, requests, rollback, history."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from assay.client.client import Client
from assay.entities.governance import Deployment
from assay.store.sql.store import open_sql_store
from assay.store.user import local_cause
from tests.e2e.ui.registry_seed import COLUMNS, POLICY, approve, ask, record_model
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

pytestmark = pytest.mark.browser
BOTH = pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
Axe = Callable[[Page], None]

FACES = {
    "Overview": "For card payments.",
    "Schema": "income",
    "Metrics": "Metrics, against version 1 in Production",
    "Environment": "3.11.7",
    "Lineage": "was registered as",
    "Compare": "will break callers",
    "History": "1 record",
}
"""The tabs of a version, and what shows that each is there."""
HARM = "<img src=x onerror=alert(1)>\u202eevil"


@pytest.fixture(scope="module")
def fraud(ui: ServerProcess) -> str:
    """A model with three versions: 1 is in Production, 2 is asked for, 3 breaks its callers."""
    client, name = Client(ui.url), "fraud"
    wider = [*COLUMNS, {"type": "double", "name": "score"}]
    record_model(client, name, [0.82, 0.9, 0.95], policy=POLICY, inputs={3: wider})
    for version in (1, 2):
        client.transition_model_version_stage(name, version, "Shadow")
    approve(ui.url, ask(ui.url, name, 1))
    ask(ui.url, name, 2)
    client.set_registered_model_alias(name, "champion", 1)
    deployment = Deployment(
        deployment_id="d-fraud", name=name, version=1, target="kubernetes", endpoint="javascript:1"
    )
    client.store.deployments.record(deployment, cause=local_cause())
    return name


def lane(page: Page, stage: str) -> Locator:
    return page.get_by_role("region", name=stage, exact=True)


def say_who(page: Page, name: str) -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Use this name").click()


def noted(visit: Visit, status: int) -> None:
    """The browser notes each refused request; these were meant."""
    assert all(str(status) in problem for problem in visit.problems)
    visit.problems.clear()


@BOTH
def test_models_are_listed_with_what_matters(tab: Visit, fraud: str, axe: Axe) -> None:
    page = tab.open("/models")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=fraud, exact=True))

    expect(row.get_by_role("link", name="Production v1")).to_be_visible()
    expect(row).to_contain_text("@champion → 1")
    expect(row).to_contain_text("val_auc")
    expect(row).to_contain_text("0.82")
    expect(row).to_contain_text("1 request")
    axe(page)


def test_words_and_expressions_find_models(tab: Visit, client: Client, fraud: str) -> None:
    client.create_registered_model("found by words")
    page = tab.open("/models")
    rows = page.locator("main tbody tr")

    page.get_by_label("Search models").fill("WORDS found")
    expect(rows).to_have_count(1)
    assert "q=" in page.url
    page.get_by_label("Search models").fill("tags.team = 'risk' and name = 'fraud'")
    expect(rows.get_by_role("link", name=fraud, exact=True)).to_be_visible()
    page.get_by_label("Search models").fill("no such thing at all")
    expect(page.get_by_text("Nothing found")).to_be_visible()


@BOTH
def test_the_board_has_the_lanes_of_the_policy(tab: Visit, fraud: str, axe: Axe) -> None:
    page = tab.open(f"/models/{fraud}")

    expect(lane(page, "Production").get_by_role("link", name="Version 1")).to_be_visible()
    expect(lane(page, "Production")).to_contain_text("@champion")
    expect(lane(page, "Shadow")).to_contain_text("Asked for Production")
    expect(lane(page, "No stage").get_by_role("link", name="Version 3")).to_be_visible()
    expect(lane(page, "Staging")).to_have_count(0)
    axe(page)


def test_a_card_is_dragged_to_a_free_stage_and_brought_back(tab: Visit, client: Client) -> None:
    record_model(client, "dragged", [0.9], policy=POLICY)
    page = tab.open("/models/dragged")

    page.locator("[data-version='1']").drag_to(page.locator("[data-lane='Shadow']"))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nothing governs Shadow")
    dialog.get_by_role("button", name="Move").click()
    expect(lane(page, "Shadow").get_by_role("link", name="Version 1")).to_be_visible()
    page.get_by_role("button", name="Undo").click()

    expect(lane(page, "No stage").get_by_role("link", name="Version 1")).to_be_visible()
    assert client.get_model_version("dragged", 1).current_stage == "None"


def test_a_request_is_made_by_keyboard_and_approved(tab: Visit, client: Client) -> None:
    record_model(client, "asked", [0.9], policy=POLICY)
    client.transition_model_version_stage("asked", 1, "Shadow")
    page = tab.open("/models/asked")

    page.get_by_role("button", name="Move version 1").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Move to No stage…")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("metrics.val_auc >= 0.8")
    expect(dialog).to_contain_text("1 approval by bea")
    dialog.get_by_label("Reason").fill("it is good")
    say_who(page, "ann")
    dialog.get_by_role("button", name="Make the request").click()
    page.get_by_role("link", name="Requests (1)").click()

    card = page.get_by_role("article")
    expect(card).to_contain_text("it is good")
    expect(card.get_by_role("button", name="Approve")).to_be_disabled()
    expect(card).to_contain_text("The policy leaves this to bea")
    page.get_by_role("link", name="Requests", exact=False).first.click()
    say_who(page, "bea")
    page.get_by_role("button", name="Wait for me").click()
    mine = page.get_by_role("article").filter(has_text="it is good")
    mine.get_by_label("Comment").fill("go ahead")
    mine.get_by_role("button", name="Approve").click()

    expect(mine).to_have_count(0)
    assert client.get_model_version("asked", 1).current_stage == "Production"
    page.get_by_role("button", name="Closed").click()
    done = page.get_by_role("article").filter(has_text="it is good")
    expect(done).to_contain_text("Completed")
    expect(done.get_by_role("list", name="Votes")).to_contain_text("go ahead")


def test_a_gate_that_fails_is_told_at_once(tab: Visit, client: Client) -> None:
    record_model(client, "weak", [0.5], policy=POLICY)
    client.transition_model_version_stage("weak", 1, "Shadow")
    page = tab.open("/models/weak/1")

    page.get_by_role("button", name="Move version 1").or_(
        page.get_by_role("button", name="Move", exact=True)
    ).click()
    page.get_by_role("menuitem", name="Move to Production…").click()
    page.get_by_role("button", name="Make the request").click()

    failed = page.get_by_role("dialog", name="Refused").get_by_role("row").nth(1)
    expect(failed).to_contain_text("Failed")
    expect(failed).to_contain_text("0.5")
    expect(failed).to_contain_text("0.8")


def test_a_request_is_rejected_with_a_comment(
    tab: Visit, ui: ServerProcess, client: Client
) -> None:
    record_model(client, "unwanted", [0.9], policy=POLICY)
    client.transition_model_version_stage("unwanted", 1, "Shadow")
    ask(ui.url, "unwanted", 1)
    page = tab.open("/requests?q=unwanted")
    say_who(page, "bea")

    card = page.get_by_role("article")
    card.get_by_label("Comment").fill("wait for the audit")
    card.get_by_role("button", name="Reject").click()
    page.get_by_role("button", name="Closed").click()

    expect(card).to_contain_text("Rejected")
    expect(card).to_contain_text("wait for the audit")


def test_a_request_that_was_overtaken_says_so(
    tab: Visit, ui: ServerProcess, client: Client
) -> None:
    record_model(client, "raced", [0.9, 0.91], policy=POLICY)
    for version in (1, 2):
        client.transition_model_version_stage("raced", version, "Shadow")
    first, _second = ask(ui.url, "raced", 1), ask(ui.url, "raced", 2)
    approve(ui.url, first)
    page = tab.open("/requests?q=raced")
    say_who(page, "bea")

    page.get_by_role("article").filter(has_text="Version 2").get_by_role(
        "button", name="Approve"
    ).click()
    page.get_by_role("button", name="Closed").click()

    card = page.get_by_role("article").filter(has_text="Version 2")
    expect(card).to_contain_text("Conflict")
    expect(card).to_contain_text("Look, and ask again")
    noted(tab, 409)


@BOTH
def test_the_inbox_passes_the_rules(tab: Visit, fraud: str, axe: Axe) -> None:
    page = tab.open(f"/requests?q={fraud}")

    expect(page.get_by_role("article")).to_contain_text("0 of 1 approvals by bea")
    axe(page)


def test_the_badge_counts_what_waits_for_the_reader(tab: Visit, fraud: str) -> None:
    page = tab.open("/requests")
    say_who(page, "nobody in particular")
    badge = page.get_by_role("navigation", name="Main").get_by_title("waiting")

    expect(page.get_by_role("button", name="Wait for me (0)")).to_be_visible()
    expect(badge).to_have_count(0)
    say_who(page, "bea")
    expect(badge).to_be_visible()


def test_a_rollback_says_what_changes_and_is_recorded(
    tab: Visit, ui: ServerProcess, client: Client
) -> None:
    record_model(client, "rolled", [0.85, 0.9], policy=POLICY)
    for version in (1, 2):
        client.transition_model_version_stage("rolled", version, "Shadow")
        approve(ui.url, ask(ui.url, "rolled", version))
    page = tab.open("/models/rolled")

    page.get_by_role("button", name="Roll back").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Production: version 2 → version 1.")
    expect(dialog).to_contain_text("Version 2 will be archived.")
    expect(dialog.get_by_role("row").filter(has_text="val_auc")).to_contain_text("-0.05")
    dialog.get_by_label("Reason").fill("wrong on sevens")
    dialog.get_by_role("button", name="Roll back").click()

    expect(lane(page, "Production").get_by_role("link", name="Version 1")).to_be_visible()
    expect(lane(page, "Archived")).to_contain_text("Rolled back")
    page.get_by_role("link", name="History").click()
    record = page.get_by_role("row").filter(has_text="wrong on sevens")
    expect(record).to_contain_text("Production: 2 → 1")
    expect(record).to_contain_text("in a browser")


def test_tags_aliases_and_descriptions_are_written_and_undone(tab: Visit, client: Client) -> None:
    record_model(client, "written", [0.9])
    page = tab.open("/models/written")

    page.get_by_role("button", name="Remove the tag team").click()
    expect(page.get_by_text("No tags.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Edit the tag team")).to_be_visible()
    page.get_by_role("button", name="Set an alias").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Alias").fill("@best")
    dialog.get_by_label("Version").select_option("1")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("@best → v1")).to_be_visible()
    page.get_by_role("button", name="Edit the description").click()
    page.get_by_label("Markdown").fill("# Cards\n\n<script>alert(1)</script>for *payments*")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Cards")).to_be_visible()

    model = client.get_registered_model("written")
    assert model.tags == {"team": "risk"}
    assert model.aliases == {"best": 1}
    assert model.description.startswith("# Cards")


def test_a_policy_is_edited_and_its_mistakes_told(tab: Visit, client: Client) -> None:
    record_model(client, "governed", [0.9], policy=POLICY)
    page = tab.open("/models/governed?tab=policy")
    expect(page.get_by_role("region", name="To reach Production")).to_contain_text("bea")

    page.get_by_role("button", name="Edit the policy").click()
    text = page.get_by_role("textbox", name="Policy (YAML)")
    text.fill("policy: 1\nto:\n  Prod: {}\n")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("there is no stage 'Prod'")
    text.fill(POLICY.replace("0.8", "0.95"))
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("metrics.val_auc >= 0.95")).to_be_visible()
    page.get_by_role("button", name="Revision 1").click()
    expect(page.get_by_text("at_least: 0.8}")).to_be_visible()
    noted(tab, 400)


@BOTH
def test_the_history_is_filtered_verified_and_exported(
    tab: Visit, fraud: str, axe: Axe, tmp_path: Path
) -> None:
    page = tab.open(f"/models/{fraud}?tab=history")
    rows = page.get_by_role("region", name="History").locator("tbody tr")
    expect(rows.filter(has_text="Production: – → 1")).to_have_count(1)

    page.get_by_role("button", name="Verify the log").click()
    expect(page.get_by_text("are what was written")).to_be_visible()
    page.get_by_label("What", exact=True).select_option("request.created")
    expect(rows).to_have_count(2)
    axe(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="JSON").click()
    saved.value.save_as(tmp_path / "audit.json")
    records = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert [record["action"] for record in records] == ["request.created"] * 2


@BOTH
def test_each_face_of_a_version(tab: Visit, fraud: str, axe: Axe) -> None:
    page = tab.open(f"/models/{fraud}/3")

    for face, shown in FACES.items():
        page.get_by_role("link", name=face, exact=True).click()
        expect(
            page.locator("main").get_by_text(shown).locator("visible=true").first
        ).to_be_visible()
        axe(page)


def test_the_files_of_a_version_are_shown(tab: Visit, fraud: str) -> None:
    page = tab.open(f"/models/{fraud}/3?tab=files&path=requirements.txt")

    expect(page.get_by_text("numpy==2.3")).to_be_visible()


def test_two_versions_are_chosen_and_compared(tab: Visit, fraud: str) -> None:
    page = tab.open(f"/models/{fraud}?tab=versions")
    for version in (1, 3):
        page.get_by_role("checkbox", name=f"Choose version {version}").check()
    page.get_by_role("button", name="Compare").click()

    page.wait_for_url("**/models/fraud/3?*")
    signature = page.get_by_role("region", name="Signature").last
    new = signature.get_by_role("row").filter(has_text="score")
    expect(new).to_have_attribute("data-breaking", "yes")
    expect(new).to_contain_text("breaks them")
    expect(page.get_by_role("region", name="Params").get_by_text("depth").first).to_be_visible()
    environment = page.get_by_role("region", name="Environment").first
    expect(environment).to_contain_text("numpy")
    expect(environment).not_to_contain_text("scipy")
    page.get_by_label("Compare version 3 with").select_option("2")
    expect(page.get_by_text("What changes from version 2")).to_be_visible()
    page.reload()
    expect(page.get_by_text("What changes from version 2")).to_be_visible()


def test_archiving_tells_what_depends_on_it(tab: Visit, fraud: str) -> None:
    page = tab.open(f"/models/{fraud}/1")

    move = page.get_by_role("button", name="Move", exact=True)
    dialog = page.get_by_role("dialog")
    for leave in ("Escape", "Enter"):  # where the dialog is left with Enter, it is on Cancel
        move.focus()
        page.keyboard.press("Enter")
        # The first entry is focused when the menu has opened.
        expect(page.get_by_role("menuitem").first).to_be_focused()
        page.keyboard.press("End")
        expect(page.get_by_role("menuitem", name="Move to Archived…")).to_be_focused()
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("the alias @champion stands for it")
        expect(dialog).to_contain_text("kubernetes")
        if leave == "Enter":
            dialog.get_by_role("button", name="Cancel").focus()
        page.keyboard.press(leave)
        expect(dialog).to_have_count(0)
        expect(move).to_be_focused()
    # What an endpoint says is no link unless it leads to a page.
    deployments = page.get_by_role("region", name="Deployments")
    expect(deployments).to_contain_text("javascript:1")
    expect(deployments.get_by_role("link")).to_have_attribute("href", "/deployments/d-fraud")


@BOTH
def test_a_logged_model_is_registered(tab: Visit, client: Client, axe: Axe, theme: str) -> None:
    run = client.create_run("0", run_name="trained").info.run_id
    model = client.create_logged_model("0", name="loose", source_run_id=run, params={"c": "1"})
    client.finalize_logged_model(model.model_id, "READY")
    page = tab.open(f"/logged-models/{model.model_id}")
    expect(page.get_by_role("heading", name="loose")).to_be_visible()
    expect(page.get_by_role("link", name="trained")).to_be_visible()
    axe(page)

    page.get_by_role("button", name="Register").click()
    page.get_by_label("Registered model").fill(f"caught-{theme}")
    page.get_by_role("dialog").get_by_role("button", name="Register").click()

    page.wait_for_url(f"**/models/caught-{theme}/1")
    expect(page.get_by_role("link", name="loose")).to_be_visible()


def test_a_version_and_a_model_are_deleted_and_their_links_say_so(
    tab: Visit, client: Client
) -> None:
    record_model(client, "short-lived", [0.9, 0.8])
    page = tab.open("/models/short-lived/2")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Delete the version").click()
    page.get_by_label("Reason").fill("a mistake")
    page.get_by_role("dialog").get_by_role("button", name="Delete the version").click()
    page.wait_for_url("**/models/short-lived")
    tab.open("/models/short-lived/2")
    expect(page.get_by_text("short-lived has no version 2")).to_be_visible()
    expect(page.get_by_text("It was deleted")).to_contain_text("a mistake")

    page.get_by_role("link", name="The model").click()
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Delete the model").click()
    sure = page.get_by_role("dialog").get_by_role("button", name="Delete the model")
    expect(sure).to_be_disabled()
    page.get_by_label("Type its name").fill("short-lived")
    sure.click()
    page.wait_for_url("**/models")
    tab.open("/models/short-lived")
    expect(page.get_by_text("There is no model short-lived")).to_be_visible()
    noted(tab, 404)


def test_hostile_names_and_texts_stay_text(tab: Visit, client: Client) -> None:
    run = client.create_run("0").info.run_id
    client.log_text(run, HARM, "m/MLmodel")
    client.log_text(run, HARM, "m/MODEL_CARD.md")
    client.create_registered_model(HARM, description=HARM, tags={"k": HARM * 40})
    client.create_model_version(HARM, f"runs:/{run}/m", run, description=HARM, tags={"k": HARM})
    page = tab.open("/models?q=onerror")

    page.get_by_role("main").get_by_role("link", name=HARM).click()
    expect(page.get_by_role("heading", name=HARM)).to_be_visible()
    page.get_by_role("link", name="Version 1").click()
    for face in ("Schema", "Environment", "Lineage", "Compare", "History", "Overview"):
        page.get_by_role("link", name=face, exact=True).click()
        expect(page.get_by_role("link", name=face, exact=True)).to_have_attribute(
            "aria-current", "page"
        )
    expect(page.get_by_role("region", name="Use it")).to_contain_text("\\u202eevil")
    assert page.locator("main img").count() == 0


def test_who_signs_in_sees_what_the_role_allows(chromium: Browser, tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    server.start()
    record_model(Client(server.url), "seen", [0.9], policy=POLICY)
    Client(server.url).transition_model_version_stage("seen", 1, "Shadow")
    ask(server.url, "seen", 1)
    server.stop()
    store = open_sql_store(f"sqlite:///{tmp_path}/assay.db")
    secrets = {}
    for name, role in {"rita": "reader", "bea": "writer"}.items():
        store.users.set(name, [role], cause=local_cause())
        _, secrets[name] = store.users.make_token(name, cause=local_cause())
    store.close()
    server = ServerProcess(tmp_path, auth="tokens")
    server.start()

    try:
        for name, does in {"rita": read_only, "bea": vote}.items():
            # As after a browser has asked for them: sent where the server asks, and nowhere else.
            context = chromium.new_context(
                http_credentials={"username": name, "password": secrets[name]}
            )
            does(Visit(context.new_page(), server.url))
            context.close()
    finally:
        server.stop()


def read_only(visit: Visit) -> None:
    """A reader sees everything and changes nothing."""
    page = visit.open("/models/seen")
    expect(lane(page, "Shadow").get_by_role("link", name="Version 1")).to_be_visible()
    for name in ("Roll back", "Move version 1", "More actions", "Add a tag", "Set an alias"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    visit.open("/requests")
    expect(page.get_by_role("article")).to_contain_text("Voting needs the role writer")
    expect(page.get_by_label("Your name")).to_have_count(0)
    visit.open("/models/seen?tab=policy")
    expect(page.get_by_text("Changing it needs the role manager")).to_be_visible()
    for link in ("Board", "Versions (1)", "Requests (1)", "History"):
        page.get_by_role("link", name=link, exact=True).click()
        expect(page.get_by_role("link", name=link, exact=True)).to_have_attribute(
            "aria-current", "page"
        )
    visit.open("/models/seen/1")
    expect(page.get_by_role("region", name="Facts")).to_be_visible()
    for name in ("Move", "Edit the description", "Add a tag", "Set an alias"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    visit.open("/experiments/0")
    page.get_by_role("checkbox", name="Select seen 1").click()
    chosen = page.get_by_role("toolbar", name="1 selected")
    expect(chosen.get_by_role("button", name="Export")).to_be_visible()
    for name in ("Tag…", "Stop", "Delete"):
        expect(chosen.get_by_role("button", name=name)).to_have_count(0)
    page.get_by_role("link", name="seen 1").click()
    expect(page.get_by_role("heading", name="seen 1")).to_be_visible()
    for name in ("Rename", "Star this run", "Write notes", "Add a tag"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.get_by_role("button", name="More actions").click()
    expect(page.get_by_role("menuitem", name="Copy the run's id")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Delete")).to_have_count(0)
    signed_in_cleanly(visit)


def vote(visit: Visit) -> None:
    """A writer approves under the name that the token proves, and manages nothing."""
    page = visit.open("/models/seen?tab=policy")
    expect(page.get_by_text("Changing it needs the role manager")).to_be_visible()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Requests").click()
    expect(page.get_by_role("button", name="Wait for me (1)")).to_be_visible()
    expect(page.get_by_label("Your name")).to_have_count(0)
    card = page.get_by_role("article")
    card.get_by_label("Comment").fill("looks right")
    card.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Closed").click()
    expect(card).to_contain_text("Completed")
    voted = card.get_by_role("list", name="Votes")
    expect(voted).to_contain_text("bea")
    expect(voted).to_contain_text("looks right")
    expect(voted.get_by_role("img", name="The server proved this name")).to_be_visible()
    visit.open("/models/seen")
    expect(lane(page, "Production").get_by_role("link", name="Version 1")).to_be_visible()
    expect(page.get_by_role("button", name="Roll back")).to_be_visible()
    expect(page.get_by_role("button", name="More actions")).to_have_count(0)
    signed_in_cleanly(visit)


def signed_in_cleanly(visit: Visit) -> None:
    """Nothing went wrong but the first answer, in which the server asks for name and token."""
    visit.problems[:] = [problem for problem in visit.problems if "401" not in problem]
    assert visit.problems == []
    assert visit.foreign == []

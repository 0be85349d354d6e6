"""The pages of deployments and of traffic in a real Chromium: what is tried, how it goes, where it
runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from assay.client.client import Client
from assay.entities.governance import AlertKind, Deployment, ServingAlert
from assay.entities.served_figures import Part, ServedFigures, ServedMinute
from assay.policies.traffic import TAG, TrafficRule
from assay.store.user import local_cause
from tests.e2e.ui.registry_seed import record_model
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

pytestmark = pytest.mark.browser
BOTH = pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
Axe = Callable[[Page], None]
HARM = "<img src=x onerror=alert(1)>"
REASON = "12.0% of its predictions failed"


def minutes(answered: int, failed: int = 0) -> list[ServedMinute]:
    """The three minutes before this one."""
    now = int(time.time()) // 60 * 60_000
    buckets = [0] * 16
    buckets[5] = answered
    return [
        ServedMinute(time=now - ago * 60_000, answered=answered, failed=failed, buckets=buckets)
        for ago in (3, 2, 1)
    ]


def tell(client: Client, name: str) -> None:
    """Figures as a server tells them: version 1 is served, 2 is tried, 3 is asked too."""
    parts = {1: (Part.MAIN, 80.0, 40), 2: (Part.CANARY, 20.0, 10), 3: (Part.SHADOW, 50.0, 25)}
    client.store.deployments.tell(
        [
            ServedFigures(
                server_id=f"s-{name}",
                name=name,
                version=version,
                part=part,
                percent=percent,
                source=f"models:/{name}@champion",
                host=HARM,
                deployment_id=f"d-{name}",
                minutes=minutes(count, failed=1 if version == 2 else 0),
            )
            for version, (part, percent, count) in parts.items()
        ]
    )


def served(client: Client, name: str) -> str:
    """A model that is deployed twice, with a canary and a shadow."""
    record_model(client, name, [0.8, 0.85, 0.9])
    for version, alias in enumerate(("champion", "challenger", "next"), 1):
        client.set_registered_model_alias(name, alias, version)
    rule = TrafficRule(canaries={"@challenger": 20.0}, shadows={"@next": 50.0})
    cause = local_cause()
    client.store.registered_models.set_tag(name, TAG, rule.text(), cause=cause)
    noted = {
        "local": {"deployment": "front desk", "model_uri": f"models:/{name}@champion"},
        "edge": {"note": HARM},
    }
    for target, details in noted.items():
        endpoint = "http://127.0.0.1:8080" if target == "local" else "javascript:alert(1)"
        client.store.deployments.record(
            Deployment(
                deployment_id=f"d-{name}" if target == "local" else f"e-{name}",
                name=name,
                version=1,
                target=target,
                endpoint=endpoint,
                details=details,
            ),
            cause=cause,
        )
    alert = ServingAlert(name=name, version=3, kind=AlertKind.TRIAL_ENDED, message=REASON)
    client.store.deployments.alert(alert, cause=cause)
    tell(client, name)
    return name


@pytest.fixture(scope="module")
def churn(ui: ServerProcess) -> str:
    """A served model that tests only look at."""
    return served(Client(ui.url), "churn")


@BOTH
def test_serving_of_a_model_shows_who_answers_and_how_it_goes(
    tab: Visit, client: Client, churn: str, axe: Axe
) -> None:
    tell(client, churn)
    page = tab.open(f"/models/{churn}?tab=serving")

    shares = page.get_by_role("img", name="Shares of the requests")
    expect(shares).to_have_attribute(
        "aria-label", "Shares of the requests: version 1 80 %, @challenger 20 %"
    )
    live = page.get_by_role("region", name="The last hour", exact=True)
    expect(live).to_contain_text("served, 80 %")
    expect(live).to_contain_text("canary, 20 %")
    expect(live).to_contain_text("3 (9.09 %)")
    expect(live.get_by_role("img", name="Version 2: 33 requests")).to_be_visible()
    live.get_by_text("As a table").nth(1).click()
    expect(live.locator("tbody tr").first).to_contain_text("≤ 25 ms")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="front desk"))
    expect(row).to_contain_text("answering")
    noticed = page.get_by_role("region", name="What servers noticed")
    expect(noticed).to_contain_text(f"Trial endedVersion 3{REASON}")
    axe(page)


def test_share_is_changed_by_a_slider_with_a_reason_and_a_trial_is_stopped(
    tab: Visit, client: Client, axe: Axe
) -> None:
    name = served(client, "churn changed")
    page = tab.open(f"/models/{name}?tab=serving")

    page.get_by_role("button", name="Change the share of @challenger").click()
    page.get_by_role("slider", name="Percent of the requests").fill("35")
    page.get_by_label("Reason").fill("it holds")
    axe(page)
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("answers 35 %").first).to_be_visible()
    page.get_by_role("button", name="Stop the trial of @next").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("is asked 50 %")).to_have_count(0)

    tags = client.store.registered_models.get(name).tags
    assert '"canaries":{"@challenger":35.0}' in tags[TAG]
    assert "shadows" not in tags[TAG]
    records = list(client.store.audit.iterate(name))
    assert "it holds" in [one.reason for one in records]


def test_version_is_tried_and_promoted(tab: Visit, client: Client) -> None:
    name = served(client, "churn promoted")
    page = tab.open(f"/models/{name}?tab=serving")

    page.get_by_role("button", name="Try a version").click()
    page.get_by_label("Which version").select_option("3")
    page.get_by_label("Shadow: it is asked too").check()
    page.get_by_label("Exactly").fill("12.5")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("is asked 12.5 %, never answers")).to_be_visible()
    page.get_by_role("button", name="Promote @challenger").click()
    # What servers serve is the likely place.
    expect(page.get_by_label("To", exact=True)).to_have_value("@champion")
    page.get_by_role("dialog").get_by_role("button", name="Promote", exact=True).click()
    expect(page.get_by_text("@challenger was promoted to @champion")).to_be_visible()

    assert client.get_model_version_by_alias(name, "champion").version == 2
    assert "canaries" not in client.store.registered_models.get(name).tags[TAG]


@BOTH
def test_deployments_are_listed_found_and_looked_at(
    tab: Visit, client: Client, churn: str, axe: Axe
) -> None:
    tell(client, churn)
    page = tab.open("/deployments")
    page.get_by_label("Filter").fill(f"d-{churn}")
    rows = page.locator("main tbody tr")
    expect(rows.filter(has_text="front desk").first).to_contain_text("answering")
    axe(page)

    page.goto(f"{tab.home}/deployments/d-{churn}")
    expect(page.get_by_role("heading", name="front desk")).to_be_visible()
    commands = page.get_by_role("region", name="At its place")
    expect(commands).to_contain_text("deployments logs -t local --name 'front desk' -n 50")
    expect(page.get_by_role("region", name="The last hour", exact=True)).to_contain_text(HARM)
    axe(page)


def test_deployment_noted_by_hand_has_no_commands_and_its_end_is_noted(
    tab: Visit, client: Client
) -> None:
    name = served(client, "churn by hand")
    page = tab.open(f"/deployments/e-{name}")

    expect(page.get_by_text("It was noted by hand")).to_be_visible()
    expect(page.get_by_role("link", name="javascript:alert(1)")).to_have_count(0)
    page.get_by_role("button", name="Note its end").click()
    page.get_by_role("dialog").get_by_role("button", name="Note its end").click()
    expect(page.get_by_text("Its end was noted.")).to_be_visible()
    expect(page.get_by_role("button", name="Note its end")).to_have_count(0)


def test_lineage_and_what_is_archived_lead_to_the_deployment(tab: Visit, churn: str) -> None:
    page = tab.open(f"/models/{churn}/1?tab=lineage")
    page.get_by_role("region", name="Lineage").get_by_text("local http://127.0.0.1:8080").click()
    expect(page).to_have_url(f"{tab.home}/deployments/d-{churn}")

    tab.open(f"/models/{churn}/1")
    section = page.get_by_role("region", name="Deployments")
    expect(section.get_by_role("link", name="front desk")).to_be_visible()
    page.get_by_role("button", name="Move", exact=True).click()
    page.get_by_role("menuitem", name="Move to Archived").click()
    impact = page.get_by_role("dialog").get_by_role("link", name="local http://127.0.0.1:8080")
    expect(impact).to_have_attribute("href", f"/deployments/d-{churn}")


def test_deployment_that_is_not_there_is_said(tab: Visit, churn: str) -> None:
    page = tab.open("/deployments/none")
    expect(page.get_by_text("There is no such deployment")).to_be_visible()

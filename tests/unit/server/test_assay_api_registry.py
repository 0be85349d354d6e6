"""The governance routes over HTTP, as other programs see them: who acts, what is kept, what is
refused.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import urllib3

from assay.entities.audit import AuditRecord
from assay.entities.ids import ExperimentId, new_run_id
from assay.entities.metrics import Metric
from assay.entities.model_versions import NewModelVersion
from assay.entities.runs import NewRun
from assay.policies.chain import verify_records
from assay.server.assay_api import assay_routes
from assay.server.identity import Permission
from assay.store.rest import RestStore, open_rest_store
from assay.store.rest.registry_governance_wire import PREFIX
from assay.store.user import local_cause
from tests.services.mlflow_client import ServerProcess

POLICY = """
policy: 1
to:
  Production:
    gates: [{metric: accuracy, at_least: 0.9}]
    approvals: {count: 1, from: [grace]}
"""
UNJUDGED = """
policy: 1
to:
  Production:
    gates: [golden: replayed]
"""


class Api:
    """JSON over HTTP, in somebody's name."""

    def __init__(self, url: str) -> None:
        self.url = url + "/api/assay/v1/registry/"
        self.pool = urllib3.PoolManager()

    def get(self, path: str) -> Any:
        return self._asked("GET", path)

    def post(self, path: str, user: str = "ada", **fields: Any) -> Any:
        return self._asked("POST", path, msgspec.json.encode(fields), {"x-assay-user": user})

    def refused(self, path: str, user: str = "ada", **fields: Any) -> tuple[int, str]:
        """Status and class of the error that a change meets."""
        answer = self.pool.request(
            "POST",
            self.url + path,
            body=msgspec.json.encode(fields),
            headers={"content-type": "application/json", "x-assay-user": user},
        )
        assert set(answer.json()) == {"error_code", "message"}
        return answer.status, answer.headers["x-assay-error"]

    def _asked(self, method: str, path: str, body: bytes | None = None, headers: Any = None) -> Any:
        answer = self.pool.request(
            method,
            self.url + path,
            body=body,
            headers={"content-type": "application/json", **(headers or {})},
        )
        assert answer.status == 200, answer.data
        return answer.json()


@pytest.fixture
def api(assay_server: ServerProcess) -> Iterator[Api]:
    api = Api(assay_server.url)
    yield api
    api.pool.clear()


@pytest.fixture
def store(assay_server: ServerProcess) -> Iterator[RestStore]:
    store = open_rest_store(assay_server.url)
    yield store
    store.close()


@pytest.fixture
def name(store: RestStore) -> str:
    """A model with versions 1 and 2, whose accuracies are 0.95 and 0.5."""
    name = f"model {new_run_id()[:8]}"
    store.registered_models.create(name, cause=local_cause())
    for accuracy in (0.95, 0.5):
        run_id = store.runs.create(NewRun(new_run_id(), ExperimentId("0"), 1)).info.run_id
        store.runs.log_batch(run_id, metrics=[Metric("accuracy", accuracy, 1, 0)])
        new = NewModelVersion(name=name, source=f"runs:/{run_id}/model", run_id=run_id)
        store.model_versions.create(new, cause=local_cause())
    return name


def test_request_is_approved_by_another_and_everybody_is_written_down(api: Api, name: str) -> None:
    api.post("policies/set", name=name, text=POLICY, reason="we agreed")
    asked = api.post("requests/create", name=name, version=1, target="production", reason="best")
    approved = api.post("requests/approve", "grace", request_id=asked["request_id"], reason="good")

    assert (asked["status"], asked["requested_by"], asked["comment"]) == ("open", "ada", "best")
    assert asked["checks"][0]["status"] == "passed"
    assert approved["status"] == "completed"
    assert [(vote["actor"], vote["comment"]) for vote in approved["votes"]] == [("grace", "good")]
    records = api.get(f"audit/page?name={name}")["records"]
    told = [(record["action"], record["actor"], record["reason"]) for record in records[-4:]]
    assert ("policy.set", "ada", "we agreed") in told
    assert ("request.created", "ada", "best") in told
    assert told[-1][:2] == ("request.completed", "grace")
    assert all(record["origin"].startswith("http 127.0.0.1") for record in records)


def test_name_in_a_body_counts_for_nothing(api: Api, name: str) -> None:
    deployment = {"deployment_id": "", "name": name, "version": 1, "target": "local"}

    noted = api.post("deployments/record", deployment={**deployment, "actor": "eve"})

    assert noted["actor"] == "ada"
    assert api.get(f"deployments/list?name={name}&version=1")["deployments"] == [noted]
    ended = api.post("deployments/end", deployment_id=noted["deployment_id"])
    assert ended["ended_time"] >= noted["time"]


def test_trial_is_changed_and_promoted_in_the_name_of_who_asks(api: Api, name: str) -> None:
    api.post("traffic/try", "eve", name=name, selector="2", percent=50, shadow=True)
    tried = api.post(
        "traffic/try", name=name, selector="1", percent=10, sticky="x-user", reason="looks good"
    )
    assert tried["rule"]["canaries"] == {"1": 10.0}
    assert tried["rule"]["shadows"] == {"2": 50.0}
    assert tried["versions"] == {"1": 1, "2": 2}
    assert api.get(f"traffic/get?name={name}") == tried

    moved = api.post("traffic/promote", name=name, selector="1", to="Production", reason="it is")
    assert (moved["status"], moved["requested_by"]) == ("completed", "ada")
    stopped = api.post("traffic/stop", "grace", name=name, selector="2", reason="enough")
    assert stopped["versions"] == {}
    records = api.get(f"audit/page?name={name}")["records"]
    told = [(one["action"], one["actor"], one["reason"]) for one in records]
    assert ("model.tag_set", "ada", "looks good") in told
    assert ("model.tag_set", "ada", "promoted to Production") in told
    assert told[-1] == ("model.tag_deleted", "grace", "enough")


def test_trial_goes_on_while_its_promotion_waits(api: Api, name: str) -> None:
    api.post("policies/set", name=name, text=POLICY)
    api.post("traffic/try", name=name, selector="1", percent=10)

    asked = api.post("traffic/promote", name=name, selector="1", to="Production")

    assert asked["status"] == "open"
    assert api.get(f"traffic/get?name={name}")["rule"]["canaries"] == {"1": 10.0}
    refused = {"name": name, "selector": "1", "percent": 101}
    assert api.refused("traffic/try", **refused) == (400, "InvalidInput")
    unknown = {"name": name, "selector": "@none", "percent": 5}
    assert api.refused("traffic/try", **unknown) == (400, "AliasNotFound")
    assert api.refused("traffic/stop", name=name, selector="2") == (400, "InvalidInput")


def test_trial_of_an_alias_that_is_gone_is_told_as_such(
    api: Api, store: RestStore, name: str
) -> None:
    store.registered_models.set_alias(name, "next", 2, cause=local_cause())
    api.post("traffic/try", name=name, selector="@next", percent=10)
    store.registered_models.delete_alias(name, "next", cause=local_cause())

    assert api.get(f"traffic/get?name={name}")["versions"] == {"@next": None}


def test_refused_gate_is_told_with_condition_value_and_limit(api: Api, name: str) -> None:
    api.post("policies/set", name=name, text=POLICY)

    asked = api.post("requests/create", name=name, version=2, target="Production")

    assert asked["status"] == "refused"
    check = asked["checks"][0]
    assert (check["status"], check["value"], check["limit"]) == ("failed", 0.5, 0.9)
    assert "accuracy" in check["condition"]


def test_errors_name_their_class(api: Api, name: str) -> None:
    api.post("policies/set", name=name, text=POLICY)
    asked = api.post("requests/create", name=name, version=1, target="Production")
    ident = asked["request_id"]

    assert api.refused("requests/approve", request_id=ident) == (403, "PermissionDenied")
    assert api.refused("requests/approve", "grace", request_id="x") == (404, "RegistryItemNotFound")
    assert api.refused("policies/set", name=name, text="policy: 2")[1] == "InvalidPolicy"
    assert api.refused("rollback", name=name, target="Production")[0] == 400
    api.post("requests/cancel", request_id=ident)
    assert api.refused("requests/approve", "grace", request_id=ident) == (409, "Conflict")


def test_requests_are_found_by_model_version_and_status(api: Api, name: str) -> None:
    api.post("policies/set", name=name, text=POLICY)
    first = api.post("requests/create", name=name, version=1, target="Production")
    second = api.post("requests/create", name=name, version=2, target="Production")

    def found(query: str) -> list[str]:
        page = api.get(f"requests/search?name={name}{query}")
        return [request["request_id"] for request in page["items"]]

    assert set(found("")) == {first["request_id"], second["request_id"]}
    assert found("&version=2") == [second["request_id"]]
    assert found("&statuses=open") == [first["request_id"]]
    assert len(found("&statuses=open&statuses=refused")) == 2
    page = api.get(f"requests/search?name={name}&max_results=1")
    assert len(found(f"&max_results=1&page_token={page['token']}")) == 1
    assert api.get(f"requests/get?request_id={first['request_id']}") == first


def test_policy_is_read_back_and_taken_apart(api: Api, name: str) -> None:
    assert api.get(f"policies/get?name={name}")["policy"] is None
    assert api.get(f"policies/describe?name={name}") == {"policy": None, "description": None}

    made = api.post("policies/set", name=name, text=POLICY)

    assert (made["revision"], made["author"], made["text"]) == (1, "ada", POLICY)
    assert api.get(f"policies/get?name={name}")["policy"] == made
    description = api.get(f"policies/describe?name={name}")["description"]
    assert "Production" in description["targets"]
    assert "Staging" in description["stages"]
    api.post("policies/remove", name=name, reason="no more")
    assert api.get(f"policies/get?name={name}")["policy"] is None
    texts = [one["text"] for one in api.get(f"policies/revisions?name={name}")["revisions"]]
    assert texts == ["", POLICY]


def test_worker_claims_and_records_what_it_found(api: Api, name: str) -> None:
    api.post("policies/set", name=name, text=UNJUDGED)
    asked = api.post("requests/create", name=name, version=1, target="Production")
    ident = asked["request_id"]

    claimed = api.post("requests/claim", worker="w1", request_id=ident, lease_s=60)["request"]
    other = api.post("requests/claim", worker="w2", request_id=ident)["request"]
    found = {**claimed["checks"][0], "status": "passed"}
    done = api.post("requests/record-checks", request_id=ident, worker="w1", results=[found])

    assert claimed["request_id"] == ident
    assert other is None
    assert done["status"] == "completed"
    assert done["checks"][0]["by"] == "w1"


def test_rollback_returns_whoever_holds_the_place_now(api: Api, name: str) -> None:
    for version in (1, 2):
        api.post("requests/create", name=name, version=version, target="@champion")
    api.post("rollback", "grace", name=name, target="@champion", reason="it drifts")

    now = time.time_ns() // 1_000_000
    held = api.get(f"audit/holders?name={name}&target=@champion&time_ms={now}")
    assert held == {"versions": [1]}
    assert api.get(f"audit/holders?name={name}&target=@champion&time_ms=0") == {"versions": []}
    last = api.get(f"audit/page?name={name}")["records"][-1]
    assert (last["actor"], last["reason"]) == ("grace", "it drifts")


def test_log_is_read_page_by_page_and_verified_without_the_server(api: Api, name: str) -> None:
    records: list[AuditRecord] = []
    while page := api.get(f"audit/page?max_results=3&after={len(records)}")["records"]:
        records += msgspec.convert(page, list[AuditRecord])

    report = verify_records(records)
    head = api.get("audit/head")

    assert report.ok
    assert msgspec.to_builtins(report.head) == head
    assert api.post("audit/verify", anchor=head)["problem"] is None
    wrong = {"seq": head["seq"], "digest": "0" * 64}
    assert api.post("audit/verify", anchor=wrong)["problem"]["seq"] == head["seq"]
    longer = {"seq": head["seq"] + 5, "digest": "0" * 64}
    assert api.post("audit/verify", anchor=longer)["problem"]["seq"] == head["seq"] + 1


def test_signature_is_kept_and_listed(api: Api, name: str) -> None:
    signature = {"key_id": "ab" * 32, "signer": "ada", "time": 1, "bundle": "{}"}

    api.post("signatures/add", name=name, version=1, signature=signature)

    kept = api.get(f"signatures/list?name={name}&version=1")["signatures"]
    assert [one["key_id"] for one in kept] == ["ab" * 32]
    assert api.get(f"signatures/list?name={name}&version=2")["signatures"] == []


def test_rule_is_kept_with_its_author(api: Api) -> None:
    rule_name = f"rule-{new_run_id()[:8]}"
    rule = {"rule_id": "", "rule_name": rule_name, "experiment_id": "0", "model_name": "best"}

    made = api.post("rules/set", rule={**rule, "author": "eve", "filter": "metrics.a > 1"})

    assert made["author"] == "ada"
    assert made in api.get("rules/list")["rules"]
    assert api.get(f"rules/runs?rule_name={rule_name}")["runs"] == []
    api.post("rules/remove", rule_name=rule_name)
    assert rule_name not in [one["rule_name"] for one in api.get("rules/list")["rules"]]


def test_lineage_is_a_graph_around_a_version(api: Api, store: RestStore, name: str) -> None:
    run_id = store.model_versions.get(name, 1).run_id

    graph = api.get(f"lineage?kind=model_version&id={name}/1&direction=upstream")

    assert graph["start"] == f"model_version:{name}/1"
    assert f"run:{run_id}" in {f"{node['kind']}:{node['id']}" for node in graph["nodes"]}
    assert graph["truncated"] is False


def test_reading_changes_nothing(api: Api, name: str) -> None:
    head = api.get("audit/head")

    for path in (
        f"policies/get?name={name}",
        f"policies/revisions?name={name}",
        f"policies/describe?name={name}",
        f"requests/search?name={name}",
        f"signatures/list?name={name}&version=1",
        f"audit/page?name={name}",
        f"audit/holders?name={name}&target=Production&time_ms=1",
        "rules/list",
        f"deployments/list?name={name}",
        f"lineage?kind=model_version&id={name}/1",
    ):
        api.get(path)

    assert api.get("audit/head") == head


def test_reading_managing_and_working_need_rights_of_their_own() -> None:
    rights = {
        (route.method, route.path.removeprefix(PREFIX + "/")): route.permission
        for route in assay_routes()
        if route.path.startswith(PREFIX)
    }

    reading = {one for one, right in rights.items() if right is Permission.READ}
    managing = {one[1] for one, right in rights.items() if right is Permission.MANAGE}
    asked = {one for one in rights if one[0] == "GET"}
    assert reading == asked | {("POST", "audit/verify")}
    assert managing == {"policies/set", "policies/remove", "rules/set", "rules/remove"}
    assert set(rights.values()) == {Permission.READ, Permission.WRITE, Permission.MANAGE}

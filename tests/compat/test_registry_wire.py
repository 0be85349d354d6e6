"""MLflow's protocol of the registry as bytes: what its client hides."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from assay.store.rest import open_rest_store
from assay.store.user import local_cause
from tests.services.mlflow_client import ServerProcess
from tests.services.raw_http import Raw

API = "/api/2.0/mlflow"
MODELS = f"{API}/registered-models"
VERSIONS = f"{API}/model-versions"
POLICY = """
policy: 1
stages: [None, Canary, Production, Archived]
to:
  Production:
    approvals: {count: 1, from: ["*"]}
"""


@pytest.fixture
def http(assay_server: ServerProcess) -> Iterator[Raw]:
    raw = Raw(assay_server.url)
    yield raw
    raw.close()


@pytest.fixture
def run_id(http: Raw) -> str:
    made = http("POST", f"{API}/runs/create", {"experiment_id": "0", "start_time": 1})
    run_id = str(made.json["run"]["info"]["run_id"])
    upload = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=model/MLmodel"
    assert http("POST", upload, b"flavors: {}").status == 200
    return run_id


@pytest.fixture
def name(http: Raw, run_id: str) -> str:
    """A registered model with one version."""
    name = f"net {uuid.uuid4().hex}"
    assert http("POST", f"{MODELS}/create", {"name": name}).status == 200
    body = {"name": name, "source": f"runs:/{run_id}/model"}
    assert http("POST", f"{VERSIONS}/create", body).status == 200
    return name


def test_empty_fields_are_left_out_and_versions_are_text(http: Raw, name: str, run_id: str) -> None:
    found = http("GET", f"{MODELS}/get?name={quote(name)}").json["registered_model"]
    times = ("creation_timestamp", "last_updated_timestamp")
    (version,) = found.pop("latest_versions")
    assert {key: value for key, value in found.items() if key not in times} == {"name": name}
    assert {key: version.get(key) for key in ("version", "run_id", "current_stage", "status")} == {
        "version": "1",
        "run_id": run_id,
        "current_stage": "None",
        "status": "READY",
    }
    assert not {"tags", "aliases", "description", "run_link"} & set(version)
    http("POST", f"{MODELS}/alias", {"name": name, "alias": "champion", "version": "1"})
    found = http("GET", f"{MODELS}/get?name={quote(name)}").json["registered_model"]
    assert found["aliases"] == [{"alias": "champion", "version": "1"}]


def test_latest_versions_are_asked_for_in_three_ways(http: Raw, name: str) -> None:
    path = f"{MODELS}/get-latest-versions"
    plain = http("POST", path, {"name": name}).json["model_versions"]
    assert [one["version"] for one in plain] == ["1"]
    assert http("GET", f"{path}?name={quote(name)}&stages=None").json["model_versions"] == plain
    assert http("GET", path, {"name": name, "stages": ["none"]}).json["model_versions"] == plain
    ajax = path.replace("/api", "/ajax-api", 1)
    assert http("POST", ajax, {"name": name, "stages": ["Staging"]}).json == {}
    refused = http("POST", path, {"name": name, "stages": ["Nowhere"]})
    assert refused.is_error(400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", f"{MODELS}/create", {}, "name"),
        ("POST", f"{MODELS}/create", {"name": 5}, "name"),
        ("POST", f"{MODELS}/create", {"name": "n", "tags": [{"value": "v"}]}, "tags[0].key"),
        ("POST", f"{MODELS}/rename", {"name": "n"}, "new_name"),
        ("POST", f"{MODELS}/alias", {"name": "n", "alias": "a", "version": 1}, "version"),
        ("POST", f"{VERSIONS}/create", {"name": "n"}, "source"),
        ("PATCH", f"{VERSIONS}/update", {"name": "n"}, "version"),
        ("POST", f"{VERSIONS}/transition-stage", {"name": "n", "version": "1"}, "stage"),
        ("DELETE", f"{VERSIONS}/delete-tag", {"name": "n", "version": "1"}, "key"),
        ("DELETE", f"{MODELS}/delete", {"name": "n", "reason": "x" * 2_001}, "reason"),
        ("GET", f"{MODELS}/search?max_results=0", None, "max_results"),
        ("GET", f"{MODELS}/search?max_results=1001", None, "max_results"),
        ("GET", f"{VERSIONS}/search?max_results=200001", None, "max_results"),
        ("GET", f"{VERSIONS}/get?name=n", None, "version"),
    ],
)
def test_a_bad_field_is_named(http: Raw, method: str, path: str, body: object, field: str) -> None:
    answer = http(method, path, body)
    assert answer.is_error(400, "INVALID_PARAMETER_VALUE")
    assert f"'{field}'" in answer.json["message"]


@pytest.mark.parametrize("path", [f"{MODELS}/search", f"{VERSIONS}/search"])
def test_tokens_and_filters_that_do_not_parse(http: Raw, path: str) -> None:
    for query in ("page_token=zz!", "filter=colour%20%3D%20'red'", "order_by=colour"):
        assert http("GET", f"{path}?{query}").is_error(400, "INVALID_PARAMETER_VALUE"), query


def test_prompts_are_left_out_as_mlflows_clients_ask_for_it(http: Raw) -> None:
    mark = uuid.uuid4().hex
    for name, tags in (("model", {}), ("prompt", {"mlflow.prompt.is_prompt": "true"})):
        pairs = [{"key": key, "value": value} for key, value in {"mark": mark, **tags}.items()]
        http("POST", f"{MODELS}/create", {"name": f"{name} {mark}", "tags": pairs})

    def found(more: str) -> list[str]:
        text = quote(f"tags.mark = '{mark}'{more}")
        answer = http("GET", f"{MODELS}/search?filter={text}")
        return [one["name"].split()[0] for one in answer.json.get("registered_models", [])]

    tag = "tags.`mlflow.prompt.is_prompt`"
    assert found("") == ["model"]
    assert found(f" AND {tag} != 'true'") == found(f" AND {tag} = 'false'") == ["model"]
    assert found(f" AND {tag} = 'true'") == ["prompt"]


@pytest.mark.parametrize("version", ["0", "-1", "1.5", "first", "9" * 30, "%00", "²"])
def test_what_is_no_version_is_refused(http: Raw, name: str, version: str) -> None:
    path = f"{VERSIONS}/get?name={quote(name)}&version={quote(version, safe='%')}"
    assert http("GET", path).is_error(400, "INVALID_PARAMETER_VALUE")


def test_what_is_missing_is_told(http: Raw, name: str) -> None:
    at = f"name={quote(name)}"
    for path in (f"{VERSIONS}/get?{at}&version=7", f"{VERSIONS}/get-download-uri?{at}&version=7"):
        assert http("GET", path).is_error(404, "RESOURCE_DOES_NOT_EXIST")
    assert http("GET", f"{MODELS}/alias?{at}&alias=x").is_error(400, "INVALID_PARAMETER_VALUE")
    body = {"name": name, "alias": "x", "version": "7"}
    assert http("POST", f"{MODELS}/alias", body).is_error(404, "RESOURCE_DOES_NOT_EXIST")
    body = {"name": "none", "key": "k", "value": "v"}
    assert http("POST", f"{MODELS}/set-tag", body).is_error(404, "RESOURCE_DOES_NOT_EXIST")


def test_files_of_one_owner_are_not_registered_under_the_name_of_another(
    http: Raw, name: str, run_id: str
) -> None:
    def made(source_run_id: str = "") -> str:
        body = {"experiment_id": "0", "source_run_id": source_run_id}
        info = http("POST", f"{API}/logged-models", body).json["model"]["info"]
        return str(info["model_id"])

    ours, other = made(run_id), made()
    for facts in (
        {"source": f"models:/{ours}", "model_id": other},
        {"source": f"runs:/{run_id}/model", "model_id": other},
        {"source": f"models:/{name}/1", "model_id": other},
    ):
        answer = http("POST", f"{VERSIONS}/create", {"name": name, **facts})
        assert answer.is_error(400, "INVALID_PARAMETER_VALUE"), facts
    body = {"name": name, "source": f"models:/{ours}", "model_id": ours, "run_id": run_id}
    assert http("POST", f"{VERSIONS}/create", body).status == 200


def test_a_governed_stage_tells_the_request_to_make(
    http: Raw, name: str, assay_server: ServerProcess
) -> None:
    store = open_rest_store(assay_server.url)
    store.policies.set(name, POLICY, cause=local_cause("agreed"))
    store.close()
    body = {"name": name, "version": "1", "stage": "production"}
    answer = http("POST", f"{VERSIONS}/transition-stage", body)
    assert answer.is_error(403, "PERMISSION_DENIED")
    request = f"assay registry promote '{name}' --version 1 --to Production --request"
    assert request in answer.json["message"]
    staged = http("POST", f"{VERSIONS}/transition-stage", {**body, "stage": "canary"})
    assert staged.json["model_version"]["current_stage"] == "Canary"
    latest = http("POST", f"{MODELS}/get-latest-versions", {"name": name, "stages": ["Canary"]})
    assert [one["version"] for one in latest.json["model_versions"]] == ["1"]


def test_files_of_a_version_are_downloaded(http: Raw, name: str) -> None:
    path = f"/model-versions/get-artifact?name={quote(name)}&version=1&path="
    assert http("GET", path + "MLmodel").body == b"flavors: {}"
    assert http("GET", path + "none").is_error(404, "RESOURCE_DOES_NOT_EXIST")
    assert http("GET", path + quote("../../x")).is_error(400, "INVALID_PARAMETER_VALUE")


def test_who_changed_what_and_why_is_kept(
    http: Raw, name: str, assay_server: ServerProcess
) -> None:
    body = {"name": name, "key": "k", "value": "v", "reason": "reviewed"}
    assert http("POST", f"{MODELS}/set-tag", body, {"X-Assay-User": "ada"}).json == {}
    store = open_rest_store(assay_server.url)
    last = list(store.audit.iterate(name))[-1]
    store.close()
    assert (last.action, last.actor, last.verified) == ("model.tag_set", "ada", False)
    assert last.reason == "reviewed"
    assert last.origin.startswith("http 127.0.0.1")

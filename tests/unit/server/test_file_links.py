"""What a file came of and went into, which files are there, and uploads that replace nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from assay.client.client import Client
from assay.entities import Dataset, DatasetInput, LoggedModelInput
from tests.services.mlflow_client import ServerProcess

FILES = "/api/assay/v1/files"


class Seeded:
    """A client of a server, and a run of it."""

    def __init__(self, server: ServerProcess) -> None:
        self.url = server.url
        self.client = Client(server.url)
        self.http = urllib3.PoolManager(retries=False)
        self.run = self.new_run()

    def new_run(self) -> str:
        return str(self.client.create_run("0").info.run_id)

    def uses(self, path: str, **place: str) -> dict[str, Any]:
        query = urlencode({"path": path, **(place or {"run_id": self.run})})
        answer = self.http.request("GET", f"{self.url}{FILES}/uses?{query}")
        assert answer.status == 200, answer.data
        found: dict[str, Any] = answer.json()
        return found

    def upload(self, path: str, content: bytes, **headers: str) -> urllib3.BaseHTTPResponse:
        query = urlencode({"run_uuid": self.run, "path": path})
        url = f"{self.url}/ajax-api/2.0/mlflow/upload-artifact?{query}"
        return self.http.request("POST", url, body=content, headers=headers)


@pytest.fixture
def seeded(assay_server: ServerProcess) -> Iterator[Seeded]:
    made = Seeded(assay_server)
    yield made
    made.http.clear()


def told(found: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (use["node"]["kind"], use["node"]["id"], use["relation"], use["by"])
        for use in found["uses"]
    ]


def test_only_the_files_of_a_registered_folder_are_used_by_its_version(seeded: Seeded) -> None:
    name = f"folder-{seeded.run}"
    for path in ("model/MLmodel", "model-of-old/MLmodel", "notes.txt"):
        seeded.client.log_text(seeded.run, path, path)
    seeded.client.create_registered_model(name)
    seeded.client.create_model_version(name, f"runs:/{seeded.run}/model", seeded.run)
    inside = seeded.uses("model/MLmodel")
    assert told(inside) == [("model_version", f"{name}/1", "registered as", "model")]
    assert inside["made_by"]["id"] == seeded.run
    assert inside["made_by"]["label"] != ""
    assert told(seeded.uses("model-of-old/MLmodel")) == []
    assert told(seeded.uses("notes.txt")) == []


def test_files_of_a_logged_model_are_used_by_runs_and_versions_of_it(seeded: Seeded) -> None:
    name = f"logged-{seeded.run}"
    model = seeded.client.create_logged_model("0", name="m", source_run_id=seeded.run)
    ident = model.model_id
    store = seeded.client.model_artifact_store(ident)
    store.write("MLmodel", [b"flavors: {}\n"])  # type: ignore[arg-type]
    seeded.client.finalize_logged_model(ident, "READY")
    seeded.client.create_registered_model(name)
    seeded.client.create_model_version(name, f"models:/{ident}")
    user = seeded.new_run()
    for run in (user, seeded.run):
        seeded.client.log_inputs(run, models=[LoggedModelInput(ident)])
    found = seeded.uses("MLmodel", model_id=ident)
    assert found["made_by"]["id"] == seeded.run
    assert sorted(told(found)) == [
        ("model_version", f"{name}/1", "registered as", "model"),
        ("run", user, "used", "model"),
    ]
    of_version = seeded.uses("MLmodel", version=f"{name}/1")
    assert of_version["made_by"]["id"] == seeded.run
    assert told(of_version) == [("run", user, "used", "model")]


def test_runs_that_name_the_very_content_as_an_input_use_the_file(seeded: Seeded) -> None:
    content = f"id\n{seeded.run}\n"
    seeded.client.log_text(seeded.run, content, "data/train.csv")
    seeded.client.log_text(seeded.run, content + "1\n", "data/other.csv")
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    user = seeded.new_run()
    data = Dataset(name="train", digest=digest, source_type="local", source="{}")
    seeded.client.log_inputs(user, datasets=[DatasetInput(data)])
    assert told(seeded.uses("data/train.csv")) == [("run", user, "used", "dataset")]
    assert told(seeded.uses("data/other.csv")) == []


def test_of_many_paths_those_that_are_there_are_told(seeded: Seeded) -> None:
    seeded.client.log_text(seeded.run, "12", "a/b.txt")
    paths = ["a/b.txt", "a", "a/b.txt/c", "../secret", "", "a\\b", "none", "a/b.txt"]
    body = {"run_id": seeded.run, "paths": paths}
    answer = seeded.http.request("POST", f"{seeded.url}{FILES}/present", json=body)
    assert answer.json()["entries"] == [
        {"path": "a/b.txt", "is_dir": False, "size": 2},
        {"path": "a", "is_dir": True, "size": None},
    ]
    body = {"run_id": seeded.run, "paths": ["x"] * 201}
    assert seeded.http.request("POST", f"{seeded.url}{FILES}/present", json=body).status == 400


def test_an_upload_that_may_replace_nothing_is_refused_where_something_is(seeded: Seeded) -> None:
    only_new = {"If-None-Match": "*"}
    assert seeded.upload("up/new.txt", b"first", **only_new).status == 200
    refused = seeded.upload("up/new.txt", b"x" * (3 << 20), **only_new)
    assert refused.status == 412
    assert refused.json()["error_code"] == "RESOURCE_ALREADY_EXISTS"
    assert seeded.upload("up", b"folder", **only_new).status == 412
    read = seeded.http.request(
        "GET", f"{seeded.url}{FILES}/raw?run_id={seeded.run}&path=up/new.txt"
    )
    assert read.data == b"first"
    assert seeded.upload("up/new.txt", b"second").status == 200
    assert seeded.upload("../out.txt", b"", **only_new).status == 400

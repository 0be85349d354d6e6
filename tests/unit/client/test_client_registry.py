"""The registry's calls of ``Client``, against a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.client.client import Client
from assay.errors import (
    AliasNotFound,
    AlreadyExists,
    AssayError,
    InvalidInput,
    ModelVersionNotFound,
    NotFound,
    RegisteredModelNotFound,
    StoreUnavailable,
)
from assay.store.user import local_cause
from tests.unit.store.scripted_server import Said, ScriptedServer


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(tmp_path / ".assay")
    yield made
    made.close()


@pytest.fixture
def source(client: Client) -> str:
    """A folder of a run."""
    run_id = client.create_run("0").info.run_id
    client.log_text(run_id, "flavors: {}", "model/MLmodel")
    return f"runs:/{run_id}/model"


@pytest.fixture
def net(client: Client, source: str) -> str:
    """A registered model with three versions."""
    client.create_registered_model("net")
    for _ in range(3):
        client.create_model_version("net", source)
    return "net"


def test_registered_model_from_creation_to_deletion(client: Client) -> None:
    made = client.create_registered_model("net", tags={"a": 1}, description="d")
    assert (made.name, made.tags, made.description) == ("net", {"a": "1"}, "d")
    with pytest.raises(AlreadyExists):
        client.create_registered_model("net")
    assert client.update_registered_model("net", "e").description == "e"
    client.set_registered_model_tag("net", "b", 2)
    client.delete_registered_model_tag("net", "a")
    assert client.rename_registered_model("net", "mesh").tags == {"b": "2"}
    assert [one.name for one in client.search_registered_models("name LIKE 'm%'")] == ["mesh"]
    client.delete_registered_model("mesh")
    with pytest.raises(RegisteredModelNotFound):
        client.get_registered_model("mesh")
    with pytest.raises(InvalidInput, match="description"):
        client.update_registered_model("net")


def test_version_from_creation_to_deletion(client: Client, net: str, source: str) -> None:
    made = client.create_model_version(net, source, tags={"n": 4}, description="fourth")
    assert (made.version, made.tags, made.run_id) == (4, {"n": "4"}, source.split("/")[1])
    assert client.update_model_version(net, "4", "changed").description == "changed"
    client.set_model_version_tag(net, 4, "k", 1)
    client.delete_model_version_tag(net, "4", "n")
    assert client.get_model_version(net, "4").tags == {"k": "1"}
    assert client.get_model_version_download_uri(net, 4).endswith("/artifacts/model")
    found = client.search_model_versions(f"name = '{net}'", 2, ["version_number DESC"])
    assert [one.version for one in found] == [4, 3]
    client.delete_model_version(net, 4)
    with pytest.raises(ModelVersionNotFound):
        client.get_model_version(net, 4)
    with pytest.raises(InvalidInput, match="description"):
        client.update_model_version(net, 1)
    with pytest.raises(InvalidInput, match="whole number"):
        client.get_model_version(net, "first")


def test_stages_and_aliases(client: Client, net: str) -> None:
    client.transition_model_version_stage(net, "1", "production")
    moved = client.transition_model_version_stage(net, 2, "Production", True)
    assert moved.current_stage == "Production"
    assert {v.current_stage: v.version for v in client.get_latest_versions(net)} == {
        "Archived": 1,
        "Production": 2,
        "None": 3,
    }
    assert client.get_model_version_stages(net, 1) == ["None", "Staging", "Production", "Archived"]
    client.set_registered_model_alias(net, "champion", "2")
    assert client.get_model_version_by_alias(net, "champion").version == 2
    client.delete_registered_model_alias(net, "champion")
    with pytest.raises(AliasNotFound):
        client.get_model_version_by_alias(net, "champion")


def test_a_policy_tells_the_stages_of_its_model(client: Client, net: str) -> None:
    text = "policy: 1\nstages: [None, Canary, Live, Archived]\n"
    client.store.policies.set(net, text, cause=local_cause())
    assert client.get_model_version_stages(net, 1) == ["None", "Canary", "Live", "Archived"]
    assert client.transition_model_version_stage(net, 1, "live").current_stage == "Live"
    with pytest.raises(InvalidInput, match="Canary, Live"):
        client.transition_model_version_stage(net, 1, "Production")


def test_tags_of_the_version_in_a_stage(client: Client, net: str) -> None:
    client.transition_model_version_stage(net, 2, "Staging")
    client.set_model_version_tag(net, key="k", value="v", stage="staging")
    assert client.get_model_version(net, 2).tags == {"k": "v"}
    client.delete_model_version_tag(net, key="k", stage="Staging")
    assert client.get_model_version(net, 2).tags == {}
    with pytest.raises(NotFound):
        client.set_model_version_tag(net, key="k", value="v", stage="Production")
    with pytest.raises(InvalidInput, match="exactly one"):
        client.set_model_version_tag(net, 2, "k", "v", "Staging")
    with pytest.raises(InvalidInput, match="key"):
        client.set_model_version_tag(net, 2)


def test_copies_have_the_files_of_the_original(client: Client, net: str) -> None:
    client.set_model_version_tag(net, 1, "k", "v")
    client.set_model_version_tag(net, 1, "assay.rolled_back", "Production, yesterday")
    client.set_registered_model_alias(net, "champion", 1)
    copy = client.copy_model_version(f"models:/{net}@champion", "copies")
    assert (copy.name, copy.version, copy.source) == ("copies", 1, "models:/net/1")
    assert copy.tags == {"k": "v"}
    again = client.copy_model_version(copy.uri, "copies")
    original = client.get_model_version_download_uri(net, 1)
    assert client.get_model_version_download_uri("copies", again.version) == original
    with pytest.raises(InvalidInput, match="names no version"):
        client.copy_model_version("net", "copies")


def test_reasons_are_kept_in_the_audit_log(
    client: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_USER", "ada")
    client.register_version("net", source, reason="as agreed")
    client.set_registered_model_alias("net", "champion", 1, reason="the best one")
    told = [(r.action, r.actor, r.reason) for r in client.store.audit.page(name="net")]
    assert told == [
        ("model.created", "ada", "as agreed"),
        ("version.created", "ada", "as agreed"),
        ("alias.set", "ada", "the best one"),
    ]


def version(status: str, **facts: str) -> Said:
    told = {"name": "net", "version": "1", "status": status, **facts}
    return Said(200, {"model_version": told})


def made_on(*answers: Said, await_creation_for: int) -> str:
    server = ScriptedServer(*answers)
    client = Client(server.uri)
    try:
        return client.create_model_version(
            "net", "s3://bucket/net", await_creation_for=await_creation_for
        ).status.value
    finally:
        client.close()
        server.close()


def test_a_version_that_a_server_prepares_is_waited_for() -> None:
    pending, ready = version("PENDING_REGISTRATION"), version("READY")
    assert made_on(pending, pending, ready, await_creation_for=60) == "READY"
    assert made_on(pending, ready, await_creation_for=0) == "PENDING_REGISTRATION"


def test_a_version_that_does_not_become_ready_is_told() -> None:
    pending = version("PENDING_REGISTRATION")
    failed = version("FAILED_REGISTRATION", status_message="no space")
    with pytest.raises(AssayError, match="no space"):
        made_on(pending, failed, await_creation_for=60)
    with pytest.raises(StoreUnavailable, match="not ready after 1 s"):
        made_on(pending, await_creation_for=1)

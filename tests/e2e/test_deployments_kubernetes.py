"""The target kubernetes, with a stand-in for kubectl and with a folder. No cluster can be had."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

import assay
from assay.client.client import Client
from assay.deployments.base import DeploymentExists, DeploymentFailed, DeploymentNotFound, State
from assay.deployments.kubernetes import KubernetesDeployments
from assay.errors import InvalidInput, InvalidName, StoreUnavailable
from tests.services import kubectl

_IMAGE = {"image": "registry.example/digits:1"}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Client]:
    """A model with three versions, of which the first is the champion."""
    uri = f"sqlite:///{tmp_path}/assay.db"
    assay.set_tracking_uri(uri)
    client = Client(uri)
    client.create_registered_model("digits")
    with assay.start_run() as run:
        assay.log_text("{}", "model/MLmodel")
    for _ in range(3):
        client.create_model_version("digits", f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.set_registered_model_alias("digits", "champion", "1")
    yield client
    client.close()
    assay.set_tracking_uri("")


@pytest.fixture
def cluster(
    registry: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> KubernetesDeployments:
    monkeypatch.setenv("PATH", str(kubectl.install(tmp_path)), prepend=":")
    monkeypatch.setenv("STAND_IN_CLUSTER", str(tmp_path / "cluster"))
    return KubernetesDeployments("kubernetes:/team-a?context=prod")


def _noted(client: Client) -> list[tuple[int, str, str, bool]]:
    found = client.store.deployments.of(name="digits")
    return [
        (one.version, one.endpoint, one.details["image"], one.ended_time is not None)
        for one in found
    ]


def test_a_deployment_is_applied_rolled_back_and_deleted(
    registry: Client, cluster: KubernetesDeployments, tmp_path: Path
) -> None:
    made = cluster.create_deployment("digits", "models:/digits@champion", config=_IMAGE)

    url = "http://digits.team-a"
    assert (made.state, made.version, made.endpoint) == (State.RUNNING, "1", url)
    assert _noted(registry) == [(1, url, "registry.example/digits:1", False)]
    with pytest.raises(DeploymentExists):
        cluster.create_deployment("digits", "models:/digits/2", config=_IMAGE)

    registry.set_registered_model_alias("digits", "champion", "2")
    assert "the registry says version 2 now" in cluster.get_deployment("digits").reason
    with pytest.raises(InvalidInput, match=r"holds version 1.*models:/digits/2"):
        cluster.update_deployment("digits")
    second = {"image": "registry.example/digits:2", "replicas": 2, "max_replicas": 4}
    assert cluster.update_deployment("digits", config=second).version == "2"
    # What was rolled back in the registry is rolled back here.
    registry.set_registered_model_alias("digits", "champion", "1")
    back = cluster.update_deployment("digits", config={**_IMAGE, "max_replicas": None})
    assert (back.version, back.details) == ("1", {"ready": "2/2"})
    assert _noted(registry) == [(1, url, "registry.example/digits:1", False)]
    assert not list(tmp_path.glob("cluster/**/HorizontalPodAutoscaler*"))

    with pytest.raises(DeploymentFailed, match=r"progress deadline.*is there again"):
        cluster.update_deployment("digits", "models:/digits/3", config={"image": "broken:3"})
    now = cluster.get_deployment("digits")
    assert (now.state, now.version, now.config["image"]) == (
        State.RUNNING,
        "1",
        "registry.example/digits:1",
    )
    assert [one.name for one in cluster.list_deployments()] == ["digits"]
    assert "line 2" in cluster.logs("digits", lines=3)
    assert cluster.restart("digits").state is State.RUNNING

    cluster.delete_deployment("digits")

    assert [ended for *_, ended in _noted(registry)] == [True]
    assert not list(tmp_path.glob("cluster/team-a/*"))
    cluster.delete_deployment("digits")
    with pytest.raises(DeploymentNotFound):
        cluster.get_deployment("digits")
    commands = (tmp_path / "cluster" / "commands").read_text().splitlines()
    assert all(one.startswith("--context prod --namespace team-a ") for one in commands)


def test_one_that_never_answers_leaves_nothing(
    registry: Client, cluster: KubernetesDeployments, tmp_path: Path
) -> None:
    with pytest.raises(StoreUnavailable, match="progress deadline"):
        cluster.create_deployment("digits", "models:/digits/1", config={"image": "broken:1"})

    assert not list(tmp_path.glob("cluster/team-a/*"))
    assert _noted(registry) == []


class Pod(BaseHTTPRequestHandler):
    """Answers what it is asked."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps({"predictions": asked["inputs"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a forwarded port leads to."""
    with HTTPServer(("127.0.0.1", 0), Pod) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("STAND_IN_PORT", str(server.server_port))
        yield
        server.shutdown()


def test_predictions_come_through_a_forwarded_port(
    cluster: KubernetesDeployments, pod: None
) -> None:
    cluster.create_deployment("digits", "models:/digits/1", config=_IMAGE)

    assert cluster.predict("digits", {"inputs": [[1, 2]]}) == {"predictions": [[1, 2]]}


def test_an_inference_service_is_made_asked_and_deleted(
    cluster: KubernetesDeployments, pod: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {**_IMAGE, "kind": "kserve"}
    with pytest.raises(StoreUnavailable, match=r"InferenceService.*CRDs"):
        cluster.create_deployment("digits", "models:/digits/1", config=config)
    monkeypatch.setenv("STAND_IN_KSERVE", "1")

    made = cluster.create_deployment("digits", "models:/digits/1", config=config)

    assert (made.state, made.details) == (State.RUNNING, {"ready": "1/1"})
    assert [one.name for one in tmp_path.glob("cluster/team-a/*")] == [
        "InferenceService.digits.json"
    ]
    assert cluster.predict("digits", {"inputs": [3]}) == {"predictions": [3]}
    assert [one.name for one in cluster.list_deployments()] == ["digits"]
    with pytest.raises(InvalidInput, match="kind"):
        cluster.update_deployment("digits", config={"kind": "deployment"})
    cluster.delete_deployment("digits")
    assert not list(tmp_path.glob("cluster/team-a/*"))


def test_without_kubectl_manifests_are_written(
    registry: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.chdir(tmp_path)
    target = KubernetesDeployments("kubernetes:/team-a")

    made = target.create_deployment("digits", "models:/digits/1", config=_IMAGE)

    file = Path("kubernetes/team-a/digits.yaml")
    assert made.state is State.WRITTEN
    assert f"kubectl apply -f {file}" in made.reason
    for one in yaml.safe_load_all(file.read_text()):
        kubernetes_validate.validate(one, "1.37", strict=True)
    assert [(one.name, one.version) for one in target.list_deployments()] == [("digits", "1")]
    with pytest.raises(InvalidInput, match="apply it"):
        target.predict("digits", {"inputs": [1]})
    target.delete_deployment("digits")
    assert not file.exists()
    assert [ended for *_, ended in _noted(registry)] == [True]


@pytest.mark.parametrize(
    "uri",
    [
        "kubernetes:/../x",
        "kubernetes:/a/b",
        "kubernetes:/-x",
        "kubernetes:/a?context=--kubeconfig",
        "kubernetes:/a?other=x",
        "kubernetes:/a?context=x&folder=y",
        "kubernetes://host/a",
    ],
)
def test_a_hostile_uri_is_refused(uri: str) -> None:
    with pytest.raises((InvalidInput, InvalidName)):
        KubernetesDeployments(uri)

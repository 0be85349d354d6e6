"""The target azureml: the real SDK builds and sends its requests; a stand-in below it answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import assay
from assay.client.client import Client
from assay.deployments.azureml import AzureMLDeployments
from assay.deployments.base import DeploymentExists, DeploymentNotFound, State
from assay.errors import InvalidInput, InvalidName
from tests.services.azure import Azure

_URI = "azureml:/00000000-0000-0000-0000-000000000000/group/space"
_CONFIG = {"image": "team.azurecr.io/digits:1", "env.A": "x", "tags.team": "a"}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Client]:
    """A model with two versions, of which the first is the champion."""
    uri = f"sqlite:///{tmp_path}/assay.db"
    assay.set_tracking_uri(uri)
    client = Client(uri)
    client.create_registered_model("digits")
    with assay.start_run() as run:
        assay.log_text("{}", "model/MLmodel")
    for _ in range(2):
        client.create_model_version("digits", f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.set_registered_model_alias("digits", "champion", "1")
    yield client
    client.close()
    assay.set_tracking_uri("")


@pytest.fixture
def azure() -> Azure:
    return Azure()


@pytest.fixture
def target(registry: Client, azure: Azure) -> AzureMLDeployments:
    return AzureMLDeployments(_URI, connect=azure.connect)


@pytest.mark.filterwarnings("default")  # the SDK's own
def test_an_endpoint_is_made_rolled_and_deleted(
    registry: Client, target: AzureMLDeployments, azure: Azure
) -> None:
    made = target.create_deployment("digits", "models:/digits@champion", config=_CONFIG)

    assert (made.state, made.version, made.model_uri) == (
        State.RUNNING,
        "1",
        "models:/digits@champion",
    )
    assert made.config == _CONFIG
    assert made.endpoint == "https://digits.westeurope.inference.ml.azure.com"
    (noted,) = registry.store.deployments.of(name="digits")
    assert (noted.version, noted.target, noted.endpoint) == (1, "azureml", made.endpoint)
    endpoint = azure.find("/onlineEndpoints/digits")
    assert endpoint["properties"]["traffic"] == {"blue": 100}
    assert endpoint["tags"]["team"] == "a"
    blue = azure.find("/deployments/blue")["properties"]
    assert blue["environmentVariables"] == {
        "A": "x",
        "ASSAY_SERVE_ALLOWED_HOSTS": "digits.westeurope.inference.ml.azure.com",
    }
    environment = azure.resources[blue["environmentId"]]["properties"]
    assert environment["image"] == "team.azurecr.io/digits:1"
    assert environment["inferenceConfig"] == {
        "livenessRoute": {"path": "/ping", "port": 8080},
        "readinessRoute": {"path": "/ping", "port": 8080},
        "scoringRoute": {"path": "/invocations", "port": 8080},
    }
    with pytest.raises(DeploymentExists):
        target.create_deployment("digits", "models:/digits/2", config=_CONFIG)
    assert [one.name for one in target.list_deployments()] == ["digits"]

    registry.set_registered_model_alias("digits", "champion", "2")
    assert "the registry says version 2 now" in target.get_deployment("digits").reason
    with pytest.raises(InvalidInput, match=r"holds version 1.*models:/digits/2"):
        target.update_deployment("digits")
    with pytest.raises(InvalidInput, match="container isn't ready"):
        target.update_deployment("digits", config={"image": "team.azurecr.io/broken:2"})
    assert azure.find("/onlineEndpoints/digits")["properties"]["traffic"] == {"blue": 100}
    rolled = target.update_deployment("digits", config={"image": "team.azurecr.io/digits:2"})
    assert (rolled.version, rolled.details) == ("2", {"colour": "green"})
    traffic = azure.find("/onlineEndpoints/digits")["properties"]["traffic"]
    assert {name: share for name, share in traffic.items() if share} == {"green": 100}
    assert not [path for path in azure.resources if path.endswith("/deployments/blue")]
    assert registry.store.deployments.of(name="digits")[0].version == 2
    answer = target.predict("digits", {"inputs": [[1], [2]]})
    assert answer.get_predictions("ndarray").tolist() == [1, 2]

    target.delete_deployment("digits")

    assert not [path for path in azure.resources if "onlineEndpoints" in path]
    assert registry.store.deployments.of(name="digits")[0].ended_time is not None
    target.delete_deployment("digits")
    with pytest.raises(DeploymentNotFound):
        target.get_deployment("digits")


@pytest.mark.filterwarnings("default")
def test_one_that_never_gets_ready_leaves_nothing(
    registry: Client, target: AzureMLDeployments, azure: Azure
) -> None:
    with pytest.raises(InvalidInput, match="container isn't ready"):
        target.create_deployment("digits", "models:/digits/1", config={"image": "broken:1"})

    assert not [path for path in azure.resources if "onlineEndpoints" in path]
    assert registry.store.deployments.of(name="digits") == []


def test_what_does_not_fit_makes_nothing(target: AzureMLDeployments, azure: Azure) -> None:
    with pytest.raises(InvalidName):
        target.create_deployment("a_b", "models:/digits/1", config=_CONFIG)
    with pytest.raises(InvalidInput, match="needs an image"):
        target.create_deployment("digits", "models:/digits/1")
    with pytest.raises(InvalidInput, match="too long"):
        target.create_deployment(
            "digits", "models:/digits/1", config={**_CONFIG, "tags.x": "y" * 300}
        )

    assert azure.resources == {}


@pytest.mark.parametrize("uri", ["azureml", "azureml:/x/y/z", f"{_URI}/more", f"{_URI}\n"])
def test_a_uri_must_name_the_workspace(uri: str) -> None:
    with pytest.raises(InvalidInput, match="must be azureml"):
        AzureMLDeployments(uri)

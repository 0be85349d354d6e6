"""The target sagemaker, against moto: real boto3, requests checked by botocore, no account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

import assay
from assay.client.client import Client
from assay.deployments import recording
from assay.deployments.base import DeploymentExists, DeploymentFailed, DeploymentNotFound, State
from assay.deployments.sagemaker import SageMakerDeployments
from assay.errors import InvalidInput, InvalidName, StoreUnavailable

_ROLE = "arn:aws:iam::123456789012:role/sagemaker"
_IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/digits"
_CONFIG = {"image_url": f"{_IMAGE}:1", "execution_role_arn": _ROLE, "env.A": "x"}


def _update_endpoint(self: SageMakerResponse) -> ActionResult:
    """What moto lacks: the endpoint gets its new configuration, or fails as SageMaker's do."""
    asked = json.loads(self.body)
    backend = self.sagemaker_backend
    endpoint = backend.endpoints[asked["EndpointName"]]
    part = backend.endpoint_configs[asked["EndpointConfigName"]]
    model = backend._models[part.production_variants[0]["ModelName"]]
    if "broken" in model.primary_container["Image"]:
        endpoint.failure_reason = "The container did not pass the ping health check."
    else:
        endpoint.endpoint_config_name = asked["EndpointConfigName"]
    return ActionResult({"EndpointArn": endpoint.arn})


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(SageMakerResponse, "update_endpoint", _update_endpoint, raising=False)
    with mock_aws():
        yield


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
def target(aws: None, registry: Client) -> SageMakerDeployments:
    return SageMakerDeployments("sagemaker:/eu-west-1")


def _api() -> Any:
    return boto3.client("sagemaker", region_name="eu-west-1")


def _left() -> list[list[Any]]:
    api = _api()
    return [
        api.list_endpoints()["Endpoints"],
        api.list_endpoint_configs()["EndpointConfigs"],
        api.list_models()["Models"],
    ]


def test_an_endpoint_is_made_rolled_and_deleted(
    registry: Client, target: SageMakerDeployments
) -> None:
    made = target.create_deployment("digits", "models:/digits@champion", config=_CONFIG)

    assert (made.state, made.version, made.model_uri) == (
        State.RUNNING,
        "1",
        "models:/digits@champion",
    )
    assert made.endpoint == "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/digits"
    (noted,) = registry.store.deployments.of(name="digits")
    assert (noted.version, noted.target, noted.endpoint) == (1, "sagemaker", made.endpoint)
    (model,) = (_api().describe_model(ModelName=one["ModelName"]) for one in _left()[2])
    assert model["PrimaryContainer"]["Image"] == f"{_IMAGE}:1"
    assert model["PrimaryContainer"]["Mode"] == "SingleModel"
    assert model["PrimaryContainer"]["Environment"]["A"] == "x"
    with pytest.raises(DeploymentExists):
        target.create_deployment("digits", "models:/digits/2", config=_CONFIG)

    registry.set_registered_model_alias("digits", "champion", "2")
    assert "the registry says version 2 now" in target.get_deployment("digits").reason
    with pytest.raises(InvalidInput, match=r"holds version 1.*models:/digits/2"):
        target.update_deployment("digits")
    rolled = target.update_deployment("digits", config={"image_url": f"{_IMAGE}:2"})
    assert (rolled.version, rolled.config["env.A"]) == ("2", "x")
    assert [len(one) for one in _left()] == [1, 1, 1]
    with pytest.raises(DeploymentFailed, match="ping health check"):
        target.update_deployment("digits", config={"image_url": f"{_IMAGE}/broken:2"})
    now = target.get_deployment("digits")
    assert (now.state, now.config["image_url"]) == (State.RUNNING, f"{_IMAGE}:2")
    assert [len(one) for one in _left()] == [1, 1, 1]
    registry.set_registered_model_alias("digits", "champion", "1")
    back = target.update_deployment("digits", config={"image_url": f"{_IMAGE}:1"})
    assert (back.version, registry.store.deployments.of(name="digits")[0].version) == ("1", 1)

    target.delete_deployment("digits")

    assert _left() == [[], [], []]
    assert registry.store.deployments.of(name="digits")[0].ended_time is not None
    target.delete_deployment("digits")
    with pytest.raises(DeploymentNotFound):
        target.get_deployment("digits")


def test_only_endpoints_of_ours_are_listed_and_touched(target: SageMakerDeployments) -> None:
    serverless = {"serverless_memory_mb": 2048, "tags": {"team": "a"}}
    target.create_deployment("ours", "models:/digits/1", config={**_CONFIG, **serverless})
    api = _api()
    part = api.list_endpoint_configs()["EndpointConfigs"][0]["EndpointConfigName"]
    api.create_endpoint(EndpointName="theirs", EndpointConfigName=part)

    (one,) = target.list_deployments()

    assert one.name == "ours"
    assert (one.config["serverless_memory_mb"], one.config["tags.team"]) == ("2048", "a")
    with pytest.raises(DeploymentFailed, match="from others"):
        target.delete_deployment("theirs")


def test_predictions_go_through_sagemakers_runtime(target: SageMakerDeployments) -> None:
    import requests

    target.create_deployment("digits", "models:/digits/1", config=_CONFIG)
    results = {"results": [{"Body": '{"predictions": [1, 2]}', "ContentType": "application/json"}]}
    url = "http://motoapi.amazonaws.com/moto-api/static/sagemaker/endpoint-results"
    queued = {"account_id": "123456789012", "region": "eu-west-1", **results}
    assert requests.post(url, json=queued).status_code == 201

    answer = target.predict("digits", {"inputs": [[1], [2]]})

    assert answer.get_predictions("ndarray").tolist() == [1, 2]


def test_one_that_cannot_be_noted_leaves_nothing(
    target: SageMakerDeployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> str:
        raise StoreUnavailable("the registry is away")

    # It was there when the version was looked up.
    monkeypatch.setattr(recording, "note", away)

    with pytest.raises(StoreUnavailable):
        target.create_deployment("digits", "models:/digits/1", config=_CONFIG)

    assert _left() == [[], [], []]


def test_what_does_not_fit_makes_nothing(target: SageMakerDeployments) -> None:
    with pytest.raises(InvalidName):
        target.create_deployment("a_b", "models:/digits/1", config=_CONFIG)
    with pytest.raises(InvalidInput, match="needs a role"):
        target.create_deployment("d", "models:/digits/1", config={"image_url": "x"})

    assert _left() == [[], [], []]


def test_a_region_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    with pytest.raises(InvalidInput, match="Which region"):
        SageMakerDeployments("sagemaker")
    with pytest.raises(InvalidInput, match="must be sagemaker"):
        SageMakerDeployments("sagemaker:/arn:aws:iam::123456789012:role/x")


def test_a_role_is_taken_on(aws: None) -> None:
    target = SageMakerDeployments(f"sagemaker:/eu-west-1/{_ROLE}")

    assert target.list_deployments() == []

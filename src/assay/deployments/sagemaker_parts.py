"""What a deployment is made of on SageMaker: settings, requests for its API, and facts in tags.

An image that ``assay models build-docker`` makes keeps SageMaker's contract for containers: it
answers ``/ping`` and ``/invocations`` on port 8080. The model is in the image; multi-model
endpoints aren't used. Matched: Amazon SageMaker API Reference, 2017-07-24.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from assay.errors import InvalidInput, InvalidName

VARIANT: Final = "all"
TAG_PREFIX: Final = "assay:"
_NAME: Final = re.compile(r"[A-Za-z0-9](?:-*[A-Za-z0-9]){0,62}\Z")
_MAX_NAME: Final = 63
_TAG_VALUE: Final = re.compile(r"[\w .:/=+\-@]{0,256}\Z")
_ENCODED: Final = "base64:"
_HOST: Final = "model.aws.local"
"""SageMaker's requests to a container may carry this name."""


class SageMakerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a SageMaker deployment."""

    image_url: str = ""
    """Image of the model in Amazon ECR, made by `assay models build-docker` and pushed."""
    execution_role_arn: Annotated[str, Meta(pattern=r"^(arn:aws[a-z-]*:iam::\d{12}:role/.+)?$")] = (
        ""
    )
    """Role that SageMaker takes on to fetch the image."""
    instance_type: Annotated[str, Meta(pattern=r"^ml\.[a-z0-9.-]+$")] = "ml.m5.large"
    """Kind of machine."""
    instance_count: Annotated[int, Meta(ge=1, le=1_000)] = 1
    """Machines."""
    serverless_memory_mb: Annotated[int, Meta(ge=0, le=6_144, multiple_of=1_024)] = 0
    """Memory of a serverless endpoint, instead of machines; 0: machines."""
    serverless_concurrency: Annotated[int, Meta(ge=1, le=200)] = 5
    """Requests at once of a serverless endpoint."""
    subnets: str = ""
    """Subnets of a VPC, with commas between."""
    security_groups: str = ""
    """Security groups there, with commas between."""
    timeout_seconds: Annotated[int, Meta(ge=1, le=7_200)] = 1_800
    """Until it must answer."""
    env: dict[Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = {}
    """A variable of the containers; no secrets."""
    tags: dict[Annotated[str, Meta(pattern=r"^(?!assay:|aws:)[\w .:/=+@-]{1,128}$")], str] = {}
    """A tag of the endpoint."""


def check_sagemaker_name(name: str) -> str:
    """``name`` as one of an endpoint.

    Raises:
        InvalidName: it can't be one.
    """
    if not _NAME.match(name):
        raise InvalidName(
            "deployment name",
            name,
            f"on SageMaker it must be 1 to {_MAX_NAME} letters, digits and '-', beginning and"
            " ending with a letter or digit",
        )
    return name


def check_config(config: SageMakerConfig) -> None:
    """Refuse settings that lack something.

    Raises:
        InvalidInput: the image, the role, or half of the VPC is missing.
    """
    if not config.image_url:
        raise InvalidInput(
            "SageMaker needs an image: build one with `assay models build-docker`, push it to"
            " Amazon ECR, and name it with -C image_url=…"
        )
    if not config.execution_role_arn:
        raise InvalidInput(
            "SageMaker needs a role that may fetch the image: -C execution_role_arn=arn:aws:iam::…"
        )
    if bool(config.subnets) != bool(config.security_groups):
        raise InvalidInput("A VPC needs both subnets and security_groups.")


def part_name(name: str) -> str:
    """A fresh name for the model and configuration of an endpoint."""
    suffix = os.urandom(4).hex()
    return f"{name[: _MAX_NAME - len(suffix) - 1].rstrip('-')}-{suffix}"


def model_request(name: str, config: SageMakerConfig) -> dict[str, Any]:
    """For ``CreateModel``."""
    request: dict[str, Any] = {
        "ModelName": name,
        "ExecutionRoleArn": config.execution_role_arn,
        "PrimaryContainer": {
            "Image": config.image_url,
            "Mode": "SingleModel",
            "Environment": {"ASSAY_SERVE_ALLOWED_HOSTS": _HOST, **config.env},
        },
    }
    if config.subnets:
        request["VpcConfig"] = {
            "Subnets": _list(config.subnets),
            "SecurityGroupIds": _list(config.security_groups),
        }
    return request


def config_request(name: str, config: SageMakerConfig) -> dict[str, Any]:
    """For ``CreateEndpointConfig``, of the model of that name."""
    variant: dict[str, Any] = {"VariantName": VARIANT, "ModelName": name}
    if config.serverless_memory_mb:
        variant["ServerlessConfig"] = {
            "MemorySizeInMB": config.serverless_memory_mb,
            "MaxConcurrency": config.serverless_concurrency,
        }
    else:
        variant["InstanceType"] = config.instance_type
        variant["InitialInstanceCount"] = config.instance_count
        variant["InitialVariantWeight"] = 1.0
    return {"EndpointConfigName": name, "ProductionVariants": [variant]}


def tags_of(facts: Mapping[str, str], config: SageMakerConfig) -> list[dict[str, str]]:
    """Facts and the user's own tags, for the API."""
    own = [{"Key": key, "Value": value} for key, value in sorted(config.tags.items())]
    ours = [{"Key": TAG_PREFIX + key, "Value": _coded(text)} for key, text in sorted(facts.items())]
    return ours + own


def facts_of(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Facts that tags hold; empty for an endpoint that Assay didn't make."""
    return {
        one["Key"].removeprefix(TAG_PREFIX): _decoded(one["Value"])
        for one in tags
        if one["Key"].startswith(TAG_PREFIX)
    }


def texts_of(
    model: Mapping[str, Any], endpoint_config: Mapping[str, Any], tags: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """Settings, as texts, that a deployment has now."""
    container, (variant, *_) = model["PrimaryContainer"], endpoint_config["ProductionVariants"]
    found = {"image_url": container["Image"], "execution_role_arn": model["ExecutionRoleArn"]}
    environment = dict(container.get("Environment", {}))
    if environment.get("ASSAY_SERVE_ALLOWED_HOSTS") == _HOST:
        del environment["ASSAY_SERVE_ALLOWED_HOSTS"]
    found |= {f"env.{key}": value for key, value in environment.items()}
    if serverless := variant.get("ServerlessConfig"):
        found["serverless_memory_mb"] = str(serverless["MemorySizeInMB"])
        found["serverless_concurrency"] = str(serverless["MaxConcurrency"])
    else:
        found["instance_type"] = variant["InstanceType"]
        found["instance_count"] = str(variant["InitialInstanceCount"])
    if vpc := model.get("VpcConfig"):
        found["subnets"] = ",".join(vpc["Subnets"])
        found["security_groups"] = ",".join(vpc["SecurityGroupIds"])
    for one in tags:
        if not one["Key"].startswith((TAG_PREFIX, "aws:")):
            found[f"tags.{one['Key']}"] = one["Value"]
    return found


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _coded(text: str) -> str:
    """Tags hold few signs."""
    if _TAG_VALUE.match(text) and not text.startswith(_ENCODED):
        return text
    coded = _ENCODED + base64.urlsafe_b64encode(text.encode()).decode()
    if len(coded) > 256:
        raise InvalidInput(f"{text[:80]!r}… is too long to be kept with a SageMaker endpoint.")
    return coded


def _decoded(text: str) -> str:
    if not text.startswith(_ENCODED):
        return text
    try:
        return base64.urlsafe_b64decode(text.removeprefix(_ENCODED)).decode()
    except ValueError:
        return text

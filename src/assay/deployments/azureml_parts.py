"""What a deployment is made of on Azure ML: settings, the SDK's own objects, and facts in tags.

The image that ``assay models build-docker`` makes has the model in it and answers on port 8080.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from assay.deployments import recording
from assay.deployments.base import Deployed, DeploymentFailed, State
from assay.deployments.config import read_config
from assay.errors import InvalidInput, InvalidName

TARGET: Final = "azureml"
COLOURS: Final = ("blue", "green")
_PORT: Final = 8080
_FACT: Final = "assay-"
"""How the names of tags begin that hold what is kept of a deployment."""
_SETTING: Final = "assay-config-"
_KEPT: Final = (
    *("model_uri", "model", "version", "actor", "created_ms", "updated_ms", "deployment_id"),
)
_MAX_TAG: Final = 256
"""Characters of a tag's value, by Azure Resource Manager."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]\Z")
_STATES: Final = {
    "succeeded": State.RUNNING,
    "creating": State.STARTING,
    "updating": State.RUNNING,
    "failed": State.FAILED,
    "deleting": State.STOPPED,
}


class AzureMLConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of an Azure ML deployment."""

    image: Annotated[str, Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:/@-]{0,499})?$")] = ""
    """Image of the model in a registry of the workspace, made by `assay models build-docker` and
    pushed."""
    instance_type: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_]+$")] = "Standard_DS3_v2"
    """Kind of machine."""
    instance_count: Annotated[int, Meta(ge=1, le=1_000)] = 1
    """Machines."""
    timeout_ms: Annotated[int, Meta(ge=1, le=180_000)] = 60_000
    """That a prediction may take."""
    concurrency: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """Requests at once that a machine gets."""
    auth_mode: Annotated[str, Meta(pattern=r"^(key|aml_token|aad_token)$")] = "key"
    """How clients sign in: key, aml_token or aad_token."""
    public: bool = True
    """Whether the endpoint is reached from the internet."""
    env: dict[Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = {}
    """A variable of the containers; no secrets."""
    tags: dict[Annotated[str, Meta(pattern=r"^(?!assay-)[\w .:=+@-]{1,200}$")], str] = {}
    """A tag of the endpoint."""


def check_azureml_name(name: str) -> str:
    """``name`` as one of an endpoint.

    Raises:
        InvalidName: it can't be one.
    """
    if not _NAME.match(name):
        raise InvalidName(
            "deployment name",
            name,
            "on Azure ML it must be 3 to 32 letters, digits and '-', beginning with a letter",
        )
    return name


def settings_of(texts: Mapping[str, str]) -> AzureMLConfig:
    """Settings of a deployment.

    Raises:
        InvalidInput: one doesn't fit, or the image is missing.
    """
    settings = read_config(AzureMLConfig, texts, target=TARGET)
    if not settings.image:
        raise InvalidInput(
            "Azure ML needs an image: build one with `assay models build-docker`, push it to a"
            " registry of the workspace, and name it with -C image=…"
        )
    return settings


def endpoint_of(wanted: Deployed, settings: AzureMLConfig, *, traffic: Mapping[str, int]) -> Any:
    """The SDK's endpoint; what is kept of the deployment are tags of it.

    Raises:
        InvalidInput: something is too long for a tag.
    """
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    facts = {_FACT + key: str(wanted[key]) for key in _KEPT}
    facts[_FACT + "colour"] = wanted.details["colour"]
    facts |= {
        _SETTING + key: text for key, text in wanted.config.items() if not key.startswith("tags.")
    }
    for key, text in {**facts, **settings.tags}.items():
        if len(text) > _MAX_TAG:
            raise InvalidInput(f"{key} is too long: Azure keeps at most {_MAX_TAG} characters.")
    return ManagedOnlineEndpoint(
        name=wanted.name,
        auth_mode=settings.auth_mode,
        public_network_access="enabled" if settings.public else "disabled",
        traffic=dict(traffic),
        tags={**settings.tags, **facts},
    )


def colour_of(wanted: Deployed, settings: AzureMLConfig, *, host: str | None) -> Any:
    """The SDK's deployment: the image, where it is asked, and the machines.

    Args:
        wanted: the deployment.
        settings: its settings.
        host: name of the endpoint, which requests may carry.
    """
    from azure.ai.ml.entities import (
        Environment,
        ManagedOnlineDeployment,
        OnlineRequestSettings,
        ProbeSettings,
    )

    ping = {"path": "/ping", "port": _PORT}
    environment = Environment(
        name=f"assay-{wanted.name}",
        # One for each change: an environment's version can't be made twice.
        version=str(wanted.updated_ms),
        image=settings.image,
        inference_config={
            "liveness_route": ping,
            "readiness_route": ping,
            "scoring_route": {"path": "/invocations", "port": _PORT},
        },
    )
    probe = ProbeSettings(initial_delay=10, period=10, timeout=3, failure_threshold=30)
    variables = {**({"ASSAY_SERVE_ALLOWED_HOSTS": host} if host else {}), **settings.env}
    return ManagedOnlineDeployment(
        name=wanted.details["colour"],
        endpoint_name=wanted.name,
        environment=environment,
        environment_variables=variables,
        instance_type=settings.instance_type,
        instance_count=settings.instance_count,
        request_settings=OnlineRequestSettings(
            request_timeout_ms=settings.timeout_ms,
            max_concurrent_requests_per_instance=settings.concurrency,
        ),
        liveness_probe=probe,
        readiness_probe=probe,
        tags={"assay-version": wanted.version},
    )


def is_ours(endpoint: Any) -> bool:
    """Whether Assay made an endpoint."""
    return _FACT + "model_uri" in (endpoint.tags or {})


def read_endpoint(endpoint: Any) -> Deployed:
    """A deployment as its endpoint tells.

    Raises:
        DeploymentFailed: others made it.
    """
    if not is_ours(endpoint):
        raise DeploymentFailed(str(endpoint.name), "the workspace has one of that name from others")
    tags: dict[str, str] = dict(endpoint.tags)
    config = {
        key.removeprefix(_SETTING): text for key, text in tags.items() if key.startswith(_SETTING)
    }
    config |= {f"tags.{key}": text for key, text in tags.items() if not key.startswith(_FACT)}
    facts = {key: tags.get(_FACT + key, "") for key in _KEPT}
    return Deployed(
        name=str(endpoint.name),
        target=TARGET,
        model_uri=facts["model_uri"],
        state=_STATES.get(state_of(endpoint), State.UNKNOWN),
        reason=recording.newer(facts["model_uri"], facts["version"]),
        endpoint=url_of(endpoint),
        model=facts["model"],
        version=facts["version"],
        actor=facts["actor"],
        created_ms=int(facts["created_ms"] or 0),
        updated_ms=int(facts["updated_ms"] or 0),
        deployment_id=facts["deployment_id"],
        config=config,
        details={"colour": tags.get(_FACT + "colour", COLOURS[0])},
    )


def url_of(endpoint: Any) -> str:
    """Where an endpoint answers, without ``/invocations``."""
    return str(getattr(endpoint, "scoring_uri", None) or "").removesuffix("/invocations")


def state_of(made: Any) -> str:
    """How an endpoint or deployment does, in lower case; the SDK has a text or an enumeration."""
    state = getattr(made, "provisioning_state", None) or ""
    return str(getattr(state, "value", state)).lower()

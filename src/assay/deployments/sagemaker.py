"""The target ``sagemaker``: real-time and serverless endpoints of Amazon SageMaker, through boto3.

An image holds one version; after a move in the registry, ``update`` with the image of that version
rolls the endpoint, and SageMaker keeps the old one answering until the new one does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from assay.deployments import base, recording
from assay.deployments.asking import PredictionsResponse, body_of
from assay.deployments.base import (
    Deployed,
    DeploymentExists,
    DeploymentFailed,
    DeploymentNotFound,
    State,
)
from assay.deployments.config import as_texts, described, merged, read_config
from assay.deployments.sagemaker_parts import (
    SageMakerConfig,
    check_config,
    check_sagemaker_name,
    config_request,
    facts_of,
    model_request,
    part_name,
    tags_of,
    texts_of,
)
from assay.errors import InvalidInput, MissingExtra, StoreUnavailable

TARGET: Final = "sagemaker"
_PAUSE_S: Final = 5.0
"""Between two looks at an endpoint that is being made; that takes minutes."""
_STATES: Final = {
    "InService": State.RUNNING,
    "Creating": State.STARTING,
    "Updating": State.RUNNING,
    "RollingBack": State.RUNNING,
    "SystemUpdating": State.RUNNING,
    "Failed": State.FAILED,
    "OutOfService": State.STOPPED,
    "Deleting": State.STOPPED,
}
_CHANGING: Final = ("Creating", "Updating", "RollingBack", "SystemUpdating")


class SageMakerDeployments(base.BaseDeploymentClient):
    """Endpoints of one account in one region."""

    def __init__(self, target_uri: str = TARGET) -> None:
        super().__init__(target_uri)
        region, _, role = target_uri.partition(":")[2].strip("/").partition("/")
        if region.startswith("arn:"):
            raise InvalidInput(
                f"{target_uri!r} must be sagemaker:/<region>, or sagemaker:/<region>/<role to take"
                " on>."
            )
        self._session = _session(region or None, role or None)
        self.region = str(self._session.region_name or "")
        if not self.region:
            raise InvalidInput("Which region? Say sagemaker:/<region>, or set AWS_DEFAULT_REGION.")
        with _told():
            self._api: Any = self._session.client("sagemaker")

    def create_deployment(  # noqa: D102 - the contract is in the base class
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> Deployed:
        check_sagemaker_name(base.check_name(name))
        uri = base.check_asked(model_uri, flavor=flavor, endpoint=endpoint)
        settings = _settings(merged({}, as_texts(config)))
        if self._find(name) is not None:
            raise DeploymentExists(name, TARGET)
        meant = recording.meant_by(uri)
        facts = _facts(meant, deployment_id=recording.new_id() if meant.version else "")
        tags = tags_of(facts, settings)
        part = part_name(name)
        try:
            self._make_part(part, settings)
            with _told():
                self._api.create_endpoint(EndpointName=name, EndpointConfigName=part, Tags=tags)
            self._wait(name, part, settings)
            self._note(facts, meant, name, settings)
        except BaseException:
            self._drop(name, part)
            raise
        return self.get_deployment(name)

    def update_deployment(  # noqa: D102
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> Deployed:
        old = self.get_deployment(name)
        uri = base.check_asked(model_uri or old.model_uri, flavor=flavor, endpoint=endpoint)
        settings = _settings(merged(old.config, as_texts(config)))
        meant = recording.meant_by(uri)
        changed = (meant.model, meant.version) != (old.model, old.version)
        if changed and settings.image_url == old.config.get("image_url"):
            raise InvalidInput(
                f"The image {settings.image_url} holds version {old.version or '?'}; build and push"
                f" one of {meant.pinned}, and name it with -C image_url=…"
            )
        ident = (old.deployment_id or recording.new_id()) if meant.version else ""
        facts = _facts(meant, deployment_id=ident, created_ms=old.created_ms)
        tags = tags_of(facts, settings)
        before, part = old.details["endpoint_config"], part_name(name)
        try:
            self._make_part(part, settings)
            with _told():
                self._api.update_endpoint(EndpointName=name, EndpointConfigName=part)
            self._wait(name, part, settings)
        except BaseException:
            self._drop_part(part)
            raise
        with _told():
            arn = self._api.describe_endpoint(EndpointName=name)["EndpointArn"]
            self._api.add_tags(ResourceArn=arn, Tags=tags)
        self._drop_part(before)
        self._note(facts, meant, name, settings)
        if not meant.version:
            recording.end(old.deployment_id)
        return self.get_deployment(name)

    def delete_deployment(  # noqa: D102
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        base.check_no_endpoint(endpoint)
        read_config(SageMakerConfig, as_texts(config), target=TARGET)
        known = self._find(check_sagemaker_name(base.check_name(name)))
        if known is None:
            return
        self._drop(name, known.details["endpoint_config"])
        recording.end(known.deployment_id, reason=f"sagemaker deployment {name} deleted")

    def list_deployments(self, endpoint: str | None = None) -> list[Deployed]:  # noqa: D102
        base.check_no_endpoint(endpoint)
        with _told():
            pages = self._api.get_paginator("list_endpoints").paginate()
            names = sorted(one["EndpointName"] for page in pages for one in page["Endpoints"])
        found = (self._find(name, only_ours=True) for name in names)
        return [one for one in found if one is not None]

    def get_deployment(self, name: str, endpoint: str | None = None) -> Deployed:  # noqa: D102
        base.check_no_endpoint(endpoint)
        found = self._find(check_sagemaker_name(base.check_name(name)))
        if found is None:
            raise DeploymentNotFound(name, TARGET)
        return found

    def predict(  # noqa: D102
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> PredictionsResponse:
        base.check_no_endpoint(endpoint)
        name = check_sagemaker_name(base.check_named(deployment_name))
        body = body_of(inputs)
        with _told():
            runtime: Any = self._session.client("sagemaker-runtime")
            answer = runtime.invoke_endpoint(
                EndpointName=name,
                ContentType="application/json",
                Accept="application/json",
                Body=body,
            )
            return PredictionsResponse.from_json(answer["Body"].read())

    def _make_part(self, part: str, settings: SageMakerConfig) -> None:
        with _told():
            self._api.create_model(**model_request(part, settings))
            self._api.create_endpoint_config(**config_request(part, settings))

    def _wait(self, name: str, part: str, settings: SageMakerConfig) -> None:
        """Until the endpoint answers by the configuration ``part``."""
        until = time.monotonic() + settings.timeout_seconds
        while True:
            with _told():
                now = self._api.describe_endpoint(EndpointName=name)
            if now["EndpointStatus"] not in _CHANGING:
                break
            if time.monotonic() > until:
                raise DeploymentFailed(
                    name, f"it didn't answer within {settings.timeout_seconds} s"
                )
            time.sleep(_PAUSE_S)
        if now["EndpointStatus"] != "InService" or now["EndpointConfigName"] != part:
            why = now.get("FailureReason") or f"SageMaker says {now['EndpointStatus']}"
            raise DeploymentFailed(name, str(why))

    def _note(
        self, facts: Mapping[str, str], meant: recording.Meant, name: str, settings: SageMakerConfig
    ) -> None:
        recording.note(
            facts["id"],
            meant,
            name=name,
            target=TARGET,
            endpoint=self._url(name),
            details={"region": self.region, "image": settings.image_url},
        )

    def _drop(self, name: str, part: str) -> None:
        """Delete an endpoint and what belongs to it; what isn't there is no error."""
        with _told():
            _unless_missing(self._api.delete_endpoint, EndpointName=name)
        self._drop_part(part)

    def _drop_part(self, part: str) -> None:
        with _told():
            _unless_missing(self._api.delete_endpoint_config, EndpointConfigName=part)
            _unless_missing(self._api.delete_model, ModelName=part)

    def _find(self, name: str, *, only_ours: bool = False) -> Deployed | None:
        with _told():
            now = _unless_missing(self._api.describe_endpoint, EndpointName=name)
            if now is None:
                return None
            tags = self._api.list_tags(ResourceArn=now["EndpointArn"])["Tags"]
            facts = facts_of(tags)
            if not facts and only_ours:
                return None
            if not facts:
                raise DeploymentFailed(name, "SageMaker has an endpoint of that name from others")
            part = str(now["EndpointConfigName"])
            config = self._api.describe_endpoint_config(EndpointConfigName=part)
            model_name = config["ProductionVariants"][0]["ModelName"]
            model = self._api.describe_model(ModelName=model_name)
        uri = facts.get("model_uri", "")
        return Deployed(
            name=name,
            target=TARGET,
            model_uri=uri,
            state=_STATES.get(now["EndpointStatus"], State.UNKNOWN),
            reason=str(now.get("FailureReason") or recording.newer(uri, facts.get("version", ""))),
            endpoint=self._url(name),
            model=facts.get("model", ""),
            version=facts.get("version", ""),
            actor=facts.get("actor", ""),
            created_ms=int(facts.get("created_ms") or 0),
            updated_ms=int(facts.get("updated_ms") or 0),
            deployment_id=facts.get("id", ""),
            config=texts_of(model, config, tags),
            details={"status": str(now["EndpointStatus"]), "endpoint_config": part},
        )

    def _url(self, name: str) -> str:
        return f"https://runtime.sagemaker.{self.region}.amazonaws.com/endpoints/{name}"


def run_local(
    name: str,
    model_uri: str,
    flavor: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Not offered.

    Raises:
        InvalidInput: always, with what to use instead.
    """
    del name, model_uri, flavor, config
    raise InvalidInput(
        "SageMaker can't be run here. `assay deployments run-local -t docker` runs the same image,"
        " which answers /ping and /invocations on 8080 as SageMaker asks."
    )


def target_help() -> str:
    """What the target takes."""
    return (
        "sagemaker: endpoints of Amazon SageMaker (extra sagemaker); credentials as boto3 finds"
        " them.\n\n"
        "Target URI: sagemaker, sagemaker:/<region>, sagemaker:/<region>/<ARN of a role to take"
        " on>\n\n"
        f"Settings (-C name=value):\n{described(SageMakerConfig)}\n\n"
        "An image holds one version: after a rollback of the registry, `update` with the image of"
        " that version."
    )


def _settings(texts: Mapping[str, str]) -> SageMakerConfig:
    settings = read_config(SageMakerConfig, texts, target=TARGET)
    check_config(settings)
    return settings


def _facts(
    meant: recording.Meant, *, deployment_id: str, created_ms: int | None = None
) -> dict[str, str]:
    now = int(time.time() * 1_000)
    return {
        "actor": recording.user(),
        "created_ms": str(created_ms or now),
        "id": deployment_id,
        "model": meant.model,
        "model_uri": meant.uri,
        "updated_ms": str(now),
        "version": meant.version,
    }


def _session(region: str | None, role: str | None) -> Any:
    try:
        import boto3
    except ImportError:
        raise MissingExtra("boto3", extra="sagemaker", purpose="The target sagemaker") from None
    with _told():
        session: Any = boto3.Session(region_name=region)
        if role is None:
            return session
        taken = session.client("sts").assume_role(RoleArn=role, RoleSessionName="assay")
    keys = taken["Credentials"]
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=region,
    )


def _unless_missing(call: Any, **named: str) -> Any:
    """What a call answers; ``None`` where SageMaker says that there is no such thing."""
    from botocore.exceptions import ClientError

    try:
        return call(**named)
    except ClientError as error:
        told = error.response.get("Error", {})
        if told.get("Code") == "ValidationException" and "ould not find" in told.get("Message", ""):
            return None
        raise


@contextmanager
def _told() -> Iterator[None]:
    """Errors of AWS as Assay's."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        text = f"AWS refuses {error.operation_name}: {told.get('Message') or told.get('Code')}"
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        raise (StoreUnavailable(text) if status >= 500 else InvalidInput(text)) from error
    except BotoCoreError as error:
        raise StoreUnavailable(f"AWS can't be asked: {error}") from error

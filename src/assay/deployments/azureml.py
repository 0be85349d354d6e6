"""The target ``azureml``: online endpoints of Azure Machine Learning, through its own SDK.

A deployment is an endpoint. Behind it is one of two colours; an update makes the other one, lets it
take the traffic when it answers, and deletes the first.
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from assay.deployments import base, recording
from assay.deployments.asking import PredictionsResponse, body_of
from assay.deployments.azureml_parts import (
    COLOURS,
    TARGET,
    AzureMLConfig,
    check_azureml_name,
    colour_of,
    endpoint_of,
    is_ours,
    read_endpoint,
    settings_of,
    state_of,
    url_of,
)
from assay.deployments.base import (
    Deployed,
    DeploymentExists,
    DeploymentFailed,
    DeploymentNotFound,
)
from assay.deployments.config import as_texts, described, merged, read_config
from assay.deployments.drafts import changed_draft, new_draft
from assay.errors import AssayError, InvalidInput, MissingExtra, StoreUnavailable

_log = logging.getLogger(__name__)
_URI: Final = re.compile(
    r"azureml:/(?P<subscription>[0-9a-fA-F-]{36})/(?P<group>[\w().-]{1,90})"
    r"/(?P<workspace>[\w-]{1,33})/?\Z"
)

Connect = Callable[[str, str, str], Any]


class AzureMLDeployments(base.BaseDeploymentClient):
    """Online endpoints of one workspace."""

    def __init__(self, target_uri: str, *, connect: Connect | None = None) -> None:
        super().__init__(target_uri)
        found = _URI.match(target_uri)
        if found is None:
            raise InvalidInput(
                f"{target_uri!r} must be azureml:/<subscription id>/<resource group>/<workspace>."
            )
        self._client: Any = (connect or _connect)(*found.groups())

    def create_deployment(  # noqa: D102 - the contract is in the base class
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> Deployed:
        check_azureml_name(base.check_name(name))
        uri = base.check_asked(model_uri, flavor=flavor, endpoint=endpoint)
        texts = merged({}, as_texts(config))
        settings = settings_of(texts)
        if self._endpoint(name) is not None:
            raise DeploymentExists(name, TARGET)
        meant = recording.meant_by(uri)
        new = new_draft(name, TARGET, meant, texts, {"colour": COLOURS[0]})
        try:
            self._put_endpoint(new, settings, traffic={})
            self._put_colour(new, settings)
            self._put_endpoint(new, settings, traffic={COLOURS[0]: 100})
            self._note(new, meant)
        except BaseException:
            self._drop(name)
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
        texts = merged(old.config, as_texts(config))
        settings = settings_of(texts)
        meant = recording.meant_by(uri)
        changed = (meant.model, meant.version) != (old.model, old.version)
        if changed and settings.image == old.config.get("image"):
            raise InvalidInput(
                f"The image {settings.image} holds version {old.version or '?'}; build and push one"
                f" of {meant.pinned}, and name it with -C image=…"
            )
        before = old.details["colour"]
        colour = next(one for one in COLOURS if one != before)
        new = changed_draft(old, meant, texts, {"colour": colour})
        try:
            self._put_colour(new, settings)
        except BaseException:
            self._drop_colour(name, colour)
            raise
        self._put_endpoint(new, settings, traffic={colour: 100, before: 0})
        self._drop_colour(name, before)
        self._note(new, meant)
        if not meant.version:
            recording.end(old.deployment_id)
        return self.get_deployment(name)

    def delete_deployment(  # noqa: D102
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        base.check_no_endpoint(endpoint)
        read_config(AzureMLConfig, as_texts(config), target=TARGET)
        found = self._endpoint(check_azureml_name(base.check_name(name)))
        if found is None:
            return
        known = read_endpoint(found)
        self._drop(name)
        recording.end(known.deployment_id, reason=f"azureml deployment {name} deleted")

    def list_deployments(self, endpoint: str | None = None) -> list[Deployed]:  # noqa: D102
        base.check_no_endpoint(endpoint)
        with _told():
            found = sorted(self._client.online_endpoints.list(), key=lambda one: str(one.name))
        return [read_endpoint(one) for one in found if is_ours(one)]

    def get_deployment(self, name: str, endpoint: str | None = None) -> Deployed:  # noqa: D102
        base.check_no_endpoint(endpoint)
        found = self._endpoint(check_azureml_name(base.check_name(name)))
        if found is None:
            raise DeploymentNotFound(name, TARGET)
        return read_endpoint(found)

    def predict(  # noqa: D102
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> PredictionsResponse:
        base.check_no_endpoint(endpoint)
        name = check_azureml_name(base.check_named(deployment_name))
        body = body_of(inputs)
        with tempfile.TemporaryDirectory(prefix="assay-") as folder:
            file = Path(folder) / "request.json"
            file.write_bytes(body)
            with _told():
                answer = self._client.online_endpoints.invoke(
                    endpoint_name=name, request_file=str(file)
                )
        return PredictionsResponse.from_json(answer)

    def logs(self, name: str, *, lines: int = 100) -> str:
        """The last lines that the containers have written."""
        colour = self.get_deployment(name).details["colour"]
        with _told():
            return str(
                self._client.online_deployments.get_logs(
                    name=colour, endpoint_name=name, lines=lines
                )
            )

    def _endpoint(self, name: str) -> Any:
        from azure.core.exceptions import ResourceNotFoundError

        with _told():
            try:
                return self._client.online_endpoints.get(name=name)
            except ResourceNotFoundError:
                return None

    def _put_endpoint(
        self, wanted: Deployed, settings: AzureMLConfig, *, traffic: Mapping[str, int]
    ) -> None:
        made = endpoint_of(wanted, settings, traffic=traffic)
        with _told():
            self._client.online_endpoints.begin_create_or_update(made).result()

    def _put_colour(self, wanted: Deployed, settings: AzureMLConfig) -> None:
        made = colour_of(
            wanted, settings, host=urlsplit(url_of(self._endpoint(wanted.name))).hostname
        )
        with _told():
            done = self._client.online_deployments.begin_create_or_update(made).result()
        state = state_of(done)
        if state != "succeeded":
            raise DeploymentFailed(wanted.name, f"Azure ML says: {state or 'nothing of its state'}")

    def _drop(self, name: str) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        with _told():
            try:
                self._client.online_endpoints.begin_delete(name=name).result()
            except ResourceNotFoundError:
                return

    def _drop_colour(self, name: str, colour: str) -> None:
        """What stays takes no traffic; it is only paid for."""
        try:
            with _told():
                self._client.online_deployments.begin_delete(
                    name=colour, endpoint_name=name
                ).result()
        except AssayError as error:
            _log.warning("the colour %s of %s is left: %s", colour, name, error.message)

    def _note(self, made: Deployed, meant: recording.Meant) -> None:
        found = self._endpoint(made.name)
        recording.note(
            made.deployment_id,
            meant,
            name=made.name,
            target=TARGET,
            endpoint=url_of(found),
            details={"image": made.config["image"]},
        )


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
        "Azure ML can't be run here. `assay deployments run-local -t docker` runs the same image."
    )


def target_help() -> str:
    """What the target takes."""
    return (
        "azureml: online endpoints of Azure Machine Learning (extra azureml); credentials as its"
        " DefaultAzureCredential finds them.\n\n"
        "Target URI: azureml:/<subscription id>/<resource group>/<workspace>\n\n"
        f"Settings (-C name=value):\n{described(AzureMLConfig)}\n\n"
        "An image holds one version: after a rollback of the registry, `update` with the image of"
        " that version."
    )


def _connect(subscription: str, group: str, workspace: str) -> Any:
    try:
        from azure.ai.ml import MLClient
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise MissingExtra("azure-ai-ml", extra="azureml", purpose="The target azureml") from None
    return MLClient(
        DefaultAzureCredential(), subscription, group, workspace, enable_telemetry=False
    )


@contextmanager
def _told() -> Iterator[None]:
    """Errors of Azure as Assay's."""
    from azure.ai.ml.exceptions import MlException
    from azure.core.exceptions import (
        AzureError,
        ClientAuthenticationError,
        HttpResponseError,
        ResourceNotFoundError,
    )

    try:
        yield
    except ClientAuthenticationError as error:
        raise InvalidInput(f"Azure doesn't let you in: {_line(error)}") from error
    except ResourceNotFoundError as error:
        raise InvalidInput(f"Azure has no such thing: {_line(error)}") from error
    except HttpResponseError as error:
        text = f"Azure refuses this: {_line(error)}"
        is_theirs = (error.status_code or 500) >= 500
        raise (StoreUnavailable(text) if is_theirs else InvalidInput(text)) from error
    except AzureError as error:
        raise StoreUnavailable(f"Azure can't be asked: {_line(error)}") from error
    except MlException as error:
        raise InvalidInput(f"The SDK of Azure ML refuses this: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:600]

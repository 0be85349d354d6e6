"""The target ``kubernetes``: manifests for a cluster, applied through ``kubectl`` if that is there
and written to a folder if it isn't.

An image holds one version. Pods of an image answer with that version until ``update`` names an
image with another; pods that follow the registry change over by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from assay.deployments import base, recording
from assay.deployments.asking import PredictionsResponse, ask, body_of
from assay.deployments.base import (
    Deployed,
    DeploymentExists,
    DeploymentFailed,
    DeploymentNotFound,
    State,
)
from assay.deployments.config import as_texts, described, merged, read_config
from assay.deployments.drafts import changed_draft, new_draft
from assay.deployments.kubernetes_places import Found, Place, place_of
from assay.deployments.manifests.building import Wanted, build, check_kubernetes_name
from assay.deployments.manifests.objects import to_yaml
from assay.deployments.manifests.settings import KubernetesConfig
from assay.errors import AssayError, Corrupted, InvalidInput

TARGET: Final = "kubernetes"
_DEFAULT_NAMESPACE: Final = "default"


class KubernetesDeployments(base.BaseDeploymentClient):
    """Deployments in one namespace of a cluster."""

    def __init__(self, target_uri: str = TARGET) -> None:
        super().__init__(target_uri)
        parts = urlsplit(target_uri)
        query = parse_qs(parts.query)
        if parts.netloc or set(query) - {"context", "folder"} or len(query) > 1:
            raise InvalidInput(
                f"{target_uri!r} must be kubernetes:/<namespace>, with ?context=<of kubectl> or"
                " ?folder=<for manifests> behind it."
            )
        self.namespace = parts.path.removeprefix(TARGET).strip("/") or _DEFAULT_NAMESPACE
        check_kubernetes_name(self.namespace)
        context = query.get("context", [None])[0]
        if context is not None and context.startswith("-"):
            raise InvalidInput(f"The context {context!r} can't begin with '-'.")
        self._place: Place = place_of(
            self.namespace, context=context, folder=query.get("folder", [None])[0]
        )

    def create_deployment(  # noqa: D102 - the contract is in the base class
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> Deployed:
        check_kubernetes_name(base.check_name(name))
        uri = base.check_asked(model_uri, flavor=flavor, endpoint=endpoint)
        if self._place.find(name) is not None:
            raise DeploymentExists(name, TARGET)
        meant = recording.meant_by(uri)
        new = new_draft(name, TARGET, meant, merged({}, as_texts(config)))
        try:
            return self._put(new, meant)
        except InvalidInput:
            # Nothing was put there yet.
            raise
        except AssayError:
            self._place.delete(name)
            raise

    def update_deployment(  # noqa: D102
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> Deployed:
        old = self._found(name)
        uri = base.check_asked(model_uri or old.model_uri, flavor=flavor, endpoint=endpoint)
        texts = merged(old.config, as_texts(config))
        meant = recording.meant_by(uri)
        settings = read_config(KubernetesConfig, texts, target=TARGET)
        if settings.kind != read_config(KubernetesConfig, old.config, target=TARGET).kind:
            raise InvalidInput("The kind of a deployment stays; make another one beside it.")
        changed = (meant.model, meant.version) != (old.model, old.version)
        if changed and not settings.follow and texts.get("image") == old.config.get("image"):
            raise InvalidInput(
                f"The image {settings.image} holds version {old.version or '?'}; build one of"
                f" {meant.pinned} with `assay models build-docker`, and name it with -C image=…"
            )
        new = changed_draft(old, meant, texts)
        try:
            made = self._put(new, meant)
        except InvalidInput:
            raise
        except AssayError as error:
            self._apply(old)
            raise DeploymentFailed(
                name, f"{error.message} What was there before is there again."
            ) from error
        if not meant.version:
            recording.end(old.deployment_id)
        return made

    def delete_deployment(  # noqa: D102
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        base.check_no_endpoint(endpoint)
        read_config(KubernetesConfig, as_texts(config), target=TARGET)
        found = self._place.find(check_kubernetes_name(base.check_name(name)))
        if found is None:
            return
        self._place.delete(name)
        recording.end(_read(found).deployment_id, reason=f"kubernetes deployment {name} deleted")

    def list_deployments(self, endpoint: str | None = None) -> list[Deployed]:  # noqa: D102
        base.check_no_endpoint(endpoint)
        return [_now(one) for one in self._place.all()]

    def get_deployment(self, name: str, endpoint: str | None = None) -> Deployed:  # noqa: D102
        base.check_no_endpoint(endpoint)
        return self._found(name)

    def predict(  # noqa: D102
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> PredictionsResponse:
        base.check_no_endpoint(endpoint)
        known = self._found(base.check_named(deployment_name))
        body = body_of(inputs)
        url = known.config.get("url", "")
        if url:
            return ask(url.rstrip("/"), body, name=known.name)
        with self._place.reached(known.name, kind=_kind(known)) as here:
            return ask(here, body, name=known.name)

    def logs(self, name: str, *, lines: int = 100) -> str:
        """The last lines that each pod has written."""
        return self._place.logs(name, lines, kind=_kind(self._found(name)))

    def restart(self, name: str) -> Deployed:
        """Replace the pods, one by one."""
        known = self._found(name)
        settings = read_config(KubernetesConfig, known.config, target=TARGET)
        self._place.restart(name, settings.wait, kind=settings.kind)
        return self._found(name)

    def _put(self, new: Deployed, meant: recording.Meant) -> Deployed:
        settings = read_config(KubernetesConfig, new.config, target=TARGET)
        url = settings.url.rstrip("/") or f"http://{new.name}.{self.namespace}"
        new = msgspec.structs.replace(new, endpoint=url)
        told = self._apply(new)
        recording.note(
            new.deployment_id,
            meant,
            name=new.name,
            target=TARGET,
            endpoint=url,
            details={"namespace": self.namespace, "image": settings.image},
        )
        made = self._found(new.name)
        return msgspec.structs.replace(made, reason=told or made.reason)

    def _apply(self, wanted: Deployed) -> str:
        settings = read_config(KubernetesConfig, wanted.config, target=TARGET)
        facts = msgspec.json.encode(wanted).decode()
        parts = Wanted(
            name=wanted.name,
            namespace=self.namespace,
            config=settings,
            facts=facts,
            source=wanted.model_uri,
            deployment_id=wanted.deployment_id,
        )
        text = to_yaml(build(parts))
        return self._place.put(wanted.name, text, kind=settings.kind, wait_s=settings.wait)

    def _found(self, name: str) -> Deployed:
        found = self._place.find(check_kubernetes_name(base.check_name(name)))
        if found is None:
            raise DeploymentNotFound(name, TARGET)
        return _now(found)


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
        "A cluster can't be run here. Run the image with `assay deployments run-local -t docker`,"
        " or the model with `-t local`."
    )


def target_help() -> str:
    """What the target takes."""
    return (
        "kubernetes: manifests for a cluster, applied by kubectl; without kubectl they are"
        " written.\n\n"
        "Target URI: kubernetes, kubernetes:/<namespace>, kubernetes:/<namespace>?context=<of"
        " kubectl>,\nkubernetes:/<namespace>?folder=<where manifests are written instead>\n\n"
        f"Settings (-C name=value):\n{described(KubernetesConfig)}\n\n"
        "An image holds one version: after a rollback of the registry, `update` with the image of"
        " that version.\nWith follow=true the pods follow the registry by themselves."
    )


def _kind(known: Deployed) -> str:
    return read_config(KubernetesConfig, known.config, target=TARGET).kind


def _read(found: Found) -> Deployed:
    try:
        return msgspec.json.decode(found.facts, type=Deployed)
    except msgspec.MsgspecError as error:
        raise Corrupted(f"What a deployment's annotation says can't be read: {error}.") from None


def _now(found: Found) -> Deployed:
    """A deployment with the state that it is in."""
    known = _read(found)
    version, more = known.version, ""
    if known.config.get("follow") == "true":
        # The pods note it when they have changed over.
        version = recording.noted_version(known.deployment_id, known.model) or version
    else:
        more = recording.newer(known.model_uri, known.version)
    if found.ready is None:
        return msgspec.structs.replace(known, state=State.WRITTEN, version=version, reason=more)
    state = State.RUNNING if found.ready else State.STARTING
    if found.wanted == 0:
        state = State.STOPPED
    elif not found.ready and found.message:
        state = State.FAILED
    return msgspec.structs.replace(
        known,
        state=state,
        version=version,
        reason=found.message or more,
        details={"ready": f"{found.ready}/{found.wanted}"},
    )

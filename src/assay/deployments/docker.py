"""The target ``docker``: each deployment is a container that answers on this machine.

The model's image is built first, unless one is named; a container may use as much memory as was
said, can't write but to a temporary folder, and gains no rights. When the model or a setting
changes, a new container answers before the old one goes; it has another port, unless one was
asked for by number: then the new one is tried first, and for as long as it takes to start nobody
answers.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.containers.builder import find_builder
from assay.containers.engine import Refused
from assay.deployments import base, recording
from assay.deployments.asking import PredictionsResponse, answers, ask, body_of, wait_until
from assay.deployments.base import (
    Deployed,
    DeploymentExists,
    DeploymentFailed,
    DeploymentNotFound,
)
from assay.deployments.config import as_texts, described, merged
from assay.deployments.containers import Container, Engine, Record
from assay.deployments.docker_images import build
from assay.deployments.docker_settings import PREFIX, TARGET, DockerConfig, read_settings
from assay.deployments.docker_states import deployed, why_ended
from assay.deployments.drafts import id_for, now_ms
from assay.errors import InvalidInput, StoreUnavailable
from assay.fluent.model_places import is_local

_COMING: Final = ".next"
"""Ends the name of a container that is to take over."""
_LEAVING: Final = ".old"
_PORTS_TRIED: Final = 3
"""Between choosing a free port and using it, somebody else may take it."""


class DockerDeployments(base.BaseDeploymentClient):
    """Deployments in containers of this machine's engine."""

    def __init__(self, target_uri: str = TARGET) -> None:
        name, _, wanted = target_uri.partition(":")
        if name != TARGET:
            raise InvalidInput(f"This is the target docker, not {target_uri!r}.")
        super().__init__(target_uri)
        self._engine = Engine(find_builder(wanted.strip("/") or None, to_run=True))

    def create_deployment(  # noqa: D102 - the contract is in the base class
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> Deployed:
        base.check_name(name)
        uri = _absolute(base.check_asked(model_uri, flavor=flavor, endpoint=endpoint))
        texts = _with_absolute_wheels(merged({}, as_texts(config)))
        settings = read_settings(texts)
        if self._find(name) is not None:
            raise DeploymentExists(name, TARGET)
        meant = recording.meant_by(uri)
        now = now_ms()
        record = Record(
            model_uri=uri,
            config=texts,
            endpoint="",
            actor=recording.user(),
            created_ms=now,
            updated_ms=now,
            deployment_id=id_for(meant),
        )
        record = self._with_image(name, record, settings, meant)
        try:
            made = self._run(PREFIX + name, name, record, settings, port=settings.port)
        except BaseException:
            self._drop_image(record)
            raise
        try:
            _note(made, meant)
        except BaseException:
            self._engine.remove(made.id)
            self._drop_image(record)
            raise
        return deployed(self._engine, made)

    def update_deployment(  # noqa: D102
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> Deployed:
        old = self._found(name)
        asked = model_uri or old.record.model_uri
        uri = _absolute(base.check_asked(asked, flavor=flavor, endpoint=endpoint))
        texts = _with_absolute_wheels(merged(old.record.config, as_texts(config)))
        settings = read_settings(texts)
        meant = recording.meant_by(uri)
        is_same = (uri, texts, meant.version) == (
            old.record.model_uri,
            old.record.config,
            old.record.version,
        )
        if is_same and meant.version and not settings.image and old.is_running:
            return deployed(self._engine, old)
        known = old.record.deployment_id
        record = msgspec.structs.replace(
            old.record,
            model_uri=uri,
            config=texts,
            actor=recording.user(),
            updated_ms=now_ms(),
            deployment_id=id_for(meant, known=known),
        )
        record = self._with_image(name, record, settings, meant)
        try:
            made = self._take_over(name, old, record, settings)
        except BaseException:
            if record.image != old.record.image:
                self._drop_image(record)
            raise
        _note(made, meant)
        if known and not record.deployment_id:
            recording.end(known, reason=f"docker deployment {name} runs another model")
        if record.image != old.record.image:
            self._drop_image(old.record)
        return deployed(self._engine, made)

    def delete_deployment(  # noqa: D102
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        base.check_no_endpoint(endpoint)
        read_settings(as_texts(config))
        for one in self._engine.find(base.check_name(name)):
            if one.is_running:
                self._engine.stop(one.id)
            # While the registry is away the container stays, so that this can be done again.
            recording.end(one.record.deployment_id, reason=f"docker deployment {name} deleted")
            self._engine.remove(one.id)
            self._drop_image(one.record)

    def list_deployments(self, endpoint: str | None = None) -> list[Deployed]:  # noqa: D102
        base.check_no_endpoint(endpoint)
        found: dict[str, Container] = {}
        for one in self._engine.find():
            if one.name not in found or one.container_name == PREFIX + one.name:
                found[one.name] = one
        return [deployed(self._engine, found[name]) for name in sorted(found)]

    def get_deployment(self, name: str, endpoint: str | None = None) -> Deployed:  # noqa: D102
        base.check_no_endpoint(endpoint)
        return deployed(self._engine, self._found(name))

    def predict(  # noqa: D102
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> PredictionsResponse:
        base.check_no_endpoint(endpoint)
        found = self._found(base.check_named(deployment_name))
        if not found.is_running:
            raise StoreUnavailable(
                f"The deployment {found.name!r} has ended: {why_ended(self._engine, found)} Start"
                f" it again with `assay deployments restart -t {self.target_uri}"
                f" --name {found.name}`."
            )
        return ask(found.record.endpoint, body_of(inputs), name=found.name)

    def logs(self, name: str, *, lines: int = 100) -> str:
        """The last lines that the container has written."""
        return self._engine.logs(self._found(name).id, lines=lines)

    def restart(self, name: str) -> Deployed:
        """Start the container again, on the same port."""
        found = self._found(name)
        settings = read_settings(found.record.config)
        try:
            self._engine.restart(found.id)
        except Refused as error:
            raise DeploymentFailed(name, error.why) from None
        self._wait(found.id, name, found.record.endpoint, settings)
        return deployed(self._engine, self._found(name))

    def _with_image(
        self, name: str, record: Record, settings: DockerConfig, meant: recording.Meant
    ) -> Record:
        image = settings.image or build(self._engine, name, settings, meant)
        if settings.image and not self._engine.has_image(settings.image):
            raise InvalidInput(
                f"{self._engine.builder.name} has no image {settings.image!r}: build it with"
                " `assay models build-docker`, or fetch it first."
            )
        return msgspec.structs.replace(
            record,
            model=meant.model,
            version=meant.version,
            image=image,
            owns_image=not settings.image,
        )

    def _take_over(
        self, name: str, old: Container, record: Record, settings: DockerConfig
    ) -> Container:
        """Let a new container answer in the place of the old one."""
        engine = self._engine
        final = PREFIX + name
        for left in engine.find(name):
            # What a program that was killed had begun.
            if left.id != old.id:
                engine.remove(left.id)
        made = self._run(final + _COMING, name, record, settings, port=0)
        if settings.port:
            engine.remove(made.id)
            return self._swap(name, old, record, settings)
        engine.remove(old.id)
        engine.rename(made.id, final)
        return made

    def _swap(self, name: str, old: Container, record: Record, settings: DockerConfig) -> Container:
        """Where both must have the same port: the old one is stopped, and goes when the new one
        answers; if that doesn't, it is started again.
        """
        engine = self._engine
        final = PREFIX + name
        engine.rename(old.id, final + _LEAVING)
        engine.stop(old.id)
        try:
            made = self._run(final, name, record, settings, port=settings.port)
        except BaseException:
            engine.rename(old.id, final)
            engine.start(old.id)
            raise
        engine.remove(old.id)
        return made

    def _run(
        self, container_name: str, name: str, record: Record, settings: DockerConfig, *, port: int
    ) -> Container:
        """A container that answers; one that doesn't is removed."""
        ident = ""
        for tried in range(_PORTS_TRIED):
            chosen = port or _free_port()
            record = msgspec.structs.replace(record, endpoint=f"http://127.0.0.1:{chosen}")
            try:
                ident = self._engine.run(
                    container_name,
                    record.image,
                    name=name,
                    port=chosen,
                    record=record,
                    limits=settings.limits,
                )
                break
            except Refused as error:
                self._clear(container_name, record)
                if port or tried == _PORTS_TRIED - 1 or "address already in use" not in error.why:
                    raise DeploymentFailed(name, error.why) from None
        try:
            self._wait(ident, name, record.endpoint, settings)
        except BaseException:
            self._engine.remove(ident)
            raise
        made = self._engine.look(ident)
        if made is None:
            raise DeploymentFailed(name, "its container was removed by somebody else.")
        return made

    def _clear(self, container_name: str, record: Record) -> None:
        """Remove what a start that failed left, and nothing that somebody else made."""
        for one in self._engine.find():
            if one.container_name == container_name and one.record == record:
                self._engine.remove(one.id)

    def _wait(self, ident: str, name: str, endpoint: str, settings: DockerConfig) -> None:
        engine = self._engine

        def has_ended() -> bool:
            now = engine.look(ident)
            return now is None or not now.is_running or now.restarts > 0

        if wait_until(
            lambda: answers(endpoint), timeout_s=settings.start_timeout, has_ended=has_ended
        ):
            return
        now = engine.look(ident)
        if now is None:
            raise DeploymentFailed(name, "its container was removed by somebody else.")
        if now.is_running and not now.restarts:
            said = engine.said(ident)
            raise DeploymentFailed(
                name, f"it didn't answer within {settings.start_timeout:g} s. {said}".strip()
            )
        raise DeploymentFailed(name, why_ended(engine, now))

    def _drop_image(self, record: Record) -> None:
        if record.owns_image and record.image:
            self._engine.remove_image(record.image)

    def _find(self, name: str) -> Container | None:
        found = self._engine.find(name)
        known = [one for one in found if one.container_name == PREFIX + name]
        return next(iter([*known, *found]), None)

    def _found(self, name: str) -> Container:
        found = self._find(base.check_name(name))
        if found is None:
            raise DeploymentNotFound(name, TARGET)
        return found


def run_local(
    name: str,
    model_uri: str,
    flavor: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Build a model's image and run it in the foreground, until Ctrl-C.

    Raises:
        InvalidInput: a value is wrong.
        EnvironmentFailed: the image can't be built.
        DeploymentFailed: the container ended with an error, which it has told.
    """
    base.check_name(name)
    uri = base.check_asked(model_uri, flavor=flavor, endpoint=None)
    settings = read_settings(as_texts(config))
    engine = Engine(find_builder(to_run=True))
    meant = recording.meant_by(uri)
    image = settings.image or build(engine, name, settings, meant)
    port = settings.port or _free_port()
    status = engine.run_here(image, port=port, limits=settings.limits)
    if status > 0:
        raise DeploymentFailed(name, f"the container ended with status {status}.")


def target_help() -> str:
    """What the target takes."""
    return (
        "docker: containers on this machine, run by Docker or Podman.\n\n"
        "Target URI: docker, or docker:/podman to choose the engine.\n\n"
        f"Settings (-C name=value):\n{described(DockerConfig)}\n\n"
        "The image holds one version. When the registry says another one, `assay deployments\n"
        "update` brings it, and `get` says so. With ASSAY_SERVE_TOKEN set, only those who send it\n"
        "are answered."
    )


def _absolute(uri: str) -> str:
    """A path of this machine as it is named from any folder."""
    return str(Path(uri).absolute()) if is_local(uri) and not uri.startswith("file:") else uri


def _with_absolute_wheels(texts: dict[str, str]) -> dict[str, str]:
    wheels = texts.get("wheels")
    return {**texts, "wheels": str(Path(wheels).absolute())} if wheels else texts


def _note(made: Container, meant: recording.Meant) -> None:
    recording.note(
        made.record.deployment_id,
        meant,
        name=made.name,
        target=TARGET,
        endpoint=made.record.endpoint,
        details={"image": made.record.image},
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

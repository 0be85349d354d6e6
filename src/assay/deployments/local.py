"""The target ``local``: servers on this machine that go on when the shell is closed.

A deployment of a URI by stage or alias follows the registry by itself, rollbacks included. Another
model is loaded by the same server, which answers with the old one meanwhile. Other settings need
another server: the new one answers before the old one goes, on a port of its own unless one was
asked for by number.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from assay.client.tracking_uri import VARIABLE, current_location
from assay.deployments import base, recording
from assay.deployments.asking import (
    TOKEN_VARIABLE,
    PredictionsResponse,
    ask,
    body_of,
    wait_until,
)
from assay.deployments.base import Deployed, DeploymentExists
from assay.deployments.config import as_texts, described, merged, read_config
from assay.deployments.drafts import id_for, now_ms
from assay.deployments.local_server import (
    LocalConfig,
    Running,
    answering,
    change_model,
    end,
    run_in_foreground,
    start,
)
from assay.deployments.local_state import Kept, LocalFolder, names
from assay.deployments.local_status import (
    TARGET,
    answering_for,
    because,
    deployed,
    found_in,
    listed,
    running_of,
)
from assay.deployments.process import Process
from assay.errors import InvalidInput, StoreUnavailable

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_KEPT_VARIABLES: Final = (
    "ASSAY_ARTIFACT_ROOT",
    "ASSAY_MODEL_ROOTS",
    "ASSAY_ORIGIN_KEY",
    "ASSAY_REQUIRE_SIGNATURE",
    "ASSAY_TRUSTED_KEYS",
    "ASSAY_TRUSTED_ORIGINS",
)
"""A restart from another shell must not change whom a deployment trusts."""


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the end of a local deployment."""

    unnoted: bool = False
    """Delete it although the registry that it is noted in isn't told."""


class LocalDeployments(base.BaseDeploymentClient):
    """Deployments of this user on this machine."""

    def __init__(self, target_uri: str = TARGET) -> None:
        if target_uri != TARGET:
            raise InvalidInput(f"The target local takes nothing behind its name: {target_uri!r}.")
        super().__init__(target_uri)

    def create_deployment(  # noqa: D102 - the contract is in the base class
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> Deployed:
        folder = LocalFolder(name)
        uri = _absolute(base.check_asked(model_uri, flavor=flavor, endpoint=endpoint))
        texts = merged({}, as_texts(config))
        settings = read_config(LocalConfig, texts, target=TARGET)
        with folder.locked():
            if folder.find() is not None:
                raise DeploymentExists(name, TARGET)
            meant = recording.meant_by(uri)
            now = now_ms()
            kept = Kept(
                name=name,
                model_uri=uri,
                config=texts,
                variables=_variables(),
                deployment_id=id_for(meant),
                actor="",
                created_ms=now,
                updated_ms=now,
                has_token=bool(os.environ.get(TOKEN_VARIABLE)),
            )
            folder.make()
            running = None
            try:
                folder.ask_for(uri)
                running = _start(folder, kept, settings, port=settings.port)
                return _settled(folder, kept, running, meant)
            except BaseException:
                if running is not None:
                    end(running.process)
                folder.remove()
                raise

    def update_deployment(  # noqa: D102
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> Deployed:
        folder = LocalFolder(name)
        with folder.locked():
            old = found_in(folder)
            uri = base.check_asked(model_uri or old.model_uri, flavor=flavor, endpoint=endpoint)
            uri = uri if model_uri is None else _absolute(uri)
            texts = merged(old.config, as_texts(config))
            settings = read_config(LocalConfig, texts, target=TARGET)
            _check_token(old)
            meant = recording.meant_by(uri, tracking_uri=old.variables[VARIABLE])
            new = msgspec.structs.replace(old, model_uri=uri, config=texts, updated_ms=now_ms())
            running = running_of(old)
            same_settings = texts == old.config
            if running is not None and same_settings and uri != old.model_uri:
                change_model(
                    folder,
                    running,
                    old=old.model_uri,
                    new=uri,
                    pinned=meant.pinned,
                    timeout_s=settings.start_timeout,
                )
                try:
                    return _settled(folder, new, running, meant)
                except BaseException:
                    folder.ask_for(old.model_uri)
                    raise
            if running is not None and same_settings and meant.version:
                _wait_for(running, meant, name, settings)
                return _settled(folder, new, running, meant)
            return _replace(folder, old, new, meant)

    def delete_deployment(  # noqa: D102
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        base.check_no_endpoint(endpoint)
        settings = read_config(Deletion, as_texts(config), target=TARGET)
        folder = LocalFolder(name)
        with folder.locked():
            kept = folder.find()
            if kept is None:
                return
            for process in (kept.process, kept.coming):
                if process is not None:
                    end(process)
            if not settings.unnoted:
                _note_end(kept)
            folder.remove()

    def list_deployments(self, endpoint: str | None = None) -> list[Deployed]:  # noqa: D102
        base.check_no_endpoint(endpoint)
        found = (listed(name) for name in names())
        return [one for one in found if one is not None]

    def get_deployment(self, name: str, endpoint: str | None = None) -> Deployed:  # noqa: D102
        base.check_no_endpoint(endpoint)
        return deployed(found_in(LocalFolder(name)))

    def predict(  # noqa: D102
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> PredictionsResponse:
        base.check_no_endpoint(endpoint)
        kept = found_in(LocalFolder(base.check_named(deployment_name)))
        if running_of(kept) is None:
            raise StoreUnavailable(
                f"The deployment {kept.name!r} has ended"
                f"{because(kept)}. Start it again with"
                f" `assay deployments restart -t local --name {kept.name}`."
            )
        return ask(kept.url, body_of(inputs), name=kept.name)

    def logs(self, name: str, *, lines: int = 100) -> str:
        """The last lines that the server has written."""
        folder = LocalFolder(name)
        found_in(folder)
        return "\n".join(folder.written().splitlines()[-lines:])

    def restart(self, name: str) -> Deployed:
        """Start the server again: on the same port, so one that runs is ended first."""
        folder = LocalFolder(name)
        with folder.locked():
            kept = found_in(folder)
            _check_token(kept)
            meant = recording.meant_by(kept.model_uri, tracking_uri=kept.variables[VARIABLE])
            if kept.process is not None:
                end(kept.process)
            return _replace(folder, kept, kept, meant)


def run_local(
    name: str,
    model_uri: str,
    flavor: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Serve a model in the foreground, with the settings of a local deployment, until Ctrl-C.

    Raises:
        InvalidInput: a value is wrong.
        DeploymentFailed: the server ended with an error, which it has told.
    """
    base.check_name(name)
    uri = _absolute(base.check_asked(model_uri, flavor=flavor, endpoint=None))
    settings = read_config(LocalConfig, as_texts(config), target=TARGET)
    status = run_in_foreground(
        [f"{name}={uri}", "--port", str(settings.port), *settings.options()],
        variables={VARIABLE: current_location().tracking_uri},
    )
    if status > 0:
        raise base.DeploymentFailed(name, f"the server ended with status {status}")


def target_help() -> str:
    """What the target takes."""
    return (
        "local: servers on this machine that go on when the shell is closed.\n\n"
        "Target URI: local\n\n"
        f"Settings (-C name=value):\n{described(LocalConfig)}\n\n"
        f"Settings of delete:\n{described(Deletion)}\n\n"
        "A URI by stage or alias (models:/digits@champion) is followed: the registry decides which"
        " version answers,\nand a rollback there rolls the deployment. With ASSAY_SERVE_TOKEN set,"
        " only those who send it are answered."
    )


def _start(folder: LocalFolder, kept: Kept, settings: LocalConfig, *, port: int) -> Running:
    def launched(process: Process) -> None:
        folder.keep(msgspec.structs.replace(kept, coming=process))

    return start(
        folder,
        settings,
        port=port,
        deployment_id=kept.deployment_id,
        variables=kept.variables,
        launched=launched,
    )


def _replace(folder: LocalFolder, old: Kept, new: Kept, meant: recording.Meant) -> Deployed:
    """Start another server, and let the old one go when that answers; only where both must have
    the same port, the old one goes first.
    """
    settings = read_config(LocalConfig, new.config, target=TARGET)
    if old.coming is not None:
        # What a program that was killed had begun.
        end(old.coming)
        old = msgspec.structs.replace(old, coming=None)
    before = running_of(old)
    used = urlsplit(old.url).port or 0
    must_go_first = before is not None and settings.port == used
    port = settings.port or (0 if before is not None else used)
    if before is not None and must_go_first:
        end(before.process)
    new = _with_id(new, meant)
    running = None
    try:
        folder.ask_for(new.model_uri)
        try:
            running = _start(folder, new, settings, port=port)
        except base.DeploymentFailed as error:
            if settings.port or not port or "Can't listen" not in error.why:
                raise
            running = _start(folder, new, settings, port=0)
        done = _settled(folder, new, running, meant)
    except BaseException:
        if running is not None:
            end(running.process)
        folder.ask_for(old.model_uri)
        folder.keep(old)
        if must_go_first:
            again = read_config(LocalConfig, old.config, target=TARGET)
            back = _start(folder, old, again, port=used)
            folder.keep(msgspec.structs.replace(old, process=back.process, url=back.url))
        raise
    if before is not None and not must_go_first:
        end(before.process)
    return done


def _note_end(kept: Kept) -> None:
    try:
        recording.end(
            kept.deployment_id,
            reason=f"local deployment {kept.name} deleted",
            tracking_uri=kept.variables[VARIABLE],
        )
    except StoreUnavailable as error:
        raise StoreUnavailable(
            f"The server of {kept.name!r} has ended, but the registry can't be told:"
            f" {error.message} Delete it again when that is back, or with -C unnoted=true."
        ) from error


def _with_id(kept: Kept, meant: recording.Meant) -> Kept:
    if kept.deployment_id or not meant.version:
        return kept
    return msgspec.structs.replace(kept, deployment_id=recording.new_id())


def _settled(folder: LocalFolder, kept: Kept, running: Running, meant: recording.Meant) -> Deployed:
    """Note and keep what answers now."""
    kept = _with_id(kept, meant)
    if meant.version:
        now = answering_for(kept.name, running.url)
        if now is not None and now.model == meant.model and now.version.isdecimal():
            # The registry may have moved on since the URI was looked up.
            meant = msgspec.structs.replace(meant, version=now.version)
        actor = recording.note(
            kept.deployment_id,
            meant,
            name=kept.name,
            target=TARGET,
            endpoint=running.url,
            tracking_uri=kept.variables[VARIABLE],
        )
    else:
        recording.end(kept.deployment_id, tracking_uri=kept.variables[VARIABLE])
        actor = ""
    kept = msgspec.structs.replace(
        kept,
        process=running.process,
        url=running.url,
        coming=None,
        model=meant.model,
        version=meant.version,
        actor=actor or recording.user(),
        deployment_id=kept.deployment_id if meant.version else "",
    )
    folder.keep(kept)
    return deployed(kept)


def _wait_for(running: Running, meant: recording.Meant, name: str, settings: LocalConfig) -> None:
    """Until the server has followed the registry to what it says now."""

    def has_followed() -> bool:
        now = answering(name, running.url)
        return now is not None and now.version == meant.version

    if not wait_until(has_followed, timeout_s=settings.start_timeout):
        now = answering(name, running.url)
        why = now.not_served[-1] if now is not None and now.not_served else "it didn't follow"
        raise base.DeploymentFailed(name, why)


def _check_token(kept: Kept) -> None:
    """Refuse to go on without the token that a deployment was made with: it would answer all."""
    if kept.has_token and not os.environ.get(TOKEN_VARIABLE):
        raise InvalidInput(
            f"The deployment {kept.name!r} asks for a token, which isn't kept: set"
            f" {TOKEN_VARIABLE} to it."
        )


def _variables() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if os.environ.get(name)}
    return {VARIABLE: current_location().tracking_uri, **kept}


def _absolute(uri: str) -> str:
    """A path as one that means the same from everywhere; any other URI as it is."""
    return uri if _SCHEME.match(uri) else str(Path(uri).expanduser().absolute())

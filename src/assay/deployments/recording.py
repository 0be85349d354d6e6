"""Deployments in the registry: each is noted with version, target, place, who and when, and ended
when it is deleted, so that it is part of lineage and of the audit log.

Only versions of registered models are noted, and only where the registry is Assay's: a plain MLflow
server has nothing like it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import msgspec

from assay.client.version_uris import find_version, names_version, parse_version_uri
from assay.entities.governance import Deployment
from assay.errors import AssayError, InvalidInput, RegistryItemNotFound
from assay.fluent.reading import client_for
from assay.store.base import Store
from assay.store.uri import resolve_location
from assay.store.user import local_cause

Noted = TypeVar("Noted")
_NOT_KEPT: Final = "can't keep deployments"
"""What a store over a plain MLflow server says."""


class Meant(msgspec.Struct, frozen=True, kw_only=True):
    """What a model URI means now."""

    uri: str
    """As it was given."""
    model: str = ""
    """Name of the registered model; empty for a model that isn't in the registry."""
    version: str = ""
    """Number of its version, likewise."""
    follows: bool = False
    """Whether the registry may say another version later."""

    @property
    def pinned(self) -> str:
        """A URI that means the same for ever, as far as there is one."""
        return f"models:/{self.model}/{self.version}" if self.version else self.uri


def meant_by(model_uri: str, *, tracking_uri: str | None = None) -> Meant:
    """Which version a URI means, as the registry says now.

    Args:
        model_uri: any that can be served.
        tracking_uri: of the registry; ``None``: the one of this process. So in all of these.

    Raises:
        NotFound: the registry has no such model, version, stage or alias.
        InvalidInput: it is no URI of a model.
    """
    if not names_version(model_uri):
        return Meant(uri=model_uri)
    name, selector = parse_version_uri(model_uri)
    found = find_version(_store(tracking_uri), name, selector)
    return Meant(
        uri=model_uri,
        model=found.name,
        version=str(found.version),
        follows=not selector.isdecimal(),
    )


def new_id() -> str:
    """An id for a deployment."""
    return f"d-{os.urandom(8).hex()}"


def note(
    deployment_id: str,
    meant: Meant,
    *,
    name: str,
    target: str,
    endpoint: str,
    details: Mapping[str, str] | None = None,
    reason: str = "",
    tracking_uri: str | None = None,
) -> str:
    """Note that a deployment runs this version; the same id again replaces what is noted of it.

    Args:
        deployment_id: its id, from ``new_id``.
        meant: what it runs.
        name: of the deployment in its target.
        target: such as ``local``.
        endpoint: where it answers, without secrets.
        details: more facts that anybody may read.
        reason: why, for the audit log.
        tracking_uri: of the registry.

    Returns:
        Who it is noted as made by; empty if there is nothing to note it in.

    Raises:
        AssayError: the registry refuses, or can't be reached.
    """
    if not meant.version:
        return ""
    told = {"deployment": name, "model_uri": meant.uri, **(details or {})}
    asked = Deployment(
        deployment_id=deployment_id,
        name=meant.model,
        version=int(meant.version),
        target=target,
        endpoint=endpoint,
        details=told,
    )
    deployments = _store(tracking_uri).deployments
    kept = _where_kept(lambda: deployments.record(asked, cause=local_cause(reason)))
    return "" if kept is None else str(kept.actor)


def end(deployment_id: str, *, reason: str = "", tracking_uri: str | None = None) -> None:
    """Note that a deployment is over. One that was never noted is no error."""
    if not deployment_id:
        return
    deployments = _store(tracking_uri).deployments
    try:
        _where_kept(lambda: deployments.end(deployment_id, cause=local_cause(reason)))
    except RegistryItemNotFound:
        return


def move(deployment_id: str, meant: Meant, *, reason: str = "") -> bool:
    """Note that a deployment runs another version of its model now, all else as it was.

    Returns:
        Whether there was something to change.

    Raises:
        AssayError: the registry refuses, or can't be reached.
    """
    store = client_for().store

    def work() -> bool:
        noted = store.deployments.of(name=meant.model)
        found = next((one for one in noted if one.deployment_id == deployment_id), None)
        if found is None or found.ended_time is not None or str(found.version) == meant.version:
            return False
        told = {**found.details, "model_uri": meant.uri}
        changed = msgspec.structs.replace(found, version=int(meant.version), details=told)
        store.deployments.record(changed, cause=local_cause(reason))
        return True

    return bool(_where_kept(work))


def newer(model_uri: str, version: str) -> str:
    """What to tell of a deployment that doesn't follow the registry: empty while that still says
    ``version``, or can't be asked.
    """
    if not version:
        return ""
    try:
        meant = meant_by(model_uri)
    except AssayError:
        return ""
    if meant.version == version:
        return ""
    return f"the registry says version {meant.version} now: `assay deployments update` brings it"


def noted_version(deployment_id: str, model: str) -> str:
    """The version that a deployment is noted with; empty if it can't be found."""
    if not deployment_id:
        return ""
    try:
        known = _where_kept(lambda: _store(None).deployments.of(name=model)) or []
    except AssayError:
        return ""
    return next((str(one.version) for one in known if one.deployment_id == deployment_id), "")


def _store(tracking_uri: str | None) -> Store:
    return client_for(None if tracking_uri is None else resolve_location(tracking_uri)).store


def _where_kept(work: Callable[[], Noted]) -> Noted | None:
    try:
        return work()
    except InvalidInput as error:
        if _NOT_KEPT in error.message:
            return None
        raise


def user() -> str:
    """Who changes are noted as made by, where nobody signs in."""
    return local_cause().actor.name

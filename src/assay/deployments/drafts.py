"""Drafts: deployments as they were asked for, before their target has them."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec

from assay.deployments import recording
from assay.deployments.base import Deployed, State
from assay.deployments.recording import Meant


def new_draft(
    name: str,
    target: str,
    meant: Meant,
    config: Mapping[str, str],
    details: Mapping[str, str] | None = None,
) -> Deployed:
    """A deployment that is yet to be made, by whoever asks."""
    now = now_ms()
    return Deployed(
        name=name,
        target=target,
        model_uri=meant.uri,
        state=State.STARTING,
        model=meant.model,
        version=meant.version,
        actor=recording.user(),
        created_ms=now,
        updated_ms=now,
        deployment_id=id_for(meant),
        config=dict(config),
        details=dict(details or {}),
    )


def changed_draft(
    old: Deployed,
    meant: Meant,
    config: Mapping[str, str],
    details: Mapping[str, str] | None = None,
) -> Deployed:
    """``old`` as it is to become; ``details`` stay where none are given."""
    return msgspec.structs.replace(
        old,
        model_uri=meant.uri,
        model=meant.model,
        version=meant.version,
        actor=recording.user(),
        updated_ms=now_ms(),
        deployment_id=id_for(meant, known=old.deployment_id),
        config=dict(config),
        details=old.details if details is None else dict(details),
    )


def id_for(meant: Meant, *, known: str = "") -> str:
    """Under which the registry notes a deployment; empty for a model that it doesn't have."""
    return (known or recording.new_id()) if meant.version else ""


def now_ms() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1_000)

"""How deployments in containers do, in the words that all targets share."""

from __future__ import annotations

from assay.deployments import recording
from assay.deployments.asking import answers
from assay.deployments.base import Deployed, State
from assay.deployments.containers import Container, Engine, Record
from assay.deployments.docker_settings import TARGET
from assay.errors import AssayError


def deployed(engine: Engine, one: Container) -> Deployed:
    """A container as the deployment that it is."""
    record = one.record
    state, reason = State.RUNNING, _newer(record)
    if not one.is_running:
        state = State.STOPPED if one.exit_code == 0 and not one.out_of_memory else State.DEAD
        reason = "" if state is State.STOPPED else why_ended(engine, one)
    elif not answers(record.endpoint):
        state, reason = State.UNKNOWN, "its container runs, but doesn't answer"
    return Deployed(
        name=one.name,
        target=TARGET,
        model_uri=record.model_uri,
        state=state,
        reason=reason,
        endpoint=record.endpoint,
        model=record.model,
        version=record.version,
        actor=record.actor,
        created_ms=record.created_ms,
        updated_ms=record.updated_ms,
        deployment_id=record.deployment_id,
        config=record.config,
        details={"container": one.id[:12], "image": record.image},
    )


def _newer(record: Record) -> str:
    """What to do where the registry has moved on."""
    if not record.version:
        return ""
    try:
        meant = recording.meant_by(record.model_uri)
    except AssayError:
        return ""
    if meant.version == record.version:
        return ""
    return f"the registry says version {meant.version} now: `assay deployments update` brings it"


def why_ended(engine: Engine, one: Container) -> str:
    """For a container that doesn't run any more."""
    if one.out_of_memory:
        return "it needed more memory than it may use; raise the setting memory."
    said = engine.said(one.id)
    return said or f"it ended with status {one.exit_code}."

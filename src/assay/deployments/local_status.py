"""How local deployments do: what is kept of them, beside what their processes and servers say."""

from __future__ import annotations

from typing import Final

from assay.deployments.asking import answers
from assay.deployments.base import Deployed, DeploymentNotFound, State
from assay.deployments.local_server import Answering, Running, answering, reason
from assay.deployments.local_state import Kept, LocalFolder
from assay.errors import AssayError, Corrupted

TARGET: Final = "local"


def deployed(kept: Kept) -> Deployed:
    """A deployment as it is now."""
    running = running_of(kept)
    version, state, why = kept.version, State.RUNNING, ""
    if running is None:
        state, why = State.DEAD, reason(LocalFolder(kept.name))
        if kept.coming is not None and kept.coming.is_alive:
            state, why = State.STARTING, ""
    elif not answers(kept.url):
        state, why = State.UNKNOWN, "its process runs, but doesn't answer"
    elif kept.version:
        now = answering_for(kept.name, kept.url)
        if now is not None:
            version = now.version
            why = now.not_served[-1] if now.not_served else ""
    return Deployed(
        name=kept.name,
        target=TARGET,
        model_uri=kept.model_uri,
        state=state,
        reason=why,
        endpoint=kept.url,
        model=kept.model,
        version=version,
        actor=kept.actor,
        created_ms=kept.created_ms,
        updated_ms=kept.updated_ms,
        deployment_id=kept.deployment_id,
        config=kept.config,
        details={
            "pid": str(kept.process.pid) if kept.process else "",
            "log": str(LocalFolder(kept.name).log),
        },
    )


def listed(name: str) -> Deployed | None:
    """As in a list, where one that can't be read must not hide the others; ``None``: it has gone
    meanwhile.
    """
    try:
        kept = LocalFolder(name).find()
    except Corrupted as error:
        return Deployed(
            name=name, target=TARGET, model_uri="", state=State.UNKNOWN, reason=error.message
        )
    return None if kept is None else deployed(kept)


def answering_for(name: str, url: str) -> Answering | None:
    """As ``answering``; ``None`` too where the token isn't known here."""
    try:
        return answering(name, url)
    except AssayError:
        return None


def running_of(kept: Kept) -> Running | None:
    """Its server; ``None`` if that has ended."""
    if kept.process is None or not kept.process.is_alive:
        return None
    return Running(kept.process, kept.url)


def found_in(folder: LocalFolder) -> Kept:
    """What is kept of it.

    Raises:
        DeploymentNotFound: nothing.
    """
    kept = folder.find()
    if kept is None:
        raise DeploymentNotFound(folder.name, TARGET)
    return kept


def because(kept: Kept) -> str:
    """Why it ended, in parentheses; empty if its log doesn't tell."""
    why = reason(LocalFolder(kept.name))
    return f" ({why})" if why else ""

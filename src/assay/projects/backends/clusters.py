"""Clusters: what the backends share that carry a launch out on a worker of a Python cluster.

A worker has Assay and reaches the tracking server; it does all that this machine would do for the
backend ``local``. This process waits, shows the log, and tells the worker to stop.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from assay.client.client import Client
from assay.entities import tags
from assay.entities.runs import RunStatus
from assay.errors import AssayError, InvalidInput
from assay.fluent.reading import client_for
from assay.projects.execute import execute, location_of, remember
from assay.projects.launch import Launch, Outcome
from assay.projects.queue.following import Follower
from assay.projects.queue.submit import sendable
from assay.store.uri import resolve_location

_LOOK_S: Final = 0.2
_STOP_S: Final = 30.0
"""How long a worker may take to end a command; it gives the command itself ten seconds."""
_ENDED: Final[dict[RunStatus, Literal["FINISHED", "FAILED", "KILLED"]]] = {
    RunStatus.FINISHED: "FINISHED",
    RunStatus.FAILED: "FAILED",
    RunStatus.KILLED: "KILLED",
}


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker gets."""

    launch: Launch
    storage_dir: str = ""
    tracking_uri: str = ""
    """With its password, for workers on this machine; others have their own."""


class Remote(Protocol):
    """An errand on its way."""

    def done(self, timeout_s: float) -> bool:
        """Whether it has ended, or does so within this time."""
        ...

    def outcome(self) -> Outcome:
        """How it ended. Any exception means that the worker was lost."""
        ...

    def stop(self) -> bool:
        """Ask the worker to end it; whether it heard."""
        ...

    def drop(self) -> None:
        """Have no worker begin it, and one that has just done so end it. Waits for neither."""
        ...


def errand(launch: Launch, *, storage_dir: str, is_here: bool) -> bytes:
    """What to send.

    Args:
        launch: what to run.
        storage_dir: folder of the worker for what is fetched.
        is_here: whether the workers are on this machine.

    Raises:
        InvalidInput: the project can't be sent, or needs a container.
    """
    if launch.env_manager == "docker":
        raise InvalidInput(
            "The project runs in a container: use the backend docker, podman or kubernetes."
        )
    location = location_of(launch)
    sent = launch if is_here else sendable(launch, client_for(location))
    uri = location.opening_uri if is_here else ""
    return msgspec.json.encode(Errand(launch=sent, storage_dir=storage_dir, tracking_uri=uri))


def carry_out(content: bytes, stop: threading.Event) -> bytes:
    """What a worker does: an errand, encoded, becomes an outcome, encoded."""
    order = msgspec.json.decode(content, type=Errand)
    if order.tracking_uri:
        remember(resolve_location(order.tracking_uri))
    launch = order.launch
    client = client_for(location_of(launch))
    status = client.get_run(launch.run_id).info.status
    if status is not RunStatus.SCHEDULED:
        # A cluster gives the work of a lost worker to another one, and a run is carried out once.
        return msgspec.json.encode(_recorded(client, launch, "FAILED", "Its worker was lost."))
    work = None
    if order.storage_dir:
        work = Path(order.storage_dir)
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
    return msgspec.json.encode(execute(launch, echo=False, stop=stop, work=work))


def follow(
    launch: Launch, send: Callable[[], Remote], stop: threading.Event, *, echo: bool
) -> Outcome:
    """Send an errand, and wait for its end."""
    client = client_for(location_of(launch))
    follower = Follower(client, launch.run_id) if echo else None
    try:
        remote = send()
        while not remote.done(_LOOK_S):
            if follower is not None:
                follower.look(whole=False)
            if not stop.is_set():
                continue
            if client.get_run(launch.run_id).info.status is RunStatus.SCHEDULED:
                # The run's status first: a worker that comes to it from now on leaves it.
                outcome = _recorded(client, launch, "KILLED", "It was stopped before it began.")
                remote.drop()
                return outcome
            if not _stopped(remote):
                return _recorded(client, launch, "KILLED", "It was stopped.")
        outcome = remote.outcome()
    except Exception as error:  # noqa: BLE001 - whatever a cluster fails with, the run must end
        why = f"Its worker was lost ({type(error).__name__}: {error})"
        return _recorded(client, launch, "FAILED", f"{why[:500]}.")
    if follower is not None:
        follower.look(whole=True)
    return outcome


def _stopped(remote: Remote) -> bool:
    """Have the worker end it; whether there is one, and it does."""
    return remote.stop() and remote.done(_STOP_S)


def _recorded(
    client: Client, launch: Launch, status: Literal["FAILED", "KILLED"], why: str
) -> Outcome:
    """The outcome of a run that nobody else can end; one that has ended stays as it is."""
    with contextlib.suppress(AssayError):
        known = _ENDED.get(client.get_run(launch.run_id).info.status)
        if known is not None:
            return Outcome(known, None)
        client.set_tag(launch.run_id, tags.PROJECT_REASON, why)
        client.set_terminated(launch.run_id, RunStatus(status))
    return Outcome(status, None, why)

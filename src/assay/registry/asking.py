"""The registry's questions and answers as plain functions, for scripts and notebooks.

They work where the process's tracking URI points to; who acts is this process's user, or at a
server the owner of the token.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from assay.entities.audit import AuditRecord
from assay.entities.governance import Direction, Lineage, NodeKind
from assay.entities.model_versions import ModelVersion
from assay.entities.transitions import PolicyRevision, RequestStatus, TransitionRequest
from assay.errors import InvalidInput
from assay.fluent.reading import client_for
from assay.store.user import local_cause


def request(name: str, version: int, to: str, *, reason: str = "") -> TransitionRequest:
    """Ask for a version to be moved to a stage or ``@alias``.

    Raises:
        TransitionRefused: the policy knows no such transition.
        Conflict: the version has an open request for this target.
    """
    return client_for().store.requests.create(name, version, to, cause=local_cause(reason))


def approve(request_id: str, *, reason: str = "") -> TransitionRequest:
    """Say yes to a request; the version moves if nothing else is missing.

    Raises:
        PermissionDenied: the policy doesn't name this user, or the user made the request.
        Conflict: the request is closed; ``TransitionConflict``: its target has another holder.
    """
    return client_for().store.requests.approve(request_id, cause=local_cause(reason))


def reject(request_id: str, *, reason: str = "") -> TransitionRequest:
    """Say no to a request, which closes it. Raises as ``approve``."""
    return client_for().store.requests.reject(request_id, cause=local_cause(reason))


def cancel(request_id: str, *, reason: str = "") -> TransitionRequest:
    """Take a request back. Raises ``Conflict`` if it is closed."""
    return client_for().store.requests.cancel(request_id, cause=local_cause(reason))


def requests(
    name: str | None = None, *, statuses: Sequence[RequestStatus | str] = (), max_results: int = 100
) -> list[TransitionRequest]:
    """Requests of one model or of all, the latest first.

    Raises:
        InvalidInput: there is no such status.
        RegisteredModelNotFound: there is no such model.
    """
    try:
        wanted = [RequestStatus(status) for status in statuses]
    except ValueError as error:
        raise InvalidInput(f"{error}.") from None
    page = client_for().store.requests.search(name=name, statuses=wanted, max_results=max_results)
    return list(page)


def rollback(name: str, to: str = "Production", *, reason: str = "") -> list[ModelVersion]:
    """Give a stage or ``@alias`` back to whom it had before; returns the holders.

    Raises:
        InvalidInput: it had no other holder before.
        TransitionRefused: the policy doesn't let this user roll back.
    """
    return client_for().store.requests.rollback(name, to, cause=local_cause(reason))


def history(name: str) -> list[AuditRecord]:
    """All that happened to a registered model, oldest first. Raises ``RegisteredModelNotFound``."""
    return list(client_for().store.audit.iterate(name))


def holder_at(name: str, target: str, time: datetime | int | None = None) -> list[int]:
    """Which versions held a stage or ``@alias`` at a time (default: now), ascending.

    ``time``: a moment with a time zone, or milliseconds since the epoch.

    Raises:
        InvalidInput: a moment without a time zone.
        RegisteredModelNotFound: there never was such a model.
    """
    if time is None:
        time = datetime.now(UTC)
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise InvalidInput("The time needs a time zone, such as tzinfo=datetime.UTC.")
        time = int(time.timestamp() * 1_000)
    return client_for().store.audit.holders(name, target, time)


def lineage(
    kind: NodeKind | str, ident: str, *, direction: Direction | str = Direction.BOTH
) -> Lineage:
    """What a data set, run, logged model, version (``name/3``) or deployment came of, and what came
    of it.

    Raises:
        NotFound: there is no such thing.
    """
    try:
        node, way = NodeKind(kind), Direction(direction)
    except ValueError as error:
        raise InvalidInput(f"{error}.") from None
    return client_for().store.lineage.graph(node, ident, direction=way)


def set_policy(name: str, text: str, *, reason: str = "") -> PolicyRevision:
    """Set the policy of a model, or with the name ``""`` of all that have no own.

    Raises:
        InvalidPolicy: it doesn't parse or contradicts itself.
    """
    return client_for().store.policies.set(name, text, cause=local_cause(reason))


def policy_of(name: str) -> PolicyRevision | None:
    """The policy that holds for a model; ``None`` if nothing does."""
    return client_for().store.policies.find(name)

"""Checks that workers make: who may tell them, and what of it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from assay.entities.audit import Actor
from assay.entities.names import check_value
from assay.entities.transitions import CheckStatus, GateResult, TransitionRequest
from assay.errors import InvalidInput, PermissionDenied
from assay.policies.gates import BY_STORE, CheckKind
from assay.store.sql.checks import now_ms
from assay.store.sql.model_refs import ModelRef
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MAX_WORKER_LENGTH: Final = 250
_MAX_MESSAGE_LENGTH: Final = 4_000
"""Characters of what a worker says of one gate; longer ones are cut."""
_WORKERS: Final = frozenset({"worker", "admin"})
"""Roles that may judge checks, of those who signed in."""
_SIGNED = Sql(
    "SELECT 1 FROM version_signatures s JOIN model_versions v ON v.version_id = s.version_id"
    " WHERE v.registered_id = ? AND v.version = ?"
)


def require_worker(actor: Actor, worker: str) -> None:
    """Check that somebody may judge checks, as the worker of this name.

    Raises:
        PermissionDenied: the caller signed in, and is no worker.
        InvalidInput: a worker can't have this name.
    """
    if actor.verified and not _WORKERS & set(actor.roles):
        raise PermissionDenied(f"{actor.name!r} can't judge checks: that needs the role worker.")
    if not check_value("worker", worker) or len(worker) > _MAX_WORKER_LENGTH:
        raise InvalidInput(f"A worker has a name of 1 to {_MAX_WORKER_LENGTH} characters.")


def checked_by(
    request: TransitionRequest, results: Sequence[GateResult], worker: str
) -> list[GateResult]:
    """Results as they are kept: what was asked is ours, only what was found is the worker's.

    Told once more, they are the same; what is judged already isn't judged anew.

    Raises:
        InvalidInput: there is no such gate, the store judges it, or it is judged otherwise already.
    """
    known = {check.place: check for check in request.checks}
    checked: list[GateResult] = []
    for found in results:
        asked = known.get(found.place)
        if asked is None:
            raise InvalidInput(f"Request {request.request_id} has no gate {found.place}.")
        if asked.by == BY_STORE:
            raise InvalidInput(f"{asked.condition} is judged by the store, not by a worker.")
        if asked.status is not CheckStatus.PENDING and asked.status is not found.status:
            raise InvalidInput(f"{asked.condition} is judged already: {asked.status.value}.")
        if asked.status is CheckStatus.PENDING:
            checked.append(_kept(asked, found, worker))
    return checked


def _kept(asked: GateResult, found: GateResult, worker: str) -> GateResult:
    return replace(
        asked,
        status=found.status,
        value=found.value,
        limit=found.limit,
        message=check_value("message", found.message)[:_MAX_MESSAGE_LENGTH],
        by="" if found.status is CheckStatus.PENDING else worker,
        time=now_ms(),
    )


def require_signature(
    conn: Connection, ref: ModelRef, request: TransitionRequest, checked: Sequence[GateResult]
) -> None:
    """That a version was signed is seen here, too. Raises ``InvalidInput``."""
    said = any(
        one.kind == CheckKind.SIGNATURE and one.status is CheckStatus.PASSED for one in checked
    )
    if said and _SIGNED.one(conn, ref.registered_id, request.version) is None:
        raise InvalidInput(
            f"Version {request.version} of {ref.name!r} has no signature: add it, then tell."
        )

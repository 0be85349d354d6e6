"""The steps of a request: judged, carried out, closed. Callers have locked its model.

A request is carried out in the transaction of the last thing that it waited for. Whatever is
decided is decided from what holds then: the policy in force, the holder of the target now, the
metrics now. A request whose target has changed hands meanwhile is closed, not forced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from assay.entities.audit import Actor, AuditAction, Cause
from assay.entities.transitions import (
    GateResult,
    RequestStatus,
    TransitionRequest,
)
from assay.errors import AssayError, TransitionConflict, TransitionRefused
from assay.policies.decisions import decide
from assay.policies.gates import BY_STORE, judge_all
from assay.policies.targets import TargetRules
from assay.store.sql.audit import append_audit
from assay.store.sql.checks import now_ms
from assay.store.sql.model_refs import ModelRef, VersionRow, require_version
from assay.store.sql.moves import (
    INACTIVE,
    holders_of,
    move_to_stage,
    point_alias,
    require_transition,
    rules_of,
)
from assay.store.sql.policy_rows import policy_in_force
from assay.store.sql.request_rows import (
    EXPIRED_REASON,
    StoredRequest,
    open_requests_of,
    read_request,
    set_status,
    write_checks,
)
from assay.store.sql.version_rows import version_figures
from assay.store.sql.webhook_outbox import tell

if TYPE_CHECKING:
    from sqlalchemy import Connection

POLICY_CHANGED = "its policy was changed; make a new request"
VERSION_DELETED = "the version was deleted"
_ACTIONS = {
    RequestStatus.REFUSED: AuditAction.REQUEST_REFUSED,
    RequestStatus.REJECTED: AuditAction.REQUEST_REJECTED,
    RequestStatus.CONFLICT: AuditAction.REQUEST_CONFLICTED,
    RequestStatus.EXPIRED: AuditAction.REQUEST_EXPIRED,
    RequestStatus.CANCELLED: AuditAction.REQUEST_CANCELLED,
}


class Step(NamedTuple):
    """What a call did to a request, and what its caller is told once that is committed."""

    request: TransitionRequest
    error: AssayError | None = None

    def result(self) -> TransitionRequest:
        """The request, or the error raised."""
        if self.error is not None:
            raise self.error
        return self.request


class Asked(NamedTuple):
    """What the policy in force asks of a move."""

    rules: TargetRules
    owner: int
    """Whose policy it is."""
    revision: int
    """0: there is none."""


def asked_of(conn: Connection, ref: ModelRef, target: str) -> Asked:
    """What the policy in force asks of a move to ``target``; nothing if it doesn't govern it."""
    found = policy_in_force(conn, ref.registered_id)
    if found is None:
        return Asked(TargetRules(), 0, 0)
    rules = found.policy.rules_for(target)
    return Asked(rules or TargetRules(), found.owner, found.revision)


def contended(conn: Connection, ref: ModelRef, target: str) -> tuple[int, ...]:
    """The holders that a move to ``target`` takes the place of; none where versions rest."""
    return () if target in INACTIVE else holders_of(conn, ref, target)


def judged(
    conn: Connection, ref: ModelRef, row: VersionRow, target: str, rules: TargetRules
) -> list[GateResult]:
    """All gates of a target: those over metrics held against limits and the holder, now."""
    if not rules.gates:
        return []
    others = [held for held in holders_of(conn, ref, target) if held != row.version]
    holder = max(others, default=None)
    theirs = None
    if holder is not None:
        theirs = version_figures(conn, require_version(conn, ref, holder))
    return judge_all(
        rules.gates,
        figures=version_figures(conn, row),
        holder=theirs,
        holder_version=holder,
        now_ms=now_ms(),
    )


def advance(conn: Connection, ref: ModelRef, request_id: str, *, cause: Cause) -> Step:
    """Carry out an open request if nothing is missing, close it if something is wrong."""
    request = read_request(conn, request_id).request
    rules = asked_of(conn, ref, request.target).rules
    decision = decide(rules, request, now_ms=now_ms())
    why = "; ".join(decision.reasons)
    if decision.status == "waiting":
        set_status(conn, request_id, RequestStatus.OPEN, why)
        return Step(read_request(conn, request_id).request)
    if decision.status == "expired":
        return close_expired(conn, ref, request_id)
    if decision.status == "refused":
        return close(conn, ref, request_id, RequestStatus.REFUSED, why, cause=cause)
    return _carry_out(conn, ref, request, rules, cause=cause)


def _carry_out(
    conn: Connection,
    ref: ModelRef,
    request: TransitionRequest,
    rules: TargetRules,
    *,
    cause: Cause,
) -> Step:
    ident, target = request.request_id, request.target
    row = require_version(conn, ref, request.version)
    holders = contended(conn, ref, target)
    if holders != request.expected:
        error = TransitionConflict(
            ref.name, target, expected=list(request.expected), found=list(holders)
        )
        step = close(conn, ref, ident, RequestStatus.CONFLICT, error.message, cause=cause)
        return step._replace(error=error)
    fresh = [one for one in judged(conn, ref, row, target, rules) if one.by == BY_STORE]
    write_checks(conn, ident, fresh)
    request = read_request(conn, ident).request
    decision = decide(rules, request, now_ms=now_ms())
    if decision.status != "ready":
        why = "; ".join(decision.reasons)
        return close(conn, ref, ident, RequestStatus.REFUSED, why, cause=cause)
    try:
        _move(conn, ref, row, request, cause=cause)
    except TransitionRefused as error:
        return close(conn, ref, ident, RequestStatus.REFUSED, error.message, cause=cause)
    set_status(conn, ident, RequestStatus.COMPLETED, "", closed_time=now_ms())
    done = read_request(conn, ident).request
    tell_request(conn, "completed", done)
    return Step(done)


def _move(
    conn: Connection,
    ref: ModelRef,
    row: VersionRow,
    request: TransitionRequest,
    *,
    cause: Cause,
) -> None:
    details = {
        "request": request.request_id,
        "target": request.target,
        "policy_revision": request.policy_revision,
        "results": results_told(request.checks),
        "approved_by": [vote.actor for vote in request.votes if vote.approve],
    }
    action = AuditAction.REQUEST_COMPLETED
    if request.target.startswith("@"):
        alias = request.target[1:]
        point_alias(conn, ref, alias, row.version, cause=cause, action=action, details=details)
        return
    what = f"Moving version {row.version} of {ref.name!r} to {request.target}"
    require_transition(rules_of(conn, ref), row.current_stage, request.target, what=what)
    move_to_stage(
        conn,
        ref,
        row.version,
        request.target,
        alone=request.target not in INACTIVE,
        cause=cause,
        action=action,
        details=details,
    )


def close(
    conn: Connection,
    ref: ModelRef,
    request_id: str,
    status: RequestStatus,
    why: str,
    *,
    cause: Cause,
) -> Step:
    """Close an open request without a move; one that is closed already stays as it is."""
    stored = read_request(conn, request_id)
    if not stored.request.is_open:
        return Step(stored.request)
    set_status(conn, request_id, status, why, closed_time=now_ms())
    append_audit(
        conn,
        cause,
        _ACTIONS[status],
        registered_id=ref.registered_id,
        name=ref.name,
        version=stored.request.version,
        details={"request": request_id, "target": stored.request.target, "why": why},
    )
    done = read_request(conn, request_id).request
    tell_request(conn, "closed", done)
    return Step(done)


def close_expired(conn: Connection, ref: ModelRef, request_id: str) -> Step:
    """Close a request whose time is over: nobody's doing, whoever met it."""
    cause = Cause(Actor("", origin="expiry"))
    return close(conn, ref, request_id, RequestStatus.EXPIRED, EXPIRED_REASON, cause=cause)


def close_of_version(conn: Connection, ref: ModelRef, version: int, *, cause: Cause) -> None:
    """Close the open requests of a version that is deleted."""
    for stored in open_requests_of(conn, ref.registered_id):
        if stored.request.version == version:
            ident = stored.request.request_id
            close(conn, ref, ident, RequestStatus.CANCELLED, VERSION_DELETED, cause=cause)


def overtaken(conn: Connection, ref: ModelRef, stored: StoredRequest) -> bool:
    """Whether a request was judged by another policy than the one in force."""
    asked = asked_of(conn, ref, stored.request.target)
    return (asked.owner, asked.revision) != (stored.policy_owner, stored.request.policy_revision)


def note(
    conn: Connection,
    ref: ModelRef,
    request: TransitionRequest,
    action: AuditAction,
    *,
    cause: Cause,
    details: dict[str, object] | None = None,
) -> None:
    """Write down a step of an open request."""
    append_audit(
        conn,
        cause,
        action,
        registered_id=ref.registered_id,
        name=ref.name,
        version=request.version,
        details={"request": request.request_id, "target": request.target, **(details or {})},
    )


def tell_request(conn: Connection, action: str, request: TransitionRequest) -> None:
    """Let webhooks know of a step."""
    tell(
        conn,
        "transition_request",
        action,
        {
            "request_id": request.request_id,
            "name": request.name,
            "version": str(request.version),
            "target": request.target,
            "status": request.status.value,
            "status_reason": request.status_reason,
            "requested_by": request.requested_by,
        },
    )


def results_told(results: Sequence[GateResult]) -> list[dict[str, object]]:
    """Results as an audit record keeps them: conditions, values, limits."""
    return [
        {
            "condition": one.condition,
            "status": one.status.value,
            "value": None if one.value is None else repr(one.value),
            "limit": None if one.limit is None else repr(one.limit),
            "message": one.message,
            "by": one.by,
        }
        for one in results
    ]

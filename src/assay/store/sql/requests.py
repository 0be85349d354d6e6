"""Requests to move a version in SQL: asked for, checked, voted on. Steps are ``request_steps``'."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from assay.entities.audit import AuditAction, Cause
from assay.entities.model_versions import ModelVersion
from assay.entities.page import Page
from assay.entities.registry_names import check_target, parse_version
from assay.entities.transitions import (
    GateResult,
    RequestStatus,
    TransitionRequest,
    Vote,
)
from assay.errors import Conflict, InvalidInput, PermissionDenied, RegistryItemNotFound
from assay.policies.decisions import require_vote
from assay.search import page_token as tokens
from assay.search.page_token import Position
from assay.store.registry import RequestStore
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.model_refs import (
    ModelRef,
    find_ref,
    lock_model,
    lock_model_of_id,
    require_version,
)
from assay.store.sql.moves import INACTIVE, require_transition, rules_of
from assay.store.sql.policies import MANAGERS
from assay.store.sql.request_checks import checked_by, require_signature, require_worker
from assay.store.sql.request_rows import (
    StoredRequest,
    as_shown,
    claim,
    claimable,
    expired,
    insert_request,
    model_of_request,
    open_requests_for,
    read_request,
    read_requests,
    search_requests,
    write_checks,
    write_vote,
)
from assay.store.sql.request_steps import (
    POLICY_CHANGED,
    Step,
    advance,
    asked_of,
    close,
    close_expired,
    contended,
    judged,
    note,
    overtaken,
    results_told,
    tell_request,
)
from assay.store.sql.rollbacks import roll_back

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_PAGE: Final = 1_000
MAX_LEASE_S: Final = 86_400.0
_AT_ONCE: Final = 20
"""Requests that one call closes because they have expired, or tries to claim."""


class SqlRequests(RequestStore):
    """Requests of a SQL store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, version: int, target: str, *, cause: Cause) -> TransitionRequest:
        """Ask for a move to a stage or ``@alias``."""
        check_target(target)
        number = parse_version(version)
        self._sweep()
        step = self._database.write(lambda conn: _create(conn, name, number, target, cause=cause))
        return step.result()

    def get(self, request_id: str) -> TransitionRequest:
        """The request."""
        with self._database.read() as conn:
            return as_shown(read_request(conn, request_id).request, now_ms())

    def search(
        self,
        *,
        name: str | None = None,
        version: int | None = None,
        statuses: Sequence[RequestStatus] = (),
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[TransitionRequest]:
        """Requests, the latest first."""
        if not 1 <= max_results <= MAX_PAGE:
            raise InvalidInput(
                f"Invalid value for parameter 'max_results': it must be within 1 and {MAX_PAGE:,},"
                f" got {max_results}."
            )
        if version is not None and name is None:
            raise InvalidInput("A version is one of a model: give its name, too.")
        wanted = _statuses(statuses)
        print_ = tokens.fingerprint("requests", name, version, [one.value for one in wanted])
        behind: tuple[int, str] | None = None
        if page_token:
            token = tokens.decode(page_token, fingerprint=print_, types=[int, str])
            time, ident = (position.value for position in token.positions)
            behind = (int(time or 0), str(ident))
        now = now_ms()
        with self._database.read() as conn:
            ref = None if name is None else find_ref(conn, name)
            found = search_requests(
                conn,
                registered_id=None if ref is None else ref.registered_id,
                version=version,
                statuses=wanted,
                behind=behind,
                now=now,
                most=max_results + 1,
            )
            page = found[:max_results]
            stored = read_requests(conn, [ident for ident, _ in page])
        requests = [as_shown(one.request, now) for one in stored]
        following = None
        if len(found) > max_results:
            ident, time = page[-1]
            following = tokens.encode(
                fingerprint=print_, now_ms=now, positions=[Position(time), Position(ident)]
            )
        return Page(requests, following)

    def approve(self, request_id: str, *, cause: Cause) -> TransitionRequest:
        """Say yes."""

        def step(conn: Connection, ref: ModelRef, stored: StoredRequest) -> Step:
            request = stored.request
            _vote(conn, ref, request, approve=True, cause=cause)
            note(conn, ref, request, AuditAction.REQUEST_APPROVED, cause=cause)
            tell_request(conn, "approved", request)
            return advance(conn, ref, request.request_id, cause=cause)

        return self._change(request_id, step, cause=cause)

    def reject(self, request_id: str, *, cause: Cause) -> TransitionRequest:
        """Say no, which closes the request."""

        def step(conn: Connection, ref: ModelRef, stored: StoredRequest) -> Step:
            _vote(conn, ref, stored.request, approve=False, cause=cause)
            said = f": {cause.reason}" if cause.reason else ""
            why = f"{cause.actor.name} rejected it{said}"
            return close(conn, ref, request_id, RequestStatus.REJECTED, why, cause=cause)

        return self._change(request_id, step, cause=cause)

    def cancel(self, request_id: str, *, cause: Cause) -> TransitionRequest:
        """Take a request back."""

        def step(conn: Connection, ref: ModelRef, stored: StoredRequest) -> Step:
            actor = cause.actor
            own = actor.name == stored.request.requested_by
            if not own and not (actor.verified and MANAGERS & set(actor.roles)):
                raise PermissionDenied(
                    f"{actor.name!r} can't cancel request {request_id}: it was made by"
                    f" {stored.request.requested_by!r}."
                )
            said = f": {cause.reason}" if cause.reason else ""
            why = f"{actor.name or 'somebody'} took it back{said}"
            return close(conn, ref, request_id, RequestStatus.CANCELLED, why, cause=cause)

        return self._change(request_id, step, cause=cause)

    def claim(
        self, worker: str, *, lease_s: float = 600.0, request_id: str | None = None, cause: Cause
    ) -> TransitionRequest | None:
        """An open request with pending checks that no other worker has, or ``None``."""
        require_worker(cause.actor, worker)
        if not 0 < lease_s <= MAX_LEASE_S:
            raise InvalidInput(f"A lease lasts up to {MAX_LEASE_S:g} s, not {lease_s:g} s.")
        self._sweep()

        def change(conn: Connection) -> TransitionRequest | None:
            now = now_ms()
            if request_id is not None:
                model_of_request(conn, request_id)
            for ident in claimable(conn, worker, request_id, now=now, most=_AT_ONCE):
                if claim(conn, ident, worker, now=now, until=now + int(lease_s * 1_000)):
                    return read_request(conn, ident).request
            return None

        return self._database.write(change)

    def record_checks(
        self, request_id: str, results: Sequence[GateResult], *, worker: str, cause: Cause
    ) -> TransitionRequest:
        """Tell what a worker found at the pending gates of a request that it has claimed."""
        require_worker(cause.actor, worker)

        def step(conn: Connection, ref: ModelRef, stored: StoredRequest) -> Step:
            if stored.worker != worker:
                raise Conflict(f"Worker {worker!r} doesn't have request {request_id} (any more).")
            checked = checked_by(stored.request, results, worker)
            require_signature(conn, ref, stored.request, checked)
            write_checks(conn, request_id, checked)
            note(
                conn,
                ref,
                stored.request,
                AuditAction.REQUEST_CHECKED,
                cause=cause,
                details={"results": results_told(checked)},
            )
            return advance(conn, ref, request_id, cause=cause)

        return self._change(request_id, step, cause=cause)

    def rollback(self, name: str, target: str, *, cause: Cause) -> list[ModelVersion]:
        """Give a stage or ``@alias`` back to whom it had before; returns the holders."""
        check_target(target)
        return self._database.write(lambda conn: roll_back(conn, name, target, cause=cause))

    def _change(
        self,
        request_id: str,
        step: Callable[[Connection, ModelRef, StoredRequest], Step],
        *,
        cause: Cause,
    ) -> TransitionRequest:
        """Take a step with an open request, its model locked; else close it, or say that it is."""

        def change(conn: Connection) -> Step:
            ref = lock_model_of_id(conn, model_of_request(conn, request_id))
            if ref is None:
                raise RegistryItemNotFound("request", request_id)
            stored = read_request(conn, request_id)
            if not stored.request.is_open:
                raise _closed(stored.request)
            if not as_shown(stored.request, now_ms()).is_open:
                done = close_expired(conn, ref, request_id)
            elif overtaken(conn, ref, stored):
                status = RequestStatus.CANCELLED
                done = close(conn, ref, request_id, status, POLICY_CHANGED, cause=cause)
            else:
                return step(conn, ref, stored)
            # Raised outside: that it is closed has to stay.
            return done._replace(error=_closed(done.request))

        return self._database.write(change).result()

    def _sweep(self) -> None:
        """Close what has expired, each in a transaction of its own, as it is of any model."""
        now = now_ms()
        with self._database.read() as conn:
            idents = expired(conn, now, most=_AT_ONCE)
        for ident in idents:

            def change(conn: Connection, ident: str = ident) -> None:
                try:
                    ref = lock_model_of_id(conn, model_of_request(conn, ident))
                except RegistryItemNotFound:
                    ref = None
                if ref is not None:
                    close_expired(conn, ref, ident)

            self._database.write(change)


def _closed(request: TransitionRequest) -> Conflict:
    why = f" ({request.status_reason})" if request.status_reason else ""
    return Conflict(f"Request {request.request_id} is closed: {request.status.value}{why}.")


def _statuses(statuses: Sequence[RequestStatus]) -> list[RequestStatus]:
    try:
        return [RequestStatus(status) for status in statuses]
    except ValueError as error:
        known = ", ".join(status.value for status in RequestStatus)
        raise InvalidInput(f"{error}; a request is one of {known}.") from None


def _create(conn: Connection, name: str, version: int, target: str, *, cause: Cause) -> Step:
    ref = lock_model(conn, name)
    row = require_version(conn, ref, version)
    rules = rules_of(conn, ref)
    if not target.startswith("@"):
        target = rules.canonical(target)
        what = f"Moving version {version} of {ref.name!r} to {target}"
        require_transition(rules, row.current_stage, target, what=what)
    holders = contended(conn, ref, target)
    if holders == (version,) or (target in INACTIVE and row.current_stage == target):
        raise InvalidInput(f"Version {version} of {ref.name!r} is {target} already.")
    for stored in open_requests_for(conn, ref.registered_id, version, target):
        raise Conflict(
            f"Version {version} of {ref.name!r} has an open request for {target}:"
            f" {stored.request.request_id}."
        )
    asked = asked_of(conn, ref, target)
    approvals = asked.rules.approvals
    now = now_ms()
    lasts = None if approvals is None else approvals.expires_after_ms
    request = TransitionRequest(
        request_id=f"r-{os.urandom(8).hex()}",
        name=ref.name,
        version=version,
        target=target,
        expected=holders,
        status=RequestStatus.OPEN,
        requested_by=cause.actor.name,
        comment=cause.reason,
        time=now,
        expires_time=None if lasts is None else now + lasts,
        policy_revision=asked.revision,
        checks=judged(conn, ref, row, target, asked.rules),
    )
    insert_request(conn, StoredRequest(request, ref.registered_id, asked.owner))
    note(
        conn,
        ref,
        request,
        AuditAction.REQUEST_CREATED,
        cause=cause,
        details={
            "expected": list(holders),
            "policy_revision": asked.revision,
            "results": results_told(request.checks),
        },
    )
    tell_request(conn, "created", request)
    return advance(conn, ref, request.request_id, cause=cause)


def _vote(
    conn: Connection, ref: ModelRef, request: TransitionRequest, *, approve: bool, cause: Cause
) -> None:
    actor = cause.actor
    authors = {request.requested_by, require_version(conn, ref, request.version).user_id}
    rules = asked_of(conn, ref, request.target).rules
    require_vote(rules, request, actor, authors=authors - {""}, approve=approve)
    vote = Vote(
        actor=actor.name,
        approve=approve,
        roles=actor.roles,
        verified=actor.verified,
        comment=cause.reason,
        time=now_ms(),
    )
    write_vote(conn, request.request_id, vote)

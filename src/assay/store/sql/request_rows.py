"""Requests as the database has them: the request, its checks, its votes.

A request that has expired is shown as such from that moment on, whether or not somebody has closed
it yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from assay.entities.transitions import (
    CheckStatus,
    GateResult,
    RequestStatus,
    TransitionRequest,
    Vote,
)
from assay.errors import RegistryItemNotFound
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

EXPIRED_REASON = "it waited longer than its policy allows"

_INSERT = Sql(
    "INSERT INTO transition_requests (request_id, registered_id, version, target, expected,"
    " status, status_reason, requested_by, comment, time, closed_time, expires_time,"
    " policy_registered_id, policy_revision, worker, lease_until)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0)"
)
_READ = Sql(
    "SELECT r.request_id, m.name, r.version, r.target, r.expected, r.status, r.status_reason,"
    " r.requested_by, r.comment, r.time, r.closed_time, r.expires_time, r.policy_revision,"
    " r.registered_id, r.policy_registered_id, r.worker, r.lease_until"
    " FROM transition_requests r JOIN registered_models m ON m.registered_id = r.registered_id"
    " WHERE r.request_id IN (??)"
)
_CHECKS = Sql(
    'SELECT request_id, place, kind, condition, status, value, "limit", message, "by", time'
    " FROM request_checks WHERE request_id IN (??) ORDER BY request_id, place"
)
_VOTES = Sql(
    "SELECT request_id, actor, approve, roles, verified, comment, time"
    " FROM request_votes WHERE request_id IN (??) ORDER BY request_id, time, actor"
)
_SET_STATUS = Sql(
    "UPDATE transition_requests SET status = ?, status_reason = ?, closed_time = ?"
    " WHERE request_id = ?"
)
_SET_CHECK = Sql(
    "INSERT INTO request_checks"
    ' (request_id, place, kind, condition, status, value, "limit", message, "by", time)'
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request_id, place) DO UPDATE"
    " SET kind = excluded.kind, condition = excluded.condition, status = excluded.status,"
    ' value = excluded.value, "limit" = excluded."limit", message = excluded.message,'
    ' "by" = excluded."by", time = excluded.time'
)
_SET_VOTE = Sql(
    "INSERT INTO request_votes (request_id, actor, approve, roles, verified, comment, time)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request_id, actor) DO UPDATE"
    " SET approve = excluded.approve, roles = excluded.roles, verified = excluded.verified,"
    " comment = excluded.comment, time = excluded.time"
)
_MODEL = Sql("SELECT registered_id FROM transition_requests WHERE request_id = ?")
_OPEN_OF_MODEL = Sql(
    "SELECT request_id FROM transition_requests WHERE registered_id = ? AND status = 'open'"
    " ORDER BY time, request_id"
)
_OPEN_OF_POLICY = Sql(
    "SELECT request_id FROM transition_requests"
    " WHERE status = 'open' AND policy_registered_id = ? ORDER BY time, request_id"
)
_OPEN_FOR = Sql(
    "SELECT request_id FROM transition_requests"
    " WHERE registered_id = ? AND status = 'open' AND version = ? AND target = ?"
)
_CLAIMABLE = Sql(
    "SELECT r.request_id FROM transition_requests r WHERE r.status = 'open'"
    " AND (r.expires_time IS NULL OR r.expires_time > ?)"
    " AND (r.worker = ? OR r.lease_until <= ?) AND (r.request_id = ? OR ? = '')"
    " AND EXISTS (SELECT 1 FROM request_checks c"
    " WHERE c.request_id = r.request_id AND c.status = 'pending')"
    " ORDER BY r.time, r.request_id LIMIT ?"
)
_CLAIM = Sql(
    "UPDATE transition_requests SET worker = ?, lease_until = ?"
    " WHERE request_id = ? AND status = 'open' AND (worker = ? OR lease_until <= ?)"
)
_EXPIRED = Sql(
    "SELECT request_id FROM transition_requests WHERE status = 'open' AND expires_time <= ?"
    " ORDER BY time, request_id LIMIT ?"
)
_encode = msgspec.json.Encoder().encode
_decode_versions = msgspec.json.Decoder(tuple[int, ...]).decode
_decode_roles = msgspec.json.Decoder(tuple[str, ...]).decode


class StoredRequest(NamedTuple):
    """A request, and what of it is nobody else's business."""

    request: TransitionRequest
    registered_id: int
    policy_owner: int
    """Whose policy: the model's number, or 0 for the default one."""
    worker: str = ""
    """Who has claimed its checks last."""
    lease_until: int = 0


def insert_request(conn: Connection, stored: StoredRequest) -> None:
    """Write a new request with its checks."""
    it = stored.request
    _INSERT.run(
        conn,
        it.request_id,
        stored.registered_id,
        it.version,
        it.target,
        _encode(it.expected).decode(),
        it.status.value,
        it.status_reason,
        it.requested_by,
        it.comment,
        it.time,
        it.closed_time,
        it.expires_time,
        stored.policy_owner,
        it.policy_revision,
    )
    write_checks(conn, it.request_id, it.checks)


def model_of_request(conn: Connection, request_id: str) -> int:
    """The number of its model. Raises ``RegistryItemNotFound``."""
    row = _MODEL.one(conn, request_id)
    if row is None:
        raise RegistryItemNotFound("request", request_id)
    found: int = row[0]
    return found


def read_request(conn: Connection, request_id: str) -> StoredRequest:
    """The request as it stands. Raises ``RegistryItemNotFound``."""
    found = read_requests(conn, [request_id])
    if not found:
        raise RegistryItemNotFound("request", request_id)
    return found[0]


def read_requests(conn: Connection, request_ids: Sequence[str]) -> list[StoredRequest]:
    """The requests as they stand, in the order of their ids; those that are missing left out."""
    idents = list(request_ids)
    if not idents:
        return []
    checks = _by_request(_CHECKS.all(conn, idents), _check)
    votes = _by_request(_VOTES.all(conn, idents), _vote)
    rows = {row[0]: row for row in _READ.all(conn, idents)}
    return [
        _stored(rows[ident], checks.get(ident, []), votes.get(ident, []))
        for ident in idents
        if ident in rows
    ]


def _by_request(rows: Iterable[tuple[Any, ...]], make: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(make(row))
    return found


def _check(row: tuple[Any, ...]) -> GateResult:
    return GateResult(
        place=row[1],
        kind=row[2],
        condition=row[3],
        status=CheckStatus(row[4]),
        value=row[5],
        limit=row[6],
        message=row[7],
        by=row[8],
        time=row[9],
    )


def _vote(row: tuple[Any, ...]) -> Vote:
    return Vote(
        actor=row[1],
        approve=bool(row[2]),
        roles=_decode_roles(row[3]),
        verified=bool(row[4]),
        comment=row[5],
        time=row[6],
    )


def _stored(row: tuple[Any, ...], checks: list[GateResult], votes: list[Vote]) -> StoredRequest:
    request = TransitionRequest(
        request_id=row[0],
        name=row[1],
        version=row[2],
        target=row[3],
        expected=_decode_versions(row[4]),
        status=RequestStatus(row[5]),
        status_reason=row[6],
        requested_by=row[7],
        comment=row[8],
        time=row[9],
        closed_time=row[10],
        expires_time=row[11],
        policy_revision=row[12],
        checks=checks,
        votes=votes,
    )
    return StoredRequest(request, *row[13:])


def as_shown(request: TransitionRequest, now: int) -> TransitionRequest:
    """The request as readers see it: expired as soon as its time is over."""
    if not request.is_open or request.expires_time is None or request.expires_time > now:
        return request
    return msgspec.structs.replace(
        request,
        status=RequestStatus.EXPIRED,
        status_reason=EXPIRED_REASON,
        closed_time=request.expires_time,
    )


def set_status(
    conn: Connection,
    request_id: str,
    status: RequestStatus,
    reason: str,
    *,
    closed_time: int | None = None,
) -> None:
    """Write what became of a request, or what an open one waits for."""
    _SET_STATUS.run(conn, status.value, reason, closed_time, request_id)


def write_checks(conn: Connection, request_id: str, results: Iterable[GateResult]) -> None:
    """Write what is known of gates, in place of what was known before."""
    rows = [
        (
            request_id,
            it.place,
            it.kind,
            it.condition,
            it.status.value,
            it.value,
            it.limit,
            it.message,
            it.by,
            it.time,
        )
        for it in results
    ]
    if rows:
        _SET_CHECK.many(conn, rows)


def write_vote(conn: Connection, request_id: str, vote: Vote) -> None:
    """Write a vote, in place of an earlier one of the same person."""
    roles = _encode(vote.roles).decode()
    _SET_VOTE.run(
        conn,
        request_id,
        vote.actor,
        vote.approve,
        roles,
        vote.verified,
        vote.comment,
        vote.time,
    )


def open_requests_of(conn: Connection, registered_id: int) -> list[StoredRequest]:
    """A model's open requests, the oldest first."""
    return read_requests(conn, [row[0] for row in _OPEN_OF_MODEL.all(conn, registered_id)])


def open_requests_under(conn: Connection, policy_owner: int) -> list[StoredRequest]:
    """Open requests that one policy governs, of whichever model; the oldest first."""
    return read_requests(conn, [row[0] for row in _OPEN_OF_POLICY.all(conn, policy_owner)])


def open_requests_for(
    conn: Connection, registered_id: int, version: int, target: str
) -> list[StoredRequest]:
    """Open requests for the same move."""
    rows = _OPEN_FOR.all(conn, registered_id, version, target)
    return read_requests(conn, [row[0] for row in rows])


def claimable(
    conn: Connection, worker: str, request_id: str | None, *, now: int, most: int
) -> list[str]:
    """Requests whose checks ``worker`` may claim, or the one if it may, the oldest first."""
    wanted = request_id or ""
    rows = _CLAIMABLE.all(conn, now, worker, now, wanted, wanted, most)
    return [row[0] for row in rows]


def claim(conn: Connection, request_id: str, worker: str, *, now: int, until: int) -> bool:
    """Claim a request unless another worker has it or it is closed; returns whether it is ours."""
    return _CLAIM.run(conn, worker, until, request_id, worker, now) > 0


def expired(conn: Connection, now: int, *, most: int) -> list[str]:
    """Requests that have expired and aren't closed yet."""
    return [row[0] for row in _EXPIRED.all(conn, now, most)]


@lru_cache(maxsize=64)
def _search_statement(*, of_model: bool, of_version: bool, filtered: bool, behind: bool) -> Sql:
    conditions = ["r.time >= 0"]
    if of_model:
        conditions.append("r.registered_id = ?")
    if of_version:
        conditions.append("r.version = ?")
    if filtered:
        conditions.append("r.status IN (??)")
        conditions.append(
            "CASE WHEN r.status = 'open' AND r.expires_time <= ? THEN 'expired' ELSE r.status END"
            " IN (??)"
        )
    if behind:
        conditions.append("(r.time < ? OR (r.time = ? AND r.request_id < ?))")
    return Sql(
        f"SELECT r.request_id, r.time FROM transition_requests r WHERE {' AND '.join(conditions)}"  # noqa: S608
        " ORDER BY r.time DESC, r.request_id DESC LIMIT ?"
    )


def search_requests(
    conn: Connection,
    *,
    registered_id: int | None,
    version: int | None,
    statuses: Sequence[RequestStatus],
    behind: tuple[int, str] | None,
    now: int,
    most: int,
) -> list[tuple[str, int]]:
    """Ids and times of requests that match, the latest first, from behind a (time, id) on."""
    params: list[Any] = [] if registered_id is None else [registered_id]
    if version is not None:
        params.append(version)
    if statuses:
        shown = [status.value for status in statuses]
        stored = [*shown, RequestStatus.OPEN.value] if RequestStatus.EXPIRED in statuses else shown
        params += [stored, now, shown]
    if behind is not None:
        params += [behind[0], *behind]
    statement = _search_statement(
        of_model=registered_id is not None,
        of_version=version is not None,
        filtered=bool(statuses),
        behind=behind is not None,
    )
    return [(row[0], row[1]) for row in statement.all(conn, *params, most)]

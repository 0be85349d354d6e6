"""The audit log in SQL: each record is appended in the transaction of the change it tells about.

The head of the chain is one row, which appending locks: changes of the registry follow each other
in one order, and a transaction that isn't committed leaves no gap. A transaction locks the rows of
its model before it appends, never after, so that no two wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from assay.entities.audit import (
    NO_DIGEST,
    AuditAction,
    AuditHead,
    AuditProblem,
    AuditRecord,
    AuditReport,
    Cause,
    chain_digest,
)
from assay.entities.names import check_value
from assay.entities.registry_names import check_target
from assay.errors import LimitExceeded, RegisteredModelNotFound
from assay.policies.chain import START, Followed, follow
from assay.policies.holders import holders_at
from assay.store.registry import AuditStore
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.statements import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection

_VERIFIED_AT_ONCE: Final = 10_000
"""Rows in memory while the chain is followed."""
MAX_PAGE: Final = 10_000
MAX_REASON_LENGTH: Final = 10_000
"""Characters: room for a paragraph on each page that shows it."""
_LOWEST: Final = -(2**63)
"""Records count from 1; one that somebody slipped in before is to be seen."""

_COLUMNS = (
    "seq, time, actor, verified, origin, action, name, version, details, reason, registered_id,"
    " previous, digest"
)
_MAKE_HEAD = Sql(
    "INSERT INTO audit_head (place, seq, time, digest) VALUES (1, 0, 0, ?)"
    " ON CONFLICT (place) DO NOTHING"
)
_HEAD = Sql("SELECT seq, time, digest FROM audit_head WHERE place = 1 {FOR UPDATE}")
_HEAD_PLAIN = Sql("SELECT seq, digest FROM audit_head WHERE place = 1")
_MOVE_HEAD = Sql("UPDATE audit_head SET seq = ?, time = ?, digest = ? WHERE place = 1")
_INSERT = Sql(
    f"INSERT INTO audit_log ({_COLUMNS})"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PAGE = Sql(f"SELECT {_COLUMNS} FROM audit_log WHERE seq > ? ORDER BY seq LIMIT ?")  # noqa: S608
_PAGE_OF = Sql(
    f"SELECT {_COLUMNS} FROM audit_log WHERE registered_id = ? AND seq > ?"  # noqa: S608
    " ORDER BY seq LIMIT ?"
)
_ID_NOW = Sql("SELECT registered_id FROM registered_models WHERE name = ?")
_ID_LAST = Sql(
    "SELECT registered_id FROM audit_log WHERE name = ? AND registered_id IS NOT NULL"
    " ORDER BY seq DESC LIMIT 1"
)
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def append_audit(
    conn: Connection,
    cause: Cause,
    action: AuditAction,
    *,
    registered_id: int | None = None,
    name: str = "",
    version: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> int:
    """Write a record; returns its time, which never runs backwards along the chain.

    Raises:
        InvalidName: the reason, or who gives it, is text that can't be kept.
        LimitExceeded: the reason is longer than 10,000 characters.
    """
    actor = _check_cause(cause).actor
    last, at, previous = lock_log(conn)
    seq, time = last + 1, max(now_ms(), at)
    text = _encode(details or {}).decode()
    fields = (
        seq,
        time,
        actor.name,
        actor.verified,
        actor.origin,
        action.value,
        name,
        version,
        text,
        cause.reason,
        registered_id,
        previous,
    )
    digest = chain_digest(fields)
    _INSERT.run(conn, *fields, digest)
    _MOVE_HEAD.run(conn, seq, time, digest)
    written: int = time
    return written


def lock_log(conn: Connection) -> tuple[int, int, str]:
    """Lock the end of the log until the transaction ends: number, time and digest of the last
    record. Behind this, no other change of a registry is made.
    """
    row = _HEAD.one(conn)
    if row is None:
        _MAKE_HEAD.run(conn, NO_DIGEST)
        row = _HEAD.one(conn)
        assert row is not None
    return row[0], row[1], row[2]


def _check_cause(cause: Cause) -> Cause:
    check_value("user name", cause.actor.name)
    check_value("origin", cause.actor.origin)
    if len(check_value("reason", cause.reason)) > MAX_REASON_LENGTH:
        raise LimitExceeded(
            "The length of a reason", limit=MAX_REASON_LENGTH, got=len(cause.reason)
        )
    return cause


def _record(row: tuple[Any, ...]) -> AuditRecord:
    return AuditRecord(
        seq=row[0],
        time=row[1],
        actor=row[2],
        verified=bool(row[3]),
        origin=row[4],
        action=row[5],
        name=row[6],
        version=row[7],
        details=_decode(row[8]),
        reason=row[9],
        registered_id=row[10],
        previous=row[11],
        digest=row[12],
    )


def model_of_name(conn: Connection, name: str) -> int:
    """The number of the model that has this name, or had it last.

    Raises:
        RegisteredModelNotFound: none ever had it.
    """
    row = _ID_NOW.one(conn, name) or _ID_LAST.one(conn, name)
    if row is None:
        raise RegisteredModelNotFound(name)
    found: int = row[0]
    return found


def records_of(conn: Connection, registered_id: int) -> list[AuditRecord]:
    """All records of a model, oldest first."""
    return [_record(row) for row in _PAGE_OF.all(conn, registered_id, 0, 2**62)]


class SqlAudit(AuditStore):
    """The audit log of a SQL store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, *, name: str | None = None, after: int = 0, max_results: int = 1_000
    ) -> list[AuditRecord]:
        """Records behind number ``after``, oldest first."""
        limit = max(1, min(max_results, MAX_PAGE))
        with self._database.read() as conn:
            if name is None:
                rows = _PAGE.all(conn, after, limit)
            else:
                rows = _PAGE_OF.all(conn, model_of_name(conn, name), after, limit)
        return [_record(row) for row in rows]

    def head(self) -> AuditHead:
        """Where the chain ends now."""
        with self._database.read() as conn:
            return _head(conn)

    def verify(self, anchor: AuditHead | None = None) -> AuditReport:
        """Compute all digests anew."""
        with self._database.read() as conn:
            head = _head(conn)
            return _verify(conn, head, anchor)

    def holders(self, name: str, target: str, time_ms: int) -> list[int]:
        """The versions that held a stage or ``@alias`` at a time, ascending."""
        check_target(target)
        with self._database.read() as conn:
            return holders_at(records_of(conn, model_of_name(conn, name)), target, time_ms)


def _head(conn: Connection) -> AuditHead:
    row = _HEAD_PLAIN.one(conn)
    return START if row is None else AuditHead(row[0], row[1])


def _verify(conn: Connection, head: AuditHead, anchor: AuditHead | None) -> AuditReport:
    end, problem = _follow_all(conn, anchor)
    if problem is None and end != head:
        if end.seq < head.seq:
            problem = AuditProblem(end.seq + 1, "it is missing")
        elif end.seq > head.seq:
            problem = AuditProblem(head.seq + 1, "it was added behind the end of the log")
        else:
            problem = AuditProblem(end.seq, "it is not the one that the log's head names")
    if problem is None and anchor is not None and anchor.seq > end.seq:
        problem = AuditProblem(end.seq + 1, "it is missing: the log was longer once")
    return AuditReport(end.seq, head, problem)


def _follow_all(conn: Connection, anchor: AuditHead | None) -> Followed:
    followed, behind = Followed(START, None), _LOWEST
    while followed.problem is None and (rows := _PAGE.all(conn, behind, _VERIFIED_AT_ONCE)):
        followed = follow(rows, after=followed.end, anchor=anchor)
        behind = rows[-1][0]
    return followed

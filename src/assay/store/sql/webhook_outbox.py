"""The outbox in SQL: what webhooks are to be told, written in the transaction of the change.

So nothing is told that didn't happen, and what happened is told although the process is killed
right after. A message is claimed by moving its ``next_time``, which is compared and set, so no two
processes send it at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from assay.entities.webhooks import DeliveryStatus, WebhookEvent
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.statements import Sql
from assay.webhooks.outbox import PATIENCE, Claim, Outbox, Outcome, bell

if TYPE_CHECKING:
    from sqlalchemy import Connection

_DAY_MS: Final = 24 * 3_600_000
_WAITS_AT_MOST_MS: Final = _DAY_MS
"""A receiver that is dead for long has so many messages that most are never tried."""
_KEPT_MS: Final = 30 * _DAY_MS
MAX_KEPT: Final = 10_000
"""Finished messages of a webhook that the log keeps, whatever their age."""
_LOOKED_AT: Final = 50
"""Messages looked at in one go; nearly always the first one decides."""

_SUBSCRIBERS = Sql(
    "SELECT w.webhook_id FROM webhook_events e JOIN webhooks w ON w.webhook_id = e.webhook_id"
    " WHERE e.entity = ? AND e.action = ? AND w.status = 'ACTIVE' {FOR KEY SHARE OF w}"
)
_INSERT = Sql(
    "INSERT INTO webhook_deliveries (delivery_id, webhook_id, entity, action, payload, created,"
    " status, attempts, next_time, error) VALUES (?, ?, ?, ?, ?, ?, 'waiting', 0, ?, '')"
)
_DUE = Sql(
    "SELECT w.webhook_id FROM webhooks w WHERE w.status = 'ACTIVE' AND EXISTS ("
    "SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = w.webhook_id"
    " AND d.status = 'waiting' AND d.next_time <= ?)"
)
_WAITING = Sql(
    "SELECT delivery_id, next_time, attempts FROM webhook_deliveries"
    " WHERE webhook_id = ? AND status = 'waiting' AND delivery_id > ?"
    " ORDER BY delivery_id LIMIT ?"
)
_LEASE = Sql(
    "UPDATE webhook_deliveries SET next_time = ?, attempts = attempts + 1"
    " WHERE delivery_id = ? AND next_time = ? AND status = 'waiting'"
)
_CLAIMED = Sql(
    "SELECT d.delivery_id, d.webhook_id, w.url, w.secret, d.entity, d.action, d.payload,"
    " d.created, d.attempts, d.next_time FROM webhook_deliveries d"
    " JOIN webhooks w ON w.webhook_id = d.webhook_id"
    " WHERE d.delivery_id = ? AND w.status = 'ACTIVE'"
)
_FINISH = Sql(
    "UPDATE webhook_deliveries SET status = ?, next_time = ?, response_status = ?, error = ?,"
    " finished = ? WHERE delivery_id = ? AND next_time = ? AND status = 'waiting'"
)
_GIVE_UP_OLD = Sql(
    "UPDATE webhook_deliveries SET status = 'failed', finished = ?,"
    " error = 'Given up after waiting for a day.'"
    " WHERE webhook_id = ? AND status = 'waiting' AND created < ? AND next_time <= ?"
)
GIVE_UP_ALL = Sql(
    "UPDATE webhook_deliveries SET status = 'failed', finished = ?, error = ?"
    " WHERE webhook_id = ? AND status = 'waiting'"
)
_WEBHOOKS = Sql("SELECT webhook_id FROM webhooks ORDER BY webhook_id")
_OLDEST = Sql("SELECT MIN(created) FROM webhook_deliveries WHERE webhook_id = ?")
_NTH = Sql(
    "SELECT created FROM webhook_deliveries WHERE webhook_id = ?"
    " ORDER BY created DESC LIMIT 1 OFFSET ?"
)
_DROP = Sql(
    "DELETE FROM webhook_deliveries WHERE webhook_id = ? AND created <= ? AND status <> 'waiting'"
)
_encode = msgspec.json.Encoder().encode


def tell(conn: Connection, entity: str, action: str, data: Mapping[str, Any]) -> None:
    """Let the active webhooks that subscribed to ``entity.action`` be told of a change.

    Part of the caller's transaction, after its ``append_audit``: who changes webhooks locks the
    head of the audit log before a webhook, too.

    Args:
        conn: of the change.
        entity: what changed, such as ``model_version``.
        action: what became of it, such as ``created``.
        data: what a message says of it; JSON.
    """
    subscribers = _SUBSCRIBERS.all(conn, entity, action)
    if not subscribers:
        return
    text, now = _encode(data).decode(), now_ms()
    _INSERT.many(
        conn,
        [(_new_id(now), row[0], entity, action, text, now, now) for row in subscribers],
    )
    bell.ring()


def _new_id(time_ms: int) -> str:
    """A fresh id: 32 hex digits that begin with the time, so their order is that of the changes.

    Within a millisecond a counter of this process goes on.
    """
    global _last
    _last = max(_last + 1, time_ms << 16)
    return f"{_last:016x}{os.urandom(8).hex()}"


_last = 0


class SqlOutbox(Outbox):
    """Messages of a SQL store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self) -> list[str]:
        """Ids of the active webhooks with a message whose time has come."""
        with self._database.read() as conn:
            return [row[0] for row in _DUE.all(conn, now_ms())]

    def claim(self, webhook_id: str, *, lease_s: float) -> Claim | None:
        """The webhook's oldest message that may be sent now, or ``None``."""
        now = now_ms()
        with self._database.read() as conn:
            found = _first(conn, webhook_id, now)
        if found is None:
            return None
        delivery_id, next_time = found
        until = max(now + int(lease_s * 1_000), next_time + 1)
        return self._database.write(
            lambda conn: _claim(conn, delivery_id, next_time=next_time, until=until)
        )

    def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """Write down what came of it; ``False`` where the lease was lost."""
        now = now_ms()
        over = outcome.status is not DeliveryStatus.WAITING
        # A lease is known by its end, so the next try never falls on the same millisecond.
        next_time = now + int(outcome.retry_in_s * 1_000)
        next_time += next_time == claim.lease_until
        fields = (
            outcome.status.value,
            claim.lease_until if over else next_time,
            outcome.response_status,
            outcome.error,
            now if over else None,
            claim.delivery_id,
            claim.lease_until,
        )
        return self._database.write(lambda conn: _FINISH.run(conn, *fields)) == 1

    def prune(self) -> int:
        """Give up what has waited for a day, drop what is older than 30 days or beyond the log."""
        now = now_ms()
        with self._database.read() as conn:
            found = [row[0] for row in _WEBHOOKS.all(conn)]
            oldest = {one: _OLDEST.one(conn, one) for one in found}
            limits = {one: _limit(conn, one, now) for one in found}
        dropped = 0
        for one in found:
            row = oldest[one]
            # Most times there is nothing to do, which must not cost a write.
            if row is None or row[0] is None or row[0] > max(limits[one], now - _WAITS_AT_MOST_MS):
                continue
            dropped += self._database.write(
                partial(_prune, webhook_id=one, limit=limits[one], now=now)
            )
        return dropped


def _first(conn: Connection, webhook_id: str, now: int) -> tuple[str, int] | None:
    """Id and time of the oldest message that may be sent."""
    after = ""
    while rows := _WAITING.all(conn, webhook_id, after, _LOOKED_AT):
        for delivery_id, next_time, attempts in rows:
            if next_time <= now:
                return delivery_id, next_time
            if attempts < PATIENCE:
                return None
        after = rows[-1][0]
    return None


def _claim(conn: Connection, delivery_id: str, *, next_time: int, until: int) -> Claim | None:
    if _LEASE.run(conn, until, delivery_id, next_time) != 1:
        return None
    row = _CLAIMED.one(conn, delivery_id)
    if row is None:
        return None
    return Claim(
        delivery_id=row[0],
        webhook_id=row[1],
        url=row[2],
        secret=row[3],
        event=WebhookEvent(row[4], row[5]),
        data=row[6],
        created=row[7],
        attempts=row[8],
        lease_until=row[9],
    )


def _limit(conn: Connection, webhook_id: str, now: int) -> int:
    """Up to which time finished messages are dropped."""
    row = _NTH.one(conn, webhook_id, MAX_KEPT)
    return max(now - _KEPT_MS, 0 if row is None else row[0])


def _prune(conn: Connection, *, webhook_id: str, limit: int, now: int) -> int:
    _GIVE_UP_OLD.run(conn, now, webhook_id, now - _WAITS_AT_MOST_MS, now)
    return _DROP.run(conn, webhook_id, limit)

"""Webhooks in SQL: who is told, and the log of what was told.

A change of the registry holds the head of the audit log when it share-locks the keys of the
webhooks to tell, so a webhook's key is locked only after the head: its row is locked without the
key first, and deleted after ``append_audit``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec

from assay.entities.audit import AuditAction, Cause
from assay.entities.names import check_value
from assay.entities.page import Page
from assay.entities.webhooks import (
    MLFLOW_EVENTS,
    OWN_EVENTS,
    DeliveryStatus,
    Webhook,
    WebhookDelivery,
    WebhookEvent,
    WebhookStatus,
    WebhookTest,
)
from assay.errors import InvalidInput, InvalidName, LimitExceeded, RegistryItemNotFound
from assay.search import page_token as tokens
from assay.store.registry import NewWebhook, WebhookChange, WebhookStore
from assay.store.sql.audit import append_audit
from assay.store.sql.checks import now_ms
from assay.store.sql.database import Database
from assay.store.sql.statements import Sql
from assay.store.sql.webhook_outbox import GIVE_UP_ALL

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from assay.webhooks.sender import Sender

MAX_PAGE: Final = 1_000
MAX_WEBHOOKS: Final = 1_000
"""Every change of the registry writes a message for each that subscribed."""
_MAX_SECRET_LENGTH: Final = 1_000
_MAX_DESCRIPTION_LENGTH: Final = 5_000
_NAME = re.compile(r"[a-z0-9]([a-z0-9._\-]{0,61}[a-z0-9])?\Z", re.IGNORECASE | re.ASCII)
"""As MLflow takes it."""
_KNOWN_EVENTS: Final = MLFLOW_EVENTS | OWN_EVENTS
_QUERY: Final = tokens.fingerprint("webhooks")

_COLUMNS = (
    "webhook_id, name, url, description, status, secret, creation_timestamp, last_updated_timestamp"
)
_INSERT = Sql(f"INSERT INTO webhooks ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")  # noqa: S608
_GET = Sql(f"SELECT {_COLUMNS} FROM webhooks WHERE webhook_id = ?")  # noqa: S608
_COUNT = Sql("SELECT COUNT(*) FROM webhooks")
_PAGE = Sql(
    f"SELECT {_COLUMNS} FROM webhooks WHERE (creation_timestamp, webhook_id) < (?, ?)"  # noqa: S608
    " ORDER BY creation_timestamp DESC, webhook_id DESC LIMIT ?"
)
_UPDATE = Sql(
    "UPDATE webhooks SET name = ?, url = ?, description = ?, status = ?, secret = ?,"
    " last_updated_timestamp = ? WHERE webhook_id = ?"
)
_LOCK = Sql(
    f"SELECT {_COLUMNS} FROM webhooks WHERE webhook_id = ? {{FOR NO KEY UPDATE}}"  # noqa: S608
)
_DELETE = (
    Sql("DELETE FROM webhook_deliveries WHERE webhook_id = ?"),
    Sql("DELETE FROM webhook_events WHERE webhook_id = ?"),
    Sql("DELETE FROM webhooks WHERE webhook_id = ?"),
)
_EVENTS = Sql("SELECT webhook_id, entity, action FROM webhook_events WHERE webhook_id IN (??)")
_ADD_EVENT = Sql("INSERT INTO webhook_events (webhook_id, entity, action) VALUES (?, ?, ?)")
_DELIVERIES = Sql(
    "SELECT delivery_id, webhook_id, entity, action, payload, created, status, attempts,"
    " next_time, response_status, error, finished FROM webhook_deliveries WHERE webhook_id = ?"
    " ORDER BY created DESC, delivery_id DESC LIMIT ?"
)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class SqlWebhooks(WebhookStore):
    """Webhooks of a SQL store."""

    def __init__(self, database: Database, *, allow: Iterable[str] = ()) -> None:
        self._database = database
        self._allow = tuple(allow)

    @cached_property
    def sender(self) -> Sender:
        """Sends under the same rules that URLs are checked by."""
        # It imports TLS and HTTP, 20 ms that a store which tells nobody doesn't spend.
        from assay.webhooks.addresses import AllowList
        from assay.webhooks.sender import Sender

        return Sender(AllowList(self._allow))

    def create(self, webhook: NewWebhook, *, cause: Cause) -> Webhook:  # noqa: D102 - the contract is in the base class
        _check_name(webhook.name)
        _check_texts(webhook.description, webhook.secret)
        events = _check_events(webhook.events)
        self.sender.check(webhook.url)
        row = (
            os.urandom(16).hex(),
            webhook.name,
            webhook.url,
            webhook.description,
            WebhookStatus(webhook.status).value,
            webhook.secret,
        )
        return self._database.write(lambda conn: _create(conn, row, events, cause))

    def get(self, webhook_id: str) -> Webhook:  # noqa: D102
        with self._database.read() as conn:
            return _hydrate(conn, [_require(conn, webhook_id)])[0]

    def page(self, *, max_results: int = 100, page_token: str | None = None) -> Page[Webhook]:  # noqa: D102
        if not 1 <= max_results <= MAX_PAGE:
            raise InvalidInput(f"max_results must be between 1 and {MAX_PAGE}, not {max_results}.")
        before: tuple[Any, Any] = (2**62, "")
        if page_token:
            token = tokens.decode(page_token, fingerprint=_QUERY, types=(int, str))
            before = (token.positions[0].value, token.positions[1].value)
        with self._database.read() as conn:
            rows = _PAGE.all(conn, *before, max_results + 1)
            found = _hydrate(conn, rows[:max_results])
        if len(rows) <= max_results:
            return Page(found, None)
        last = (found[-1].creation_timestamp, found[-1].webhook_id)
        positions = [tokens.Position(value) for value in last]
        return Page(found, tokens.encode(fingerprint=_QUERY, now_ms=0, positions=positions))

    def update(self, webhook_id: str, change: WebhookChange, *, cause: Cause) -> Webhook:  # noqa: D102
        if change.name is not None:
            _check_name(change.name)
        _check_texts(change.description, change.secret)
        events = None if change.events is None else _check_events(change.events)
        if change.url is not None:
            self.sender.check(change.url)
        return self._database.write(lambda conn: _update(conn, webhook_id, change, events, cause))

    def delete(self, webhook_id: str, *, cause: Cause) -> None:  # noqa: D102
        self._database.write(lambda conn: _delete(conn, webhook_id, cause))

    def deliveries(self, webhook_id: str, *, max_results: int = 100) -> list[WebhookDelivery]:  # noqa: D102
        with self._database.read() as conn:
            _require(conn, webhook_id)
            rows = _DELIVERIES.all(conn, webhook_id, max(1, min(max_results, MAX_PAGE)))
        return [_delivery(row) for row in rows]

    def test(self, webhook_id: str, event: WebhookEvent | None = None) -> WebhookTest:  # noqa: D102
        with self._database.read() as conn:
            row = _require(conn, webhook_id)
            found = _hydrate(conn, [row])[0]
        [chosen] = _check_events([event or found.events[0]])
        return self.sender.try_out(chosen, url=found.url, secret=row[5])


def _check_name(name: str) -> None:
    check_value("webhook name", name)
    if not _NAME.match(name):
        raise InvalidName(
            "webhook name",
            name,
            "it must be 1 to 63 letters, digits, '.', '_' and '-', with a letter or digit at"
            " either end",
        )


def _check_texts(description: str | None, secret: str | None) -> None:
    for what, text, limit in (
        ("description", description, _MAX_DESCRIPTION_LENGTH),
        ("secret", secret, _MAX_SECRET_LENGTH),
    ):
        if text is None:
            continue
        if len(text) > limit:
            raise LimitExceeded(f"The length of a webhook's {what}", limit=limit, got=len(text))
        if what == "secret":
            _check_secret(text)
        else:
            check_value(f"webhook {what}", text)


def _check_secret(text: str) -> None:
    """As ``check_value``, without quoting it."""
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise InvalidInput("The webhook's secret holds characters that can't be stored.")


def _check_events(events: Sequence[WebhookEvent]) -> list[WebhookEvent]:
    if not events:
        raise InvalidInput("A webhook needs at least one event, such as 'model_version.created'.")
    for event in events:
        if event not in _KNOWN_EVENTS:
            known = ", ".join(sorted(map(str, _KNOWN_EVENTS)))
            raise InvalidInput(f"Unknown webhook event {str(event)[:80]!r}. Known are: {known}.")
    return sorted(set(events), key=str)


def _require(conn: Connection, webhook_id: str, *, statement: Sql = _GET) -> tuple[Any, ...]:
    check_value("webhook id", webhook_id)
    row = statement.one(conn, webhook_id)
    if row is None:
        raise RegistryItemNotFound("webhook", webhook_id)
    return row


def _hydrate(conn: Connection, rows: Sequence[tuple[Any, ...]]) -> list[Webhook]:
    events: dict[str, list[WebhookEvent]] = {row[0]: [] for row in rows}
    for webhook_id, entity, action in _EVENTS.all(conn, list(events)):
        events[webhook_id].append(WebhookEvent(entity, action))
    return [
        Webhook(
            webhook_id=row[0],
            name=row[1],
            url=row[2],
            events=sorted(events[row[0]], key=str),
            description=row[3],
            status=WebhookStatus(row[4]),
            has_secret=bool(row[5]),
            creation_timestamp=row[6],
            last_updated_timestamp=row[7],
        )
        for row in rows
    ]


def _create(
    conn: Connection, row: tuple[Any, ...], events: list[WebhookEvent], cause: Cause
) -> Webhook:
    webhook_id, name, url, *_, secret = row
    details = {
        "webhook_id": webhook_id,
        "name": name,
        "url": url,
        "events": [str(event) for event in events],
        "status": row[4],
        "signed": bool(secret),
    }
    now = append_audit(conn, cause, AuditAction.WEBHOOK_CREATED, details=details)
    counted = _COUNT.one(conn)
    if counted is not None and counted[0] >= MAX_WEBHOOKS:
        raise LimitExceeded("The number of webhooks", limit=MAX_WEBHOOKS, got=counted[0] + 1)
    _INSERT.run(conn, *row, now, now)
    _ADD_EVENT.many(conn, [(webhook_id, event.entity, event.action) for event in events])
    return _hydrate(conn, [_require(conn, webhook_id)])[0]


def _update(
    conn: Connection,
    webhook_id: str,
    change: WebhookChange,
    events: list[WebhookEvent] | None,
    cause: Cause,
) -> Webhook:
    row = _require(conn, webhook_id, statement=_LOCK)
    before = _hydrate(conn, [row])[0]
    fields = {
        "name": change.name,
        "url": change.url,
        "description": change.description,
        "status": change.status,
        "events": events,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    after = msgspec.structs.replace(before, **given)
    secret = row[5] if change.secret is None else change.secret
    changes = _changes(before, after)
    if secret != row[5]:
        changes["secret"] = "set" if secret else "removed"
    details = {"webhook_id": webhook_id, "name": before.name, "changes": changes}
    now = append_audit(conn, cause, AuditAction.WEBHOOK_UPDATED, details=details)
    written = (after.name, after.url, after.description, after.status.value, secret)
    _UPDATE.run(conn, *written, now, webhook_id)
    if events is not None:
        _DELETE[1].run(conn, webhook_id)
        _ADD_EVENT.many(conn, [(webhook_id, event.entity, event.action) for event in events])
    if after.status is WebhookStatus.DISABLED:
        GIVE_UP_ALL.run(conn, now_ms(), "The webhook was disabled.", webhook_id)
    return msgspec.structs.replace(after, last_updated_timestamp=now, has_secret=bool(secret))


def _changes(before: Webhook, after: Webhook) -> dict[str, Any]:
    """What differs, each as it was and as it is."""
    changes: dict[str, Any] = {}
    for name in ("name", "url", "description", "status"):
        old, new = str(getattr(before, name)), str(getattr(after, name))
        if old != new:
            changes[name] = [old, new]
    if before.events != after.events:
        changes["events"] = [[str(event) for event in one.events] for one in (before, after)]
    return changes


def _delete(conn: Connection, webhook_id: str, cause: Cause) -> None:
    found = _hydrate(conn, [_require(conn, webhook_id, statement=_LOCK)])[0]
    details = {"webhook_id": webhook_id, "name": found.name, "url": found.url}
    append_audit(conn, cause, AuditAction.WEBHOOK_DELETED, details=details)
    for statement in _DELETE:
        statement.run(conn, webhook_id)


def _delivery(row: tuple[Any, ...]) -> WebhookDelivery:
    return WebhookDelivery(
        delivery_id=row[0],
        webhook_id=row[1],
        event=WebhookEvent(row[2], row[3]),
        payload=_decode(row[4]),
        created=row[5],
        status=DeliveryStatus(row[6]),
        attempts=row[7],
        next_time=row[8],
        response_status=row[9],
        error=row[10],
        finished=row[11],
    )

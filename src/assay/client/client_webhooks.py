"""Webhooks, as MLflow's client has them.

An event is given as ``"model_version.created"`` or as a ``WebhookEvent``. Assay's own events work
as well; ``assay.entities.webhooks`` lists all of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from assay.client.client_base import ClientBase
from assay.entities.page import Page
from assay.entities.webhooks import (
    Webhook,
    WebhookDelivery,
    WebhookEvent,
    WebhookStatus,
    WebhookTest,
)
from assay.errors import InvalidInput
from assay.store.registry import NewWebhook, WebhookChange
from assay.store.user import local_cause

DEFAULT_PAGE = 100


class WebhookClient(ClientBase):
    """The part of ``Client`` that is about webhooks."""

    def create_webhook(
        self,
        name: str,
        url: str,
        events: Iterable[str | WebhookEvent],
        description: str | None = None,
        secret: str | None = None,
        status: str | WebhookStatus | None = None,
        *,
        reason: str = "",
    ) -> Webhook:
        """Let ``url`` be told of events; with a ``secret`` the messages are signed.

        Raises:
            InvalidInput: name, URL, events or status are none; the URL isn't https or leads to an
                address that isn't public, and the server doesn't allow that.
        """
        webhook = NewWebhook(
            name=name,
            url=url,
            events=_events(events),
            description=description or "",
            secret=secret or "",
            status=WebhookStatus.ACTIVE if status is None else _status(status),
        )
        return self.store.webhooks.create(webhook, cause=local_cause(reason))

    def get_webhook(self, webhook_id: str) -> Webhook:
        """The webhook, without its secret. Raises ``RegistryItemNotFound``."""
        return self.store.webhooks.get(webhook_id)

    def list_webhooks(
        self, max_results: int | None = None, page_token: str | None = None
    ) -> Page[Webhook]:
        """A page of webhooks, the latest made first."""
        return self.store.webhooks.page(
            max_results=max_results or DEFAULT_PAGE, page_token=page_token or None
        )

    def update_webhook(
        self,
        webhook_id: str,
        name: str | None = None,
        description: str | None = None,
        url: str | None = None,
        events: Iterable[str | WebhookEvent] | None = None,
        secret: str | None = None,
        status: str | WebhookStatus | None = None,
        *,
        reason: str = "",
    ) -> Webhook:
        """Change what is given. An empty ``secret`` ends the signing; disabling drops what waits.

        Raises:
            InvalidInput: see ``create_webhook``.
            RegistryItemNotFound: there is no such webhook.
        """
        change = WebhookChange(
            name=name,
            url=url,
            events=None if events is None else _events(events),
            description=description,
            secret=secret,
            status=None if status is None else _status(status),
        )
        return self.store.webhooks.update(webhook_id, change, cause=local_cause(reason))

    def delete_webhook(self, webhook_id: str, *, reason: str = "") -> None:
        """Delete the webhook with its log. Raises ``RegistryItemNotFound``."""
        self.store.webhooks.delete(webhook_id, cause=local_cause(reason))

    def test_webhook(self, webhook_id: str, event: str | WebhookEvent | None = None) -> WebhookTest:
        """Send a made-up message of ``event``, else of its first event, and tell what came of it.

        Raises:
            InvalidInput: there is no such event.
            RegistryItemNotFound: there is no such webhook.
        """
        chosen = None if event is None else as_event(event)
        return self.store.webhooks.test(webhook_id, chosen)

    def list_webhook_deliveries(
        self, webhook_id: str, max_results: int = DEFAULT_PAGE
    ) -> list[WebhookDelivery]:
        """What a webhook was or will be told, the latest first; only Assay keeps that.

        Raises:
            RegistryItemNotFound: there is no such webhook.
        """
        return self.store.webhooks.deliveries(webhook_id, max_results=max_results)


def as_event(event: str | WebhookEvent) -> WebhookEvent:
    """``event``, which may be a text such as ``model_version.created``.

    Raises:
        InvalidInput: it isn't an entity and an action with a dot between.
    """
    entity, dot, action = str(event).partition(".")
    if not (entity and dot and action) or "." in action:
        raise InvalidInput(
            f"Invalid webhook event {str(event)[:80]!r}: write it as 'entity.action', such as"
            " 'model_version.created'."
        )
    return WebhookEvent(entity, action)


def _events(events: Iterable[str | WebhookEvent]) -> list[WebhookEvent]:
    if isinstance(events, str):
        raise InvalidInput("The events of a webhook are a list, such as ['model_version.created'].")
    return [as_event(event) for event in events]


def _status(status: str | WebhookStatus) -> WebhookStatus:
    try:
        return WebhookStatus(str(status))
    except ValueError:
        raise InvalidInput(
            f"Invalid webhook status {str(status)[:80]!r}: it is ACTIVE or DISABLED."
        ) from None

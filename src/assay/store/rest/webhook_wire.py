"""What Assay's routes of webhooks take and give; see ``wire``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from assay.entities.webhooks import WebhookDelivery, WebhookEvent
from assay.store.registry import NewWebhook, WebhookChange


class CreateWebhook(msgspec.Struct, frozen=True):
    """Make a webhook."""

    webhook: NewWebhook
    reason: str = ""


class WebhookName(msgspec.Struct, frozen=True):
    """A webhook."""

    webhook_id: str


class WebhookPage(msgspec.Struct, frozen=True):
    """A page of webhooks, the latest made first."""

    max_results: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100
    page_token: str | None = None


class UpdateWebhook(msgspec.Struct, frozen=True):
    """Change a webhook; what is left out or null stays."""

    webhook_id: str
    change: WebhookChange
    reason: str = ""


class DeleteWebhook(msgspec.Struct, frozen=True):
    """Delete a webhook with its log."""

    webhook_id: str
    reason: str = ""


class TryWebhook(msgspec.Struct, frozen=True):
    """Send a made-up message; without an event, of the webhook's first one."""

    webhook_id: str
    event: WebhookEvent | None = None


class DeliveriesOf(msgspec.Struct, frozen=True):
    """The log of a webhook, the latest first."""

    webhook_id: str
    max_results: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100


class Deliveries(msgspec.Struct, frozen=True):
    """Messages to a webhook."""

    deliveries: list[WebhookDelivery]

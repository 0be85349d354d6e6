"""MLflow's routes for webhooks.

Its clients know its own events only and fail on others, so the events of Assay are left out, and
so is a webhook that has no other. A change of events through these routes leaves them as they are.
"""

# ruff: noqa: RUF012 - msgspec copies an empty default for each struct
from __future__ import annotations

from typing import Annotated

import msgspec

from assay.entities.webhooks import (
    MLFLOW_EVENTS,
    Webhook,
    WebhookEvent,
    WebhookStatus,
    WebhookTest,
)
from assay.errors import InvalidInput, RegistryItemNotFound
from assay.server.context import Context
from assay.server.mlflow_api.wire import (
    Incoming,
    Outgoing,
    Text,
    WireWebhookAction,
    WireWebhookEntity,
    WireWebhookStatus,
    route,
)
from assay.server.routing import Permission, Route
from assay.store.registry import NewWebhook, WebhookChange

DEFAULT_PAGE = 100


class InEvent(Incoming, frozen=True):
    """An event as clients send it."""

    entity: WireWebhookEntity
    action: WireWebhookAction

    def event(self) -> WebhookEvent:
        """The entity.

        Raises:
            InvalidInput: this doesn't happen to that.
        """
        event = WebhookEvent(self.entity.value.lower(), self.action.value.lower())
        if event not in MLFLOW_EVENTS:
            actions = sorted(e.action for e in MLFLOW_EVENTS if e.entity == event.entity)
            raise InvalidInput(
                f"Invalid action '{event.action}' for entity '{event.entity}'."
                f" Valid actions are: {actions}"
            )
        return event


class OutEvent(Outgoing, frozen=True):
    """An event as the server sends it."""

    entity: str
    action: str


class OutWebhook(Outgoing, frozen=True):
    """A webhook as the server sends it; its secret never is."""

    webhook_id: str
    name: str
    url: str
    events: list[OutEvent]
    status: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""


class WebhookReply(Outgoing, frozen=True):
    """One webhook."""

    webhook: OutWebhook


class Create(Incoming, frozen=True):
    """A new webhook."""

    name: Text
    url: Text
    events: list[InEvent]
    description: str = ""
    secret: str = ""
    status: WireWebhookStatus = WireWebhookStatus.ACTIVE


class Page(Incoming, frozen=True):
    """Which webhooks."""

    max_results: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = DEFAULT_PAGE
    page_token: str = ""


class PageReply(Outgoing, frozen=True):
    """A page of webhooks."""

    webhooks: list[OutWebhook] = []
    next_page_token: str = ""


class ById(Incoming, frozen=True):
    """A webhook by id."""

    webhook_id: Text


class Update(Incoming, frozen=True):
    """What changes; what is left out, and an empty name, URL or list, changes nothing."""

    webhook_id: Text
    name: str = ""
    url: str = ""
    events: list[InEvent] = []
    description: str | None = None
    secret: str | None = None
    status: WireWebhookStatus | None = None


class Try(Incoming, frozen=True):
    """A test call; without an event, of the webhook's first one."""

    webhook_id: Text
    event: InEvent | None = None


class OutResult(Outgoing, frozen=True):
    """What a test call met."""

    success: Annotated[bool, msgspec.Meta(description="Whether it was taken.")]
    response_status: int | None = None
    response_body: str = ""
    error_message: str = ""


class TryReply(Outgoing, frozen=True):
    """The result of a test call."""

    result: OutResult


def _shown(webhook: Webhook) -> list[WebhookEvent]:
    return [event for event in webhook.events if event in MLFLOW_EVENTS]


def _visible(context: Context, webhook_id: str) -> Webhook:
    found = context.store.webhooks.get(webhook_id)
    if not _shown(found):
        raise RegistryItemNotFound("webhook", webhook_id)
    return found


def out_webhook(webhook: Webhook) -> OutWebhook:
    """A webhook for the wire."""
    return OutWebhook(
        webhook_id=webhook.webhook_id,
        name=webhook.name,
        url=webhook.url,
        events=[OutEvent(e.entity.upper(), e.action.upper()) for e in _shown(webhook)],
        status=webhook.status.value,
        creation_timestamp=webhook.creation_timestamp,
        last_updated_timestamp=webhook.last_updated_timestamp,
        description=webhook.description,
    )


def out_result(result: WebhookTest) -> OutResult:
    """The result of a test call for the wire."""
    return OutResult(
        success=result.success,
        response_status=result.response_status,
        response_body=result.response_body,
        error_message=result.error_message,
    )


def create(context: Context, request: Create) -> WebhookReply:
    """Make a webhook."""
    made = context.store.webhooks.create(
        NewWebhook(
            name=request.name,
            url=request.url,
            events=[item.event() for item in request.events],
            description=request.description,
            secret=request.secret,
            status=WebhookStatus(request.status.value),
        ),
        cause=context.cause(),
    )
    return WebhookReply(out_webhook(made))


def list_webhooks(context: Context, request: Page) -> PageReply:
    """List webhooks."""
    page = context.store.webhooks.page(
        max_results=request.max_results or DEFAULT_PAGE, page_token=request.page_token or None
    )
    return PageReply([out_webhook(one) for one in page if _shown(one)], page.token or "")


def get(context: Context, request: ById) -> WebhookReply:
    """Read a webhook."""
    return WebhookReply(out_webhook(_visible(context, request.webhook_id)))


def update(context: Context, request: Update) -> WebhookReply:
    """Change a webhook."""
    found = _visible(context, request.webhook_id)
    own = [event for event in found.events if event not in MLFLOW_EVENTS]
    change = WebhookChange(
        name=request.name or None,
        url=request.url or None,
        events=[*(item.event() for item in request.events), *own] if request.events else None,
        description=request.description,
        secret=request.secret,
        status=None if request.status is None else WebhookStatus(request.status.value),
    )
    changed = context.store.webhooks.update(request.webhook_id, change, cause=context.cause())
    return WebhookReply(out_webhook(changed))


def delete(context: Context, request: ById) -> None:
    """Delete a webhook."""
    _visible(context, request.webhook_id)
    context.store.webhooks.delete(request.webhook_id, cause=context.cause())


def test(context: Context, request: Try) -> TryReply:
    """Send a webhook an example."""
    found = _visible(context, request.webhook_id)
    event = _shown(found)[0] if request.event is None else request.event.event()
    return TryReply(out_result(context.store.webhooks.test(request.webhook_id, event)))


_AT = "/mlflow/webhooks"
_ONE = f"{_AT}/{{webhook_id}}"

# A URL may hold what lets its owner be told, so reading is for those who may manage, too.
ROUTES: tuple[Route, ...] = (
    route("POST", _AT, create, permission=Permission.MANAGE),
    route("GET", _AT, list_webhooks, permission=Permission.MANAGE),
    route("GET", _ONE, get, permission=Permission.MANAGE),
    route("PATCH", _ONE, update, permission=Permission.MANAGE),
    route("DELETE", _ONE, delete, permission=Permission.MANAGE),
    route("POST", f"{_ONE}/test", test, permission=Permission.MANAGE),
)

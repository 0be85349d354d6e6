"""Webhooks: with Assay's own events, and the log of what was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.entities.page import Page
from assay.entities.webhooks import Webhook, WebhookTest
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer, done
from assay.server.context import Context
from assay.server.routing import Body, Empty, Permission, Route
from assay.store.rest import webhook_wire as ww
from assay.store.rest import wire

GROUP = "Webhooks"


def create(context: Context, request: ww.CreateWebhook) -> Reply:
    """Make a webhook."""
    cause = context.cause(request.reason)
    return answer(context, context.store.webhooks.create(request.webhook, cause=cause))


def get(context: Context, request: ww.WebhookName) -> Reply:
    """One webhook."""
    return answer(context, context.store.webhooks.get(request.webhook_id))


def page(context: Context, request: ww.WebhookPage) -> Reply:
    """A page of webhooks."""
    found = context.store.webhooks.page(
        max_results=request.max_results, page_token=request.page_token
    )
    return answer(context, found)


def update(context: Context, request: ww.UpdateWebhook) -> Reply:
    """Change a webhook."""
    cause = context.cause(request.reason)
    changed = context.store.webhooks.update(request.webhook_id, request.change, cause=cause)
    return answer(context, changed)


def delete(context: Context, request: ww.DeleteWebhook) -> Reply:
    """Delete a webhook."""
    context.store.webhooks.delete(request.webhook_id, cause=context.cause(request.reason))
    return done(context)


def test(context: Context, request: ww.TryWebhook) -> Reply:
    """Send a made-up message."""
    return answer(context, context.store.webhooks.test(request.webhook_id, request.event))


def deliveries(context: Context, request: ww.DeliveriesOf) -> Reply:
    """The log of a webhook."""
    found = context.store.webhooks.deliveries(request.webhook_id, max_results=request.max_results)
    return answer(context, ww.Deliveries(found))


def _route(
    path: str,
    handler: Callable[[Context, Any], Reply],
    *,
    request: Any,
    response: Any,
    summary: str,
) -> Route:
    reads = path in ("get", "page", "deliveries")
    # A URL may hold what lets its owner be told, so reading is for those who may manage, too.
    return Route(
        method="GET" if reads else "POST",
        path=f"{wire.PREFIX}/webhooks/{path}",
        handler=handler,
        permission=Permission.MANAGE,
        summary=summary,
        request=request,
        response=response,
        body=None if reads else Body.MSGPACK,
        group=GROUP,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "create",
        create,
        request=ww.CreateWebhook,
        response=Webhook,
        summary="Make a webhook; its secret is never shown again.",
    ),
    _route(
        "update",
        update,
        request=ww.UpdateWebhook,
        response=Webhook,
        summary="Change a webhook; what is left out stays.",
    ),
    _route(
        "delete",
        delete,
        request=ww.DeleteWebhook,
        response=Empty,
        summary="Delete a webhook with its log.",
    ),
    _route(
        "test",
        test,
        request=ww.TryWebhook,
        response=WebhookTest,
        summary="Send a made-up message now, and tell what came of it.",
    ),
    _route(
        "get",
        get,
        request=ww.WebhookName,
        response=Webhook,
        summary="One webhook.",
    ),
    _route(
        "page",
        page,
        request=ww.WebhookPage,
        response=Page[Webhook],
        summary="Webhooks, the latest made first.",
    ),
    _route(
        "deliveries",
        deliveries,
        request=ww.DeliveriesOf,
        response=ww.Deliveries,
        summary="What a webhook was or will be told, the latest first.",
    ),
)

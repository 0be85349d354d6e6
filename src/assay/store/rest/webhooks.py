"""Webhooks of a server. A plain MLflow server has them too, without a log of what was told."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from assay.entities.audit import Cause
from assay.entities.page import Page
from assay.entities.webhooks import (
    Webhook,
    WebhookDelivery,
    WebhookEvent,
    WebhookStatus,
    WebhookTest,
)
from assay.errors import RegistryItemNotFound
from assay.store.registry import NewWebhook, WebhookChange, WebhookStore
from assay.store.rest import mlflow_wire as mw
from assay.store.rest import webhook_wire as ww
from assay.store.rest.server import Server

_AT: Final = "/webhooks"
_IN_PATH = re.compile(r"[\w\-]{1,256}\Z", re.ASCII)


class _Event(msgspec.Struct, frozen=True):
    entity: str
    action: str


class _Webhook(msgspec.Struct, frozen=True):
    webhook_id: str
    name: str
    url: str
    events: list[_Event]
    status: WebhookStatus = WebhookStatus.ACTIVE
    description: str = ""
    creation_timestamp: int = 0
    last_updated_timestamp: int = 0

    def entity(self) -> Webhook:
        """The webhook; MLflow doesn't tell whether it has a secret."""
        return Webhook(
            webhook_id=self.webhook_id,
            name=self.name,
            url=self.url,
            events=[WebhookEvent(e.entity.lower(), e.action.lower()) for e in self.events],
            description=self.description,
            status=self.status,
            creation_timestamp=self.creation_timestamp,
            last_updated_timestamp=self.last_updated_timestamp,
        )


class _WebhookAnswer(msgspec.Struct, frozen=True):
    webhook: _Webhook


class _PageAnswer(msgspec.Struct, frozen=True):
    webhooks: list[_Webhook] = []
    next_page_token: str = ""


class _TestAnswer(msgspec.Struct, frozen=True):
    result: WebhookTest


class RestWebhooks(WebhookStore):
    """Webhooks over HTTP."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, webhook: NewWebhook, *, cause: Cause) -> Webhook:  # noqa: D102 - the contract is in the base class
        if self._server.is_assay:
            return self._server.assay(
                f"{_AT}/create",
                Webhook,
                ww.CreateWebhook(webhook, cause.reason),
                repeatable=False,
            )
        answer = self._server.mlflow(
            "POST",
            _AT,
            _WebhookAnswer,
            body={
                "name": webhook.name,
                "url": webhook.url,
                "events": [_wire_event(event) for event in webhook.events],
                "description": webhook.description or None,
                "secret": webhook.secret or None,
                "status": webhook.status.value,
            },
            repeatable=False,
        )
        return answer.webhook.entity()

    def get(self, webhook_id: str) -> Webhook:  # noqa: D102
        if self._server.is_assay:
            return self._server.assay(f"{_AT}/get", Webhook, query={"webhook_id": webhook_id})
        return self._server.mlflow("GET", _path(webhook_id), _WebhookAnswer).webhook.entity()

    def page(self, *, max_results: int = 100, page_token: str | None = None) -> Page[Webhook]:  # noqa: D102
        query: dict[str, str | list[str]] = {"max_results": str(max_results)}
        if page_token:
            query["page_token"] = page_token
        if self._server.is_assay:
            return self._server.assay(f"{_AT}/page", Page[Webhook], query=query)
        answer = self._server.mlflow("GET", _AT, _PageAnswer, query=query)
        return Page([one.entity() for one in answer.webhooks], answer.next_page_token or None)

    def update(self, webhook_id: str, change: WebhookChange, *, cause: Cause) -> Webhook:  # noqa: D102
        if self._server.is_assay:
            request = ww.UpdateWebhook(webhook_id, change, cause.reason)
            return self._server.assay(f"{_AT}/update", Webhook, request)
        body: dict[str, Any] = {
            "name": change.name,
            "url": change.url,
            "description": change.description,
            "secret": change.secret,
            "status": change.status,
        }
        if change.events is not None:
            body["events"] = [_wire_event(event) for event in change.events]
        answer = self._server.mlflow("PATCH", _path(webhook_id), _WebhookAnswer, body=body)
        return answer.webhook.entity()

    def delete(self, webhook_id: str, *, cause: Cause) -> None:  # noqa: D102
        if self._server.is_assay:
            request = ww.DeleteWebhook(webhook_id, cause.reason)
            self._server.assay(f"{_AT}/delete", mw.Nothing, request, repeatable=False)
            return
        self._server.mlflow("DELETE", _path(webhook_id), mw.Nothing, body={}, repeatable=False)

    def deliveries(self, webhook_id: str, *, max_results: int = 100) -> list[WebhookDelivery]:  # noqa: D102
        self._server.require_assay("tell what a webhook was told")
        query = {"webhook_id": webhook_id, "max_results": str(max(1, min(max_results, 1_000)))}
        return self._server.assay(f"{_AT}/deliveries", ww.Deliveries, query=query).deliveries

    def test(self, webhook_id: str, event: WebhookEvent | None = None) -> WebhookTest:  # noqa: D102
        if self._server.is_assay:
            return self._server.assay(
                f"{_AT}/test", WebhookTest, ww.TryWebhook(webhook_id, event), repeatable=False
            )
        answer = self._server.mlflow(
            "POST",
            f"{_path(webhook_id)}/test",
            _TestAnswer,
            body={"event": None if event is None else _wire_event(event)},
            repeatable=False,
        )
        return answer.result


def _wire_event(event: WebhookEvent) -> dict[str, str]:
    return {"entity": event.entity.upper(), "action": event.action.upper()}


def _path(webhook_id: str) -> str:
    if not _IN_PATH.match(webhook_id):
        # Slashes and dots would name another route.
        raise RegistryItemNotFound("webhook", webhook_id)
    return f"{_AT}/{webhook_id}"

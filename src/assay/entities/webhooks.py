"""Webhooks: who is told of what happens in the registry. Names are MLflow's."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import msgspec


class WebhookStatus(StrEnum):
    """Whether a webhook is told."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


class WebhookEvent(msgspec.Struct, frozen=True):
    """What happened to what, as ``model_version.created``."""

    entity: str
    action: str

    def __str__(self) -> str:
        return f"{self.entity}.{self.action}"


MLFLOW_EVENTS: Final = frozenset(
    WebhookEvent(entity, action)
    for entity, actions in {
        "registered_model": ("created",),
        "model_version": ("created",),
        "model_version_tag": ("set", "deleted"),
        "model_version_alias": ("created", "deleted"),
        "prompt": ("created",),
        "prompt_version": ("created",),
        "prompt_tag": ("set", "deleted"),
        "prompt_version_tag": ("set", "deleted"),
        "prompt_alias": ("created", "deleted"),
        "budget_policy": ("exceeded",),
    }.items()
    for action in actions
)
"""Events that MLflow 3.17's clients know."""
OWN_EVENTS: Final = frozenset(
    WebhookEvent("transition_request", action)
    for action in ("created", "approved", "completed", "closed")
) | {
    WebhookEvent("model_version_stage", "changed"),
    WebhookEvent("model_version", "rolled_back"),
    WebhookEvent("model_version", "alerted"),
}
"""Events of Assay, which MLflow's routes leave out of what they show."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook, without its secret."""

    webhook_id: str
    name: str
    url: str
    events: list[WebhookEvent]
    description: str = ""
    status: WebhookStatus = WebhookStatus.ACTIVE
    has_secret: bool = False
    creation_timestamp: int = 0
    last_updated_timestamp: int = 0


class DeliveryStatus(StrEnum):
    """What became of telling a webhook."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up after the last retry."""


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one webhook; written in the transaction of the change it tells about."""

    delivery_id: str
    webhook_id: str
    event: WebhookEvent
    payload: dict[str, Any]
    created: int
    status: DeliveryStatus = DeliveryStatus.WAITING
    attempts: int = 0
    next_time: int = 0
    """When it is tried (again); ms."""
    response_status: int | None = None
    error: str = ""
    finished: int | None = None


class WebhookTest(msgspec.Struct, frozen=True, kw_only=True):
    """What a test call met."""

    success: bool
    response_status: int | None = None
    response_body: str = ""
    error_message: str = ""

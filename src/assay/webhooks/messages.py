"""Messages: what a webhook is told, and how it can tell that it was us.

Body, headers and signature are those of MLflow, so a receiver written for it takes both
(docs/guides/webhooks.md). The timestamp in the body is the time of the change; that in the header,
which is signed, the time of sending.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from assay.entities.webhooks import WebhookEvent
from assay.version import __version__

ID_HEADER: Final = "X-MLflow-Delivery-Id"
TIMESTAMP_HEADER: Final = "X-MLflow-Timestamp"
SIGNATURE_HEADER: Final = "X-MLflow-Signature"
_SCHEME: Final = "v1"
_encode = msgspec.json.Encoder().encode


def body(event: WebhookEvent, data: Mapping[str, Any] | msgspec.Raw, *, time_ms: int) -> bytes:
    """The message that tells of an event; ``data`` may be JSON already."""
    when = datetime.fromtimestamp(time_ms / 1_000, tz=UTC).isoformat(timespec="milliseconds")
    return _encode(
        {"entity": event.entity, "action": event.action, "timestamp": when, "data": data}
    )


def headers(content: bytes, *, secret: str, delivery_id: str, sent_s: int) -> dict[str, str]:
    """The headers of a message; without a secret it isn't signed."""
    made = {
        "Content-Type": "application/json",
        "User-Agent": f"assay/{__version__}",
        ID_HEADER: delivery_id,
        TIMESTAMP_HEADER: str(sent_s),
    }
    if secret:
        made[SIGNATURE_HEADER] = sign(
            content, secret=secret, delivery_id=delivery_id, timestamp=str(sent_s)
        )
    return made


def sign(content: bytes, *, secret: str, delivery_id: str, timestamp: str) -> str:
    """``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    signed = b".".join((delivery_id.encode(), timestamp.encode(), content))
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return f"{_SCHEME},{base64.b64encode(digest).decode()}"


def example(event: WebhookEvent) -> dict[str, Any]:
    """What a test call says: made up, with the fields of the real thing."""
    return dict(_EXAMPLES[str(event)])


_NAMED: Final = {"name": "digits", "version": "3"}
_TAG: Final = {"key": "checked", "value": "yes"}
_NEW: Final = {"tags": {"team": "vision"}, "description": "An example."}
_REQUEST: Final = {
    **_NAMED,
    "request_id": "0123456789abcdef0123456789abcdef",
    "target": "Production",
    "status": "open",
    "status_reason": "",
    "requested_by": "alice",
}
_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "registered_model.created": {"name": "digits", **_NEW},
    "model_version.created": {
        **_NAMED,
        "source": "models:/m-0123456789abcdef0123456789abcdef",
        "run_id": "fedcba9876543210fedcba9876543210",
        **_NEW,
    },
    "model_version_tag.set": {**_NAMED, **_TAG},
    "model_version_tag.deleted": {**_NAMED, "key": "checked"},
    "model_version_alias.created": {"name": "digits", "alias": "champion", "version": "3"},
    "model_version_alias.deleted": {"name": "digits", "alias": "champion"},
    "prompt.created": {"name": "greeting", **_NEW},
    "prompt_version.created": {
        "name": "greeting",
        "version": "3",
        "template": "Good morning, {{name}}.",
        **_NEW,
    },
    "prompt_tag.set": {"name": "greeting", **_TAG},
    "prompt_tag.deleted": {"name": "greeting", "key": "checked"},
    "prompt_version_tag.set": {"name": "greeting", "version": "3", **_TAG},
    "prompt_version_tag.deleted": {"name": "greeting", "version": "3", "key": "checked"},
    "prompt_alias.created": {"name": "greeting", "alias": "live", "version": "3"},
    "prompt_alias.deleted": {"name": "greeting", "alias": "live"},
    "budget_policy.exceeded": {
        "budget_policy_id": "bp-0123456789abcdef",
        "budget_unit": "USD",
        "budget_amount": 250.0,
        "current_spend": 251.75,
        "duration_unit": "WEEKS",
        "duration_value": 1,
        "target_scope": "GLOBAL",
        "workspace": "default",
        "target_value": None,
        "window_start": 1_767_225_600_000,
    },
    "model_version_stage.changed": {**_NAMED, "from_stage": "Staging", "to_stage": "Production"},
    "model_version.rolled_back": {
        **_NAMED,
        "target": "Production",
        "reason": "An example.",
    },
    "model_version.alerted": {
        **_NAMED,
        "kind": "drift",
        "message": "An example.",
        "details": {"column": "pixel_7"},
    },
    **{
        f"transition_request.{action}": {**_REQUEST, "status": status}
        for action, status in (
            ("created", "open"),
            ("approved", "open"),
            ("completed", "completed"),
            ("closed", "rejected"),
        )
    },
}

"""What every resource of MLflow's REST API shares on the wire: enums, constraints, tags, metrics,
names of routes.

Requests forbid unknown fields so that msgspec's fast road refuses what the lenient road must look
at (camelCase
names, see ``server.decoding``); the lenient road then drops what nobody knows. Responses omit empty
fields, as
protobuf's JSON does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Annotated, Any, Final, get_type_hints

import msgspec

from assay.entities.lifecycle import ViewType
from assay.entities.metrics import Metric
from assay.entities.runs import RunStatus
from assay.entities.tags import Tag
from assay.errors import InvalidInput
from assay.server.context import Handler
from assay.server.routing import Body, Dialect, Empty, Permission, Route

API = "/api/2.0"
AJAX = "/ajax-api/2.0"
LARGEST_DOUBLE = 1.7976931348623157e308
"""What ±inf becomes in MLflow's JSON; Assay's own routes keep it."""

MAX_REASON_LENGTH = 2_000
"""Characters of the reason of a change, which its audit record keeps for ever."""

Text = Annotated[str, msgspec.Meta(min_length=1)]
"""A required text: empty counts as missing, as in MLflow."""
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class WireViewType(Enum):
    """Names of ``ViewType`` on the wire."""

    ACTIVE_ONLY = "ACTIVE_ONLY"
    DELETED_ONLY = "DELETED_ONLY"
    ALL = "ALL"

    def view(self) -> ViewType:
        """The entity."""
        return ViewType[self.value]


class WireModelStatus(Enum):
    """Names of ``LoggedModelStatus`` on the wire."""

    UNSPECIFIED = "LOGGED_MODEL_STATUS_UNSPECIFIED"
    PENDING = "LOGGED_MODEL_PENDING"
    READY = "LOGGED_MODEL_READY"
    FAILED = "LOGGED_MODEL_UPLOAD_FAILED"


class WireWebhookStatus(Enum):
    """Names of ``WebhookStatus``."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


class WireWebhookEntity(Enum):
    """What a webhook may be told of; in lower case the entity's own word."""

    REGISTERED_MODEL = "REGISTERED_MODEL"
    MODEL_VERSION = "MODEL_VERSION"
    MODEL_VERSION_TAG = "MODEL_VERSION_TAG"
    MODEL_VERSION_ALIAS = "MODEL_VERSION_ALIAS"
    PROMPT = "PROMPT"
    PROMPT_VERSION = "PROMPT_VERSION"
    PROMPT_TAG = "PROMPT_TAG"
    PROMPT_VERSION_TAG = "PROMPT_VERSION_TAG"
    PROMPT_ALIAS = "PROMPT_ALIAS"
    BUDGET_POLICY = "BUDGET_POLICY"


class WireWebhookAction(Enum):
    """What became of it."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    SET = "SET"
    EXCEEDED = "EXCEEDED"


ENUM_NUMBERS: Final[Mapping[type, Mapping[int, str]]] = {
    WireViewType: {1: "ACTIVE_ONLY", 2: "DELETED_ONLY", 3: "ALL"},
    RunStatus: {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"},
    WireModelStatus: {
        0: "LOGGED_MODEL_STATUS_UNSPECIFIED",
        1: "LOGGED_MODEL_PENDING",
        2: "LOGGED_MODEL_READY",
        3: "LOGGED_MODEL_UPLOAD_FAILED",
    },
    WireWebhookStatus: dict(enumerate(("ACTIVE", "DISABLED"), 1)),
    WireWebhookEntity: dict(enumerate((one.value for one in WireWebhookEntity), 1)),
    WireWebhookAction: dict(enumerate((one.value for one in WireWebhookAction), 1)),
}
"""protobuf's numbers of the enums, which clients may send instead of names."""


class Incoming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of request structs."""


class Outgoing(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of response structs."""


class Reasoned(Incoming, frozen=True, kw_only=True):
    """Base of requests that change the registry. MLflow's clients know no reason, and its servers
    ignore one.
    """

    reason: Annotated[str, msgspec.Meta(max_length=MAX_REASON_LENGTH)] = ""


class KeyValue(Incoming, frozen=True):
    """A tag or param as clients send it."""

    key: Text
    value: str = ""


class OutPair(Outgoing, frozen=True):
    """A tag or param as the server sends it."""

    key: str
    value: str


class OutMetric(Outgoing, frozen=True):
    """One point as the server sends it."""

    key: str
    value: float | str
    """A number, or ``"NaN"``."""
    timestamp: int
    step: int
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


def out_value(value: float) -> float | str:
    """A metric's value in MLflow's JSON."""
    if value - value == 0.0:
        return value
    if value != value:  # noqa: PLR0124 - the test for NaN that needs no call
        return "NaN"
    return LARGEST_DOUBLE if value > 0 else -LARGEST_DOUBLE


def out_metric(point: Metric, run_id: str | None = None) -> OutMetric:
    """A point for the wire, with its run where that is not clear from the request."""
    return OutMetric(
        key=point.key,
        value=out_value(point.value),
        timestamp=point.timestamp,
        step=point.step,
        model_id=point.model_id or None,
        dataset_name=point.dataset_name or None,
        dataset_digest=point.dataset_digest or None,
        run_id=run_id,
    )


def out_pairs(values: Mapping[str, str]) -> list[OutPair]:
    """Tags or params for the wire."""
    return [OutPair(key, value) for key, value in values.items()]


def tags_of(pairs: Iterable[KeyValue]) -> dict[str, str]:
    """Tags from the wire; of equal keys the last wins."""
    return {pair.key: pair.value for pair in pairs}


def tag_list(pairs: Iterable[KeyValue]) -> list[Tag]:
    """Tags from the wire, in order."""
    return [Tag(pair.key, pair.value) for pair in pairs]


def run_id_of(run_id: str | None, run_uuid: str | None) -> str:
    """The run's id under either of its names.

    Raises:
        InvalidInput: neither is given.
    """
    chosen = run_id or run_uuid
    if not chosen:
        raise InvalidInput(
            "Missing value for required parameter 'run_id'."
            " See the API docs for more information about request parameters."
        )
    return chosen


def route(
    method: str,
    path: str,
    handler: Handler,
    *,
    permission: Permission,
    body: Body | None = None,
    ajax_only: bool = False,
    group: str = "",
    max_body_bytes: int | None = None,
) -> Route:
    """A route of MLflow's API under both of its prefixes.

    Request and response structs are those of the handler's annotations, the summary is its
    docstring.
    """
    first, *twins = [AJAX] if ajax_only else [API, AJAX]
    hints = get_type_hints(handler)
    answer = hints["return"]
    return Route(
        method=method,
        path=first + path,
        twins=tuple(prefix + path for prefix in twins),
        handler=handler,
        permission=permission,
        request=hints["request"],
        response=Empty if answer is type(None) else _struct_or_none(answer),
        summary=(handler.__doc__ or "").partition("\n")[0].rstrip("."),
        group=group or handler.__module__.rpartition(".")[2].replace("_", " ").capitalize(),
        body=body,
        max_body_bytes=max_body_bytes,
        dialect=Dialect.MLFLOW,
    )


def _struct_or_none(answer: Any) -> Any:
    return answer if isinstance(answer, type) and issubclass(answer, Outgoing) else None

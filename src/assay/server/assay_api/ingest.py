"""Ingest: deliveries of journals, applied exactly once."""

from __future__ import annotations

import msgspec

from assay.entities.ids import WriterId
from assay.entities.operations import Delivery, EnsureExperiment, Receipt, Refusal
from assay.errors import InvalidInput
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.locations import Locations
from assay.server.routing import Body, Permission, Route
from assay.store.rest import wire

GROUP = "Ingest"


class WriterName(msgspec.Struct, frozen=True):
    """A writer."""

    writer_id: WriterId


def ingest(context: Context, request: Delivery) -> Reply:
    """Apply a delivery; a repeat is acknowledged and ignored.

    An experiment at a place that this server must not use is refused alone: the rest of the
    delivery stands, as with every other operation that breaks a rule.
    """
    refused = _forbidden(request, context.services.locations)
    if not refused:
        return answer(context, context.store.apply(request))
    kept = [index for index in range(len(request.operations)) if index not in refused]
    receipt = context.store.apply(
        msgspec.structs.replace(request, operations=[request.operations[i] for i in kept])
    )
    by_store = [
        msgspec.structs.replace(refusal, index=kept[refusal.index]) for refusal in receipt.refusals
    ]
    refusals = sorted([*refused.values(), *by_store], key=lambda refusal: refusal.index)
    return answer(
        context,
        msgspec.structs.replace(receipt, refusals=refusals if receipt.applied else []),
    )


def _forbidden(delivery: Delivery, locations: Locations) -> dict[int, Refusal]:
    refused: dict[int, Refusal] = {}
    for index, operation in enumerate(delivery.operations):
        if isinstance(operation, EnsureExperiment) and operation.artifact_location:
            try:
                locations.check(operation.artifact_location)
            except InvalidInput as error:
                refused[index] = Refusal(index, error.error_code, error.message)
    return refused


def position(context: Context, request: WriterName) -> Reply:
    """Where the last applied delivery of a writer ended."""
    return answer(context, wire.Position(context.store.position(request.writer_id)))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/ingest",
        handler=ingest,
        permission=Permission.WRITE,
        summary="Apply what a client's journal holds between two positions, exactly once.",
        request=Delivery,
        response=Receipt,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/writers/{writer_id}/position",
        handler=position,
        permission=Permission.READ,
        summary="Up to where a client's journal has been applied; 0 for an unknown one.",
        request=WriterName,
        response=wire.Position,
        group=GROUP,
    ),
)

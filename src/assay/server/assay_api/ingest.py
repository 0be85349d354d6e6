"""Ingest: deliveries of journals, applied exactly once."""

from __future__ import annotations

import msgspec

from assay.entities.ids import WriterId
from assay.entities.operations import Delivery, Receipt
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.replies import Reply
from assay.server.routing import Body, Permission, Route
from assay.store.rest import wire

GROUP = "Ingest"


class WriterName(msgspec.Struct, frozen=True):
    """A writer."""

    writer_id: WriterId


def ingest(context: Context, request: Delivery) -> Reply:
    """Apply a delivery; a repeat is acknowledged and ignored."""
    return answer(context, context.store.apply(request))


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

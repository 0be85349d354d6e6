"""Lineage: what came of what, from data set to deployment."""

from __future__ import annotations

from assay.entities.governance import Lineage
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.routing import Permission, Route
from assay.store.rest import registry_governance_wire as wire

GROUP = "Lineage"


def graph(context: Context, request: wire.LineageQuery) -> Reply:
    """Everything connected with one thing."""
    found = context.store.lineage.graph(
        request.kind,
        request.id,
        direction=request.direction,
        depth=request.depth,
        limit=request.limit,
    )
    return answer(context, found)


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=wire.PREFIX + "/lineage",
        handler=graph,
        permission=Permission.READ,
        summary="Data sets, runs, models, versions and deployments around one of them.",
        request=wire.LineageQuery,
        response=Lineage,
        group=GROUP,
    ),
)

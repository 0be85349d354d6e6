"""Deployments: where versions were put to work, and what the servers there count.

Scoring servers push their figures; this server asks none of them, for it fetches nothing that
somebody names.
"""

from __future__ import annotations

import time

from assay.entities.governance import Deployment
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer, done
from assay.server.context import Context
from assay.server.routing import Body, Empty, Permission, Route
from assay.store.rest import registry_governance_wire as wire

GROUP = "Deployments"


def record(context: Context, request: wire.RecordDeployment) -> Reply:
    """Note a deployment."""
    cause = context.cause(request.reason)
    return answer(context, context.store.deployments.record(request.deployment, cause=cause))


def end(context: Context, request: wire.EndDeployment) -> Reply:
    """Note that a deployment is over."""
    cause = context.cause(request.reason)
    return answer(context, context.store.deployments.end(request.deployment_id, cause=cause))


def alert(context: Context, request: wire.RaiseAlert) -> Reply:
    """Tell what is wrong with a version."""
    context.store.deployments.alert(request.alert, cause=context.cause(request.reason))
    return done(context)


def of_version(context: Context, request: wire.DeploymentQuery) -> Reply:
    """Deployments of all, of a model, or of a version."""
    found = context.store.deployments.of(name=request.name, version=request.version)
    return answer(context, wire.Deployments(found))


def tell(context: Context, request: wire.TellFigures) -> Reply:
    """Keep what a scoring server counted."""
    context.store.deployments.tell(request.figures)
    return done(context)


def figures(context: Context, request: wire.FiguresQuery) -> Reply:
    """What scoring servers told of the last hour."""
    found = context.store.deployments.figures(name=request.name)
    return answer(context, wire.Figures(found, time=time.time_ns() // 1_000_000))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/deployments/record",
        handler=record,
        permission=Permission.WRITE,
        summary="Note a deployment of a version; the same id again replaces what is noted of it.",
        request=wire.RecordDeployment,
        response=Deployment,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/deployments/end",
        handler=end,
        permission=Permission.WRITE,
        summary="Note that a deployment is over.",
        request=wire.EndDeployment,
        response=Deployment,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/deployments/alert",
        handler=alert,
        permission=Permission.WRITE,
        summary="Tell what is wrong with a version that is served, for the audit log and webhooks.",
        request=wire.RaiseAlert,
        response=Empty,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/deployments/list",
        handler=of_version,
        permission=Permission.READ,
        summary="Deployments, the latest first.",
        request=wire.DeploymentQuery,
        response=wire.Deployments,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/deployments/tell",
        handler=tell,
        permission=Permission.WRITE,
        summary="Keep what a scoring server counted over the last hour, in place of what it told.",
        request=wire.TellFigures,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/deployments/figures",
        handler=figures,
        permission=Permission.READ,
        summary="What scoring servers counted over the last hour, by server, version and minute.",
        request=wire.FiguresQuery,
        response=wire.Figures,
        group=GROUP,
    ),
)

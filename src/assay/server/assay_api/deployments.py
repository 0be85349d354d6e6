"""Deployments: where versions were put to work."""

from __future__ import annotations

from assay.entities.governance import Deployment
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.replies import Reply
from assay.server.routing import Body, Permission, Route
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


def of_version(context: Context, request: wire.DeploymentQuery) -> Reply:
    """Deployments of all, of a model, or of a version."""
    found = context.store.deployments.of(name=request.name, version=request.version)
    return answer(context, wire.Deployments(found))


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
        method="GET",
        path=wire.PREFIX + "/deployments/list",
        handler=of_version,
        permission=Permission.READ,
        summary="Deployments, the latest first.",
        request=wire.DeploymentQuery,
        response=wire.Deployments,
        group=GROUP,
    ),
)

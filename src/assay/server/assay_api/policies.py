"""Policies: set, removed, read as they are kept, and taken apart for programs and pages."""

from __future__ import annotations

from assay.entities.transitions import PolicyRevision
from assay.http.replies import Reply
from assay.policies.policy import describe as describe_policy
from assay.policies.policy import parse_policy
from assay.server.assay_api.encoding import answer, done
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.rest import registry_governance_wire as wire

GROUP = "Policies"


def set_policy(context: Context, request: wire.SetPolicy) -> Reply:
    """Set a policy."""
    cause = context.cause(request.reason)
    return answer(context, context.store.policies.set(request.name, request.text, cause=cause))


def remove(context: Context, request: wire.RemovePolicy) -> Reply:
    """Take a policy away."""
    context.store.policies.remove(request.name, cause=context.cause(request.reason))
    return done(context)


def get(context: Context, request: wire.ModelName) -> Reply:
    """The policy that holds for a model."""
    return answer(context, wire.PolicyFound(context.store.policies.find(request.name)))


def revisions(context: Context, request: wire.ModelName) -> Reply:
    """All revisions of a policy."""
    return answer(context, wire.PolicyRevisions(context.store.policies.revisions(request.name)))


def describe(context: Context, request: wire.ModelName) -> Reply:
    """The policy that holds for a model, taken apart."""
    found = context.store.policies.find(request.name)
    described = None if found is None else describe_policy(parse_policy(found.text))
    return answer(context, wire.PolicyDescription(found, described))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/policies/set",
        handler=set_policy,
        permission=Permission.MANAGE,
        summary="Set the policy of a registered model, or the default one (an empty name).",
        request=wire.SetPolicy,
        response=PolicyRevision,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/policies/remove",
        handler=remove,
        permission=Permission.MANAGE,
        summary="Take a policy away; its revisions stay.",
        request=wire.RemovePolicy,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/policies/get",
        handler=get,
        permission=Permission.READ,
        summary="The policy that holds for a model: its own, else the default one, else null.",
        request=wire.ModelName,
        response=wire.PolicyFound,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/policies/revisions",
        handler=revisions,
        permission=Permission.READ,
        summary="All revisions of a policy, the newest first.",
        request=wire.ModelName,
        response=wire.PolicyRevisions,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/policies/describe",
        handler=describe,
        permission=Permission.READ,
        summary="The policy that holds for a model, taken apart: stages, gates, approvals.",
        request=wire.ModelName,
        response=wire.PolicyDescription,
        group=GROUP,
    ),
)

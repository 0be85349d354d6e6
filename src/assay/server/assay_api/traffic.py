"""Traffic: which versions are tried on a part of a model's requests, changed in somebody's name.

The rule is a tag of the model, which scoring servers read; whoever may set a tag may change it.
"""

from __future__ import annotations

from msgspec.structs import replace

from assay.client.version_uris import find_version
from assay.entities.transitions import RequestStatus, TransitionRequest
from assay.errors import AliasNotFound, NotFound
from assay.http.replies import Reply
from assay.policies.traffic import TrafficRule
from assay.registry.trials import put_on_trial, rule_of, take_off_trial, version_to_promote
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.rest import registry_governance_wire as wire

GROUP = "Traffic"


def get(context: Context, request: wire.TrafficQuery) -> Reply:
    """The rule of a model."""
    return _told(context, request.name, rule_of(context.store, request.name))


def try_version(context: Context, request: wire.TryVersion) -> Reply:
    """Put a version on trial, or change its share."""
    changed = put_on_trial(
        context.store,
        request.name,
        request.selector,
        request.percent,
        shadow=request.shadow,
        sticky=request.sticky,
        cause=context.cause(request.reason),
    )
    return _told(context, request.name, changed)


def stop(context: Context, request: wire.StopTrial) -> Reply:
    """Take a version out."""
    cause = context.cause(request.reason)
    changed = take_off_trial(context.store, request.name, request.selector, cause=cause)
    return _told(context, request.name, changed)


def promote(context: Context, request: wire.PromoteTrial) -> Reply:
    """Ask for the version on trial to be moved; once it has, the trial ends."""
    name, selector, to = request.name, request.selector, request.to
    version = version_to_promote(context.store, name, selector, to=to)
    cause = context.cause(request.reason)
    asked = context.store.requests.create(name, version, to, cause=cause)
    if asked.status is RequestStatus.COMPLETED:
        done = replace(cause, reason=f"promoted to {to}")
        take_off_trial(context.store, name, selector, cause=done)
    return answer(context, asked)


def _told(context: Context, name: str, rule: TrafficRule) -> Reply:
    versions: dict[str, int | None] = {}
    for selector in (*rule.canaries, *rule.shadows):
        try:
            versions[selector] = find_version(context.store, name, selector).version
        except (NotFound, AliasNotFound):
            versions[selector] = None
    return answer(context, wire.Traffic(rule, versions))


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=wire.PREFIX + "/traffic/get",
        handler=get,
        permission=Permission.READ,
        summary="Which versions of a model are tried, and on which part of its requests.",
        request=wire.TrafficQuery,
        response=wire.Traffic,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/traffic/try",
        handler=try_version,
        permission=Permission.WRITE,
        summary="Try a version on a part of a model's requests, or change its part.",
        request=wire.TryVersion,
        response=wire.Traffic,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/traffic/stop",
        handler=stop,
        permission=Permission.WRITE,
        summary="End the trial of a version.",
        request=wire.StopTrial,
        response=wire.Traffic,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/traffic/promote",
        handler=promote,
        permission=Permission.WRITE,
        summary="Ask for the version on trial to be moved; once it has moved, the trial ends.",
        request=wire.PromoteTrial,
        response=TransitionRequest,
        body=Body.MSGPACK,
        group=GROUP,
    ),
)

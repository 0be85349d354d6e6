"""Requests: asked for, checked by workers, approved or rejected by people; and rollbacks."""

from __future__ import annotations

from assay.entities.page import Page
from assay.entities.transitions import TransitionRequest
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.rest import registry_governance_wire as wire

GROUP = "Transition requests"


def create(context: Context, request: wire.CreateRequest) -> Reply:
    """Ask for a move."""
    made = context.store.requests.create(
        request.name, request.version, request.target, cause=context.cause(request.reason)
    )
    return answer(context, made)


def get(context: Context, request: wire.RequestName) -> Reply:
    """One request."""
    return answer(context, context.store.requests.get(request.request_id))


def search(context: Context, request: wire.RequestQuery) -> Reply:
    """A page of requests."""
    found = context.store.requests.search(
        name=request.name,
        version=request.version,
        statuses=request.statuses,
        max_results=request.max_results,
        page_token=request.page_token,
    )
    return answer(context, found)


def approve(context: Context, request: wire.RequestAct) -> Reply:
    """Say yes."""
    cause = context.cause(request.reason)
    return answer(context, context.store.requests.approve(request.request_id, cause=cause))


def reject(context: Context, request: wire.RequestAct) -> Reply:
    """Say no."""
    cause = context.cause(request.reason)
    return answer(context, context.store.requests.reject(request.request_id, cause=cause))


def cancel(context: Context, request: wire.RequestAct) -> Reply:
    """Take a request back."""
    cause = context.cause(request.reason)
    return answer(context, context.store.requests.cancel(request.request_id, cause=cause))


def claim(context: Context, request: wire.ClaimRequest) -> Reply:
    """Take the pending checks of a request."""
    found = context.store.requests.claim(
        request.worker,
        lease_s=request.lease_s,
        request_id=request.request_id,
        cause=context.cause(request.reason),
    )
    return answer(context, wire.RequestFound(found))


def record_checks(context: Context, request: wire.RecordChecks) -> Reply:
    """Keep what a worker found."""
    changed = context.store.requests.record_checks(
        request.request_id,
        request.results,
        worker=request.worker,
        cause=context.cause(request.reason),
    )
    return answer(context, changed)


def rollback(context: Context, request: wire.Rollback) -> Reply:
    """Give a place back to whom it had before."""
    cause = context.cause(request.reason)
    held = context.store.requests.rollback(request.name, request.target, cause=cause)
    return answer(context, wire.Versions(held))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/requests/create",
        handler=create,
        permission=Permission.WRITE,
        summary="Ask for the move of a version to a stage or @alias.",
        request=wire.CreateRequest,
        response=TransitionRequest,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/requests/get",
        handler=get,
        permission=Permission.READ,
        summary="One request with its checks and votes.",
        request=wire.RequestName,
        response=TransitionRequest,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/requests/search",
        handler=search,
        permission=Permission.READ,
        summary="Requests, the latest first.",
        request=wire.RequestQuery,
        response=Page[TransitionRequest],
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/requests/approve",
        handler=approve,
        permission=Permission.WRITE,
        summary="Approve a request; the last missing approval moves the version.",
        request=wire.RequestAct,
        response=TransitionRequest,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/requests/reject",
        handler=reject,
        permission=Permission.WRITE,
        summary="Reject a request, which closes it.",
        request=wire.RequestAct,
        response=TransitionRequest,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/requests/cancel",
        handler=cancel,
        permission=Permission.WRITE,
        summary="Take a request back.",
        request=wire.RequestAct,
        response=TransitionRequest,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/requests/claim",
        handler=claim,
        permission=Permission.WRITE,
        summary="Take the pending checks of an open request, for a worker.",
        request=wire.ClaimRequest,
        response=wire.RequestFound,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/requests/record-checks",
        handler=record_checks,
        permission=Permission.WRITE,
        summary="Tell what a worker found at the pending gates of a request that it claimed.",
        request=wire.RecordChecks,
        response=TransitionRequest,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/rollback",
        handler=rollback,
        permission=Permission.WRITE,
        summary="Give a stage or @alias back to the versions that held it before.",
        request=wire.Rollback,
        response=wire.Versions,
        body=Body.MSGPACK,
        group=GROUP,
    ),
)

"""Signatures of versions: kept and listed. Whether they are good is for who trusts a key."""

from __future__ import annotations

from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer, done
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.rest import registry_governance_wire as wire

GROUP = "Signatures"


def add(context: Context, request: wire.AddSignature) -> Reply:
    """Keep a signature."""
    context.store.signatures.add(
        request.name, request.version, request.signature, cause=context.cause(request.reason)
    )
    return done(context)


def of_version(context: Context, request: wire.VersionName) -> Reply:
    """All signatures of a version."""
    found = context.store.signatures.of(request.name, request.version)
    return answer(context, wire.Signatures(found))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/signatures/add",
        handler=add,
        permission=Permission.WRITE,
        summary="Keep a signature of a version; a second one of the same key replaces the first.",
        request=wire.AddSignature,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/signatures/list",
        handler=of_version,
        permission=Permission.READ,
        summary="All signatures of a version, the newest first.",
        request=wire.VersionName,
        response=wire.Signatures,
        group=GROUP,
    ),
)

"""The audit log: its records, where it ends, whether it is whole, and who held what when."""

from __future__ import annotations

from assay.entities.audit import AuditHead, AuditReport
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.routing import Body, Empty, Permission, Route
from assay.store.rest import registry_governance_wire as wire

GROUP = "Audit"


def page(context: Context, request: wire.AuditQuery) -> Reply:
    """Records, oldest first."""
    found = context.store.audit.page(
        name=request.name, after=request.after, max_results=request.max_results
    )
    return answer(context, wire.AuditPage(found))


def head(context: Context, _request: Empty) -> Reply:
    """Where the chain ends."""
    return answer(context, context.store.audit.head())


def verify(context: Context, request: wire.VerifyAudit) -> Reply:
    """Compute all digests anew."""
    return answer(context, context.store.audit.verify(request.anchor))


def holders(context: Context, request: wire.HoldersQuery) -> Reply:
    """Who held a place at a time."""
    found = context.store.audit.holders(request.name, request.target, request.time_ms)
    return answer(context, wire.Holders(found))


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=wire.PREFIX + "/audit/page",
        handler=page,
        permission=Permission.READ,
        summary="Records of the audit log behind a number, of all or of one registered model.",
        request=wire.AuditQuery,
        response=wire.AuditPage,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/audit/head",
        handler=head,
        permission=Permission.READ,
        summary="Number and digest of the last record: note it elsewhere as an anchor.",
        response=AuditHead,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/audit/verify",
        handler=verify,
        permission=Permission.READ,
        summary="Compute all digests anew; names the first record that is not what was written.",
        request=wire.VerifyAudit,
        response=AuditReport,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/audit/holders",
        handler=holders,
        permission=Permission.READ,
        summary="The versions that held a stage or @alias at a time.",
        request=wire.HoldersQuery,
        response=wire.Holders,
        group=GROUP,
    ),
)

"""Changes of many runs at once: two routes, because binning runs asks for more than tagging."""

from __future__ import annotations

from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer
from assay.server.assay_api.filter_errors import with_place
from assay.server.assay_api.run_rows import GROUP
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.rest import wire
from assay.store.rest.run_views_wire import BulkLifecycle, BulkTags
from assay.store.run_views import BulkResult


def bulk_tags(context: Context, request: BulkTags) -> Reply:
    """Tags set or deleted, or runs marked as killed."""
    views = context.store.run_views
    if request.action == "set_tags":
        result = views.set_tags(request, request.tags)
    elif request.action == "delete_tags":
        result = views.delete_tags(request, request.keys)
    else:
        result = views.stop(request)
    return answer(context, result)


def bulk_lifecycle(context: Context, request: BulkLifecycle) -> Reply:
    """Runs moved to the bin, or back."""
    views = context.store.run_views
    change = views.delete if request.action == "delete" else views.restore
    return answer(context, change(request))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/bulk-tags",
        handler=with_place(bulk_tags, filter_of=lambda request: request.filter),
        permission=Permission.WRITE,
        summary="Set or delete tags of many runs, or mark running ones as killed.",
        request=BulkTags,
        response=BulkResult,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/bulk-lifecycle",
        handler=with_place(bulk_lifecycle, filter_of=lambda request: request.filter),
        permission=Permission.MANAGE,
        summary="Move many runs to the bin, or take them back.",
        request=BulkLifecycle,
        response=BulkResult,
        body=Body.MSGPACK,
        group=GROUP,
    ),
)

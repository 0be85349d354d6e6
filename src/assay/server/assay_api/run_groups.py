"""Groups of runs, with figures of their metrics."""

from __future__ import annotations

from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer
from assay.server.assay_api.filter_errors import with_place
from assay.server.assay_api.run_rows import GROUP
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.rest import wire
from assay.store.run_views import GroupsQuery, RunGroups


def groups(context: Context, request: GroupsQuery) -> Reply:
    """A page of groups."""
    return answer(context, context.store.run_views.groups(request))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/groups",
        handler=with_place(groups, filter_of=lambda request: request.filter),
        permission=Permission.READ,
        summary="Runs with equal params, tags, status, user or data set as one row each.",
        request=GroupsQuery,
        response=RunGroups,
        body=Body.MSGPACK,
        group=GROUP,
    ),
)

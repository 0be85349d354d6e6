"""Rows of the table of runs: windows of it, in columns."""

from __future__ import annotations

import msgspec

from assay.entities.ids import ExperimentId, RunId
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer, json_float, wants_msgpack
from assay.server.assay_api.filter_errors import with_place
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.base import Store
from assay.store.rest import wire
from assay.store.run_views import Cell, KeysQuery, RowsQuery, RunRows

GROUP = "Run table"

_VARY = ((b"vary", b"accept"),)
_encode = msgspec.json.Encoder().encode


def rows(context: Context, request: RowsQuery) -> Reply:
    """A window of rows."""
    found = context.store.run_views.rows(request)
    if wants_msgpack(context):
        return answer(context, found)
    # Only columns hold floats, so nothing else is searched for NaN.
    listed = msgspec.structs.replace(found, columns=[json_cells(one) for one in found.columns])
    return Reply(_encode(listed), headers=_VARY)


def keys_of_named(
    store: Store, experiment_ids: list[ExperimentId], run_ids: list[RunId]
) -> KeysQuery:
    """The question for the keys of these runs, as far as they exist."""
    query = RowsQuery(experiment_ids=experiment_ids, run_ids=run_ids)
    named = store.run_views.rows(query).runs
    listed = ", ".join(f"'{run_id}'" for run_id in named.run_id)
    return KeysQuery(
        experiment_ids=sorted(set(named.experiment_id)),
        filter=f"attributes.run_id IN ({listed})" if listed else "",
        view="ALL",
    )


def json_cells(column: list[Cell]) -> list[Cell]:
    """A column as JSON holds it: NaN and infinities as text."""
    return [json_float(cell) if cell.__class__ is float else cell for cell in column]


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/rows",
        handler=with_place(rows, filter_of=lambda request: request.filter),
        permission=Permission.READ,
        summary="A window of the table of runs, with the columns that are asked for.",
        request=RowsQuery,
        response=RunRows,
        body=Body.MSGPACK,
        group=GROUP,
    ),
)

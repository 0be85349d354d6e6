"""Importance of params for a metric, over the runs of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from assay.entities.ids import ExperimentId, RunId
from assay.errors import InvalidInput, LimitExceeded
from assay.http.replies import Reply
from assay.server.analysis.importance import MAX_RUNS, Importances, importances
from assay.server.assay_api.encoding import answer
from assay.server.assay_api.filter_errors import with_place
from assay.server.assay_api.run_rows import GROUP, keys_of_named
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.base import Store
from assay.store.rest import wire
from assay.store.run_views import (
    MAX_WINDOW,
    Cell,
    Column,
    ColumnKind,
    KeysQuery,
    RowsQuery,
    View,
)

MAX_PARAMS = 100
"""Params of one answer: each is shuffled several times."""


class ImportanceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which params a metric depends on."""

    experiment_ids: list[ExperimentId]
    metric: Column
    filter: str = ""
    view: View = "ACTIVE_ONLY"
    run_ids: list[RunId] | None = None
    """Just these runs, at most 1,000."""
    params: list[str] | None = None
    """``null``: the params that tell the runs apart, those that most runs have first."""


def importance(context: Context, request: ImportanceQuery) -> Reply:
    """Importance and correlation of each param."""
    if request.metric.kind is not ColumnKind.METRIC:
        raise InvalidInput("Importance is that of params for a metric.")
    names, notes = _params(context.store, request)
    values, cells, total = _read(context.store, request, names)
    if total > MAX_RUNS:
        notes.append(f"Of {total:,} runs the latest {MAX_RUNS:,} are looked at.")
    used = [
        row
        for row, value in enumerate(values)
        if isinstance(value, float | int) and math.isfinite(value)
    ]
    target = np.array([values[row] for row in used], np.float64)
    columns = {
        name: [_text(column[row]) for row in used]
        for name, column in zip(names, cells, strict=True)
    }
    found = importances(target, columns)
    notes += [found.warning] if found.warning else []
    return answer(context, msgspec.structs.replace(found, warning=" ".join(notes) or None))


def _params(store: Store, request: ImportanceQuery) -> tuple[list[str], list[str]]:
    """The params to judge, and what has to be said about the choice."""
    if request.params is not None:
        if len(request.params) > MAX_PARAMS:
            raise LimitExceeded("The number of params", limit=MAX_PARAMS, got=len(request.params))
        return list(dict.fromkeys(request.params)), []
    query = KeysQuery(
        experiment_ids=request.experiment_ids, filter=request.filter, view=request.view
    )
    if request.run_ids is not None:
        query = keys_of_named(store, request.experiment_ids, request.run_ids)
    found = store.run_views.keys(query)
    names = [facet.key for facet in found.params if facet.varies]
    if len(names) <= MAX_PARAMS:
        return names, []
    note = f"Of {len(names):,} params the {MAX_PARAMS} that most runs have are looked at."
    return names[:MAX_PARAMS], [note]


def _read(
    store: Store, request: ImportanceQuery, names: Sequence[str]
) -> tuple[list[Cell], list[list[Cell]], int]:
    """The metric and the params of the runs, the latest started first, and how many there are."""
    columns = [request.metric, *(Column(ColumnKind.PARAM, name) for name in names)]
    read: list[list[Cell]] = [[] for _ in columns]
    token: str | None = None
    while True:
        rows = store.run_views.rows(
            RowsQuery(
                experiment_ids=request.experiment_ids,
                filter=request.filter,
                view=request.view,
                columns=columns,
                limit=MAX_WINDOW,
                page_token=token,
                run_ids=request.run_ids,
            )
        )
        for so_far, cells in zip(read, rows.columns, strict=True):
            so_far.extend(cells)
        token = rows.token
        if token is None or len(read[0]) >= MAX_RUNS:
            return read[0], read[1:], rows.total


def _text(cell: Cell) -> str | None:
    return None if cell is None else str(cell)


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/importance",
        handler=with_place(importance, filter_of=lambda request: request.filter),
        permission=Permission.READ,
        summary="Which params a metric depends on: permutation importance and rank correlation.",
        request=ImportanceQuery,
        response=Importances,
        body=Body.MSGPACK,
        group=GROUP,
    ),
)

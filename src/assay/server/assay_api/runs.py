"""Runs: with ids made by the client, exact floats, and in columns."""

from __future__ import annotations

import msgspec

from assay.entities.ids import RunId
from assay.entities.page import Page
from assay.entities.runs import NewRun, Run, RunInfo
from assay.http.replies import Reply
from assay.server.assay_api.encoding import JsonFloat, answer, columnar, done, numbers, raw
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.base import Query, RunTable
from assay.store.rest import wire

GROUP = "Runs"


class RunName(msgspec.Struct, frozen=True):
    """A run."""

    run_id: RunId


class TableJson(msgspec.Struct, frozen=True):
    """Runs in columns, in JSON; a metric is ``"NaN"`` where a run has none."""

    infos: list[RunInfo]
    metrics: dict[str, list[JsonFloat]]
    params: dict[str, list[str | None]]
    tags: dict[str, list[str | None]]
    token: str | None = None


def query_of(request: wire.RunQuery) -> Query:
    """The search that a request asks for."""
    return Query(
        filter=request.filter,
        order_by=tuple(request.order_by),
        view=request.view,
        max_results=request.max_results,
        page_token=request.page_token,
    )


def create(context: Context, request: NewRun) -> Reply:
    """Make a run with the client's id."""
    return answer(context, context.store.runs.create(request))


def get(context: Context, request: RunName) -> Reply:
    """One run."""
    return answer(context, context.store.runs.get(request.run_id))


def search(context: Context, request: wire.RunQuery) -> Reply:
    """A page of runs."""
    return answer(context, context.store.runs.search(request.experiment_ids, query_of(request)))


def table(context: Context, request: wire.RunQuery) -> Reply:
    """A page of runs in columns."""
    found = context.store.runs.table(request.experiment_ids, query_of(request))
    return columnar(context, found, packed=_packed, listed=_listed)


def _packed(found: RunTable) -> wire.TableColumns:
    return wire.TableColumns(
        infos=found.infos,
        metrics={key: raw(column, "<f8") for key, column in found.metrics.items()},
        params=found.params,
        tags=found.tags,
        token=found.token,
    )


def _listed(found: RunTable) -> TableJson:
    return TableJson(
        infos=found.infos,
        metrics={key: numbers(column) for key, column in found.metrics.items()},
        params=found.params,
        tags=found.tags,
        token=found.token,
    )


def log_batch(context: Context, request: wire.RunBatch) -> Reply:
    """Log metrics, params and tags, all or nothing."""
    context.store.runs.log_batch(
        request.run_id, metrics=request.metrics, params=request.params, tags=request.tags
    )
    return done(context)


def count(context: Context, request: wire.CountRuns) -> Reply:
    """How many active runs experiments have, by status."""
    return answer(context, wire.RunCounts(context.store.runs.count(request.experiment_ids)))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/create",
        handler=create,
        permission=Permission.WRITE,
        summary="Make a run with an id of the client's; twice is the same as once.",
        request=NewRun,
        response=Run,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/search",
        handler=search,
        permission=Permission.READ,
        summary="Search runs.",
        request=wire.RunQuery,
        response=Page[Run],
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/table",
        handler=table,
        permission=Permission.READ,
        summary="Search runs and get them in columns: for tables and DataFrames.",
        request=wire.RunQuery,
        response=TableJson,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/count",
        handler=count,
        permission=Permission.READ,
        summary="How many active runs experiments have, by status.",
        request=wire.CountRuns,
        response=wire.RunCounts,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/log-batch",
        handler=log_batch,
        permission=Permission.WRITE,
        summary="Log metrics, params and tags of a run, all or nothing.",
        request=wire.RunBatch,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/runs/get",
        handler=get,
        permission=Permission.READ,
        summary="One run with all it recorded but histories.",
        request=RunName,
        response=Run,
        group=GROUP,
    ),
)

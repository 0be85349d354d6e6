"""Series: histories whole, in buckets, and as figures, for many runs at once."""

from __future__ import annotations

import msgspec

from assay.entities.ids import RunId
from assay.entities.metrics import Buckets, History, Metric, SeriesKey
from assay.entities.page import Page
from assay.errors import LimitExceeded
from assay.http.replies import Reply
from assay.server.assay_api.encoding import JsonFloat, answer, columnar, done, numbers, raw
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.rest import wire

GROUP = "Metrics"


class BucketsJson(msgspec.Struct, frozen=True):
    """Buckets of one series, in JSON."""

    run_id: RunId
    series: SeriesKey
    steps: list[int]
    last_steps: list[int]
    timestamps: list[int]
    min: list[JsonFloat]
    max: list[JsonFloat]
    mean: list[JsonFloat]
    last: list[JsonFloat]
    counts: list[int]


class SeriesJson(msgspec.Struct, frozen=True):
    """One entry per series that has points in the range, in JSON."""

    series: list[BucketsJson]


class HistoryJson(msgspec.Struct, frozen=True):
    """A history, in JSON."""

    run_id: RunId
    series: SeriesKey
    steps: list[int]
    timestamps: list[int]
    values: list[JsonFloat]


class HistoriesJson(msgspec.Struct, frozen=True):
    """Histories in the order of the query, in JSON."""

    histories: list[HistoryJson]


def query_series(context: Context, request: wire.SeriesQuery) -> Reply:
    """Series of many runs in buckets."""
    asked = len(request.run_ids) * len(request.keys)
    if asked > wire.MAX_SERIES:
        raise LimitExceeded("Runs times keys of one query", limit=wire.MAX_SERIES, got=asked)
    found = context.store.metrics.buckets(
        request.run_ids,
        request.keys,
        count=request.count,
        first_step=request.first_step,
        last_step=request.last_step,
        scale=request.scale,
        branches=request.branches,
    )
    return columnar(
        context,
        found,
        packed=lambda series: wire.SeriesAnswer([_packed_buckets(one) for one in series]),
        listed=lambda series: SeriesJson([_listed_buckets(one) for one in series]),
    )


def _packed_buckets(one: Buckets) -> wire.BucketColumns:
    return wire.BucketColumns(
        run_id=one.run_id,
        series=one.series,
        steps=raw(one.steps, "<i8"),
        last_steps=raw(one.last_steps, "<i8"),
        timestamps=raw(one.timestamps, "<i8"),
        min=raw(one.min, "<f8"),
        max=raw(one.max, "<f8"),
        mean=raw(one.mean, "<f8"),
        last=raw(one.last, "<f8"),
        counts=raw(one.counts, "<i8"),
    )


def _listed_buckets(one: Buckets) -> BucketsJson:
    return BucketsJson(
        run_id=one.run_id,
        series=one.series,
        steps=one.steps.tolist(),
        last_steps=one.last_steps.tolist(),
        timestamps=one.timestamps.tolist(),
        min=numbers(one.min),
        max=numbers(one.max),
        mean=numbers(one.mean),
        last=numbers(one.last),
        counts=one.counts.tolist(),
    )


def query_histories(context: Context, request: wire.HistoryQuery) -> Reply:
    """Whole histories as columns."""
    found = [
        (
            name,
            context.store.metrics.history(
                name.run_id,
                name.series,
                first_step=request.first_step,
                last_step=request.last_step,
            ),
        )
        for name in request.histories
    ]
    return columnar(
        context,
        found,
        packed=lambda them: wire.Histories([_packed_history(name, one) for name, one in them]),
        listed=lambda them: HistoriesJson([_listed_history(name, one) for name, one in them]),
    )


def _packed_history(name: wire.HistoryName, one: History) -> wire.HistoryColumns:
    return wire.HistoryColumns(
        run_id=name.run_id,
        series=name.series,
        steps=raw(one.steps, "<i8"),
        timestamps=raw(one.timestamps, "<i8"),
        values=raw(one.values, "<f8"),
    )


def _listed_history(name: wire.HistoryName, one: History) -> HistoryJson:
    return HistoryJson(
        run_id=name.run_id,
        series=name.series,
        steps=one.steps.tolist(),
        timestamps=one.timestamps.tolist(),
        values=numbers(one.values),
    )


def summaries(context: Context, request: wire.SummaryQuery) -> Reply:
    """Figures of the series of many runs."""
    found = context.store.metrics.summaries(request.run_ids, request.keys)
    return answer(context, wire.Summaries(found))


def page(context: Context, request: wire.PageQuery) -> Reply:
    """A page of points of one key."""
    found = context.store.metrics.page(
        request.run_id,
        request.key,
        max_results=request.max_results,
        page_token=request.page_token,
    )
    return answer(context, found)


def append(context: Context, request: wire.AppendPoints) -> Reply:
    """Append points of a run, in columns."""
    context.store.metrics.append(request.run_id, request.batch)
    return done(context)


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/series/query",
        handler=query_series,
        permission=Permission.READ,
        summary="Metrics of many runs, each series in a bounded number of buckets, for charts.",
        request=wire.SeriesQuery,
        response=SeriesJson,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/histories/query",
        handler=query_histories,
        permission=Permission.READ,
        summary="Whole histories, or a range of their steps, in columns.",
        request=wire.HistoryQuery,
        response=HistoriesJson,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/runs/summaries",
        handler=summaries,
        permission=Permission.READ,
        summary="Count, first, last, min, max and mean of the metrics of many runs.",
        request=wire.SummaryQuery,
        response=wire.Summaries,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/metrics/page",
        handler=page,
        permission=Permission.READ,
        summary="Points of one metric of a run, page by page, with ±inf kept.",
        request=wire.PageQuery,
        response=Page[Metric],
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/metrics/append",
        handler=append,
        permission=Permission.WRITE,
        summary="Append points of a run, in columns.",
        request=wire.AppendPoints,
        body=Body.MSGPACK,
        group=GROUP,
    ),
)

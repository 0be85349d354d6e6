"""MLflow's routes for histories of metrics.

A history may hold a million points, so its JSON is made from plain structs in one comprehension and
one encoding.
"""

# ruff: noqa: RUF012 - msgspec copies an empty default for each struct
from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
import numpy as np

from assay.entities.ids import RunId
from assay.entities.metrics import History as Columns
from assay.entities.metrics import Metric
from assay.errors import InvalidInput, RunNotFound
from assay.server.context import Context
from assay.server.mlflow_api.wire import (
    Incoming,
    Outgoing,
    OutMetric,
    Positive,
    Text,
    out_metric,
    out_value,
    route,
    run_id_of,
)
from assay.server.routing import Permission, Route

MAX_BULK_RUNS = 100
"""Runs of one bulk request, as MLflow allows."""
DEFAULT_BULK_RESULTS = 25_000
MAX_INTERVAL_RESULTS = 2_500
Steps = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class History(Incoming, frozen=True):
    """Which metric of which run, and which page."""

    metric_key: Text
    run_id: str = ""
    run_uuid: str = ""
    page_token: str = ""
    max_results: Positive | None = None


class HistoryReply(Outgoing, frozen=True):
    """Points by timestamp, step and value."""

    metrics: list[OutMetric] = []
    next_page_token: str = ""


class Bulk(Incoming, frozen=True):
    """One metric of several runs."""

    metric_key: Text
    run_id: list[str] = []
    max_results: Positive = DEFAULT_BULK_RESULTS


class BulkInterval(Incoming, frozen=True):
    """One metric of several runs, thinned out over a range of steps."""

    metric_key: Text
    run_ids: list[str] = []
    start_step: Steps | None = None
    end_step: Steps | None = None
    max_results: Annotated[int, msgspec.Meta(ge=1, le=MAX_INTERVAL_RESULTS)] = MAX_INTERVAL_RESULTS


class BulkPoint(Outgoing, frozen=True):
    """A point with its run."""

    key: str
    value: float | str
    timestamp: int
    step: int
    run_id: str


class BulkReply(Outgoing, frozen=True):
    """Points of several runs."""

    metrics: list[BulkPoint] = []


def get_history(context: Context, request: History) -> HistoryReply:
    """Read the points of a metric."""
    page = context.store.metrics.page(
        RunId(run_id_of(request.run_id, request.run_uuid)),
        request.metric_key,
        max_results=request.max_results,
        page_token=request.page_token or None,
    )
    return HistoryReply([out_metric(point) for point in page.items], page.token or "")


def get_history_bulk(context: Context, request: Bulk) -> BulkReply:
    """Read the points of a metric in several runs."""
    out: list[BulkPoint] = []
    for run_id in _checked(request.run_id, "run_id"):
        left = request.max_results - len(out)
        if left <= 0:
            break
        try:
            page = context.store.metrics.page(run_id, request.metric_key, max_results=left)
        except RunNotFound:
            # MLflow leaves unknown runs out of this answer.
            continue
        out += _bulk(page.items, run_id)
    return BulkReply(out)


def _bulk(points: Iterable[Metric], run_id: str) -> list[BulkPoint]:
    return [
        BulkPoint(
            key=point.key,
            value=out_value(point.value),
            timestamp=point.timestamp,
            step=point.step,
            run_id=run_id,
        )
        for point in points
    ]


def _checked(run_ids: list[str], name: str) -> list[RunId]:
    if not run_ids:
        raise InvalidInput(
            f"Missing value for required parameter '{name}'."
            " See the API docs for more information about request parameters."
        )
    if len(run_ids) > MAX_BULK_RUNS:
        raise InvalidInput(
            f"GetMetricHistoryBulk request cannot specify more than {MAX_BULK_RUNS} {name}s."
            f" Received {len(run_ids)} {name}s."
        )
    return [RunId(run_id) for run_id in run_ids]


def get_history_bulk_interval(context: Context, request: BulkInterval) -> BulkReply:
    """Read the points of a metric in several runs, thinned out evenly over the steps."""
    if (request.start_step is None) != (request.end_step is None):
        raise InvalidInput("If either start_step or end_step is given, both must be.")
    if (
        request.start_step is not None
        and request.end_step is not None
        and request.start_step > request.end_step
    ):
        raise InvalidInput("end_step must be greater than start_step.")
    out: list[BulkPoint] = []
    for run_id in _checked(request.run_ids, "run_id"):
        out += _sampled(context, run_id, request)
    return BulkReply(out)


def _sampled(context: Context, run_id: RunId, request: BulkInterval) -> list[BulkPoint]:
    """At most ``max_results`` points spread over the steps, with the first and the last one."""
    steps, timestamps, values = _columns(context, run_id, request)
    count = len(steps)
    if count == 0:
        return []
    wanted = min(count, request.max_results)
    places = [i * (count - 1) // max(1, wanted - 1) for i in range(wanted)]
    return [
        BulkPoint(
            key=request.metric_key,
            value=out_value(value),
            timestamp=timestamp,
            step=step,
            run_id=run_id,
        )
        for step, timestamp, value in zip(
            steps[places].tolist(),
            timestamps[places].tolist(),
            values[places].tolist(),
            strict=True,
        )
    ]


def _columns(context: Context, run_id: RunId, request: BulkInterval) -> Columns:
    """The points of all series with this key, whatever model or data set they belong to, by
    step.
    """
    metrics = context.store.metrics
    found = metrics.summaries([run_id], [request.metric_key]).get(run_id, [])
    histories = [
        metrics.history(
            run_id,
            summary.series,
            first_step=request.start_step,
            last_step=request.end_step,
        )
        for summary in found
    ]
    if len(histories) == 1:
        return histories[0]
    if not histories:
        return Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    steps = np.concatenate([history.steps for history in histories])
    timestamps = np.concatenate([history.timestamps for history in histories])
    values = np.concatenate([history.values for history in histories])
    order = np.lexsort((timestamps, steps))
    return Columns(steps[order], timestamps[order], values[order])


ROUTES: tuple[Route, ...] = (
    route("GET", "/mlflow/metrics/get-history", get_history, permission=Permission.READ),
    route(
        "GET",
        "/mlflow/metrics/get-history-bulk",
        get_history_bulk,
        permission=Permission.READ,
        ajax_only=True,
    ),
    route(
        "GET",
        "/mlflow/metrics/get-history-bulk-interval",
        get_history_bulk_interval,
        permission=Permission.READ,
    ),
)

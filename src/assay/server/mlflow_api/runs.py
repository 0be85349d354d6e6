"""MLflow's routes for runs, their params, tags and single metrics."""

# ruff: noqa: RUF012 - msgspec copies an empty default for each struct
from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import msgspec

from assay.entities import limits
from assay.entities.ids import ExperimentId, ModelId, RunId, new_run_id
from assay.entities.metrics import Metric
from assay.entities.params import Param
from assay.entities.runs import NewRun, Run, RunInfo, RunStatus
from assay.entities.tags import Tag
from assay.server.context import Context
from assay.server.deferred import deferred
from assay.server.mlflow_api.inputs import OutInputs, OutOutputs, out_inputs, out_outputs
from assay.server.mlflow_api.wire import (
    Incoming,
    Int64,
    KeyValue,
    Outgoing,
    OutMetric,
    OutPair,
    Text,
    WireViewType,
    out_metric,
    out_pairs,
    route,
    run_id_of,
    tag_list,
    tags_of,
)
from assay.server.routing import Permission, Route
from assay.store.base import Query

MAX_BATCH_BYTES = 1_000_000
"""Largest body of ``log-batch``; MLflow states this limit."""
DEFAULT_PAGE = 1_000
"""Runs of a page where the client says nothing."""
PageSize = Annotated[int, msgspec.Meta(ge=0, le=limits.MAX_SEARCH_RESULTS)]


class OutRunInfo(Outgoing, frozen=True):
    """What a run is."""

    run_id: str
    run_uuid: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    artifact_uri: str
    lifecycle_stage: str
    end_time: int | None = None


class OutRunData(Outgoing, frozen=True):
    """What a run logged."""

    metrics: list[OutMetric] = []
    params: list[OutPair] = []
    tags: list[OutPair] = []


class OutRun(Outgoing, frozen=True):
    """A run as the server sends it."""

    info: OutRunInfo
    data: OutRunData
    inputs: OutInputs
    outputs: OutOutputs


class RunReply(Outgoing, frozen=True):
    """One run."""

    run: OutRun


class Create(Incoming, frozen=True):
    """A new run."""

    experiment_id: str = "0"
    user_id: str = ""
    run_name: str = ""
    start_time: Int64 | None = None
    tags: list[KeyValue] = []


class ById(Incoming, frozen=True):
    """A run by id, under either of its names."""

    run_id: str = ""
    run_uuid: str = ""


class Update(Incoming, frozen=True):
    """What to change."""

    run_id: str = ""
    run_uuid: str = ""
    status: RunStatus | None = None
    end_time: Int64 | None = None
    run_name: str = ""


class UpdateReply(Outgoing, frozen=True):
    """The run as it is now."""

    run_info: OutRunInfo


class Search(Incoming, frozen=True):
    """Which runs, and which page."""

    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: WireViewType = WireViewType.ACTIVE_ONLY
    max_results: PageSize = DEFAULT_PAGE
    order_by: list[str] = []
    page_token: str = ""


class SearchReply(Outgoing, frozen=True):
    """A page of runs."""

    runs: list[OutRun] = []
    next_page_token: str = ""


class InMetric(Incoming, frozen=True):
    """One point."""

    key: Text
    value: float
    timestamp: Int64
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""
    run_id: str = ""


class LogMetric(Incoming, frozen=True):
    """One point of a run."""

    key: Text
    value: float
    timestamp: Int64
    run_id: str = ""
    run_uuid: str = ""
    step: Int64 = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class LogParam(Incoming, frozen=True):
    """One param of a run."""

    key: Text
    value: str = ""
    run_id: str = ""
    run_uuid: str = ""


class LogBatch(Incoming, frozen=True):
    """Metrics, params and tags of one run."""

    run_id: Text
    metrics: list[InMetric] = []
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class SetTag(Incoming, frozen=True):
    """One tag of a run."""

    key: Text
    value: str = ""
    run_id: str = ""
    run_uuid: str = ""


class DeleteTag(Incoming, frozen=True):
    """A tag's key."""

    run_id: Text
    key: Text


def out_run_info(info: RunInfo) -> OutRunInfo:
    """What a run is, for the wire."""
    return OutRunInfo(
        run_id=info.run_id,
        run_uuid=info.run_id,
        run_name=info.run_name,
        experiment_id=info.experiment_id,
        user_id=info.user_id,
        status=info.status.value,
        start_time=info.start_time or 0,
        end_time=info.end_time,
        artifact_uri=info.artifact_uri,
        lifecycle_stage=info.lifecycle_stage.value,
    )


def out_run(run: Run) -> OutRun:
    """A run for the wire."""
    data = run.data
    return OutRun(
        info=out_run_info(run.info),
        data=OutRunData(
            metrics=[out_metric(point) for point in data.latest],
            params=out_pairs(data.params),
            tags=out_pairs(data.tags),
        ),
        inputs=out_inputs(run.inputs),
        outputs=out_outputs(run.outputs),
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def create(context: Context, request: Create) -> RunReply:
    """Make a run."""
    run = context.store.runs.create(
        NewRun(
            run_id=new_run_id(),
            experiment_id=ExperimentId(request.experiment_id or "0"),
            start_time=_now_ms() if request.start_time is None else request.start_time,
            run_name=request.run_name,
            user_id=request.user_id,
            tags=tags_of(request.tags),
        )
    )
    return RunReply(out_run(run))


def get(context: Context, request: ById) -> RunReply:
    """Read a run with all it recorded but histories."""
    run_id = RunId(run_id_of(request.run_id, request.run_uuid))
    return RunReply(out_run(context.store.runs.get(run_id)))


def update(context: Context, request: Update) -> UpdateReply:
    """Change a run's status, end or name."""
    info = context.store.runs.update(
        RunId(run_id_of(request.run_id, request.run_uuid)),
        status=request.status,
        end_time=request.end_time,
        run_name=request.run_name or None,
    )
    return UpdateReply(out_run_info(info))


def delete(context: Context, request: ById) -> None:
    """Move a run to the bin."""
    context.store.runs.delete(RunId(run_id_of(request.run_id, request.run_uuid)))


def restore(context: Context, request: ById) -> None:
    """Take a run back from the bin."""
    context.store.runs.restore(RunId(run_id_of(request.run_id, request.run_uuid)))


def search(context: Context, request: Search) -> SearchReply:
    """Search runs."""
    page = context.store.runs.search(
        [ExperimentId(ident) for ident in request.experiment_ids],
        Query(
            filter=request.filter,
            order_by=request.order_by,
            view=request.run_view_type.view(),
            max_results=request.max_results or DEFAULT_PAGE,
            page_token=request.page_token or None,
        ),
    )
    return SearchReply([out_run(run) for run in page.items], page.token or "")


async def _log(
    context: Context,
    run_id: str,
    *,
    metrics: Sequence[Metric] = (),
    params: Sequence[Param] = (),
    tags: Sequence[Tag] = (),
) -> None:
    """Log without holding a thread while the store commits."""
    store = context.services.deferred
    await deferred(
        lambda done: store.defer_batch(
            RunId(run_id), done=done, metrics=metrics, params=params, tags=tags
        )
    )


async def log_metric(context: Context, request: LogMetric) -> None:
    """Log one point of a metric."""
    run_id = run_id_of(request.run_id, request.run_uuid)
    await _log(context, run_id, metrics=(_metric(request),))


def _metric(point: LogMetric | InMetric) -> Metric:
    return Metric(
        key=point.key,
        value=point.value,
        timestamp=point.timestamp,
        step=point.step,
        model_id=ModelId(point.model_id) if point.model_id else None,
        dataset_name=point.dataset_name or None,
        dataset_digest=point.dataset_digest or None,
    )


async def log_param(context: Context, request: LogParam) -> None:
    """Log one param."""
    run_id = run_id_of(request.run_id, request.run_uuid)
    await _log(context, run_id, params=(Param(request.key, request.value),))


async def log_batch(context: Context, request: LogBatch) -> None:
    """Log metrics, params and tags: all of them, or none."""
    await _log(
        context,
        request.run_id,
        metrics=[_metric(point) for point in request.metrics],
        params=[Param(pair.key, pair.value) for pair in request.params],
        tags=tag_list(request.tags),
    )


async def set_tag(context: Context, request: SetTag) -> None:
    """Set a tag."""
    run_id = run_id_of(request.run_id, request.run_uuid)
    await _log(context, run_id, tags=(Tag(request.key, request.value),))


def delete_tag(context: Context, request: DeleteTag) -> None:
    """Delete a tag."""
    context.store.runs.delete_tag(RunId(request.run_id), request.key)


_AT = "/mlflow/runs"

ROUTES: tuple[Route, ...] = (
    route("POST", f"{_AT}/create", create, permission=Permission.WRITE),
    route("GET", f"{_AT}/get", get, permission=Permission.READ),
    route("POST", f"{_AT}/update", update, permission=Permission.WRITE),
    route("POST", f"{_AT}/delete", delete, permission=Permission.MANAGE),
    route("POST", f"{_AT}/restore", restore, permission=Permission.MANAGE),
    route("POST", f"{_AT}/search", search, permission=Permission.READ),
    route("POST", f"{_AT}/log-metric", log_metric, permission=Permission.WRITE),
    route("POST", f"{_AT}/log-parameter", log_param, permission=Permission.WRITE),
    route(
        "POST",
        f"{_AT}/log-batch",
        log_batch,
        permission=Permission.WRITE,
        max_body_bytes=MAX_BATCH_BYTES,
    ),
    route("POST", f"{_AT}/set-tag", set_tag, permission=Permission.WRITE),
    route("POST", f"{_AT}/delete-tag", delete_tag, permission=Permission.WRITE),
)

"""MLflow's routes for logged models, and the older ``log-model``."""

# ruff: noqa: RUF012 - msgspec copies an empty default for each struct
from __future__ import annotations

from typing import Annotated, Any

import msgspec

from assay.entities import limits
from assay.entities.ids import ExperimentId, ModelId, RunId, new_model_id
from assay.entities.logged_models import LoggedModel, LoggedModelStatus, NewLoggedModel
from assay.entities.names import artifact_path
from assay.entities.params import Param
from assay.entities.tags import Tag
from assay.errors import InvalidInput
from assay.http.replies import FileReply, Reply, StreamReply
from assay.server.context import Context
from assay.server.downloads import download
from assay.server.mlflow_api.artifacts import ListReply, folder_of, out_file, store_at
from assay.server.mlflow_api.wire import (
    Incoming,
    KeyValue,
    Outgoing,
    OutMetric,
    OutPair,
    Text,
    WireModelStatus,
    out_metric,
    out_pairs,
    route,
    tags_of,
)
from assay.server.routing import Permission, Route
from assay.store.base import ModelOrder, Query

DEFAULT_PAGE = 100
HISTORY_TAG = "mlflow.log-model.history"
"""Where ``log-model`` of MLflow 1 and 2 keeps its list."""
_MODEL_FIELDS = frozenset({"artifact_path", "flavors", "utc_time_created", "run_id"})


class OutModelInfo(Outgoing, frozen=True):
    """What a logged model is."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    model_type: str | None = None
    source_run_id: str | None = None
    status_message: str | None = None
    tags: list[OutPair] = []


class OutModelData(Outgoing, frozen=True):
    """What was logged for it."""

    params: list[OutPair] = []
    metrics: list[OutMetric] = []


class OutModel(Outgoing, frozen=True):
    """A logged model as the server sends it."""

    info: OutModelInfo
    data: OutModelData


class ModelReply(Outgoing, frozen=True):
    """One logged model."""

    model: OutModel


class Create(Incoming, frozen=True):
    """A new logged model."""

    experiment_id: Text
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class ById(Incoming, frozen=True):
    """A logged model by id."""

    model_id: Text


class Finalize(Incoming, frozen=True):
    """Whether its files are complete."""

    model_id: Text
    status: WireModelStatus


class InDatasetFilter(Incoming, frozen=True):
    """A data set that restricts the metrics of a search."""

    dataset_name: Text
    dataset_digest: str = ""


class InOrder(Incoming, frozen=True):
    """One term of an order."""

    field_name: Text
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class Search(Incoming, frozen=True):
    """Which logged models, and which page."""

    experiment_ids: list[str] = []
    filter: str = ""
    datasets: list[InDatasetFilter] = []
    max_results: Annotated[int, msgspec.Meta(ge=1, le=limits.MAX_SEARCH_RESULTS)] = DEFAULT_PAGE
    order_by: list[InOrder] = []
    page_token: str = ""


class SearchReply(Outgoing, frozen=True):
    """A page of logged models."""

    models: list[OutModel] = []
    next_page_token: str = ""


class SetTags(Incoming, frozen=True):
    """Tags of a logged model."""

    model_id: Text
    tags: list[KeyValue] = []


class DeleteTag(Incoming, frozen=True):
    """A tag's key."""

    model_id: Text
    tag_key: Text


class LogParams(Incoming, frozen=True):
    """Params of a logged model."""

    model_id: Text
    params: list[KeyValue] = []


class ListFolder(Incoming, frozen=True):
    """A folder of a logged model."""

    model_id: Text
    artifact_directory_path: str = ""
    page_token: str = ""


class OneFile(Incoming, frozen=True):
    """A file of a logged model."""

    model_id: Text
    artifact_file_path: Text


class LogModel(Incoming, frozen=True):
    """A model's ``MLmodel`` as JSON."""

    run_id: Text
    model_json: Text


def out_model(model: LoggedModel) -> OutModel:
    """A logged model for the wire."""
    return OutModel(
        info=OutModelInfo(
            model_id=model.model_id,
            experiment_id=model.experiment_id,
            name=model.name,
            creation_timestamp_ms=model.creation_timestamp,
            last_updated_timestamp_ms=model.last_updated_timestamp,
            artifact_uri=model.artifact_location,
            status=model.status.value,
            model_type=model.model_type,
            source_run_id=model.source_run_id,
            status_message=model.status_message,
            tags=out_pairs(model.tags),
        ),
        data=OutModelData(
            params=out_pairs(model.params),
            metrics=[out_metric(point, point.run_id) for point in model.metrics],
        ),
    )


def create(context: Context, request: Create) -> ModelReply:
    """Make a logged model."""
    made = context.store.logged_models.create(
        NewLoggedModel(
            model_id=new_model_id(),
            experiment_id=ExperimentId(request.experiment_id),
            name=request.name,
            model_type=request.model_type or None,
            source_run_id=RunId(request.source_run_id) if request.source_run_id else None,
            tags=tags_of(request.tags),
            params=tags_of(request.params),
        )
    )
    return ModelReply(out_model(made))


def get(context: Context, request: ById) -> ModelReply:
    """Read a logged model."""
    return ModelReply(out_model(context.store.logged_models.get(ModelId(request.model_id))))


def finalize(context: Context, request: Finalize) -> ModelReply:
    """Say whether a logged model's files are complete."""
    status = LoggedModelStatus(request.status.value)
    done = context.store.logged_models.finalize(ModelId(request.model_id), status)
    return ModelReply(out_model(done))


def delete(context: Context, request: ById) -> None:
    """Delete a logged model."""
    context.store.logged_models.delete(ModelId(request.model_id))


def search(context: Context, request: Search) -> SearchReply:
    """Search logged models."""
    page = context.store.logged_models.search(
        [ExperimentId(ident) for ident in request.experiment_ids],
        Query(
            filter=request.filter,
            max_results=request.max_results,
            page_token=request.page_token or None,
        ),
        datasets=[(item.dataset_name, item.dataset_digest or None) for item in request.datasets],
        order=[
            ModelOrder(
                field_name=term.field_name,
                ascending=term.ascending,
                dataset_name=term.dataset_name or None,
                dataset_digest=term.dataset_digest or None,
            )
            for term in request.order_by
        ],
    )
    return SearchReply([out_model(model) for model in page.items], page.token or "")


def set_tags(context: Context, request: SetTags) -> ModelReply:
    """Set tags of a logged model."""
    ident = ModelId(request.model_id)
    return ModelReply(out_model(context.store.logged_models.set_tags(ident, tags_of(request.tags))))


def delete_tag(context: Context, request: DeleteTag) -> None:
    """Delete a tag of a logged model."""
    context.store.logged_models.delete_tag(ModelId(request.model_id), request.tag_key)


def log_params(context: Context, request: LogParams) -> None:
    """Log params of a logged model."""
    context.store.logged_models.log_params(
        ModelId(request.model_id), [Param(pair.key, pair.value) for pair in request.params]
    )


def list_artifacts(context: Context, request: ListFolder) -> ListReply:
    """List a folder of a logged model's files."""
    folder = folder_of(request.artifact_directory_path)
    uri = context.store.logged_models.get(ModelId(request.model_id)).artifact_location
    return ListReply(uri, [out_file(info) for info in store_at(context, uri).list(folder)])


def get_artifact(context: Context, request: OneFile) -> FileReply | StreamReply | Reply:
    """Download a file of a logged model."""
    path = artifact_path(request.artifact_file_path)
    uri = context.store.logged_models.get(ModelId(request.model_id)).artifact_location
    return download(context, store_at(context, uri), path)


def log_model(context: Context, request: LogModel) -> None:
    """Note a model that a client of MLflow 1 or 2 has logged."""
    model = _json(request.model_json, "model_json")
    missing = _MODEL_FIELDS - set(model) if isinstance(model, dict) else _MODEL_FIELDS
    if missing:
        raise InvalidInput(f"Model json is missing mandatory fields: {sorted(missing)}")
    run_id = RunId(request.run_id)
    known = context.store.runs.get(run_id).data.tags.get(HISTORY_TAG, "[]")
    history = _json(known, HISTORY_TAG)
    entries = [*history, model] if isinstance(history, list) else [model]
    value = msgspec.json.encode(entries).decode()
    if len(value) > limits.MAX_TAG_VALUE_LENGTH:
        raise InvalidInput(f"The tag {HISTORY_TAG!r} of run {run_id} is full.")
    context.store.runs.log_batch(run_id, tags=[Tag(HISTORY_TAG, value)])


def _json(text: str, name: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidInput(f"Invalid value for parameter '{name}' supplied: no JSON.") from None


_AT = "/mlflow/logged-models"
_ONE = f"{_AT}/{{model_id}}"

ROUTES: tuple[Route, ...] = (
    route("POST", _AT, create, permission=Permission.WRITE),
    route("POST", f"{_AT}/search", search, permission=Permission.READ),
    route("GET", _ONE, get, permission=Permission.READ),
    route("PATCH", _ONE, finalize, permission=Permission.WRITE),
    route("DELETE", _ONE, delete, permission=Permission.MANAGE),
    route("PATCH", f"{_ONE}/tags", set_tags, permission=Permission.WRITE),
    route("DELETE", f"{_ONE}/tags/{{tag_key}}", delete_tag, permission=Permission.WRITE),
    route("POST", f"{_ONE}/params", log_params, permission=Permission.WRITE),
    route("GET", f"{_ONE}/artifacts/directories", list_artifacts, permission=Permission.READ),
    route(
        "GET",
        f"{_ONE}/artifacts/files",
        get_artifact,
        permission=Permission.READ,
        ajax_only=True,
    ),
    route("POST", "/mlflow/runs/log-model", log_model, permission=Permission.WRITE),
)

"""MLflow's routes for experiments."""

# ruff: noqa: RUF012 - msgspec copies an empty default for each struct
from __future__ import annotations

from typing import Annotated

import msgspec

from assay.entities import limits
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId
from assay.errors import ExperimentNotFound
from assay.server.context import Context
from assay.server.mlflow_api.wire import (
    Incoming,
    KeyValue,
    Outgoing,
    OutPair,
    Text,
    WireViewType,
    out_pairs,
    route,
    tags_of,
)
from assay.server.routing import Permission, Route
from assay.store.base import Query

PageSize = Annotated[int, msgspec.Meta(ge=1, le=limits.MAX_SEARCH_RESULTS)]


class OutExperiment(Outgoing, frozen=True):
    """An experiment as the server sends it."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    last_update_time: int
    creation_time: int
    tags: list[OutPair] = []


class ExperimentReply(Outgoing, frozen=True):
    """One experiment."""

    experiment: OutExperiment


class Create(Incoming, frozen=True):
    """A new experiment."""

    name: Text
    artifact_location: str = ""
    tags: list[KeyValue] = []


class CreateReply(Outgoing, frozen=True):
    """The new experiment's id."""

    experiment_id: str


class ById(Incoming, frozen=True):
    """An experiment by id."""

    experiment_id: Text


class ByName(Incoming, frozen=True):
    """An experiment by name."""

    experiment_name: Text


class Search(Incoming, frozen=True):
    """Which experiments, and which page."""

    max_results: PageSize
    page_token: str = ""
    filter: str = ""
    order_by: list[str] = []
    view_type: WireViewType = WireViewType.ACTIVE_ONLY


class SearchReply(Outgoing, frozen=True):
    """A page of experiments."""

    experiments: list[OutExperiment] = []
    next_page_token: str = ""


class Update(Incoming, frozen=True):
    """Another name."""

    experiment_id: Text
    new_name: Text


class SetTag(Incoming, frozen=True):
    """One tag."""

    experiment_id: Text
    key: Text
    value: str = ""


class DeleteTag(Incoming, frozen=True):
    """A tag's key."""

    experiment_id: Text
    key: Text


def out_experiment(experiment: Experiment) -> OutExperiment:
    """An experiment for the wire."""
    return OutExperiment(
        experiment_id=experiment.experiment_id,
        name=experiment.name,
        artifact_location=experiment.artifact_location,
        lifecycle_stage=experiment.lifecycle_stage.value,
        last_update_time=experiment.last_update_time,
        creation_time=experiment.creation_time,
        tags=out_pairs(experiment.tags),
    )


def create(context: Context, request: Create) -> CreateReply:
    """Make an experiment."""
    location = request.artifact_location
    if location:
        context.services.locations.check(location)
    made = context.store.experiments.create(
        request.name,
        artifact_location=location or None,
        tags=tags_of(request.tags),
    )
    return CreateReply(made.experiment_id)


def get(context: Context, request: ById) -> ExperimentReply:
    """Read an experiment."""
    found = context.store.experiments.get(ExperimentId(request.experiment_id))
    return ExperimentReply(out_experiment(found))


def get_by_name(context: Context, request: ByName) -> ExperimentReply:
    """Read an experiment by its name."""
    found = context.store.experiments.find(request.experiment_name)
    if found is None:
        raise ExperimentNotFound(request.experiment_name)
    return ExperimentReply(out_experiment(found))


def search(context: Context, request: Search) -> SearchReply:
    """Search experiments."""
    page = context.store.experiments.search(
        Query(
            filter=request.filter,
            order_by=request.order_by,
            view=request.view_type.view(),
            max_results=request.max_results,
            page_token=request.page_token or None,
        )
    )
    return SearchReply([out_experiment(item) for item in page.items], page.token or "")


def update(context: Context, request: Update) -> None:
    """Rename an experiment."""
    context.store.experiments.rename(ExperimentId(request.experiment_id), request.new_name)


def delete(context: Context, request: ById) -> None:
    """Move an experiment and its runs to the bin."""
    context.store.experiments.delete(ExperimentId(request.experiment_id))


def restore(context: Context, request: ById) -> None:
    """Take an experiment back from the bin."""
    context.store.experiments.restore(ExperimentId(request.experiment_id))


def set_tag(context: Context, request: SetTag) -> None:
    """Set a tag."""
    context.store.experiments.set_tags(
        ExperimentId(request.experiment_id), {request.key: request.value}
    )


def delete_tag(context: Context, request: DeleteTag) -> None:
    """Delete a tag."""
    context.store.experiments.delete_tag(ExperimentId(request.experiment_id), request.key)


_AT = "/mlflow/experiments"

ROUTES: tuple[Route, ...] = (
    route("POST", f"{_AT}/create", create, permission=Permission.WRITE),
    route("GET", f"{_AT}/get", get, permission=Permission.READ),
    route("GET", f"{_AT}/get-by-name", get_by_name, permission=Permission.READ),
    route("GET", f"{_AT}/search", search, permission=Permission.READ),
    route("POST", f"{_AT}/search", search, permission=Permission.READ),
    route("POST", f"{_AT}/update", update, permission=Permission.MANAGE),
    route("POST", f"{_AT}/delete", delete, permission=Permission.MANAGE),
    route("POST", f"{_AT}/restore", restore, permission=Permission.MANAGE),
    route("POST", f"{_AT}/set-experiment-tag", set_tag, permission=Permission.WRITE),
    route("POST", f"{_AT}/delete-experiment-tag", delete_tag, permission=Permission.WRITE),
)

"""MLflow's routes for what went into runs and what came out: data sets and logged models."""

# ruff: noqa: RUF012 - msgspec copies an empty default for each struct
from __future__ import annotations

from typing import Annotated

import msgspec

from assay.entities.datasets import Dataset, DatasetInput, InputTag
from assay.entities.ids import ExperimentId, ModelId, RunId
from assay.entities.logged_models import LoggedModelInput, LoggedModelOutput
from assay.entities.runs import RunInputs, RunOutputs
from assay.server.context import Context
from assay.server.mlflow_api.wire import (
    Incoming,
    Int64,
    KeyValue,
    Outgoing,
    OutPair,
    Text,
    route,
)
from assay.server.routing import Permission, Route


class OutDataset(Outgoing, frozen=True):
    """A data set as the server sends it."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class OutDatasetInput(Outgoing, frozen=True):
    """A data set as a run used it."""

    dataset: OutDataset
    tags: list[OutPair] = []


class OutModelInput(Outgoing, frozen=True):
    """A logged model that a run used."""

    model_id: str


class OutInputs(Outgoing, frozen=True):
    """What a run used."""

    dataset_inputs: list[OutDatasetInput] = []
    model_inputs: list[OutModelInput] = []


class OutModelOutput(Outgoing, frozen=True):
    """A logged model that a run made."""

    model_id: str
    step: int


class OutOutputs(Outgoing, frozen=True):
    """What a run made."""

    model_outputs: list[OutModelOutput] = []


class InDataset(Incoming, frozen=True):
    """A data set."""

    name: Text
    digest: Text
    source_type: Text
    source: Text
    schema: str | None = None
    profile: str | None = None


class InDatasetInput(Incoming, frozen=True):
    """A data set with the tags of its use."""

    dataset: InDataset
    tags: list[KeyValue] = []


class InModel(Incoming, frozen=True):
    """A logged model's id."""

    model_id: Text


class InModelOutput(Incoming, frozen=True):
    """A logged model's id and the step at which it was made."""

    model_id: Text
    step: Int64 = 0


class LogInputs(Incoming, frozen=True):
    """What a run used."""

    run_id: Text
    datasets: list[InDatasetInput] = []
    models: list[InModel] = []


class LogOutputs(Incoming, frozen=True):
    """What a run made."""

    run_id: Text
    models: list[InModelOutput] = []


class SearchDatasets(Incoming, frozen=True):
    """Which experiments."""

    experiment_ids: Annotated[list[str], msgspec.Meta(min_length=1, max_length=20)]


class OutSummary(Outgoing, frozen=True):
    """A data set of an experiment."""

    experiment_id: str
    name: str
    digest: str
    context: str | None = None


class SearchDatasetsReply(Outgoing, frozen=True):
    """The data sets that runs of the experiments used."""

    dataset_summaries: list[OutSummary] = []


def out_inputs(inputs: RunInputs) -> OutInputs:
    """What a run used, for the wire."""
    return OutInputs(
        dataset_inputs=[_out_dataset_input(used) for used in inputs.dataset_inputs],
        model_inputs=[OutModelInput(model.model_id) for model in inputs.model_inputs],
    )


def _out_dataset_input(used: DatasetInput) -> OutDatasetInput:
    dataset = used.dataset
    return OutDatasetInput(
        dataset=OutDataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema,
            profile=dataset.profile,
        ),
        tags=[OutPair(tag.key, tag.value) for tag in used.tags],
    )


def out_outputs(outputs: RunOutputs) -> OutOutputs:
    """What a run made, for the wire."""
    return OutOutputs(
        [OutModelOutput(model.model_id, model.step) for model in outputs.model_outputs]
    )


def _dataset_input(used: InDatasetInput) -> DatasetInput:
    dataset = used.dataset
    return DatasetInput(
        dataset=Dataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema or None,
            profile=dataset.profile or None,
        ),
        tags=[InputTag(tag.key, tag.value) for tag in used.tags],
    )


def log_inputs(context: Context, request: LogInputs) -> None:
    """Record what a run used."""
    context.store.inputs.log_inputs(
        RunId(request.run_id),
        datasets=[_dataset_input(used) for used in request.datasets],
        models=[LoggedModelInput(ModelId(model.model_id)) for model in request.models],
    )


def log_outputs(context: Context, request: LogOutputs) -> None:
    """Record what a run made."""
    context.store.inputs.log_outputs(
        RunId(request.run_id),
        [LoggedModelOutput(ModelId(model.model_id), model.step) for model in request.models],
    )


def search_datasets(context: Context, request: SearchDatasets) -> SearchDatasetsReply:
    """List the data sets of experiments."""
    found = context.store.inputs.search_datasets(
        [ExperimentId(ident) for ident in request.experiment_ids]
    )
    return SearchDatasetsReply(
        [
            OutSummary(
                experiment_id=item.experiment_id,
                name=item.name,
                digest=item.digest,
                context=item.context,
            )
            for item in found
        ]
    )


ROUTES: tuple[Route, ...] = (
    route("POST", "/mlflow/runs/log-inputs", log_inputs, permission=Permission.WRITE),
    route("POST", "/mlflow/runs/outputs", log_outputs, permission=Permission.WRITE),
    route(
        "POST",
        "/mlflow/experiments/search-datasets",
        search_datasets,
        permission=Permission.READ,
    ),
)

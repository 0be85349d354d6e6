"""MLflow's wire: the JSON of its REST routes, and what it stands for here.

Decoders are lax, as protobuf's JSON is: numbers may come as text, fields may be missing. ±inf
comes back from MLflow as ±1.797e308, which can't be told from that number, so it stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from assay.entities.datasets import Dataset, DatasetInput, DatasetSummary, InputTag
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId, ModelId, RunId
from assay.entities.lifecycle import LifecycleStage
from assay.entities.logged_models import (
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
)
from assay.entities.metrics import Metric
from assay.entities.runs import Run, RunData, RunInfo, RunInputs, RunOutputs, RunStatus
from assay.errors import RemoteError

T = TypeVar("T")


class Pair(msgspec.Struct, frozen=True):
    """A tag or param; an empty value is left out by some servers."""

    key: str
    value: str = ""


class WireExperiment(msgspec.Struct, frozen=True):
    """An experiment."""

    experiment_id: str
    name: str
    artifact_location: str = ""
    lifecycle_stage: str = "active"
    creation_time: int = 0
    last_update_time: int = 0
    tags: list[Pair] = []

    def entity(self) -> Experiment:
        """The experiment."""
        return Experiment(
            experiment_id=ExperimentId(self.experiment_id),
            name=self.name,
            artifact_location=self.artifact_location,
            lifecycle_stage=LifecycleStage(self.lifecycle_stage.lower()),
            creation_time=self.creation_time,
            last_update_time=self.last_update_time,
            tags=as_dict(self.tags),
        )


class WireMetric(msgspec.Struct, frozen=True):
    """A point."""

    key: str
    value: float
    timestamp: int = 0
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None

    def entity(self) -> Metric:
        """The point; empty names mean none."""
        return Metric(
            key=self.key,
            value=self.value,
            timestamp=self.timestamp,
            step=self.step,
            model_id=ModelId(self.model_id) if self.model_id else None,
            dataset_name=self.dataset_name or None,
            dataset_digest=self.dataset_digest or None,
            run_id=RunId(self.run_id) if self.run_id else None,
        )


class WireRunInfo(msgspec.Struct, frozen=True):
    """What a run is."""

    experiment_id: str
    run_id: str = ""
    run_uuid: str = ""
    run_name: str = ""
    user_id: str = ""
    status: str = "RUNNING"
    start_time: int | None = None
    end_time: int | None = None
    artifact_uri: str = ""
    lifecycle_stage: str = "active"

    def entity(self) -> RunInfo:
        """The run's info."""
        return RunInfo(
            run_id=RunId(self.run_id or self.run_uuid),
            experiment_id=ExperimentId(self.experiment_id),
            run_name=self.run_name,
            status=RunStatus(self.status),
            start_time=self.start_time,
            artifact_uri=self.artifact_uri,
            end_time=self.end_time or None,
            user_id=self.user_id,
            lifecycle_stage=LifecycleStage(self.lifecycle_stage.lower()),
        )


class WireRunData(msgspec.Struct, frozen=True):
    """What a run logged."""

    metrics: list[WireMetric] = []
    params: list[Pair] = []
    tags: list[Pair] = []


class WireRunInputs(msgspec.Struct, frozen=True):
    """What went into a run."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[LoggedModelInput] = []


class WireRunOutputs(msgspec.Struct, frozen=True):
    """What came out of a run."""

    model_outputs: list[LoggedModelOutput] = []


class WireRun(msgspec.Struct, frozen=True):
    """A run."""

    info: WireRunInfo
    data: WireRunData = WireRunData()
    inputs: WireRunInputs = WireRunInputs()
    outputs: WireRunOutputs = WireRunOutputs()

    def entity(self) -> Run:
        """The run."""
        latest = [metric.entity() for metric in self.data.metrics]
        return Run(
            info=self.info.entity(),
            data=RunData(
                metrics={metric.key: metric.value for metric in latest},
                params=as_dict(self.data.params),
                tags=as_dict(self.data.tags),
                latest=latest,
            ),
            inputs=RunInputs(self.inputs.dataset_inputs, self.inputs.model_inputs),
            outputs=RunOutputs(self.outputs.model_outputs),
        )


class WireModelInfo(msgspec.Struct, frozen=True):
    """What a logged model is."""

    model_id: str
    experiment_id: str
    name: str = ""
    creation_timestamp_ms: int = 0
    last_updated_timestamp_ms: int = 0
    artifact_uri: str = ""
    status: str = LoggedModelStatus.UNSPECIFIED.value
    status_message: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    tags: list[Pair] = []


class WireModelData(msgspec.Struct, frozen=True):
    """What a logged model recorded."""

    params: list[Pair] = []
    metrics: list[WireMetric] = []


class WireModel(msgspec.Struct, frozen=True):
    """A logged model."""

    info: WireModelInfo
    data: WireModelData = WireModelData()

    def entity(self) -> LoggedModel:
        """The model; empty texts mean none."""
        info = self.info
        return LoggedModel(
            model_id=ModelId(info.model_id),
            experiment_id=ExperimentId(info.experiment_id),
            name=info.name,
            artifact_location=info.artifact_uri,
            creation_timestamp=info.creation_timestamp_ms,
            last_updated_timestamp=info.last_updated_timestamp_ms,
            model_type=info.model_type or None,
            source_run_id=RunId(info.source_run_id) if info.source_run_id else None,
            status=LoggedModelStatus(info.status),
            status_message=info.status_message or None,
            tags=as_dict(info.tags),
            params=as_dict(self.data.params),
            metrics=[metric.entity() for metric in self.data.metrics],
        )


class ExperimentAnswer(msgspec.Struct, frozen=True):
    """One experiment."""

    experiment: WireExperiment


class ExperimentIdAnswer(msgspec.Struct, frozen=True):
    """The id of a new experiment."""

    experiment_id: str


class ExperimentsAnswer(msgspec.Struct, frozen=True):
    """A page of experiments."""

    experiments: list[WireExperiment] = []
    next_page_token: str | None = None


class RunAnswer(msgspec.Struct, frozen=True):
    """One run."""

    run: WireRun


class RunInfoAnswer(msgspec.Struct, frozen=True):
    """The changed info of a run."""

    run_info: WireRunInfo


class RunsAnswer(msgspec.Struct, frozen=True):
    """A page of runs."""

    runs: list[WireRun] = []
    next_page_token: str | None = None


class MetricsAnswer(msgspec.Struct, frozen=True):
    """A page of points."""

    metrics: list[WireMetric] = []
    next_page_token: str | None = None


class ModelAnswer(msgspec.Struct, frozen=True):
    """One logged model."""

    model: WireModel


class ModelsAnswer(msgspec.Struct, frozen=True):
    """A page of logged models."""

    models: list[WireModel] = []
    next_page_token: str | None = None


class WireDatasetSummary(msgspec.Struct, frozen=True):
    """A data set of an experiment."""

    experiment_id: str
    name: str
    digest: str = ""
    context: str | None = None

    def entity(self) -> DatasetSummary:
        """The summary."""
        return DatasetSummary(
            ExperimentId(self.experiment_id), self.name, self.digest, self.context or None
        )


class DatasetsAnswer(msgspec.Struct, frozen=True):
    """Data sets of some experiments."""

    dataset_summaries: list[WireDatasetSummary] = []


class Nothing(msgspec.Struct, frozen=True):
    """An answer without fields."""


def decode(body: bytes, kind: type[T], *, server: str) -> T:
    """An answer's body as ``kind``.

    Raises:
        RemoteError: it isn't what the protocol says.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=kind, strict=False)
    except (msgspec.DecodeError, ValueError) as error:
        raise RemoteError(
            f"{server} answered what MLflow's protocol doesn't know: {error}",
            error_code="MALFORMED_ANSWER",
            http_status=200,
        ) from error


def as_dict(pairs: Iterable[Pair]) -> dict[str, str]:
    """Tags or params by key."""
    return {pair.key: pair.value for pair in pairs}


def as_pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags or params as MLflow's routes take them."""
    return [{"key": key, "value": value} for key, value in values.items()]


def wire_number(value: float) -> float | str:
    """A float as protobuf's JSON spells it."""
    if math.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - NaN


def wire_metric(metric: Metric) -> dict[str, Any]:
    """A point as MLflow's routes take it."""
    point: dict[str, Any] = {
        "key": metric.key,
        "value": wire_number(metric.value),
        "timestamp": metric.timestamp,
        "step": metric.step,
    }
    for name in ("model_id", "dataset_name", "dataset_digest"):
        if given := getattr(metric, name):
            point[name] = given
    return point


def wire_dataset_input(used: DatasetInput) -> dict[str, Any]:
    """A used data set as MLflow's routes take it."""
    dataset: Dataset = used.dataset
    described = {
        name: value for name, value in msgspec.structs.asdict(dataset).items() if value is not None
    }
    tags: list[InputTag] = used.tags
    return {"dataset": described, "tags": [{"key": t.key, "value": t.value} for t in tags]}

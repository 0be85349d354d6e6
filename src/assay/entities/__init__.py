"""What is recorded: frozen typed structs, one definition for client, store, server and REST.

Attribute names are MLflow's (``run.info.run_id``, ``run.data.metrics``), because people's scripts
read them.
All times are integers, milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from assay.entities.datasets import Dataset, DatasetInput, DatasetSummary, InputTag
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId, ModelId, RunId
from assay.entities.lifecycle import LifecycleStage, ViewType
from assay.entities.logged_models import (
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
)
from assay.entities.metrics import Buckets, History, Metric, MetricSummary, PointBatch, SeriesKey
from assay.entities.page import Page
from assay.entities.params import Param
from assay.entities.runs import Run, RunData, RunInfo, RunInputs, RunOutputs, RunStatus
from assay.entities.tags import Tag

# MLflow's names of the same things, for scripts that build batches out of them.
RunTag = ExperimentTag = LoggedModelTag = Tag
LoggedModelParameter = Param

__all__ = [
    "Buckets",
    "Dataset",
    "DatasetInput",
    "DatasetSummary",
    "Experiment",
    "ExperimentId",
    "ExperimentTag",
    "History",
    "InputTag",
    "LifecycleStage",
    "LoggedModel",
    "LoggedModelInput",
    "LoggedModelOutput",
    "LoggedModelParameter",
    "LoggedModelStatus",
    "LoggedModelTag",
    "Metric",
    "MetricSummary",
    "ModelId",
    "Page",
    "Param",
    "PointBatch",
    "Run",
    "RunData",
    "RunId",
    "RunInfo",
    "RunInputs",
    "RunOutputs",
    "RunStatus",
    "RunTag",
    "SeriesKey",
    "Tag",
    "ViewType",
]

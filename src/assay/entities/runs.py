"""Runs: one execution, what it recorded, what went in and what came out."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from assay.entities.datasets import DatasetInput
from assay.entities.ids import ExperimentId, RunId
from assay.entities.lifecycle import LifecycleStage
from assay.entities.logged_models import LoggedModelInput, LoggedModelOutput
from assay.entities.metrics import Metric
from assay.entities.tags import RUN_NAME


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)


class RunInfo(msgspec.Struct, frozen=True):
    """What a run is, apart from what it logged."""

    run_id: RunId
    experiment_id: ExperimentId
    run_name: str
    status: RunStatus
    start_time: int | None
    artifact_uri: str
    end_time: int | None = None
    user_id: str = ""
    lifecycle_stage: LifecycleStage = LifecycleStage.ACTIVE

    @property
    def run_uuid(self) -> RunId:
        """MLflow's old name of ``run_id``."""
        return self.run_id


class RunData(msgspec.Struct, frozen=True):
    """What a run logged: latest value per metric, params, tags."""

    metrics: dict[str, float] = {}
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    latest: list[Metric] = []
    """The latest point of each metric with its step and timestamp, in the order of ``metrics``."""


class RunInputs(msgspec.Struct, frozen=True):
    """Datasets and logged models that a run used."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[LoggedModelInput] = []


class RunOutputs(msgspec.Struct, frozen=True):
    """Logged models that a run made."""

    model_outputs: list[LoggedModelOutput] = []


class Run(msgspec.Struct, frozen=True):
    """One execution and all that it recorded."""

    info: RunInfo
    data: RunData
    inputs: RunInputs = RunInputs()
    outputs: RunOutputs = RunOutputs()


class NewRun(msgspec.Struct, frozen=True):
    """What creates a run. The client makes the id, so creating twice is the same as once."""

    run_id: RunId
    experiment_id: ExperimentId
    start_time: int
    run_name: str = ""
    """Empty: the store takes the tag ``mlflow.runName``, else makes up a name."""
    user_id: str = ""
    tags: dict[str, str] = {}

    def chosen_name(self) -> str:
        """The name the caller asked for, in whichever of its two places; empty if none."""
        return self.run_name or self.tags.get(RUN_NAME, "")

"""Logged models: MLflow 3's entity for a model made by a run, with its own id, status, metrics and
params.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from assay.entities.ids import ExperimentId, ModelId, RunId
from assay.entities.metrics import Metric


class LoggedModelStatus(StrEnum):
    """Whether the model's files are complete."""

    UNSPECIFIED = "LOGGED_MODEL_STATUS_UNSPECIFIED"
    PENDING = "LOGGED_MODEL_PENDING"
    READY = "LOGGED_MODEL_READY"
    FAILED = "LOGGED_MODEL_UPLOAD_FAILED"


class LoggedModelInput(msgspec.Struct, frozen=True):
    """A logged model that a run used."""

    model_id: ModelId


class LoggedModelOutput(msgspec.Struct, frozen=True):
    """A logged model that a run made at a step."""

    model_id: ModelId
    step: int = 0


class LoggedModel(msgspec.Struct, frozen=True):
    """A model with its own id; its files are under ``artifact_location``."""

    model_id: ModelId
    experiment_id: ExperimentId
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str | None = None
    source_run_id: RunId | None = None
    status: LoggedModelStatus = LoggedModelStatus.PENDING
    status_message: str | None = None
    tags: dict[str, str] = {}
    params: dict[str, str] = {}
    metrics: list[Metric] = []
    """Latest point of each metric linked to the model, with run and data set."""

    @property
    def model_uri(self) -> str:
        """``models:/<model_id>``."""
        return f"models:/{self.model_id}"


class NewLoggedModel(msgspec.Struct, frozen=True):
    """What creates a logged model. The client makes the id, so creating twice is the same as
    once.
    """

    model_id: ModelId
    experiment_id: ExperimentId
    name: str = ""
    """Empty: the store makes up a name."""
    model_type: str | None = None
    source_run_id: RunId | None = None
    tags: dict[str, str] = {}
    params: dict[str, str] = {}

"""Datasets: what a run read, identified by name and digest."""

from __future__ import annotations

import msgspec

from assay.entities.ids import ExperimentId


class Dataset(msgspec.Struct, frozen=True):
    """A data set at one content: same name and digest in one experiment means the same data set."""

    name: str
    digest: str
    """Short fingerprint of the content, at most 36 characters, as MLflow stores it."""
    source_type: str
    source: str
    """JSON that tells where it came from."""
    schema: str | None = None
    """JSON of columns and types (``{"mlflow_colspec": …}`` or ``{"mlflow_tensorspec": …}``)."""
    profile: str | None = None
    """JSON of sizes and statistics."""


class InputTag(msgspec.Struct, frozen=True):
    """A tag of the use of a data set by a run, such as ``mlflow.data.context: training``."""

    key: str
    value: str


class DatasetInput(msgspec.Struct, frozen=True):
    """A data set as one run used it."""

    dataset: Dataset
    tags: list[InputTag] = []


class DatasetSummary(msgspec.Struct, frozen=True):
    """A data set of an experiment, for pickers: which contexts it was used in."""

    experiment_id: ExperimentId
    name: str
    digest: str
    context: str | None = None

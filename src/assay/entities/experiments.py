"""Experiments: named groups of runs."""

from __future__ import annotations

import msgspec

from assay.entities.ids import ExperimentId
from assay.entities.lifecycle import LifecycleStage


class Experiment(msgspec.Struct, frozen=True):
    """A named group of runs, with the place where their artifacts go."""

    experiment_id: ExperimentId
    name: str
    artifact_location: str
    """URI under which each run gets ``<run_id>/artifacts``; ``mlflow-artifacts:/…`` means the
    store's own root.
    """
    lifecycle_stage: LifecycleStage = LifecycleStage.ACTIVE
    creation_time: int = 0
    last_update_time: int = 0
    tags: dict[str, str] = {}

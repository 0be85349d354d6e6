"""Figures of a version: the metrics that gates hold against limits, as the store reads them."""

from __future__ import annotations

from assay.client.client import Client
from assay.entities.model_versions import ModelVersion
from assay.errors import LoggedModelNotFound, RunNotFound


def figures_of(client: Client, version: ModelVersion) -> dict[str, float]:
    """Metrics of its logged model if it has any, else the latest of its run."""
    if version.model_id is not None:
        try:
            model = client.store.logged_models.get(version.model_id)
        except LoggedModelNotFound:
            model = None
        if model is not None and model.metrics:
            return {metric.key: metric.value for metric in model.metrics}
    if version.run_id is not None:
        try:
            return dict(client.store.runs.get(version.run_id).data.metrics)
        except RunNotFound:
            return {}
    return {}

"""MLflow's REST API over Assay's store: one file of routes per resource, wire structs beside them.

What is accepted, refused and answered follows MLflow's server, because its clients are written
against that.
"""

from __future__ import annotations

from assay.server.mlflow_api import (
    artifacts,
    experiments,
    info,
    inputs,
    logged_models,
    metrics,
    model_versions,
    proxy,
    registered_models,
    runs,
    webhooks,
)
from assay.server.mlflow_api.wire import ENUM_NUMBERS
from assay.server.routing import Route

__all__ = ["ENUM_NUMBERS", "mlflow_routes"]


def mlflow_routes() -> tuple[Route, ...]:
    """All routes of this room."""
    return (
        *info.ROUTES,
        *experiments.ROUTES,
        *runs.ROUTES,
        *metrics.ROUTES,
        *inputs.ROUTES,
        *artifacts.ROUTES,
        *proxy.ROUTES,
        *logged_models.ROUTES,
        *registered_models.ROUTES,
        *model_versions.ROUTES,
        *webhooks.ROUTES,
    )

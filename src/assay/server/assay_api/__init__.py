"""Assay's own routes, under ``/api/assay/v1``: what MLflow has no route for, or can't say exactly.

Ingest of journals, histories and charts of many runs at once, the run table in columns, live
updates. Reference: docs/reference/assay-api.md.
"""

from __future__ import annotations

from assay.server.assay_api import artifacts, experiments, info, ingest, logged_models, runs, series
from assay.server.assay_api.live import live_routes
from assay.server.routing import Route

__all__ = ["assay_routes"]


def assay_routes() -> tuple[Route, ...]:
    """All routes of this room, for one application."""
    return (
        *info.ROUTES,
        *ingest.ROUTES,
        *experiments.ROUTES,
        *runs.ROUTES,
        *series.ROUTES,
        *logged_models.ROUTES,
        *artifacts.ROUTES,
        *live_routes(),
    )

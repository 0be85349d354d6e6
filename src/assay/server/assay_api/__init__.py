"""Assay's own routes, under ``/api/assay/v1``: what MLflow has no route for, or can't say exactly.

Ingest of journals, histories and charts of many runs at once, the run table in columns, live
updates, and the governance of registered models. Reference: docs/reference/assay-api.md.
"""

from __future__ import annotations

from assay.server.assay_api import (
    artifacts,
    audit,
    deployments,
    experiments,
    facts,
    file_links,
    file_views,
    importance,
    info,
    ingest,
    jobs,
    lineage,
    logged_models,
    policies,
    requests,
    rules,
    run_bulk,
    run_differences,
    run_export,
    run_facets,
    run_files,
    run_groups,
    run_reproduction,
    run_rows,
    runs,
    series,
    signatures,
    traffic,
    webhooks,
)
from assay.server.assay_api.live import live_routes
from assay.server.routing import Route

__all__ = ["assay_routes"]


def assay_routes() -> tuple[Route, ...]:
    """All routes of this room, for one application."""
    return (
        *info.ROUTES,
        *facts.ROUTES,
        *ingest.ROUTES,
        *experiments.ROUTES,
        *runs.ROUTES,
        *run_rows.ROUTES,
        *run_facets.facet_routes(),
        *run_groups.ROUTES,
        *run_reproduction.ROUTES,
        *run_bulk.ROUTES,
        *run_differences.ROUTES,
        *run_export.ROUTES,
        *importance.ROUTES,
        *series.ROUTES,
        *logged_models.ROUTES,
        *artifacts.ROUTES,
        *run_files.ROUTES,
        *file_views.ROUTES,
        *file_links.ROUTES,
        *policies.ROUTES,
        *requests.ROUTES,
        *signatures.ROUTES,
        *audit.ROUTES,
        *rules.ROUTES,
        *deployments.ROUTES,
        *traffic.ROUTES,
        *lineage.ROUTES,
        *webhooks.ROUTES,
        *jobs.ROUTES,
        *live_routes(),
    )

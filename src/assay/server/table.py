"""The route table of a server: all rooms of routes together."""

from __future__ import annotations

from assay.server.assay_api import assay_routes
from assay.server.mlflow_api import mlflow_routes
from assay.server.monitoring import Monitor
from assay.server.routing import Table
from assay.server.start_page import start_page_routes
from assay.server.status import status_routes


def route_table(monitor: Monitor) -> Table:
    """All routes; ``monitor`` counts them from now on."""
    table = Table(
        (*status_routes(monitor), *start_page_routes(), *mlflow_routes(), *assay_routes())
    )
    monitor.watch(table)
    return table

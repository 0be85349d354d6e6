"""The route table of a server: all rooms of routes together."""

from __future__ import annotations

from assay.server.assay_api import assay_routes
from assay.server.docs_page import docs_routes
from assay.server.mlflow_api import mlflow_routes
from assay.server.monitoring import Monitor
from assay.server.routing import Route, Table
from assay.server.status import status_routes
from assay.server.ui import WebUi, ui_routes


def route_table(monitor: Monitor) -> Table:
    """All routes; ``monitor`` counts them from now on."""
    routes: list[Route] = []
    routes += status_routes(monitor)
    routes += docs_routes(lambda: routes)
    routes += ui_routes(WebUi())
    routes += mlflow_routes()
    routes += assay_routes()
    table = Table(routes)
    monitor.watch(table)
    return table

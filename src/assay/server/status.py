"""Routes for those who watch a server: is it up, which protocol does it speak, how is it doing."""

from __future__ import annotations

from assay.http.replies import TEXT, Reply
from assay.server.context import Context
from assay.server.monitoring import Monitor
from assay.server.routing import Empty, Permission, Route

MLFLOW_VERSION = "3.17.2"
"""The version of MLflow whose protocol is spoken; ``/version`` answers it, as MLflow's clients
expect."""

_OK = Reply(b"OK", content_type=TEXT)
_VERSION = Reply(MLFLOW_VERSION.encode(), content_type=TEXT)
_PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"


def health(_context: Context, _request: Empty) -> Reply:
    """Whether the server answers."""
    return _OK


def version(_context: Context, _request: Empty) -> Reply:
    """The version of MLflow's protocol."""
    return _VERSION


def status_routes(monitor: Monitor) -> tuple[Route, ...]:
    """All routes of this file."""

    def metrics(_context: Context, _request: Empty) -> Reply:
        """Figures of all processes, for Prometheus."""
        return Reply(monitor.render(), content_type=_PROMETHEUS)

    return tuple(
        Route(
            method="GET",
            path=path,
            handler=handler,
            permission=permission,
            response=None,
            summary=(handler.__doc__ or "").rstrip("."),
            group="Server",
            on_loop=True,
        )
        for path, handler, permission in (
            ("/health", health, Permission.PUBLIC),
            ("/version", version, Permission.PUBLIC),
            ("/metrics", metrics, Permission.READ),
        )
    )

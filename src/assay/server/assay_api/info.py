"""Info: what this server is, so that a client knows which routes it may use."""

from __future__ import annotations

from assay.server.context import Context
from assay.server.routing import Empty, Permission, Route
from assay.store.rest import wire
from assay.version import __version__

_INFO = wire.Info(name="assay", version=__version__, api_version=wire.API_VERSION)


def info(_context: Context, _request: Empty) -> wire.Info:
    """What this server is."""
    return _INFO


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=wire.PREFIX + "/info",
        handler=info,
        permission=Permission.PUBLIC,
        summary="Name, version and API version of this server.",
        response=wire.Info,
        group="Server",
        on_loop=True,
    ),
)

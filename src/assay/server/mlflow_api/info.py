"""What MLflow's clients ask a server about itself."""

from __future__ import annotations

import msgspec

from assay.artifacts.base import SupportsMultipart, SupportsPresign
from assay.server.context import Context
from assay.server.mlflow_api.wire import Outgoing
from assay.server.routing import Empty, Permission, Route


class ServerInfo(Outgoing, frozen=True, omit_defaults=False):
    """What this server can do."""

    store_type: str
    multipart_uploads_enabled: bool
    multipart_downloads_enabled: bool
    workspaces_enabled: bool = False
    trace_archival_enabled: bool = False
    presigned_upload_run_id_supported: bool = False
    presigned_upload_model_id_supported: bool = False
    features_enabled: dict[str, bool] = msgspec.field(default_factory=lambda: {"gateway": False})


def server_info(context: Context, _request: Empty) -> ServerInfo:
    """What this server can do, for MLflow's clients."""
    return ServerInfo(
        store_type="SqlStore",
        multipart_uploads_enabled=isinstance(context.artifacts, SupportsMultipart),
        multipart_downloads_enabled=isinstance(context.artifacts, SupportsPresign),
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/3.0/mlflow/server-info",
        twins=("/ajax-api/3.0/mlflow/server-info",),
        handler=server_info,
        permission=Permission.PUBLIC,
        response=ServerInfo,
        summary="What this server can do",
        group="Server",
        on_loop=True,
    ),
)

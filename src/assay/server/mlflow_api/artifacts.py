"""MLflow's routes for the artifacts of runs: list, download, upload of one file."""

# ruff: noqa: RUF012 - msgspec copies an empty default for each struct
from __future__ import annotations

from assay.artifacts.base import ArtifactInfo, ArtifactStore
from assay.entities.ids import RunId
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import ArtifactNotFound
from assay.http.errors import HttpError
from assay.http.replies import FileReply, Reply, StreamReply
from assay.server.context import Context
from assay.server.downloads import download
from assay.server.mlflow_api.wire import Incoming, Outgoing, Text, route, run_id_of
from assay.server.routing import Body, Dialect, Permission, Route


class List(Incoming, frozen=True):
    """A folder of a run."""

    run_id: str = ""
    run_uuid: str = ""
    path: str = ""
    page_token: str = ""


class OutFile(Outgoing, frozen=True):
    """A file or folder."""

    path: str
    is_dir: bool
    file_size: int | None = None


class ListReply(Outgoing, frozen=True):
    """What lies in a folder."""

    root_uri: str
    files: list[OutFile] = []


class OneFile(Incoming, frozen=True):
    """A file of a run."""

    path: Text
    run_id: str = ""
    run_uuid: str = ""


def out_file(info: ArtifactInfo) -> OutFile:
    """A file or folder for the wire, with its path as it is in ``info``."""
    return OutFile(info.path, info.is_dir, None if info.is_dir else info.file_size)


def store_at(context: Context, location: str) -> ArtifactStore:
    """The store seen from a run's or model's artifact location; outside of the root it is
    refused.
    """
    inner = context.services.locations.path_of(location)
    return context.artifacts.at(inner) if inner else context.artifacts


def _of_run(context: Context, run_id: str, run_uuid: str) -> tuple[str, ArtifactStore]:
    uri = context.store.runs.get(RunId(run_id_of(run_id, run_uuid))).info.artifact_uri
    return uri, store_at(context, uri)


def folder_of(path: str) -> ArtifactPath:
    """A folder's path as clients write it, with or without a slash at the end."""
    return artifact_path(path if path == "/" else path.removesuffix("/"), allow_root=True)


def list_artifacts(context: Context, request: List) -> ListReply:
    """List a folder of a run's artifacts."""
    folder = folder_of(request.path)
    uri, store = _of_run(context, request.run_id, request.run_uuid)
    return ListReply(uri, [out_file(info) for info in store.list(folder)])


def get_artifact(context: Context, request: OneFile) -> FileReply | StreamReply | Reply:
    """Download a file of a run."""
    path = artifact_path(request.path)
    _, store = _of_run(context, request.run_id, request.run_uuid)
    return download(context, store, path)


def upload_artifact(context: Context, request: OneFile) -> None:
    """Upload a file of a run; with ``If-None-Match: *`` only where nothing is yet."""
    path = artifact_path(request.path)
    _, store = _of_run(context, request.run_id, request.run_uuid)
    if context.header(b"if-none-match") == "*" and _is_there(store, path):
        raise HttpError(
            412, f"There is already a file {path!r}.", error_code="RESOURCE_ALREADY_EXISTS"
        )
    store.write(path, context.chunks())


def _is_there(store: ArtifactStore, path: ArtifactPath) -> bool:
    try:
        store.info(path)
    except ArtifactNotFound:
        return False
    return True


ROUTES: tuple[Route, ...] = (
    route("GET", "/mlflow/artifacts/list", list_artifacts, permission=Permission.READ),
    Route(
        method="GET",
        path="/get-artifact",
        handler=get_artifact,
        permission=Permission.READ,
        request=OneFile,
        response=None,
        summary="Download a file of a run",
        group="Artifacts",
        dialect=Dialect.MLFLOW,
    ),
    route(
        "POST",
        "/mlflow/upload-artifact",
        upload_artifact,
        permission=Permission.WRITE,
        body=Body.STREAM,
        ajax_only=True,
    ),
)

"""MLflow's artifact proxy: files below the server's root by path, whole or in parts.

Uploads stream into the artifact store and appear whole or not at all. A multi-part upload's parts
come through this server too, so it works alike for a folder and an object store.
"""

# ruff: noqa: RUF012 - msgspec copies an empty default for each struct
from __future__ import annotations

import posixpath
from typing import Annotated
from urllib.parse import quote

import msgspec

from assay.artifacts.base import Part, SupportsMultipart, SupportsPresign
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import Corrupted, InvalidInput
from assay.http.errors import HttpError
from assay.http.replies import FileReply, Reply, StreamReply
from assay.server.context import Context
from assay.server.downloads import SHA256_HEADER, download
from assay.server.mlflow_api.artifacts import OutFile, folder_of
from assay.server.mlflow_api.wire import API, Incoming, Outgoing, Positive, Text, route
from assay.server.routing import Body, Permission, Route

PRESIGNED_FOR_S = 900
MAX_PARTS = 10_000


class Listing(Incoming, frozen=True):
    """A folder below the root."""

    path: str = ""


class ListingReply(Outgoing, frozen=True):
    """What lies in it, by base names."""

    files: list[OutFile] = []


class AtPath(Incoming, frozen=True):
    """A file below the root."""

    artifact_path: str


class CreateUpload(Incoming, frozen=True):
    """A file in parts: the route names its folder, ``path`` its name."""

    path: Text
    artifact_path: str = ""
    num_parts: Annotated[int, msgspec.Meta(ge=1, le=MAX_PARTS)] = 1


class Credential(Outgoing, frozen=True):
    """Where one part goes."""

    url: str
    part_number: int
    headers: dict[str, str] = {}


class CreateUploadReply(Outgoing, frozen=True):
    """The upload, and where its parts go."""

    upload_id: str
    credentials: list[Credential] = []


class InPart(Incoming, frozen=True):
    """A part that has arrived."""

    part_number: Positive
    etag: Text
    url: str = ""


class CompleteUpload(Incoming, frozen=True):
    """All parts, in order."""

    path: Text
    upload_id: Text
    artifact_path: str = ""
    parts: list[InPart] = []


class CompleteUploadReply(Outgoing, frozen=True):
    """The digest of the file; MLflow's clients ignore it."""

    sha256: str | None = None


class AbortUpload(Incoming, frozen=True):
    """An upload to give up."""

    path: Text
    upload_id: Text
    artifact_path: str = ""


class UploadPart(Incoming, frozen=True):
    """One part."""

    upload_id: str
    part_number: str
    artifact_path: str


class Presigned(Outgoing, frozen=True):
    """A URL that is good for a short while."""

    url: str
    headers: dict[str, str] = {}
    file_size: int | None = None


def list_folder(context: Context, request: Listing) -> ListingReply:
    """List a folder below the artifact root."""
    found = context.artifacts.list(folder_of(request.path))
    return ListingReply(
        [
            OutFile(
                posixpath.basename(info.path), info.is_dir, None if info.is_dir else info.file_size
            )
            for info in found
        ]
    )


def get_file(context: Context, request: AtPath) -> FileReply | StreamReply | Reply:
    """Download a file below the artifact root."""
    return download(context, context.artifacts, artifact_path(request.artifact_path))


def put_file(context: Context, request: AtPath) -> Reply:
    """Upload a file; it appears once it is whole."""
    path = artifact_path(request.artifact_path)
    expected = context.header(SHA256_HEADER)
    try:
        sha256 = context.artifacts.write(path, context.chunks(), sha256=expected or None)
    except Corrupted as error:
        if not expected:
            raise
        # The store is fine: what arrived isn't what the client said it sends.
        raise InvalidInput(error.message) from error
    return Reply(b"{}", headers=((SHA256_HEADER, sha256.encode()),))


def delete_path(context: Context, request: AtPath) -> None:
    """Delete a file or folder below the artifact root; never the root."""
    context.artifacts.delete(artifact_path(request.artifact_path.rstrip("/")))


def _target(folder: str, name: str) -> ArtifactPath:
    # MLflow's client sends the whole local path of the file; only its last part is meant.
    base = posixpath.basename(name.rstrip("/"))
    inner = folder_of(folder)
    return artifact_path(f"{inner}/{base}" if inner else base)


def _multipart(context: Context) -> SupportsMultipart:
    store = context.artifacts
    if not isinstance(store, SupportsMultipart):
        raise HttpError(
            501, "This server's artifact store takes no parts.", error_code="NOT_IMPLEMENTED"
        )
    return store


def create_upload(context: Context, request: CreateUpload) -> CreateUploadReply:
    """Begin a multi-part upload."""
    path = _target(request.artifact_path, request.path)
    upload_id = _multipart(context).create_upload(path)
    scheme = context.header(b"x-forwarded-proto")
    scheme = scheme if scheme in ("http", "https") else context.scheme
    base = f"{scheme}://{context.header(b'host')}{API}/mlflow-artifacts/mpu/part"
    place = quote(path, safe="/")
    return CreateUploadReply(
        upload_id,
        [
            Credential(f"{base}/{quote(upload_id, safe='')}/{number}/{place}", number)
            for number in range(1, request.num_parts + 1)
        ],
    )


def put_part(context: Context, request: UploadPart) -> Reply:
    """Upload one part."""
    if not (request.part_number.isascii() and request.part_number.isdigit()):
        raise InvalidInput("Invalid value for parameter 'part_number' supplied: no number.")
    part = _multipart(context).write_part(
        artifact_path(request.artifact_path),
        request.upload_id,
        int(request.part_number[:9]),
        context.chunks(),
    )
    return Reply(b"{}", headers=((b"etag", part.etag.encode("latin-1", "replace")),))


def complete_upload(context: Context, request: CompleteUpload) -> CompleteUploadReply:
    """Publish the file made of the parts."""
    sha256 = _multipart(context).complete_upload(
        _target(request.artifact_path, request.path),
        request.upload_id,
        [Part(part.part_number, part.etag) for part in request.parts],
    )
    return CompleteUploadReply(sha256)


def abort_upload(context: Context, request: AbortUpload) -> None:
    """Give a multi-part upload up."""
    path = _target(request.artifact_path, request.path)
    _multipart(context).abort_upload(path, request.upload_id)


def presigned(context: Context, request: AtPath) -> Presigned:
    """A URL to fetch a file directly, where the artifact store can make one."""
    path = artifact_path(request.artifact_path)
    store = context.artifacts
    if not isinstance(store, SupportsPresign):
        # Not a 501: MLflow's client falls back to the proxy for both.
        raise HttpError(
            404,
            "This server's artifact store makes no presigned URLs.",
            error_code="ENDPOINT_NOT_FOUND",
        )
    info = store.info(path)
    made = store.presign_read(path, expires_s=PRESIGNED_FOR_S)
    return Presigned(made.url, dict(made.headers), info.file_size)


_AT = "/mlflow-artifacts"
_FILE = f"{_AT}/artifacts/{{artifact_path:path}}"

ROUTES: tuple[Route, ...] = (
    route("GET", f"{_AT}/artifacts", list_folder, permission=Permission.READ),
    route("GET", _FILE, get_file, permission=Permission.READ),
    route("PUT", _FILE, put_file, permission=Permission.WRITE, body=Body.STREAM),
    route("DELETE", _FILE, delete_path, permission=Permission.MANAGE, body=Body.NONE),
    *(
        route("POST", f"{_AT}/mpu/{name}{place}", handler, permission=Permission.WRITE)
        for name, handler in (
            ("create", create_upload),
            ("complete", complete_upload),
            ("abort", abort_upload),
        )
        for place in ("", "/{artifact_path:path}")
    ),
    route(
        "PUT",
        f"{_AT}/mpu/part/{{upload_id}}/{{part_number}}/{{artifact_path:path}}",
        put_part,
        permission=Permission.WRITE,
        body=Body.STREAM,
    ),
    route("GET", f"{_AT}/presigned/{{artifact_path:path}}", presigned, permission=Permission.READ),
)

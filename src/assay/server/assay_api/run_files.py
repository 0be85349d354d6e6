"""Files of runs, logged models and versions: folders, bytes, text, archives, facts.

A place is one of ``run_id``, ``model_id`` and ``version`` (``NAME/NUMBER``), and a path below its
artifacts.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

from assay.artifacts.base import ArtifactStore
from assay.entities.ids import ModelId, RunId
from assay.entities.names import ArtifactPath, artifact_path
from assay.entities.registry_names import parse_version
from assay.errors import InvalidInput
from assay.http.replies import FileReply, Reply, StreamReply
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.downloads import attachment
from assay.server.files import text as texts
from assay.server.files.facts import FileFacts, facts_of
from assay.server.files.opened import OpenedArtifact, open_artifact
from assay.server.files.order import Order, SortBy
from assay.server.files.serving import raw as served
from assay.server.files.tree import Listing, list_folder, search
from assay.server.files.zips import files_below, zip_chunks
from assay.server.mlflow_api.artifacts import folder_of, store_at
from assay.server.routing import Permission, Route
from assay.store.rest import wire

GROUP = "Files"
PREFIX = wire.PREFIX + "/files"
_MAX_SEARCH_CHARS = 500


class Place(msgspec.Struct, frozen=True):
    """A file or folder."""

    run_id: str = ""
    model_id: str = ""
    version: str = ""
    """``NAME/NUMBER`` of a registered model's version."""
    path: str = ""


class ListFolder(Place, frozen=True):
    """A page of a folder, or of the files below it whose path holds a text."""

    page_token: str = ""
    search: Annotated[str, msgspec.Meta(max_length=_MAX_SEARCH_CHARS)] = ""
    sort: SortBy = SortBy.NAME
    descending: str = ""
    """Not empty, ``0`` or ``false``: the order is read from its other end."""


class RawFile(Place, frozen=True):
    """A file's bytes; ``download``: as an attachment, whatever it is."""

    download: str = ""


class TextRange(Place, frozen=True):
    """A piece of a text; a negative ``offset`` counts from the end."""

    offset: int = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=texts.MAX_BYTES)] = texts.DEFAULT_BYTES


class Found(NamedTuple):
    """Where the files of a place are."""

    store: ArtifactStore
    uri: str
    made_by: str | None


def find_place(context: Context, place: Place) -> Found:
    """The artifacts of a run, logged model or version.

    Raises:
        InvalidInput: none or more than one of the three is named, or they are not kept here.
        NotFound: there is no such run, model or version.
    """
    if [bool(place.run_id), bool(place.model_id), bool(place.version)].count(True) != 1:
        raise InvalidInput("Name one place: 'run_id', 'model_id' or 'version'.")
    made_by: str | None
    if place.run_id:
        run = context.store.runs.get(RunId(place.run_id))
        uri, made_by = run.info.artifact_uri, run.info.run_id
    elif place.model_id:
        model = context.store.logged_models.get(ModelId(place.model_id))
        uri, made_by = model.artifact_location, model.source_run_id
    else:
        name, slash, number = place.version.rpartition("/")
        if not slash:
            raise InvalidInput("'version' has the form NAME/NUMBER.")
        version = context.store.model_versions.get(name, parse_version(number))
        uri = context.store.model_versions.download_uri(version.name, version.version)
        made_by = version.run_id
    return Found(store_at(context, uri), uri, made_by)


def open_file(context: Context, place: Place) -> OpenedArtifact:
    """The file of a place, to be closed by the caller."""
    path = artifact_path(place.path)
    return open_artifact(find_place(context, place).store, path)


def _is_set(text: str) -> bool:
    return text not in ("", "0", "false")


def _folder(context: Context, place: Place) -> tuple[Found, ArtifactPath]:
    path = folder_of(place.path)
    return find_place(context, place), path


def list_files(context: Context, request: ListFolder) -> Reply:
    """A page of a folder, or of what a search finds below it."""
    found, folder = _folder(context, request)
    order = Order(request.sort, _is_set(request.descending))
    if request.search:
        listing = search(found.store, folder, request.search, token=request.page_token, order=order)
    else:
        listing = list_folder(found.store, folder, token=request.page_token, order=order)
    return answer(context, msgspec.structs.replace(listing, root=found.uri))


def raw(context: Context, request: RawFile) -> FileReply | StreamReply | Reply:
    """A file's bytes: in place where they are inert, else as an attachment."""
    path = artifact_path(request.path)
    save = _is_set(request.download)
    return served(context, find_place(context, request).store, path, save=save)


def text(context: Context, request: TextRange) -> Reply:
    """A piece of a text, cut at line ends."""
    with open_file(context, request) as opened:
        return answer(context, texts.piece(opened, offset=request.offset, limit=request.limit))


def folder_as_zip(context: Context, request: Place) -> StreamReply:
    """A folder as a ZIP archive, made while it is sent."""
    found, folder = _folder(context, request)
    files = files_below(found.store, folder)
    name = folder.rpartition("/")[2] or request.run_id or request.model_id or request.version
    return StreamReply(
        zip_chunks(found.store, folder, files),
        content_type=b"application/zip",
        headers=((b"content-disposition", attachment(f"{name}.zip")),),
    )


def facts(context: Context, request: Place) -> Reply:
    """Size, digest, maker and address of a file."""
    path = artifact_path(request.path)
    found = find_place(context, request)
    with open_artifact(found.store, path) as opened:
        return answer(context, facts_of(opened, made_by=found.made_by, root=found.uri))


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=PREFIX + "/list",
        handler=list_files,
        permission=Permission.READ,
        summary="A page of a folder, or of the files below it whose path holds a text.",
        request=ListFolder,
        response=Listing,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=PREFIX + "/raw",
        handler=raw,
        permission=Permission.READ,
        summary="A file's bytes, or a range of them.",
        request=RawFile,
        response=None,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=PREFIX + "/text",
        handler=text,
        permission=Permission.READ,
        summary="A piece of a text file, cut at line ends.",
        request=TextRange,
        response=texts.TextPiece,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=PREFIX + "/zip",
        handler=folder_as_zip,
        permission=Permission.READ,
        summary="A folder as a ZIP archive.",
        request=Place,
        response=None,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=PREFIX + "/facts",
        handler=facts,
        permission=Permission.READ,
        summary="Size, digest, maker and address of a file.",
        request=Place,
        response=FileFacts,
        group=GROUP,
    ),
)

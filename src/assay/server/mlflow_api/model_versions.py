"""MLflow's routes for model versions. Versions travel as text, as its clients write them."""

# ruff: noqa: RUF012 - msgspec copies an empty default for each struct
from __future__ import annotations

from typing import Annotated

import msgspec

from assay.entities.ids import ModelId, RunId
from assay.entities.model_versions import ModelVersion, NewModelVersion
from assay.entities.names import artifact_path
from assay.entities.registry_names import parse_version
from assay.http.replies import FileReply, Reply, StreamReply
from assay.server.context import Context
from assay.server.downloads import download
from assay.server.mlflow_api.artifacts import store_at
from assay.server.mlflow_api.wire import (
    Incoming,
    KeyValue,
    Outgoing,
    OutPair,
    Reasoned,
    Text,
    out_pairs,
    route,
    tags_of,
)
from assay.server.routing import Dialect, Permission, Route
from assay.store.base import Query

DEFAULT_PAGE = 10_000
"""MLflow's client asks for as many unless told otherwise."""
LARGEST_PAGE = 200_000
"""What MLflow's clients may ask for. They follow the token, so that no page has to be that long."""


class OutVersion(Outgoing, frozen=True):
    """A version as the server sends it."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    current_stage: str
    status: str
    user_id: str = ""
    description: str = ""
    source: str = ""
    run_id: str | None = None
    status_message: str = ""
    tags: list[OutPair] = []
    run_link: str = ""
    aliases: list[str] = []
    model_id: str | None = None


class VersionReply(Outgoing, frozen=True):
    """One version."""

    model_version: OutVersion


class VersionsReply(Outgoing, frozen=True):
    """Versions; of a search, a page of them."""

    model_versions: list[OutVersion] = []
    next_page_token: str = ""


class UriReply(Outgoing, frozen=True):
    """Where files are."""

    artifact_uri: str


class Create(Reasoned, frozen=True, kw_only=True):
    """A new version."""

    name: Text
    source: Text
    run_id: str = ""
    tags: list[KeyValue] = []
    run_link: str = ""
    description: str = ""
    model_id: str = ""


class One(Incoming, frozen=True):
    """A version."""

    name: Text
    version: Text


class Update(Reasoned, frozen=True, kw_only=True):
    """Another description."""

    name: Text
    version: Text
    description: str = ""


class Delete(Reasoned, frozen=True, kw_only=True):
    """A version to delete."""

    name: Text
    version: Text


class Transition(Reasoned, frozen=True, kw_only=True):
    """Which stage a version goes to."""

    name: Text
    version: Text
    stage: Text
    archive_existing_versions: bool = False


class SetTag(Reasoned, frozen=True, kw_only=True):
    """One tag."""

    name: Text
    version: Text
    key: Text
    value: str = ""


class DeleteTag(Reasoned, frozen=True, kw_only=True):
    """A tag's key."""

    name: Text
    version: Text
    key: Text


class Search(Incoming, frozen=True):
    """Which versions, and which page."""

    filter: str = ""
    max_results: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE)] = DEFAULT_PAGE
    order_by: list[str] = []
    page_token: str = ""


class OneFile(Incoming, frozen=True):
    """A file of a version."""

    name: Text
    version: Text
    path: Text


def out_version(version: ModelVersion) -> OutVersion:
    """A version for the wire."""
    return OutVersion(
        name=version.name,
        version=str(version.version),
        creation_timestamp=version.creation_timestamp,
        last_updated_timestamp=version.last_updated_timestamp,
        current_stage=version.current_stage,
        status=version.status.value,
        user_id=version.user_id,
        description=version.description,
        source=version.source,
        run_id=version.run_id,
        status_message=version.status_message,
        tags=out_pairs(version.tags),
        run_link=version.run_link,
        aliases=version.aliases,
        model_id=version.model_id,
    )


def create(context: Context, request: Create) -> VersionReply:
    """Register a version."""
    new = NewModelVersion(
        name=request.name,
        source=request.source,
        run_id=RunId(request.run_id) if request.run_id else None,
        model_id=ModelId(request.model_id) if request.model_id else None,
        run_link=request.run_link,
        description=request.description,
        tags=tags_of(request.tags),
    )
    made = context.store.model_versions.create(new, cause=context.cause(request.reason))
    return VersionReply(out_version(made))


def get(context: Context, request: One) -> VersionReply:
    """Read a version."""
    version = parse_version(request.version)
    return VersionReply(out_version(context.store.model_versions.get(request.name, version)))


def update(context: Context, request: Update) -> VersionReply:
    """Change the description of a version."""
    changed = context.store.model_versions.update(
        request.name,
        parse_version(request.version),
        request.description,
        cause=context.cause(request.reason),
    )
    return VersionReply(out_version(changed))


def delete(context: Context, request: Delete) -> None:
    """Delete a version."""
    context.store.model_versions.delete(
        request.name, parse_version(request.version), cause=context.cause(request.reason)
    )


def search(context: Context, request: Search) -> VersionsReply:
    """Search versions."""
    page = context.store.model_versions.search(
        Query(
            filter=request.filter,
            order_by=request.order_by,
            max_results=min(request.max_results, DEFAULT_PAGE),
            page_token=request.page_token or None,
        )
    )
    return VersionsReply([out_version(item) for item in page.items], page.token or "")


def download_uri(context: Context, request: One) -> UriReply:
    """Tell where the files of a version are."""
    version = parse_version(request.version)
    return UriReply(context.store.model_versions.download_uri(request.name, version))


def transition(context: Context, request: Transition) -> VersionReply:
    """Move a version to a stage."""
    moved = context.store.model_versions.transition(
        request.name,
        parse_version(request.version),
        request.stage,
        archive_existing=request.archive_existing_versions,
        cause=context.cause(request.reason),
    )
    return VersionReply(out_version(moved))


def set_tag(context: Context, request: SetTag) -> None:
    """Set a tag of a version."""
    context.store.model_versions.set_tag(
        request.name,
        parse_version(request.version),
        request.key,
        request.value,
        cause=context.cause(request.reason),
    )


def delete_tag(context: Context, request: DeleteTag) -> None:
    """Delete a tag of a version."""
    context.store.model_versions.delete_tag(
        request.name,
        parse_version(request.version),
        request.key,
        cause=context.cause(request.reason),
    )


def get_artifact(context: Context, request: OneFile) -> FileReply | StreamReply | Reply:
    """Download a file of a version."""
    path = artifact_path(request.path)
    version = parse_version(request.version)
    place = context.store.model_versions.download_uri(request.name, version)
    return download(context, store_at(context, place), path)


_AT = "/mlflow/model-versions"

ROUTES: tuple[Route, ...] = (
    route("POST", f"{_AT}/create", create, permission=Permission.WRITE),
    route("GET", f"{_AT}/get", get, permission=Permission.READ),
    route("PATCH", f"{_AT}/update", update, permission=Permission.WRITE),
    route("DELETE", f"{_AT}/delete", delete, permission=Permission.MANAGE),
    route("GET", f"{_AT}/search", search, permission=Permission.READ),
    route("GET", f"{_AT}/get-download-uri", download_uri, permission=Permission.READ),
    route("POST", f"{_AT}/transition-stage", transition, permission=Permission.WRITE),
    route("POST", f"{_AT}/set-tag", set_tag, permission=Permission.WRITE),
    route("DELETE", f"{_AT}/delete-tag", delete_tag, permission=Permission.WRITE),
    Route(
        method="GET",
        path="/model-versions/get-artifact",
        handler=get_artifact,
        permission=Permission.READ,
        request=OneFile,
        response=None,
        summary="Download a file of a version",
        group="Model versions",
        dialect=Dialect.MLFLOW,
    ),
)

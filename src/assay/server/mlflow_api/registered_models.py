"""MLflow's routes for registered models, their tags and aliases."""

# ruff: noqa: RUF012 - msgspec copies an empty default for each struct
from __future__ import annotations

from typing import Annotated

import msgspec

from assay.entities.registered_models import RegisteredModel
from assay.entities.registry_names import parse_version
from assay.server.context import Context
from assay.server.mlflow_api.model_versions import (
    OutVersion,
    VersionReply,
    VersionsReply,
    out_version,
)
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
from assay.server.routing import Permission, Route
from assay.store.base import Query

DEFAULT_PAGE = 100
LARGEST_PAGE = 1_000


class OutAlias(Outgoing, frozen=True):
    """An alias and the version it stands for."""

    alias: str
    version: str


class OutRegisteredModel(Outgoing, frozen=True):
    """A registered model as the server sends it."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    latest_versions: list[OutVersion] = []
    tags: list[OutPair] = []
    aliases: list[OutAlias] = []


class ModelReply(Outgoing, frozen=True):
    """One registered model."""

    registered_model: OutRegisteredModel


class Create(Reasoned, frozen=True, kw_only=True):
    """A new registered model."""

    name: Text
    tags: list[KeyValue] = []
    description: str = ""


class One(Incoming, frozen=True):
    """A registered model."""

    name: Text


class Rename(Reasoned, frozen=True, kw_only=True):
    """Another name."""

    name: Text
    new_name: Text


class Update(Reasoned, frozen=True, kw_only=True):
    """Another description."""

    name: Text
    description: str = ""


class Delete(Reasoned, frozen=True, kw_only=True):
    """A registered model to delete."""

    name: Text


class Search(Incoming, frozen=True):
    """Which registered models, and which page."""

    filter: str = ""
    max_results: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE)] = DEFAULT_PAGE
    order_by: list[str] = []
    page_token: str = ""


class SearchReply(Outgoing, frozen=True):
    """A page of registered models."""

    registered_models: list[OutRegisteredModel] = []
    next_page_token: str = ""


class Latest(Incoming, frozen=True):
    """The stages whose newest versions are asked for; none: all."""

    name: Text
    stages: list[str] = []


class SetTag(Reasoned, frozen=True, kw_only=True):
    """One tag."""

    name: Text
    key: Text
    value: str = ""


class DeleteTag(Reasoned, frozen=True, kw_only=True):
    """A tag's key."""

    name: Text
    key: Text


class SetAlias(Reasoned, frozen=True, kw_only=True):
    """An alias and the version that it is to stand for."""

    name: Text
    alias: Text
    version: Text


class OneAlias(Incoming, frozen=True):
    """An alias."""

    name: Text
    alias: Text


class DeleteAlias(Reasoned, frozen=True, kw_only=True):
    """An alias to delete."""

    name: Text
    alias: Text


def out_registered_model(model: RegisteredModel) -> OutRegisteredModel:
    """A registered model for the wire."""
    return OutRegisteredModel(
        name=model.name,
        creation_timestamp=model.creation_timestamp,
        last_updated_timestamp=model.last_updated_timestamp,
        description=model.description,
        latest_versions=[out_version(version) for version in model.latest_versions],
        tags=out_pairs(model.tags),
        aliases=[OutAlias(alias, str(version)) for alias, version in model.aliases.items()],
    )


def create(context: Context, request: Create) -> ModelReply:
    """Make a registered model."""
    made = context.store.registered_models.create(
        request.name,
        description=request.description,
        tags=tags_of(request.tags),
        cause=context.cause(request.reason),
    )
    return ModelReply(out_registered_model(made))


def get(context: Context, request: One) -> ModelReply:
    """Read a registered model."""
    return ModelReply(out_registered_model(context.store.registered_models.get(request.name)))


def rename(context: Context, request: Rename) -> ModelReply:
    """Rename a registered model."""
    renamed = context.store.registered_models.rename(
        request.name, request.new_name, cause=context.cause(request.reason)
    )
    return ModelReply(out_registered_model(renamed))


def update(context: Context, request: Update) -> ModelReply:
    """Change the description of a registered model."""
    changed = context.store.registered_models.update(
        request.name, request.description, cause=context.cause(request.reason)
    )
    return ModelReply(out_registered_model(changed))


def delete(context: Context, request: Delete) -> None:
    """Delete a registered model with its versions."""
    context.store.registered_models.delete(request.name, cause=context.cause(request.reason))


def search(context: Context, request: Search) -> SearchReply:
    """Search registered models."""
    page = context.store.registered_models.search(
        Query(
            filter=request.filter,
            order_by=request.order_by,
            max_results=request.max_results,
            page_token=request.page_token or None,
        )
    )
    return SearchReply([out_registered_model(item) for item in page.items], page.token or "")


def latest(context: Context, request: Latest) -> VersionsReply:
    """Read the newest version of each stage."""
    found = context.store.registered_models.latest(request.name, request.stages or None)
    return VersionsReply([out_version(version) for version in found])


def set_tag(context: Context, request: SetTag) -> None:
    """Set a tag of a registered model."""
    context.store.registered_models.set_tag(
        request.name, request.key, request.value, cause=context.cause(request.reason)
    )


def delete_tag(context: Context, request: DeleteTag) -> None:
    """Delete a tag of a registered model."""
    context.store.registered_models.delete_tag(
        request.name, request.key, cause=context.cause(request.reason)
    )


def set_alias(context: Context, request: SetAlias) -> None:
    """Let an alias stand for a version."""
    context.store.registered_models.set_alias(
        request.name,
        request.alias,
        parse_version(request.version),
        cause=context.cause(request.reason),
    )


def delete_alias(context: Context, request: DeleteAlias) -> None:
    """Delete an alias."""
    context.store.registered_models.delete_alias(
        request.name, request.alias, cause=context.cause(request.reason)
    )


def by_alias(context: Context, request: OneAlias) -> VersionReply:
    """Read the version that an alias stands for."""
    found = context.store.model_versions.by_alias(request.name, request.alias)
    return VersionReply(out_version(found))


_AT = "/mlflow/registered-models"

ROUTES: tuple[Route, ...] = (
    route("POST", f"{_AT}/create", create, permission=Permission.WRITE),
    route("GET", f"{_AT}/get", get, permission=Permission.READ),
    route("POST", f"{_AT}/rename", rename, permission=Permission.MANAGE),
    route("PATCH", f"{_AT}/update", update, permission=Permission.WRITE),
    route("DELETE", f"{_AT}/delete", delete, permission=Permission.MANAGE),
    route("GET", f"{_AT}/search", search, permission=Permission.READ),
    route("GET", f"{_AT}/get-latest-versions", latest, permission=Permission.READ),
    route("POST", f"{_AT}/get-latest-versions", latest, permission=Permission.READ),
    route("POST", f"{_AT}/set-tag", set_tag, permission=Permission.WRITE),
    route("DELETE", f"{_AT}/delete-tag", delete_tag, permission=Permission.WRITE),
    route("POST", f"{_AT}/alias", set_alias, permission=Permission.WRITE),
    route("DELETE", f"{_AT}/alias", delete_alias, permission=Permission.WRITE),
    route("GET", f"{_AT}/alias", by_alias, permission=Permission.READ),
)

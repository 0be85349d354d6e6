"""Logged models: with ids made by the client, and exact floats."""

from __future__ import annotations

import msgspec

from assay.entities.ids import ModelId
from assay.entities.logged_models import LoggedModel, NewLoggedModel
from assay.entities.page import Page
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer, done
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.base import Query
from assay.store.rest import wire

GROUP = "Logged models"


class ModelName(msgspec.Struct, frozen=True):
    """A logged model."""

    model_id: ModelId


def create(context: Context, request: NewLoggedModel) -> Reply:
    """Make a logged model with the client's id."""
    return answer(context, context.store.logged_models.create(request))


def get(context: Context, request: ModelName) -> Reply:
    """One logged model."""
    return answer(context, context.store.logged_models.get(request.model_id))


def search(context: Context, request: wire.ModelQuery) -> Reply:
    """A page of logged models."""
    found = context.store.logged_models.search(
        request.experiment_ids,
        Query(
            filter=request.filter,
            order_by=tuple(request.order_by),
            max_results=request.max_results,
            page_token=request.page_token,
        ),
        datasets=request.datasets,
        order=request.order,
    )
    return answer(context, found)


def delete_tag(context: Context, request: wire.ModelTag) -> Reply:
    """Delete a tag, whatever characters its key has."""
    context.store.logged_models.delete_tag(request.model_id, request.key)
    return done(context)


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/logged-models/create",
        handler=create,
        permission=Permission.WRITE,
        summary="Make a logged model with an id of the client's; twice is the same as once.",
        request=NewLoggedModel,
        response=LoggedModel,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/logged-models/search",
        handler=search,
        permission=Permission.READ,
        summary="Search logged models.",
        request=wire.ModelQuery,
        response=Page[LoggedModel],
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/logged-models/delete-tag",
        handler=delete_tag,
        permission=Permission.WRITE,
        summary="Delete a tag of a logged model, whatever characters its key has.",
        request=wire.ModelTag,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="GET",
        path=wire.PREFIX + "/logged-models/get",
        handler=get,
        permission=Permission.READ,
        summary="One logged model.",
        request=ModelName,
        response=LoggedModel,
        group=GROUP,
    ),
)

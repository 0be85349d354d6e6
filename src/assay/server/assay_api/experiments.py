"""Experiments: with ids made by the client, tags all at once, and how many runs each has."""

from __future__ import annotations

from typing import Annotated

import msgspec

from assay.entities.experiments import Experiment
from assay.entities.lifecycle import ViewType
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer, done
from assay.server.context import Context
from assay.server.routing import Body, Permission, Route
from assay.store.base import Query
from assay.store.rest import wire

GROUP = "Experiments"
MAX_OVERVIEWS = 1_000


class OverviewQuery(msgspec.Struct, frozen=True):
    """Which experiments, and which page of them."""

    filter: str = ""
    order_by: list[str] = []
    view: ViewType = ViewType.ACTIVE_ONLY
    max_results: Annotated[int, msgspec.Meta(ge=1, le=MAX_OVERVIEWS)] = 100
    page_token: str | None = None


def create(context: Context, request: wire.CreateExperiment) -> Reply:
    """Make an experiment."""
    if request.artifact_location:
        context.services.locations.check(request.artifact_location)
    made = context.store.experiments.create(
        request.name,
        artifact_location=request.artifact_location,
        tags=request.tags,
        experiment_id=request.experiment_id,
    )
    return answer(context, made)


def set_tags(context: Context, request: wire.ExperimentTags) -> Reply:
    """Set tags, all or none."""
    context.store.experiments.set_tags(request.experiment_id, request.tags)
    return done(context)


def overview(context: Context, request: OverviewQuery) -> Reply:
    """Experiments with the number of their active runs by status."""
    page = context.store.experiments.search(
        Query(
            filter=request.filter,
            order_by=tuple(request.order_by),
            view=request.view,
            max_results=request.max_results,
            page_token=request.page_token,
        )
    )
    counts = context.store.runs.count([found.experiment_id for found in page])
    return answer(
        context,
        wire.Overviews(
            experiments=[
                wire.ExperimentOverview(found, counts.get(found.experiment_id, {}))
                for found in page
            ],
            token=page.token,
        ),
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path=wire.PREFIX + "/experiments/create",
        handler=create,
        permission=Permission.WRITE,
        summary="Make an experiment, with an id of the client's if it gives one.",
        request=wire.CreateExperiment,
        response=Experiment,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/experiments/set-tags",
        handler=set_tags,
        permission=Permission.WRITE,
        summary="Set tags of an experiment, all or none.",
        request=wire.ExperimentTags,
        body=Body.MSGPACK,
        group=GROUP,
    ),
    Route(
        method="POST",
        path=wire.PREFIX + "/experiments/overview",
        handler=overview,
        permission=Permission.READ,
        summary="Search experiments and get how many active runs each has, by status.",
        request=OverviewQuery,
        response=wire.Overviews,
        body=Body.MSGPACK,
        group=GROUP,
    ),
)

"""Reproduction of a run: whether running it again came to the same, and why if not."""

from __future__ import annotations

import msgspec

from assay.entities import tags
from assay.entities.ids import RunId, check_run_id
from assay.entities.names import artifact_path
from assay.errors import ArtifactNotFound, InvalidInput
from assay.http.replies import Reply
from assay.reproduction.report import MAX_REPORT_BYTES, REPORT_PATH, Report, decoded
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.mlflow_api.artifacts import store_at
from assay.server.routing import Permission, Route
from assay.store.rest import wire

GROUP = "Runs"


class OneRun(msgspec.Struct, frozen=True):
    """A run that was reproduced, or that reproduces another."""

    run_id: RunId


def reproduction(context: Context, request: OneRun) -> Reply:
    """The report that the run has, or the one of the latest reproduction of it."""
    run = context.store.runs.get(request.run_id)
    if tags.REPRODUCES not in run.data.tags:
        # The tag is a user's word: the run that it names is looked up like any other.
        repeated_by = run.data.tags.get(tags.REPRODUCTION_RUN)
        if repeated_by is None:
            raise ArtifactNotFound(REPORT_PATH)
        run = context.store.runs.get(check_run_id(repeated_by))
    store = store_at(context, run.info.artifact_uri)
    found = store.read_small(artifact_path(REPORT_PATH), max_bytes=MAX_REPORT_BYTES)
    if found is None:
        raise InvalidInput(f"{REPORT_PATH} is over {MAX_REPORT_BYTES >> 20} MB.")
    return answer(context, decoded(found.content))


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=wire.PREFIX + "/runs/{run_id}/reproduction",
        handler=reproduction,
        permission=Permission.READ,
        summary="The report of a run's latest reproduction: verdict, findings, likely causes.",
        request=OneRun,
        response=Report,
        group=GROUP,
    ),
)

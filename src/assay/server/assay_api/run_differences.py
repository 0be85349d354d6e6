"""Differences of two runs: what tells one from the other, the likeliest cause first."""

from __future__ import annotations

import msgspec

from assay.comparison.diff import RunDiff, diff_facts
from assay.comparison.facts import RunFacts, gathered
from assay.entities.ids import RunId
from assay.entities.runs import Run
from assay.http.replies import Reply
from assay.server.assay_api.encoding import answer
from assay.server.context import Context
from assay.server.mlflow_api.artifacts import store_at
from assay.server.routing import Permission, Route
from assay.store.rest import wire

GROUP = "Runs"


class TwoRuns(msgspec.Struct, frozen=True):
    """A run to compare with, and one that differs."""

    a: RunId
    b: RunId


def differences(context: Context, request: TwoRuns) -> Reply:
    """How run ``b`` differs from run ``a``."""
    # Both are found before files are read.
    runs = [context.store.runs.get(run_id) for run_id in (request.a, request.b)]
    one, other = (_facts(context, run) for run in runs)
    return answer(context, diff_facts(one, other))


def _facts(context: Context, run: Run) -> RunFacts:
    return gathered(run, lambda: store_at(context, run.info.artifact_uri))


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=wire.PREFIX + "/runs/{a}/differences/{b}",
        handler=differences,
        permission=Permission.READ,
        summary="What tells a run from another: ranked, the likeliest cause first, in sentences.",
        request=TwoRuns,
        response=RunDiff,
        group=GROUP,
    ),
)

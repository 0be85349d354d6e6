"""Searching runs, and reading the curves of many at once."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from assay.client.client import Client
from assay.client.client_base import as_view
from assay.client.frames import (
    FrameFormat,
    histories_frame,
    installed_frame_library,
    run_tables,
    runs_frame,
)
from assay.entities import limits
from assay.entities.ids import ExperimentId, RunId, check_experiment_id, check_run_id
from assay.entities.lifecycle import ViewType
from assay.entities.metrics import History, SeriesKey
from assay.entities.runs import Run
from assay.errors import InvalidInput
from assay.fluent.active import here
from assay.fluent.experiments import chosen_experiment, search_experiments
from assay.fluent.figures import SummaryTable, run_summary
from assay.fluent.notebook import RunList
from assay.fluent.reading import client_for
from assay.fluent.run import TrackedRun
from assay.store.base import Query

_log = logging.getLogger(__name__)

MAX_RESULTS = 100_000
"""MLflow's ``SEARCH_MAX_RESULTS_PANDAS``."""


def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = MAX_RESULTS,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "polars", "list"] | None = None,
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> Any:
    """Runs that match, the latest started first unless ordered otherwise.

    Args:
        experiment_ids: where to look; the active experiment unless said.
        filter_string: such as ``metrics.acc > 0.9 and params.model = 'svc'``.
        run_view_type: active, deleted or all runs.
        max_results: at most so many.
        order_by: such as ``["metrics.acc DESC"]``.
        output_format: ``"pandas"`` or ``"polars"`` for a DataFrame with the columns ``run_id``,
            ``experiment_id``, ``status``, ``artifact_uri``, ``start_time``, ``end_time``,
            ``metrics.…``, ``params.…`` and ``tags.…``; ``"list"`` for runs. Left out: the library
            that is there.
        search_all_experiments: look everywhere if no experiment is named.
        experiment_names: instead of ids; unknown ones are warned about and left out.

    Raises:
        InvalidFilter: the filter or order doesn't parse.
        InvalidInput: both ids and names, or an unknown format.
    """
    if output_format not in (None, "pandas", "polars", "list"):
        raise InvalidInput(f"output_format is 'pandas', 'polars' or 'list', not {output_format!r}.")
    client = client_for()
    ids = _experiments(client, experiment_ids, experiment_names, everywhere=search_all_experiments)
    query = Query(
        filter=filter_string or "", order_by=tuple(order_by or ()), view=as_view(run_view_type)
    )
    if output_format == "list":
        return _run_list(client, ids, query, max_results=max_results) if ids else RunList()
    library: FrameFormat = output_format or installed_frame_library()
    pages = run_tables(client.store, ids, query, max_results=max_results) if ids else []
    return runs_frame(pages, library)


def _experiments(
    client: Client,
    ids: Sequence[str] | None,
    names: Sequence[str] | None,
    *,
    everywhere: bool,
) -> list[ExperimentId]:
    if ids and names:
        raise InvalidInput("Give experiment_ids or experiment_names, not both.")
    if ids:
        return [check_experiment_id(str(ident)) for ident in ids]
    if names:
        found = []
        for name in names:
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                _log.warning("There is no experiment named %r.", name)
            else:
                found.append(experiment.experiment_id)
        return found
    if everywhere:
        return [experiment.experiment_id for experiment in search_experiments()]
    return [chosen_experiment().experiment.experiment_id]


def _run_list(
    client: Client, ids: list[ExperimentId], query: Query, *, max_results: int
) -> list[Run]:
    runs, left = RunList(), max_results
    token: str | None = None
    while left > 0:
        page = client.search_runs(
            ids,
            query.filter,
            query.view,
            min(left, limits.MAX_SEARCH_RESULTS),
            query.order_by,
            token,
        )
        runs.extend(TrackedRun.of(run, client.location) for run in page)
        left, token = left - len(page), page.token
        if token is None:
            break
    return runs


def history(
    run_ids: str | Run | Sequence[str | Run],
    keys: str | Sequence[str] | None = None,
    output_format: FrameFormat | None = None,
) -> Any:
    """Whole curves of many runs as one long DataFrame: run_id, key, step, timestamp, value.

    Args:
        run_ids: runs or their ids, one or many.
        keys: metrics; all that the runs have if left out.
        output_format: ``"pandas"`` or ``"polars"``; the one that is there if left out.

    Raises:
        RunNotFound: there is no such run.
    """
    many = [run_ids] if isinstance(run_ids, str | Run) else list(run_ids)
    ids = [check_run_id(one.info.run_id if isinstance(one, Run) else one) for one in many]
    wanted = [keys] if isinstance(keys, str) else keys
    client = client_for()
    curves = _curves(client, ids, wanted)
    return histories_frame(curves, output_format or installed_frame_library())


def _curves(
    client: Client, ids: list[RunId], keys: Sequence[str] | None
) -> Iterator[tuple[RunId, str, History]]:
    metrics = client.store.metrics
    summaries = metrics.summaries(ids, keys)
    for run_id in ids:
        series = [figures.series for figures in summaries.get(run_id, [])]
        for one in sorted(series, key=_series_order):
            yield run_id, one.key, metrics.history(run_id, one)


def _series_order(series: SeriesKey) -> tuple[str, str, str, str]:
    return (series.key, series.model_id, series.dataset_name, series.dataset_digest)


def summary(run: str | Run | None = None) -> SummaryTable:
    """Count, first, last, min, max and mean of each metric of a run.

    Args:
        run: a run or its id; the active run, or the one that ended last, if left out.

    Raises:
        InvalidInput: there is no such run in this thread.
        RunNotFound: there is no run with this id.
    """
    client = client_for()
    if isinstance(run, Run):
        ident: str = run.info.run_id
    elif run is not None:
        ident = run
    else:
        last = here.top.run_id if here.top is not None else here.last_run_id
        if last is None:
            raise InvalidInput("No run was started here yet: name the run to sum up.")
        ident = last
    client.get_run(ident)
    return run_summary(client, ident)

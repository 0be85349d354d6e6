"""Runs and what they log, as MLflow's client has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.client.client_base import ClientBase, as_run_id, as_text, as_view, now_ms
from assay.client.values import as_number, as_step
from assay.entities import limits
from assay.entities.datasets import DatasetInput, DatasetSummary
from assay.entities.ids import check_experiment_id, new_run_id
from assay.entities.lifecycle import ViewType
from assay.entities.logged_models import LoggedModelInput, LoggedModelOutput
from assay.entities.metrics import History, Metric, SeriesKey
from assay.entities.page import Page
from assay.entities.params import Param
from assay.entities.runs import NewRun, Run, RunStatus
from assay.entities.tags import PARENT_RUN_ID, USER, Tag
from assay.errors import InvalidInput
from assay.store.base import Query

DEFAULT_PAGE = 1_000
"""MLflow's ``SEARCH_MAX_RESULTS_DEFAULT``."""


class RunClient(ClientBase):
    """The part of ``Client`` that is about runs, metrics, params, tags, inputs and outputs."""

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Make a run with status RUNNING; it does not become the active one."""
        facts = as_text(tags or {})
        return self.store.runs.create(
            NewRun(
                run_id=new_run_id(),
                experiment_id=check_experiment_id(str(experiment_id)),
                start_time=now_ms() if start_time is None else int(start_time),
                run_name=run_name or "",
                user_id=facts.get(USER, ""),
                tags=facts,
            )
        )

    def get_run(self, run_id: str) -> Run:
        """The run with all it recorded but histories. Raises ``RunNotFound``."""
        return self.store.runs.get(as_run_id(run_id))

    def get_parent_run(self, run_id: str) -> Run | None:
        """The run that this one was nested in, or ``None``."""
        parent = self.get_run(run_id).data.tags.get(PARENT_RUN_ID)
        return None if parent is None else self.get_run(parent)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change status or name, whichever is given."""
        self.store.runs.update(
            as_run_id(run_id), status=None if status is None else as_status(status), run_name=name
        )

    def set_terminated(
        self, run_id: str, status: str | None = None, end_time: int | None = None
    ) -> None:
        """End the run: FINISHED and now, unless told otherwise."""
        self.store.runs.update(
            as_run_id(run_id),
            status=as_status(status or RunStatus.FINISHED),
            end_time=now_ms() if end_time is None else int(end_time),
        )

    def delete_run(self, run_id: str) -> None:
        """Move the run to the bin."""
        self.store.runs.delete(as_run_id(run_id))

    def restore_run(self, run_id: str) -> None:
        """Take the run back from the bin."""
        self.store.runs.restore(as_run_id(run_id))

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = DEFAULT_PAGE,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> Page[Run]:
        """A page of the runs that match, the latest started first unless ordered otherwise.

        Raises:
            InvalidFilter: the filter or order doesn't parse.
            InvalidPageToken: the token is not of this search.
        """
        query = Query(
            filter=filter_string or "",
            order_by=tuple(order_by or ()),
            view=as_view(run_view_type),
            max_results=max_results,
            page_token=page_token or None,
        )
        ids = [experiment_ids] if isinstance(experiment_ids, str | int) else experiment_ids
        return self.store.runs.search([check_experiment_id(str(i)) for i in ids], query)

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> None:
        """Log one point; it is durable when this returns, whatever ``synchronous`` says."""
        point = Metric(
            key=key,
            value=as_number(key, value),
            timestamp=now_ms() if timestamp is None else int(timestamp),
            step=as_step(step),
            model_id=model_id,  # type: ignore[arg-type]  # checked by the store
            dataset_name=dataset_name,
            dataset_digest=dataset_digest,
        )
        self.store.runs.log_batch(as_run_id(run_id), metrics=[point])

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log a param and return ``value``.

        Raises:
            ParamChanged: it was logged before with another value.
        """
        self.store.runs.log_batch(as_run_id(run_id), params=[Param(key, str(value))])
        return value

    def set_tag(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> None:
        """Set a tag of the run."""
        self.store.runs.log_batch(as_run_id(run_id), tags=[Tag(key, str(value))])

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag. Raises ``TagNotFound``."""
        self.store.runs.delete_tag(as_run_id(run_id), key)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[Tag] = (),
        synchronous: bool | None = None,
    ) -> None:
        """Log many things; within MLflow's limits of one batch, all or nothing.

        More than 1,000 metrics or 100 params or tags go in several batches.
        """
        ident = as_run_id(run_id)
        runs = self.store.runs
        whole = len(metrics) + len(params) + len(tags) <= limits.MAX_BATCH_ITEMS
        if whole and max(len(params), len(tags)) <= limits.MAX_BATCH_PARAMS:
            runs.log_batch(ident, metrics=metrics, params=params, tags=tags)
            return
        for start in range(0, len(params), limits.MAX_BATCH_PARAMS):
            runs.log_batch(ident, params=params[start : start + limits.MAX_BATCH_PARAMS])
        for start in range(0, len(tags), limits.MAX_BATCH_TAGS):
            runs.log_batch(ident, tags=tags[start : start + limits.MAX_BATCH_TAGS])
        for start in range(0, len(metrics), limits.MAX_BATCH_METRICS):
            runs.log_batch(ident, metrics=metrics[start : start + limits.MAX_BATCH_METRICS])

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """All points of a metric, by timestamp, step and value; empty if it was never logged.

        ``history`` gives the same as arrays, a hundred times faster.
        """
        metrics = self.store.metrics
        page = metrics.page(as_run_id(run_id), key)
        points = list(page.items)
        while page.token:
            page = metrics.page(as_run_id(run_id), key, page_token=page.token)
            points.extend(page.items)
        return points

    def history(
        self,
        run_id: str,
        key: str,
        *,
        model_id: str = "",
        dataset_name: str = "",
        dataset_digest: str = "",
    ) -> History:
        """All points of a series as arrays, by step, timestamp and value."""
        series = SeriesKey(key, model_id, dataset_name, dataset_digest)
        return self.store.metrics.history(as_run_id(run_id), series)

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Record data sets and models that the run used."""
        self.store.inputs.log_inputs(
            as_run_id(run_id), datasets=datasets or (), models=models or ()
        )

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Record models that the run made."""
        self.store.inputs.log_outputs(as_run_id(run_id), models)

    def search_datasets(self, experiment_ids: Sequence[str]) -> list[DatasetSummary]:
        """The data sets that runs of these experiments used."""
        ids = [check_experiment_id(str(ident)) for ident in experiment_ids]
        return self.store.inputs.search_datasets(ids)


def as_status(status: str) -> RunStatus:
    """``status`` as a status.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return RunStatus(status)
    except ValueError:
        words = ", ".join(RunStatus)
        raise InvalidInput(f"{status!r} is no status of a run: use one of {words}.") from None

"""Runs of a server, with their params and tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from assay.entities.ids import ExperimentId, RunId
from assay.entities.metrics import Metric
from assay.entities.page import Page
from assay.entities.params import Param
from assay.entities.runs import NewRun, Run, RunInfo, RunStatus
from assay.entities.tags import Tag
from assay.store.base import Query, RunStore, RunTable
from assay.store.rest import mlflow_wire as mw
from assay.store.rest import wire
from assay.store.rest.server import Server

V = TypeVar("V")


class RestRuns(RunStore):
    """Runs over HTTP.

    An Assay server is asked by its own routes where MLflow's would change floats or ids; a plain
    MLflow server makes the ids of new runs itself.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def create(self, run: NewRun) -> Run:  # noqa: D102 - the contract is in the base class
        if self._server.is_assay:
            return self._server.assay("/runs/create", Run, run)
        answer = self._server.mlflow(
            "POST",
            "/runs/create",
            mw.RunAnswer,
            body={
                "experiment_id": run.experiment_id,
                "run_name": run.run_name or None,
                "user_id": run.user_id or None,
                "start_time": run.start_time,
                "tags": mw.as_pairs(run.tags),
            },
            repeatable=False,
        )
        return answer.run.entity()

    def get(self, run_id: RunId) -> Run:  # noqa: D102
        if self._server.is_assay:
            return self._server.assay("/runs/get", Run, query={"run_id": run_id})
        answer = self._server.mlflow("GET", "/runs/get", mw.RunAnswer, query={"run_id": run_id})
        return answer.run.entity()

    def update(  # noqa: D102
        self,
        run_id: RunId,
        *,
        status: RunStatus | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> RunInfo:
        answer = self._server.mlflow(
            "POST",
            "/runs/update",
            mw.RunInfoAnswer,
            body={
                "run_id": run_id,
                "status": None if status is None else status.value,
                "end_time": end_time,
                "run_name": run_name,
            },
        )
        return answer.run_info.entity()

    def delete(self, run_id: RunId) -> None:  # noqa: D102
        self._change("delete", run_id)

    def restore(self, run_id: RunId) -> None:  # noqa: D102
        self._change("restore", run_id)

    def search(self, experiment_ids: Sequence[ExperimentId], query: Query) -> Page[Run]:  # noqa: D102
        if self._server.is_assay:
            return self._server.assay("/runs/search", Page[Run], run_query(experiment_ids, query))
        answer = self._server.mlflow(
            "POST",
            "/runs/search",
            mw.RunsAnswer,
            body={
                "experiment_ids": list(experiment_ids),
                "filter": query.filter or None,
                "order_by": list(query.order_by),
                "run_view_type": query.view.name,
                "max_results": query.max_results,
                "page_token": query.page_token,
            },
        )
        return Page([run.entity() for run in answer.runs], answer.next_page_token or None)

    def table(self, experiment_ids: Sequence[ExperimentId], query: Query) -> RunTable:  # noqa: D102
        if not self._server.is_assay:
            return _table_of(self.search(experiment_ids, query))
        import numpy as np  # heavy, so only where arrays are made

        answer = self._server.assay(
            "/runs/table", wire.TableColumns, run_query(experiment_ids, query)
        )
        return RunTable(
            infos=answer.infos,
            metrics={key: np.frombuffer(c, "<f8").copy() for key, c in answer.metrics.items()},
            params=answer.params,
            tags=answer.tags,
            token=answer.token,
        )

    def log_batch(  # noqa: D102
        self,
        run_id: RunId,
        *,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[Tag] = (),
    ) -> None:
        if self._server.is_assay:
            self._server.assay(
                "/runs/log-batch",
                mw.Nothing,
                wire.RunBatch(
                    run_id=run_id, metrics=list(metrics), params=list(params), tags=list(tags)
                ),
            )
            return
        self._server.mlflow(
            "POST",
            "/runs/log-batch",
            mw.Nothing,
            body={
                "run_id": run_id,
                "metrics": [mw.wire_metric(metric) for metric in metrics],
                "params": [{"key": p.key, "value": p.value} for p in params],
                "tags": [{"key": t.key, "value": t.value} for t in tags],
            },
        )

    def delete_tag(self, run_id: RunId, key: str) -> None:  # noqa: D102
        self._change("delete-tag", run_id, key=key)

    def count(  # noqa: D102
        self, experiment_ids: Sequence[ExperimentId]
    ) -> dict[ExperimentId, dict[RunStatus, int]]:
        if not self._server.is_assay:
            return super().count(experiment_ids)
        request = wire.CountRuns(list(experiment_ids))
        return self._server.assay("/runs/count", wire.RunCounts, request).counts

    def _change(self, verb: str, run_id: RunId, **fields: Any) -> None:
        self._server.mlflow(
            "POST",
            f"/runs/{verb}",
            mw.Nothing,
            body={"run_id": run_id, **fields},
            # The second delete of a tag is refused, which would hide that the first one worked.
            repeatable=verb != "delete-tag",
        )


def run_query(experiment_ids: Sequence[ExperimentId], query: Query) -> wire.RunQuery:
    """A search as Assay's own routes take it."""
    return wire.RunQuery(
        experiment_ids=list(experiment_ids),
        filter=query.filter,
        order_by=list(query.order_by),
        view=query.view,
        max_results=query.max_results,
        page_token=query.page_token,
    )


def _table_of(page: Page[Run]) -> RunTable:
    import numpy as np  # heavy, so only where arrays are made

    metrics = _columns(page, lambda run: run.data.metrics)
    return RunTable(
        infos=[run.info for run in page],
        metrics={
            key: np.array([np.nan if v is None else v for v in column], np.float64)
            for key, column in metrics.items()
        },
        params=_columns(page, lambda run: run.data.params),
        tags=_columns(page, lambda run: run.data.tags),
        token=page.token,
    )


def _columns(page: Page[Run], part: Callable[[Run], dict[str, V]]) -> dict[str, list[V | None]]:
    columns: dict[str, list[V | None]] = {}
    for row, run in enumerate(page):
        for key, value in part(run).items():
            column = columns.get(key)
            if column is None:
                column = columns[key] = [None] * len(page)
            column[row] = value
    return columns

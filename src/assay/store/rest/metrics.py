"""Points of metrics of a server, their histories and their figures.

An Assay server sends columns as raw bytes, which become arrays without parsing a number. A plain
MLflow server is asked point by point, and figures are made here from whole histories.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from assay.entities.ids import ModelId, RunId
from assay.entities.limits import MAX_BATCH_METRICS
from assay.entities.metrics import Buckets, History, Metric, MetricSummary, PointBatch, SeriesKey
from assay.entities.page import Page
from assay.store.base import MetricStore
from assay.store.rest import mlflow_wire as mw
from assay.store.rest import wire
from assay.store.rest.server import Server

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PAGE = 25_000
"""Points per page of a plain server's get-history: the most that MLflow's own clients ask for."""


class RestMetrics(MetricStore):
    """Metrics over HTTP."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def append(self, run_id: RunId, batch: PointBatch) -> None:  # noqa: D102 - the contract is in the base class
        if self._server.is_assay:
            self._server.assay(
                "/metrics/append", mw.Nothing, wire.AppendPoints(run_id=run_id, batch=batch)
            )
            return
        points = list(_points_of(batch))
        for start in range(0, len(points), MAX_BATCH_METRICS):
            chunk = points[start : start + MAX_BATCH_METRICS]
            self._server.mlflow(
                "POST",
                "/runs/log-batch",
                mw.Nothing,
                body={"run_id": run_id, "metrics": [mw.wire_metric(metric) for metric in chunk]},
            )

    def history(  # noqa: D102
        self,
        run_id: RunId,
        series: SeriesKey,
        *,
        first_step: int | None = None,
        last_step: int | None = None,
    ) -> History:
        if self._server.is_assay:
            import numpy as np  # heavy, so only where arrays are made

            columns = self._server.assay(
                "/histories/query",
                wire.Histories,
                wire.HistoryQuery([wire.HistoryName(run_id, series)], first_step, last_step),
            ).histories[0]
            return History(
                steps=np.frombuffer(columns.steps, "<i8").copy(),
                timestamps=np.frombuffer(columns.timestamps, "<i8").copy(),
                values=np.frombuffer(columns.values, "<f8").copy(),
            )
        whole = self._histories_of(run_id, series.key).get(series)
        return _within(whole or _history_of([]), first_step=first_step, last_step=last_step)

    def page(  # noqa: D102
        self,
        run_id: RunId,
        key: str,
        *,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> Page[Metric]:
        if self._server.is_assay:
            return self._server.assay(
                "/metrics/page",
                Page[Metric],
                wire.PageQuery(run_id, key, max_results=max_results, page_token=page_token),
            )
        query: dict[str, str | list[str]] = {"run_id": run_id, "metric_key": key}
        if max_results is not None:
            query["max_results"] = str(max_results)
        if page_token is not None:
            query["page_token"] = page_token
        answer = self._server.mlflow("GET", "/metrics/get-history", mw.MetricsAnswer, query=query)
        return Page([point.entity() for point in answer.metrics], answer.next_page_token or None)

    def summaries(  # noqa: D102
        self, run_ids: Sequence[RunId], keys: Sequence[str] | None = None
    ) -> dict[RunId, list[MetricSummary]]:
        if not self._server.is_assay:
            from assay.store.rest.plain_figures import summary_of  # NumPy is heavy

            return {
                run_id: [
                    summary_of(series, history)
                    for key in self._keys(run_id, keys)
                    for series, history in self._histories_of(run_id, key).items()
                ]
                for run_id in run_ids
            }
        found: dict[RunId, list[MetricSummary]] = {}
        for part in _parts(run_ids, wire.MAX_RUNS):
            answer = self._server.assay(
                "/runs/summaries",
                wire.Summaries,
                wire.SummaryQuery(list(part), None if keys is None else list(keys)),
            )
            found.update(answer.summaries)
        return found

    def buckets(  # noqa: D102
        self,
        run_ids: Sequence[RunId],
        keys: Sequence[str],
        *,
        count: int,
        first_step: int | None = None,
        last_step: int | None = None,
        scale: Literal["linear", "log"] = "linear",
        branches: bool = False,
    ) -> list[Buckets]:
        if not self._server.is_assay:
            from assay.store.rest.plain_figures import buckets_of  # NumPy is heavy

            return [
                buckets_of(run_id, series, history, count=count, scale=scale, branches=branches)
                for run_id in run_ids
                for key in self._keys(run_id, keys)
                for series, whole in self._histories_of(run_id, key).items()
                if len(
                    (history := _within(whole, first_step=first_step, last_step=last_step)).steps
                )
            ]
        answer = self._server.assay(
            "/series/query",
            wire.SeriesAnswer,
            wire.SeriesQuery(
                run_ids=list(run_ids),
                keys=list(keys),
                count=count,
                first_step=first_step,
                last_step=last_step,
                scale=scale,
                branches=branches,
            ),
        )
        return [_buckets_from(columns) for columns in answer.series]

    def _keys(self, run_id: RunId, keys: Sequence[str] | None) -> list[str]:
        """Those of ``keys`` that the run of a plain server has; each once."""
        answer = self._server.mlflow("GET", "/runs/get", mw.RunAnswer, query={"run_id": run_id})
        logged = dict.fromkeys(metric.key for metric in answer.run.data.metrics)
        return list(logged) if keys is None else [key for key in keys if key in logged]

    def _histories_of(self, run_id: RunId, key: str) -> dict[SeriesKey, History]:
        """All series with this key of a run of a plain server."""
        points: dict[SeriesKey, list[tuple[int, int, float]]] = {}
        token: str | None = None
        while True:
            page = self.page(run_id, key, max_results=_PAGE, page_token=token)
            for point in page:
                points.setdefault(_series_of(point), []).append(
                    (point.step, point.timestamp, point.value)
                )
            token = page.token
            if token is None:
                return {series: _history_of(rows) for series, rows in points.items()}


def _series_of(point: Metric) -> SeriesKey:
    return SeriesKey(
        point.key, point.model_id or "", point.dataset_name or "", point.dataset_digest or ""
    )


def _points_of(batch: PointBatch) -> Iterator[Metric]:
    columns = (
        memoryview(batch.index).cast("I"),
        memoryview(batch.steps).cast("q"),
        memoryview(batch.timestamps).cast("q"),
        memoryview(batch.values).cast("d"),
    )
    for index, step, timestamp, value in zip(*columns, strict=True):
        series = batch.series[index]
        yield Metric(
            key=series.key,
            value=value,
            timestamp=timestamp,
            step=step,
            model_id=ModelId(series.model_id) if series.model_id else None,
            dataset_name=series.dataset_name or None,
            dataset_digest=series.dataset_digest or None,
        )


def _history_of(rows: list[tuple[int, int, float]]) -> History:
    import numpy as np  # heavy, so only where arrays are made

    steps = np.array([row[0] for row in rows], np.int64)
    timestamps = np.array([row[1] for row in rows], np.int64)
    values = np.array([row[2] for row in rows], np.float64)
    order = np.lexsort((values, timestamps, steps))
    return History(steps[order], timestamps[order], values[order])


def _within(history: History, *, first_step: int | None, last_step: int | None) -> History:
    if first_step is None and last_step is None:
        return history
    start = 0 if first_step is None else int(history.steps.searchsorted(first_step, "left"))
    end = (
        len(history.steps)
        if last_step is None
        else int(history.steps.searchsorted(last_step, "right"))
    )
    return History(
        history.steps[start:end], history.timestamps[start:end], history.values[start:end]
    )


def _buckets_from(columns: wire.BucketColumns) -> Buckets:
    return Buckets(
        run_id=columns.run_id,
        series=columns.series,
        steps=_integers(columns.steps),
        last_steps=_integers(columns.last_steps),
        timestamps=_integers(columns.timestamps),
        min=_floats(columns.min),
        max=_floats(columns.max),
        mean=_floats(columns.mean),
        last=_floats(columns.last),
        counts=_integers(columns.counts),
    )


def _integers(column: bytes) -> NDArray[np.int64]:
    import numpy as np  # heavy, so only where arrays are made

    return np.frombuffer(column, "<i8").copy()


def _floats(column: bytes) -> NDArray[np.float64]:
    import numpy as np  # heavy, so only where arrays are made

    return np.frombuffer(column, "<f8").copy()


def _parts(run_ids: Sequence[RunId], size: int) -> Iterator[Sequence[RunId]]:
    for start in range(0, len(run_ids), size):
        yield run_ids[start : start + size]

"""Metrics in the SQL store: segments as they come, blocks once folded, summaries always up to date.

The parts: ``metric_ingest`` writes, ``metric_fold`` turns segments into blocks, ``metric_stored``
finds what is stored, ``metric_read`` and ``metric_pages`` read, ``metric_summaries`` keeps the
figures. The forms of the bytes are those of ``assay.metrics``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from assay.entities.ids import RunId
from assay.entities.metrics import Buckets, History, Metric, MetricSummary, PointBatch, SeriesKey
from assay.entities.page import Page
from assay.store.base import MetricStore
from assay.store.sql import metric_pages, metric_read
from assay.store.sql.database import Database
from assay.store.sql.metric_fold import fold
from assay.store.sql.metric_ingest import append_metrics, append_points
from assay.store.sql.metric_summaries import latest_metrics, metric_summaries, model_metrics, rank

__all__ = [
    "SqlMetrics",
    "append_metrics",
    "append_points",
    "fold",
    "latest_metrics",
    "model_metrics",
    "rank",
]


class SqlMetrics(MetricStore):
    """Points, histories and figures of metrics in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, run_id: RunId, batch: PointBatch) -> None:
        """Keep the points of a batch. Equal points (series, step, timestamp, value) are kept
        once.
        """
        self._database.write(lambda conn: append_points(conn, run_id, batch))

    def history(
        self,
        run_id: RunId,
        series: SeriesKey,
        *,
        first_step: int | None = None,
        last_step: int | None = None,
    ) -> History:
        """All points of a series, or those of a closed range of steps; empty if it has none."""
        with self._database.read() as conn:
            return metric_read.history(
                conn, run_id, series, first_step=first_step, last_step=last_step
            )

    def page(
        self,
        run_id: RunId,
        key: str,
        *,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> Page[Metric]:
        """Points of all series with this key, by timestamp, step and value, as MLflow's
        get-history.
        """
        with self._database.read() as conn:
            return metric_pages.page(
                conn, run_id, key, max_results=max_results, page_token=page_token
            )

    def summaries(
        self, run_ids: Sequence[RunId], keys: Sequence[str] | None = None
    ) -> dict[RunId, list[MetricSummary]]:
        """Figures of the series of each run, of all keys unless some are named."""
        with self._database.read() as conn:
            return metric_summaries(conn, run_ids, keys)

    def buckets(
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
        """Each series of these runs and keys in at most ``count`` buckets over the range of
        steps, of equal width on the scale; with ``branches`` so many for each branch.
        """
        with self._database.read() as conn:
            return metric_read.buckets(
                conn,
                run_ids,
                keys,
                count=count,
                first_step=first_step,
                last_step=last_step,
                scale=scale,
                branches=branches,
            )

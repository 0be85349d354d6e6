"""Figures of a plain MLflow server's metrics, made here from whole histories."""

from __future__ import annotations

import numpy as np

from assay.entities.ids import RunId
from assay.entities.metrics import Buckets, History, MetricSummary, SeriesKey
from assay.metrics.downsample import downsample, grid
from assay.metrics.points import group_points
from assay.metrics.summary import figures_of


def summary_of(series: SeriesKey, history: History) -> MetricSummary:
    """The figures of a series with at least one point."""
    one_group = np.zeros(len(history.steps), np.int64)
    return figures_of(group_points(one_group, history))[0].summary(series)


def buckets_of(run_id: RunId, series: SeriesKey, history: History, *, count: int) -> Buckets:
    """A sorted history with at least one point, in at most ``count`` buckets."""
    borders = grid(int(history.steps[0]), int(history.steps[-1]), count).borders()
    cells = downsample(history, borders)
    return Buckets(
        run_id=run_id,
        series=series,
        steps=cells["first_step"].copy(),
        last_steps=cells["last_step"].copy(),
        timestamps=cells["last_timestamp"].copy(),
        min=cells["min"].copy(),
        max=cells["max"].copy(),
        mean=cells["mean"].copy(),
        last=cells["last"].copy(),
        counts=cells["count"].astype(np.int64),
    )

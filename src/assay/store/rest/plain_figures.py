"""Figures of a plain MLflow server's metrics, made here from whole histories."""

from __future__ import annotations

from typing import Literal

import numpy as np

from assay.entities.ids import RunId
from assay.entities.metrics import Buckets, History, MetricSummary, SeriesKey
from assay.metrics.branches import branches_of
from assay.metrics.downsample import downsample, grid
from assay.metrics.log_grid import LogGrid
from assay.metrics.points import group_points
from assay.metrics.summary import figures_of


def summary_of(series: SeriesKey, history: History) -> MetricSummary:
    """The figures of a series with at least one point."""
    one_group = np.zeros(len(history.steps), np.int64)
    return figures_of(group_points(one_group, history))[0].summary(series)


def buckets_of(
    run_id: RunId,
    series: SeriesKey,
    history: History,
    *,
    count: int,
    scale: Literal["linear", "log"] = "linear",
    branches: bool = False,
) -> Buckets:
    """A sorted history with at least one point, in at most ``count`` buckets, for each branch if
    they are asked for.
    """
    first, last = int(history.steps[0]), int(history.steps[-1])
    cut = LogGrid(count, first, last) if scale == "log" else grid(first, last, count)
    borders = cut.borders()
    parts = branches_of(history) if branches else [history]
    cells = np.concatenate([downsample(part, borders) for part in parts])
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

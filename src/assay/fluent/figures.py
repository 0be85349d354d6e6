"""Figures of metrics: count, first, last, min, max and mean, read from the summaries the store
keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from assay.client.client import Client
from assay.client.frames import FrameFormat, frame
from assay.entities.ids import check_run_id
from assay.entities.metrics import MetricSummary
from assay.fluent import notebook

_COLUMNS = ("count", "first", "last", "min", "max", "mean", "first_step", "last_step")


class SummaryTable(msgspec.Struct, frozen=True):
    """Figures of the metrics of one run, in the order of their keys."""

    run_id: str
    metrics: list[MetricSummary]

    def __getitem__(self, key: str) -> MetricSummary:
        """The figures of a metric's own series. Raises ``KeyError``."""
        for figures in self.metrics:
            series = figures.series
            if series.key == key and not (series.model_id or series.dataset_name):
                return figures
        raise KeyError(key)

    def __len__(self) -> int:
        return len(self.metrics)

    def to_frame(self, library: FrameFormat = "pandas") -> Any:
        """The figures as a DataFrame, one row per series."""
        columns: dict[str, Any] = {"metric": [_name(figures) for figures in self.metrics]}
        for column in _COLUMNS:
            columns[column] = [getattr(figures, column) for figures in self.metrics]
        return frame(columns, library)

    def rows(self) -> list[list[str]]:
        """The figures as text, for tables on screens."""
        return [
            [_name(figures), *(_shown(getattr(figures, column)) for column in _COLUMNS)]
            for figures in self.metrics
        ]

    def __str__(self) -> str:
        lines = [["metric", *_COLUMNS], *self.rows()]
        widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if at == 0 else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        return notebook.table_html(["metric", *_COLUMNS], self.rows())


def _name(figures: MetricSummary) -> str:
    series = figures.series
    extra = [part for part in (series.model_id, series.dataset_name) if part]
    return f"{series.key} [{', '.join(extra)}]" if extra else series.key


def _shown(value: float | int) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def run_summary(client: Client, run_id: str, keys: Sequence[str] | None = None) -> SummaryTable:
    """The figures of a run's metrics, of all keys unless some are named."""
    ident = check_run_id(run_id)
    found = client.store.metrics.summaries([ident], keys).get(ident, [])
    return SummaryTable(run_id, sorted(found, key=lambda figures: figures.series.key))

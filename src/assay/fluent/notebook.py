"""Notebooks: how runs, experiments and results look there. All text of users is escaped."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from html import escape

from assay.entities.experiments import Experiment
from assay.entities.lifecycle import LifecycleStage
from assay.entities.runs import Run

MAX_ROWS = 50
"""More rows than this make a notebook slow to open; the rest is counted."""


def table_html(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain table."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows[:MAX_ROWS]
    )
    more = f"<p>… and {len(rows) - MAX_ROWS} more</p>" if len(rows) > MAX_ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def run_html(run: Run) -> str:
    """A run: what it is, then its metrics and params."""
    info = run.info
    facts = [
        ["run", info.run_name],
        ["id", info.run_id],
        ["status", str(info.status)],
        ["started", _when(info.start_time)],
        ["duration", _duration(info.start_time, info.end_time)],
    ]
    parts = [table_html(["Run", ""], facts)]
    if run.data.metrics:
        rows = [[key, f"{value:.6g}"] for key, value in sorted(run.data.metrics.items())]
        parts.append(table_html(["Metric", "last"], rows))
    if run.data.params:
        parts.append(table_html(["Param", ""], [list(p) for p in sorted(run.data.params.items())]))
    return f"<div>{''.join(parts)}</div>"


def runs_html(runs: Sequence[Run]) -> str:
    """Runs side by side, with the metrics and params that any of them has."""
    metrics = _keys(run.data.metrics for run in runs)
    params = _keys(run.data.params for run in runs)
    rows = [
        [
            run.info.run_name,
            str(run.info.status),
            _when(run.info.start_time),
            *(_number(run.data.metrics.get(key)) for key in metrics),
            *(run.data.params.get(key, "") for key in params),
        ]
        for run in runs
    ]
    return table_html(["run", "status", "started", *metrics, *params], rows)


def experiments_html(experiments: Sequence[Experiment]) -> str:
    """Experiments as a table."""
    rows = [
        [
            one.name,
            one.experiment_id,
            _when(one.creation_time),
            "" if one.lifecycle_stage == LifecycleStage.ACTIVE else "deleted",
        ]
        for one in experiments
    ]
    return table_html(["experiment", "id", "made", ""], rows)


class RunList(list[Run]):
    """Runs of a search; a list that notebooks show as a table."""

    def _repr_html_(self) -> str:
        return runs_html(self)


class ExperimentList(list[Experiment]):
    """Experiments of a search; a list that notebooks show as a table."""

    def _repr_html_(self) -> str:
        return experiments_html(self)


class TrackedExperiment(Experiment, frozen=True):
    """An experiment that notebooks show as a table."""

    @classmethod
    def of(cls, one: Experiment) -> TrackedExperiment:
        """``one`` with a face."""
        return cls(*(getattr(one, name) for name in one.__struct_fields__))

    def _repr_html_(self) -> str:
        return experiments_html([self])


def _keys(mappings: Iterable[Iterable[str]]) -> list[str]:
    return sorted({key for mapping in mappings for key in mapping})


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _when(time_ms: int | None) -> str:
    if not time_ms:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_ms / 1_000))


def _duration(start_ms: int | None, end_ms: int | None) -> str:
    if start_ms is None or end_ms is None:
        return ""
    seconds = max(0, end_ms - start_ms) / 1_000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"

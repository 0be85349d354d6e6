"""What comes of a sweep: its trials, the best one, and tables of them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import msgspec

from assay.entities.runs import Run
from assay.fluent.reading import client_for
from assay.fluent.run import TrackedRun
from assay.store.uri import Location
from assay.sweeps.space import Point
from assay.sweeps.spec import Objective, SweepSpec
from assay.sweeps.state import TrialResult

Cell = str | int | float | None


def best_of(metric: Objective, trials: Sequence[TrialResult]) -> TrialResult | None:
    """The completed trial with the best value, the first of equal ones; ``None`` without any."""
    best: TrialResult | None = None
    for one in trials:
        if one.state != "completed" or one.value is None:
            continue
        if best is None or best.value is None or metric.better(one.value, best.value):
            best = one
    return best


def table_of(spec: SweepSpec, trials: Sequence[TrialResult]) -> tuple[list[str], list[list[Cell]]]:
    """Heads and rows: number, state, value, parameters, run."""
    names = list(spec.parameters)
    rows: list[list[Cell]] = [
        [
            one.number,
            one.state,
            one.value,
            *(_cell(one.point.get(name)) for name in names),
            one.run_id,
        ]
        for one in trials
    ]
    return ["trial", "state", spec.metric.name, *names, "run"], rows


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


class SweepResult(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep that has ended."""

    spec: SweepSpec
    location: Location
    run_id: str
    """Of the parent run."""
    run_name: str
    status: str
    """``FINISHED``, ``FAILED`` or ``KILLED``, as of the parent run."""
    reason: str = ""
    """Why it ended before all trials were run; empty if they were."""
    trials: list[TrialResult]
    """By number."""

    @property
    def best(self) -> TrialResult | None:
        """The best trial; ``None`` if none was completed."""
        return best_of(self.spec.metric, self.trials)

    @property
    def best_value(self) -> float | None:
        """The metric of the best trial."""
        return None if self.best is None else self.best.value

    @property
    def best_parameters(self) -> Point:
        """The parameters of the best trial; empty if there is none."""
        return {} if self.best is None else dict(self.best.point)

    @property
    def best_run(self) -> Run | None:
        """The run of the best trial, as the store has it now."""
        return None if self.best is None else self._run(self.best.run_id)

    @property
    def run(self) -> Run:
        """The parent run, as the store has it now."""
        return self._run(self.run_id)

    def _run(self, run_id: str) -> Run:
        client = client_for(self.location)
        return TrackedRun.of(client.get_run(run_id), client.location)

    def table(self) -> tuple[list[str], list[list[Cell]]]:
        """Heads and rows of all trials."""
        return table_of(self.spec, self.trials)

    def __repr__(self) -> str:
        best = self.best
        what = "no trial completed" if best is None else f"best {best.value:.6g} {best.point}"
        return f"<SweepResult {self.run_name!r}: {len(self.trials)} trials, {what}>"

    def _repr_html_(self) -> str:
        heads, rows = self.table()
        best = None if self.best is None else self.best.number
        body = "".join(_row_html(row, bold=row[0] == best) for row in rows)
        head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
        caption = html.escape(repr(self)[1:-1])
        return (
            f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )


def _row_html(row: Sequence[Cell], *, bold: bool) -> str:
    style = ' style="font-weight:bold"' if bold else ""
    cells = "".join(f"<td>{html.escape(shown_cell(value))}</td>" for value in row)
    return f"<tr{style}>{cells}</tr>"


def shown_cell(value: Cell) -> str:
    """A value as a person reads it."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)

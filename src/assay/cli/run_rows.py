"""Runs as rows of a table: what they are, then their params and metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.cli.output import Cell, Format, how_long, is_terminal, when
from assay.entities.runs import Run

SHORT_ID = 8
_OPENING = 3
"""Columns that open every list: id, name, status."""


def run_rows(runs: Sequence[Run], output: Format) -> tuple[list[str], list[list[Cell]]]:
    """Column heads and rows."""
    params = _keys(run.data.params for run in runs)
    metrics = _keys(run.data.metrics for run in runs)
    columns = ["run_id", "name", "status", "started", "duration"]
    columns += [f"params.{key}" for key in params] + [f"metrics.{key}" for key in metrics]
    rows: list[list[Cell]] = []
    for run in runs:
        info = run.info
        row: list[Cell] = [
            shown_id(info.run_id, output),
            info.run_name,
            info.status.value,
            when(info.start_time),
            how_long(info.start_time, info.end_time),
        ]
        row += [run.data.params.get(key) for key in params]
        row += [run.data.metrics.get(key) for key in metrics]
        rows.append(row)
    if output == "table" and is_terminal():
        return _telling_first(columns, rows)
    return columns, rows


def _telling_first(
    columns: list[str], rows: list[list[Cell]]
) -> tuple[list[str], list[list[Cell]]]:
    """What tells runs apart first, because a terminal may not show all columns."""

    def rank(place: int) -> int:
        if place < _OPENING:
            return 0
        if not columns[place].startswith(("metrics.", "params.")):
            return 3
        same = len(rows) > 1 and len({str(row[place]) for row in rows}) == 1
        return 4 if same else 1 if columns[place].startswith("metrics.") else 2

    order = sorted(range(len(columns)), key=rank)
    return [columns[i] for i in order], [[row[i] for i in order] for row in rows]


def shown_id(run_id: str, output: Format) -> str:
    """Whole, or for people at a terminal short: commands take the first characters as well."""
    return run_id[:SHORT_ID] if output == "table" and is_terminal() else run_id


def _keys(maps: Iterable[Iterable[str]]) -> list[str]:
    return sorted({key for one in maps for key in one})

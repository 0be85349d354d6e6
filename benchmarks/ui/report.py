"""``docs/performance-ui.md`` and what is printed: every number in it was measured."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from benchmarks.environments import ROOT
from benchmarks.ui.against_mlflow import COMPARED
from benchmarks.ui.budgets import BUDGETS, Budget, met

TARGET = ROOT / "docs" / "performance-ui.md"
COMMAND = "python -m benchmarks.ui"
Kept = dict[str, dict[str, Any]]
"""By budget: ``figures``, or ``why`` there are none, with ``rounds``, ``load`` and ``date``."""


def page(kept: Kept) -> str:
    """The page."""
    text = [
        "# Performance of the web UI",
        "",
        "Figures of the pages in a real Chromium without a window, over a real server on this",
        "machine, its store on SQLite: 10,000 runs with 100 params each and 43 of 1,000 metrics,",
        "10 runs with 100 curves, 10 runs with a curve of 1,000,000 points. Each round has a",
        "browser context of its own; medians of the rounds. Written by",
        "",
        "```bash",
        COMMAND,
        "```",
        "",
        *_machine(kept),
        "",
        *_budget_table(kept),
        *_comparison(kept),
    ]
    return "\n".join(text) + "\n"


def _machine(kept: Kept) -> list[str]:
    loads = [entry["load"] for entry in kept.values() if "load" in entry]
    if not loads:
        return []
    text = [
        f"The machine has {os.cpu_count()} cores and did other work meanwhile (a load of"
        f" {min(loads):.0f} to {max(loads):.0f})."
    ]
    if any(entry.get("priority") for entry in kept.values()):
        text.append("Browser and servers, MLflow's too, ran ahead of that work (`--priority`).")
    return text


def shown(value: float, unit: str, digits: int) -> str:
    """A figure with its unit."""
    return f"{value:,.{digits}f} {unit}".rstrip()


def _budget_table(kept: Kept) -> list[str]:
    text = [
        "## Budgets",
        "",
        "| | what | budget | measured | | rounds |",
        "|---|---|---:|---:|---|---:|",
    ]
    for budget in BUDGETS:
        entry = kept.get(budget.ident)
        if entry is not None:
            text.append("| " + " | ".join(_row(budget, entry)) + " |")
    return text


def _row(budget: Budget, entry: dict[str, Any]) -> list[str]:
    limit = "" if budget.limit is None else f"≤ {budget.limit:g} {budget.unit}".rstrip()
    start = [budget.ident, budget.title, limit]
    value = entry.get("figures", {}).get(budget.figure)
    if value is None:
        return [*start, "", f"not measured: {entry.get('why', 'no figure')}", ""]
    verdict = {True: "met", False: "**not met**", None: ""}[met(budget, value)]
    return [*start, shown(value, budget.unit, budget.digits), verdict, str(entry["rounds"])]


def _comparison(kept: Kept) -> list[str]:
    entry = kept.get("mlflow")
    if entry is None:
        return []
    if "why" in entry:
        return ["", "## Beside MLflow", "", f"Not measured: {entry['why']}"]
    text = [
        "",
        "## Beside MLflow",
        "",
        f"MLflow {entry['version']} over SQLite, in turn with Assay within one run,"
        f" medians of {entry['rounds']} rounds. MLflow's experiment has the first 500 of the",
        "10,000 runs that Assay's has; the curves are the same.",
        "",
        "| work | Assay | MLflow | ratio | aim |",
        "|---|---:|---:|---:|---|",
    ]
    for line in COMPARED:
        ours, theirs = (entry["figures"][tool].get(line.figure) for tool in ("assay", "mlflow"))
        cells = [
            "" if value is None else shown(value, line.unit, line.digits)
            for value in (ours, theirs)
        ]
        ratio = theirs / ours if ours and theirs else None
        times = "" if ratio is None else f"{ratio:,.1f}×"
        aim = "" if line.least is None else f"≥ {line.least:g}×"
        if ratio is not None and line.least is not None:
            aim += ": met" if round(ratio, 1) >= line.least else ": **not met**"
        text.append(f"| {line.title} | {cells[0]} | {cells[1]} | {times} | {aim} |")
    return text


def stamp() -> dict[str, Any]:
    """When, and beside how much other work."""
    return {"load": os.getloadavg()[0], "date": f"{datetime.now(UTC):%Y-%m-%d}"}

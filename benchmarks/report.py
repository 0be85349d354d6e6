"""``docs/performance.md`` from measured figures: one table, each row with what was aimed at, and
ratios.
"""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

TARGET = Path(__file__).parents[1] / "docs" / "performance.md"

Figures = dict[str, dict[str, float]]


class Line(NamedTuple):
    """One line of the table: a figure of a row, how it is shown, and what is aimed at."""

    row: str
    figure: str
    title: str
    unit: str
    aim: str
    higher_is_better: bool = False
    digits: int = 0


LINES = [
    Line("import", "import_ms", "`import`, beyond a bare interpreter", "ms", "≤ 60"),
    Line("install", "size_mb", "default install, compiled files included", "MB", "≤ 115"),
    Line("install", "size_without_pyc_mb", "default install without compiled files", "MB", ""),
    Line("install", "distributions", "distributions", "", "≤ 35"),
    Line("log_metric", "p50_us", "`log_metric` in the loop, p50", "µs", "≤ 4", digits=1),
    Line("log_metric", "p99_us", "`log_metric` in the loop, p99", "µs", "≤ 20", digits=1),
    Line(
        "bulk",
        "points_per_s",
        "100 metrics × 1,000 steps until durable, local",
        "points/s",
        "≥ 600,000, ≥ 2× trackio",
        True,
    ),
    Line(
        "bulk_served", "points_per_s", "the same through the server", "points/s", "≥ 300,000", True
    ),
    Line(
        "load",
        "log_metric_per_s",
        "`POST runs/log-metric`, 8 keep-alive clients",
        "/s",
        "≥ 3,000, ≥ 30× MLflow",
        True,
    ),
    Line(
        "load",
        "log_batch_per_s",
        "`log-batch` of 100, 8 keep-alive clients",
        "/s",
        "≥ 1,200, ≥ 30× MLflow",
        True,
    ),
    Line("history", "read_s", "1,000,000 points as arrays, local", "s", "≤ 0.2", digits=3),
    Line(
        "history_mlflow_client",
        "read_s",
        "100,000 points by the mlflow client, per server",
        "s",
        "≥ 4× MLflow's server",
        digits=2,
    ),
    Line(
        "history_own_client",
        "read_s",
        "100,000 points by our client and server",
        "s",
        "≥ 20× MLflow",
        digits=3,
    ),
    Line(
        "buckets", "read_ms", "10 runs × 1,000,000 points as 1,000 buckets over HTTP", "ms", "≤ 150"
    ),
    Line(
        "search",
        "top_100_ms",
        "search (Assay 10,000 runs, MLflow 2,000), top 100",
        "ms",
        "≤ 25",
        digits=1,
    ),
    Line("search", "dataframe_ms", "the same runs, all as DataFrame", "ms", "≤ 400"),
    Line(
        "storage",
        "bytes_per_point",
        "storage of a noisy float64 curve",
        "bytes/point",
        "≤ 10",
        digits=1,
    ),
    Line(
        "artifacts",
        "large_up_mb_s",
        "one 256 MB file up, through the server",
        "MB/s",
        "≥ 400",
        True,
    ),
    Line("artifacts", "large_down_mb_s", "one 256 MB file down", "MB/s", "≥ 800", True),
    Line("artifacts", "small_up_files_s", "1,000 files of 10 kB up", "files/s", "≥ 1,500", True),
    Line(
        "artifacts", "small_down_files_s", "1,000 files of 10 kB down", "files/s", "≥ 1,500", True
    ),
    Line("server", "start_s", "server: start until `/health` answers", "s", "≤ 1.0", digits=2),
    Line("server", "idle_mb", "server: idle memory of all processes", "MB", "≤ 130"),
    Line("server", "processes", "server: processes", "", ""),
]

PEERS = ["mlflow", "wandb", "trackio"]


def _cell(figures: Figures, tool: str, line: Line) -> str:
    value = figures.get(line.row, {}).get(tool, {}).get(line.figure)
    return "" if value is None else f"{value:,.{line.digits}f}"


def _ratio(figures: Figures, line: Line) -> str:
    ours = figures[line.row]["assay"].get(line.figure)
    theirs = figures[line.row].get("mlflow", {}).get(line.figure)
    if not ours or not theirs or not line.unit:
        return ""
    ratio = ours / theirs if line.higher_is_better else theirs / ours
    return f"{ratio:,.1f}×" if ratio < 10 else f"{ratio:,.0f}×"


def _table(figures: Figures) -> list[str]:
    text = [
        "| work | unit | aim | Assay | MLflow | W&B offline | trackio | against MLflow |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for line in LINES:
        if line.row in figures:
            cells = [_cell(figures, tool, line) for tool in ["assay", *PEERS]]
            columns = [line.title, line.unit, line.aim, *cells, _ratio(figures, line)]
            text.append("| " + " | ".join(columns) + " |")
    return text


def _growth(figures: Figures) -> list[str]:
    if "growth" not in figures:
        return []
    grown = figures["growth"]["assay"]
    sizes = sorted({key.split("@")[1] for key in grown}, key=int)
    kinds = sorted({key.split("@")[0] for key in grown})
    text = [
        "",
        "## Cost as it grows",
        "",
        "| figure | " + " | ".join(f"× {size}" for size in sizes) + " |",
    ]
    text.append("|---|" + "---:|" * len(sizes))
    for kind in kinds:
        cells = [
            f"{grown[f'{kind}@{size}']:,.1f}" if f"{kind}@{size}" in grown else "" for size in sizes
        ]
        text.append(f"| {kind} | " + " | ".join(cells) + " |")
    return text


def write_report(figures: Figures) -> None:
    """Write the page. Every number in it comes from ``figures``."""
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    text = [
        "# Performance",
        "",
        "Written by `make bench`, which measures Assay beside MLflow, W&B (offline) and trackio,",
        "each in an environment of its own, in turn within one run; figures are medians of its",
        "rounds. Compare columns, not absolute times: the machine is shared. The scenarios are in",
        "`benchmarks/scenarios`.",
        "",
        f"Machine: {machine}. Measured on {datetime.now(UTC):%Y-%m-%d}.",
        "",
        *_table(figures),
        *_growth(figures),
    ]
    TARGET.write_text("\n".join(text) + "\n")
    print(f"wrote {TARGET}")

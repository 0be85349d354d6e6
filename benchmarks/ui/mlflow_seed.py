"""The same runs in MLflow's own database, the first 500 of ``big`` and all of ``curves``.

MLflow makes the tables; the rows are written in bulk, since call by call they take it a quarter of
an hour.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.ui import content

RUNS = 500
_MADE = (
    "import sys; from mlflow import MlflowClient; client = MlflowClient(sys.argv[1]);"
    " [print(client.create_experiment(name)) for name in sys.argv[2:]]"
)
_COLUMNS = {
    "runs": "run_uuid, name, source_type, source_name, entry_point_name, user_id, status,"
    " start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id",
    "params": "run_uuid, key, value",
    "tags": "run_uuid, key, value",
    "metrics": "run_uuid, key, value, timestamp, step, is_nan",
    "latest_metrics": "run_uuid, key, value, timestamp, step, is_nan",
}


def fill(folder: Path) -> dict[str, str]:
    """Fill ``mlflow.db`` in ``folder``; returns the id of each experiment by its name."""
    uri = f"sqlite:///{folder}/mlflow.db"
    names = ["big", "curves"]
    made = subprocess.run(
        [sys.executable, "-c", _MADE, uri, *names],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
    )
    ids = dict(zip(names, made.stdout.split(), strict=True))
    connection = sqlite3.connect(folder / "mlflow.db")
    _write(connection, ids["big"], content.big_runs(RUNS), folder)
    _write(connection, ids["curves"], content.curve_runs("curves", 20), folder)
    connection.execute("ANALYZE")
    connection.commit()
    connection.close()
    return ids


def _write(
    connection: sqlite3.Connection,
    experiment_id: str,
    runs: Iterable[content.SeedRun],
    folder: Path,
) -> None:
    rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _COLUMNS}
    for run in runs:
        ident, end_ms = run.ident, run.start_ms + 60_000
        place = f"{folder}/artifacts/{experiment_id}/{ident}/artifacts"
        about = (ident, run.name, "LOCAL", "", "", "bench", run.status, run.start_ms, end_ms, "")
        rows["runs"].append((*about, "active", place, int(experiment_id)))
        rows["params"] += [(ident, key, value) for key, value in run.params.items()]
        tags = {**run.tags, "mlflow.runName": run.name}
        rows["tags"] += [(ident, key, value) for key, value in tags.items()]
        for curves in run.chunks:
            steps = curves.steps.tolist()
            for key, values in zip(curves.keys, curves.values.tolist(), strict=True):
                points = [
                    (ident, key, value, run.start_ms + step * 10, step, 0)
                    for step, value in zip(steps, values, strict=True)
                ]
                rows["metrics"] += points
                rows["latest_metrics"].append(points[-1])
    for table, columns in _COLUMNS.items():
        marks = ", ".join("?" * len(columns.split(",")))
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows[table])
    connection.commit()

"""Bytes of database a point for a noisy float64 curve: Assay after folding, MLflow as it stores
them.
"""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType

from _main import Figures, run

POINTS = {"assay": 1_000_000, "mlflow": 50_000}


def storage(tool: ModuleType, folder: str, url: str | None) -> Figures:
    rng = random.Random(0)
    points = POINTS[tool.PACKAGE]
    values = [1 / (1 + step / 1e4) + rng.gauss(0, 0.05) for step in range(points)]
    tool.start(folder, url)
    (_log_assay if tool.PACKAGE == "assay" else _log_mlflow)(values)
    tool.finish()
    size = _size(folder, values, tool)
    return {"bytes_per_point": size / points, "points": points}


def _size(folder: str, values: list[float], tool: ModuleType) -> float:
    import sqlite3

    [file] = Path(folder).glob("*.db")
    database = sqlite3.connect(file)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("VACUUM")
    full = file.stat().st_size
    if tool.PACKAGE == "assay":
        segments = database.execute(
            "SELECT coalesce(sum(length(points)), 0) FROM metric_segments"
        ).fetchone()[0]
        assert segments < full / 10, "the curve was not folded"
    # An empty store's own size is not the curve's.
    tables = (
        "metric_segments metric_blocks metric_summaries"
        if tool.PACKAGE == "assay"
        else "metrics latest_metrics"
    )
    for table in tables.split():
        database.execute(f"DELETE FROM {table}")
    database.commit()
    database.execute("VACUUM")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return full - file.stat().st_size


def _log_assay(values: list[float]) -> None:
    import assay

    for step, value in enumerate(values):
        assay.log_metric("loss", value, step=step)


def _log_mlflow(values: list[float]) -> None:
    import mlflow
    from mlflow.entities import Metric

    client, run_id = mlflow.MlflowClient(), mlflow.active_run().info.run_id
    for first in range(0, len(values), 1_000):
        client.log_batch(
            run_id,
            [
                Metric("loss", value, 1_700_000_000_000 + step * 10, step)
                for step, value in enumerate(values[first : first + 1_000], start=first)
            ],
        )


run(storage)

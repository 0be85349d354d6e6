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
    if tool.PACKAGE != "assay":
        return {"bytes_per_point": _size(folder, tool) / points, "points": points}
    # What came last waits in segments, 131,072 points at most, until the next fold.
    as_left = _size(folder, tool)
    _fold(folder)
    size = _size(folder, tool)
    return {
        "bytes_per_point": size / points,
        "bytes_per_point_as_left": as_left / points,
        "points": points,
    }


def _fold(folder: str) -> None:
    import assay
    from assay.store.sql.metrics import fold
    from assay.store.sql.store import open_sql_store

    store = open_sql_store(assay.get_tracking_uri())
    run_id = assay.last_active_run().info.run_id
    store.database.write(lambda conn: fold(conn, run_id))
    store.close()


def _size(folder: str, tool: ModuleType) -> float:
    """Bytes of what belongs to curves: the database with them, less the same without."""
    import shutil
    import sqlite3

    [file] = Path(folder).glob("*.db")
    sqlite3.connect(file).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = file.with_suffix(".copy")
    shutil.copy(file, copy)
    database = sqlite3.connect(copy)
    database.execute("VACUUM")
    full = copy.stat().st_size
    tables = (
        "metric_segments metric_blocks metric_summaries"
        if tool.PACKAGE == "assay"
        else "metrics latest_metrics"
    )
    for table in tables.split():
        database.execute(f"DELETE FROM {table}")
    database.commit()
    database.execute("VACUUM")
    database.close()
    size = full - copy.stat().st_size
    copy.unlink()
    return size


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

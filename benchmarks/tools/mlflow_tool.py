"""MLflow: SQLite store, or its own server."""

from __future__ import annotations

import logging

PACKAGE = "mlflow"


def start(folder: str, url: str | None) -> None:
    import mlflow

    logging.getLogger("alembic").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(url or f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("bench")
    mlflow.start_run()


def log(values: dict[str, float], step: int) -> None:
    import mlflow

    mlflow.log_metrics(values, step=step)


def log_one(key: str, value: float, step: int) -> None:
    import mlflow

    mlflow.log_metric(key, value, step=step)


def finish() -> None:
    import mlflow

    mlflow.end_run()

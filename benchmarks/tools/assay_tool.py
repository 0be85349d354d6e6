"""Assay: journal and shipper, SQLite store."""

from __future__ import annotations

import os

PACKAGE = "assay"


def start(folder: str, url: str | None) -> None:
    os.environ["ASSAY_QUIET"] = "1"
    import assay

    assay.set_tracking_uri(url or f"sqlite:///{folder}/assay.db")
    assay.set_experiment("bench")
    assay.start_run()


def log(values: dict[str, float], step: int) -> None:
    import assay

    assay.log_metrics(values, step=step)


def log_one(key: str, value: float, step: int) -> None:
    import assay

    assay.log_metric(key, value, step=step)


def finish() -> None:
    import assay

    assay.end_run()
    assay.flush_async_logging()

"""What a training loop pays for one ``log_metric``: microseconds at the median and the 99th
percentile.
"""

from __future__ import annotations

from time import perf_counter_ns
from types import ModuleType

from _main import Figures, run

CALLS = {"mlflow": 500, "wandb": 20_000, "trackio": 20_000, "assay": 200_000}
"""The slow ones get fewer calls: their cost doesn't depend on the number."""


def log_loop(tool: ModuleType, folder: str, url: str | None) -> Figures:
    tool.start(folder, url)
    calls = CALLS[tool.PACKAGE]
    log_one = tool.log_one
    for step in range(100):
        log_one("warm", 0.5, step)
    took = [0] * calls
    for step in range(calls):
        began = perf_counter_ns()
        log_one("loss", 1.0 / (step + 1), step)
        took[step] = perf_counter_ns() - began
    tool.finish()
    took.sort()
    return {"p50_us": took[calls // 2] / 1e3, "p99_us": took[calls * 99 // 100] / 1e3}


run(log_loop)

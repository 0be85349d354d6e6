"""100 metrics × 1,000 steps until durable in the store: points per second, from the first call to
the end.
"""

from __future__ import annotations

from time import perf_counter
from types import ModuleType

from _main import Figures, run

METRICS, STEPS = 100, 1_000


def bulk(tool: ModuleType, folder: str, url: str | None) -> Figures:
    tool.start(folder, url)
    keys = [f"metric_{i}" for i in range(METRICS)]
    tool.log(dict.fromkeys(keys, 0.0), 0)
    batches = [{key: (i + 1) / (step + 1) for i, key in enumerate(keys)} for step in range(STEPS)]
    began = perf_counter()
    for step, values in enumerate(batches, start=1):
        tool.log(values, step)
    looped = perf_counter() - began
    tool.finish()
    took = perf_counter() - began
    return {"points_per_s": METRICS * STEPS / took, "loop_s": looped, "until_durable_s": took}


run(bulk)

"""Ten curves of 1,000,000 points each as 1,000 buckets, over HTTP, in one request."""

from __future__ import annotations

import statistics
from time import perf_counter
from types import ModuleType

import numpy as np
from _main import Figures, run

RUNS, POINTS, BUCKETS = 10, 1_000_000, 1_000
BATCH = 50_000


def buckets(tool: ModuleType, folder: str, url: str | None) -> Figures:
    from assay.client.connect import open_store
    from assay.entities import PointBatch, SeriesKey
    from assay.entities.ids import DEFAULT_EXPERIMENT_ID, new_run_id
    from assay.entities.runs import NewRun
    from assay.store.uri import resolve_location

    store = open_store(resolve_location(url))
    rng = np.random.default_rng(0)
    run_ids = [new_run_id() for _ in range(RUNS)]
    for run_id in run_ids:
        store.runs.create(NewRun(run_id, DEFAULT_EXPERIMENT_ID, 1_700_000_000_000))
        for first in range(0, POINTS, BATCH):
            steps = np.arange(first, first + BATCH, dtype="<i8")
            values = np.exp(-steps / 3e5) + rng.normal(scale=0.05, size=BATCH)
            store.metrics.append(
                run_id,
                PointBatch(
                    [SeriesKey("loss")],
                    np.zeros(BATCH, "<u4").tobytes(),
                    steps.tobytes(),
                    (1_700_000_000_000 + steps * 10).tobytes(),
                    values.astype("<f8").tobytes(),
                ),
            )
    took = []
    for _ in range(9):
        began = perf_counter()
        found = store.metrics.buckets(run_ids, ["loss"], count=BUCKETS)
        took.append(perf_counter() - began)
    assert len(found) == RUNS
    assert all(int(curve.counts.sum()) == POINTS for curve in found)
    return {"read_ms": statistics.median(took) * 1e3, "worst_ms": max(took) * 1e3}


run(buckets)

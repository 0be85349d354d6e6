"""Cost as a store grows tenfold, twice: ingest beside points that are there, search among runs
that are there.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from time import perf_counter
from types import ModuleType

import numpy as np
from _main import Figures, run

POINTS = [100_000, 1_000_000, 10_000_000]
RUNS = [1_000, 10_000, 100_000]
BATCH = 10_000
REPEATS = 15


def growth(tool: ModuleType, folder: str, url: str | None) -> Figures:
    assert tool.PACKAGE == "assay"
    return _ingest(folder) | _search(folder)


def _ingest(folder: str) -> Figures:
    from assay.client.connect import open_store
    from assay.entities import PointBatch, SeriesKey
    from assay.entities.ids import DEFAULT_EXPERIMENT_ID, new_run_id
    from assay.entities.runs import NewRun
    from assay.store.uri import resolve_location

    store = open_store(resolve_location(f"sqlite:///{folder}/ingest.db"))
    run_id = new_run_id()
    store.runs.create(NewRun(run_id, DEFAULT_EXPERIMENT_ID, 1_700_000_000_000))
    rng = np.random.default_rng(0)
    written, figures = 0, {}

    def append() -> float:
        nonlocal written
        steps = np.arange(written, written + BATCH, dtype="<i8")
        batch = PointBatch(
            [SeriesKey("loss")],
            np.zeros(BATCH, "<u4").tobytes(),
            steps.tobytes(),
            (1_700_000_000_000 + steps).tobytes(),
            rng.normal(size=BATCH).astype("<f8").tobytes(),
        )
        began = perf_counter()
        store.metrics.append(run_id, batch)
        written += BATCH
        return perf_counter() - began

    for number, size in enumerate(POINTS):
        while written < size:
            append()
        took = sum(append() for _ in range(REPEATS))
        figures[f"ingest, points/s (from {POINTS[0]:,} points)@{10**number}"] = (
            BATCH * REPEATS / took
        )
    store.close()
    return figures


def _search(folder: str) -> Figures:
    import search as searches

    import assay

    figures: Figures = {}
    for number, count in enumerate(RUNS):
        uri = f"sqlite:///{Path(folder)}/search-{count}.db"
        searches.fill_assay(uri, count)
        assay.set_tracking_uri(uri)
        took = []
        for _ in range(REPEATS):
            began = perf_counter()
            assay.search_runs(
                ["0"],
                filter_string=searches.FILTER,
                order_by=searches.ORDER,
                max_results=100,
                output_format="list",
            )
            took.append(perf_counter() - began)
        name = f"search, top 100, ms (from {RUNS[0]:,} runs)@{10**number}"
        figures[name] = statistics.median(took) * 1e3
    return figures


run(growth)

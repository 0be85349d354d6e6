"""The store «big», filled through the store's own way of taking what clients deliver.

It is made once and kept in ``.bench/ui``; another content makes another folder.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from assay.entities.ids import RunId, new_writer_id
from assay.entities.metrics import PointBatch, SeriesKey
from assay.entities.operations import (
    Delivery,
    EnsureExperiment,
    LogParams,
    LogPoints,
    Operation,
    StartRun,
    UpdateRun,
)
from assay.entities.runs import RunStatus
from assay.store.sql.store import SqlStore, open_sql_store
from benchmarks.environments import ROOT
from benchmarks.ui import content

KEPT = ROOT / ".bench" / "ui"
CHUNK = 250
EXPERIMENTS = ("big", "panels", "curves", "long")


def seeded() -> Path:
    """The folder of the seed, which is made if it isn't there."""
    version = hashlib.sha256(Path(content.__file__).read_bytes() + Path(__file__).read_bytes())
    folder = KEPT / f"seed-{version.hexdigest()[:12]}"
    if (folder / ".ready").exists():
        return folder
    for stale in KEPT.glob("seed-*"):
        shutil.rmtree(stale)
    folder.mkdir(parents=True)
    began = time.monotonic()
    store = open_sql_store(f"sqlite:///{folder}/assay.db")
    try:
        _fill(store)
    finally:
        store.close()
    took = time.monotonic() - began
    (folder / ".ready").write_text(f"{took:.0f} s\n")
    print(f"  seeded in {took:.0f} s", file=sys.stderr)
    return folder


def _fill(store: SqlStore) -> None:
    everything = {
        "big": content.big_runs(),
        "panels": content.curve_runs("panels", 100),
        "curves": content.curve_runs("curves", 20),
        "long": content.long_runs(),
    }
    for number, (name, runs) in enumerate(everything.items(), 1):
        print(f"  seeding {name} …", file=sys.stderr, flush=True)
        _deliver(store, name, str(number), runs)


def _deliver(
    store: SqlStore, name: str, experiment_id: str, runs: Iterable[content.SeedRun]
) -> None:
    writer, position = new_writer_id(), 0
    source = iter(runs)
    operations: list[Operation] = [EnsureExperiment(name, experiment_id)]
    while chunk := list(islice(source, CHUNK)):
        operations += [operation for run in chunk for operation in _operations(name, run)]
        receipt = store.apply(Delivery(writer, position, position + len(operations), operations))
        if receipt.refusals:
            raise SystemExit(f"the seed was refused: {receipt.refusals[0].message}")
        position, operations = receipt.position, []


def _operations(experiment: str, run: content.SeedRun) -> Iterator[Operation]:
    run_id = RunId(run.ident)
    yield StartRun(
        run_id, run.start_ms, experiment_name=experiment, run_name=run.name, tags=run.tags
    )
    yield LogParams(run_id, run.params)
    for curves in run.chunks:
        yield LogPoints(run_id, points_of(curves, run.start_ms))
    end_ms = run.start_ms + 60_000 + int(run.ident[:4], 16)
    yield UpdateRun(run_id, status=RunStatus(run.status), end_time=end_ms)


def points_of(curves: content.Curves, start_ms: int) -> PointBatch:
    """The curves as the store takes them, one after the other."""
    keys, length = len(curves.keys), len(curves.steps)
    return PointBatch(
        [SeriesKey(key) for key in curves.keys],
        np.repeat(np.arange(keys, dtype="<u4"), length).tobytes(),
        np.tile(curves.steps, keys).astype("<i8").tobytes(),
        np.tile(start_ms + curves.steps * 10, keys).astype("<i8").tobytes(),
        curves.values.astype("<f8").tobytes(),
    )

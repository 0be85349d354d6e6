"""Millions of points through one server: its memory and its open files stay where they are."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np

from assay.client.connect import open_store
from assay.entities import ExperimentId, SeriesKey
from assay.entities.ids import new_run_id
from assay.entities.runs import NewRun
from assay.metrics.points import batch_of_columns
from assay.store.base import Store
from assay.store.uri import resolve_location
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._programs import START
from tests.services.mlflow_client import ServerProcess

CLAIM = "10 M points through the server leave no slope of its memory and no open files behind"

BATCH, KEYS = 5_000, 10
BATCHES_A_RUN = 20
WARM_UP = 0.4
"""Share of the points after which the caches of Python and SQLite are as large as they get."""
SLOPE_MB_PER_M = 3.0
"""What counts as none: a point kept by mistake takes 24 bytes at least, 24 MB a million."""
NOISE_MB = 12.0


def run(short: bool) -> Outcome:
    points = 600_000 if short else 10_000_000
    with tempfile.TemporaryDirectory() as name:
        server = ServerProcess(Path(name))
        server.start()
        assert server.process is not None
        pid = server.process.pid
        location = resolve_location(server.url, cwd=Path(name), environ={})
        store = open_store(location)
        _send(store, BATCH * 4)
        files = _open_files(pid)
        began = time.monotonic()
        samples: list[tuple[int, float]] = []
        for sent in range(0, points, points // 20):
            _send(store, points // 20)
            samples.append((sent + points // 20, _memory_mb(pid)))
        took_s = time.monotonic() - began
        store.close()
        left = _settled_files(pid, files)
        server.stop()
    late = [sample for sample in samples if sample[0] > WARM_UP * points]
    counts, memory = np.array(late).T
    grown = float(np.polyfit(counts / 1e6, memory, 1)[0])
    figures: Figures = {
        "points": points,
        "points_a_second": round(points / took_s),
        "slope_mb_per_million": round(grown, 3),
        "memory_mb": round(samples[-1][1], 1),
        "growth_after_warm_up_mb": round(late[-1][1] - late[0][1], 1),
        "files_left_open": left,
    }
    flat = grown <= SLOPE_MB_PER_M or figures["growth_after_warm_up_mb"] <= NOISE_MB
    return Outcome(flat and left <= 0, figures)


def _send(store: Store, points: int) -> None:
    """Runs of ``BATCHES_A_RUN`` batches, written and read as they come."""
    for first in range(0, points, BATCH * BATCHES_A_RUN):
        run_id = new_run_id()
        store.runs.create(NewRun(run_id, ExperimentId("0"), START))
        for begin in range(first, min(points, first + BATCH * BATCHES_A_RUN), BATCH):
            steps = np.repeat(np.arange(begin, begin + BATCH // KEYS), KEYS)
            store.metrics.append(
                run_id,
                batch_of_columns(
                    [SeriesKey(f"m{key}") for key in range(KEYS)],
                    index=np.tile(np.arange(KEYS), BATCH // KEYS),
                    steps=steps,
                    timestamps=START + steps,
                    values=np.random.default_rng(begin).normal(size=BATCH),
                ),
            )
        assert len(store.metrics.history(run_id, SeriesKey("m0")).steps)


def _memory_mb(pid: int) -> float:
    """Memory that is the server's alone; pages of mapped files belong to the system's cache."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    anonymous = next(line for line in rollup.splitlines() if line.startswith("Anonymous:"))
    return int(anonymous.split()[1]) / 1024


def _open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _settled_files(pid: int, before: int) -> int:
    """How many more are open than before, once the connections of the client are closed."""
    with contextlib.suppress(TimeoutError):
        deadline = time.monotonic() + 10
        while _open_files(pid) > before and time.monotonic() < deadline:
            time.sleep(0.1)
    return _open_files(pid) - before

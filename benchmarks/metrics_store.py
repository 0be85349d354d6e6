"""The metric store alone: ingest, folding, histories and buckets in one SQLite file.

Run it with ``python -m benchmarks.metrics_store``; it prints one figure a line and needs about half
a minute. No journal, no transport: these are the costs of ``store.sql.metrics`` itself, committed
transactions included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from assay.entities.ids import DEFAULT_EXPERIMENT_ID, RunId, new_run_id
from assay.entities.metrics import Metric, PointBatch, SeriesKey
from assay.entities.runs import NewRun
from assay.metrics.points import batch_of_columns
from assay.store.sql.metrics import append_metrics, fold, latest_metrics
from assay.store.sql.statements import Sql
from assay.store.sql.store import open_sql_store

START = 1_700_000_000_000
_BYTES = Sql("SELECT sum(length(points)), sum(length(cells)) FROM metric_blocks WHERE run_id = ?")


def seconds(action: Callable[[], object], repeat: int = 1) -> float:
    """The shortest of ``repeat`` times."""
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return min(times)


def show(what: str, figure: float, unit: str) -> None:
    print(f"{what:<64}{figure:>14,.2f} {unit}")


def batch(series: int, first: int, steps: int, seed: int = 0) -> PointBatch:
    """``steps`` steps of ``series`` noisy curves, step by step as a loop logs them."""
    rng = np.random.default_rng(seed + first)
    at = np.repeat(np.arange(first, first + steps), series)
    times = START + at * 118 + rng.integers(0, 40, steps * series)
    values = np.exp(-at / 2e5) + rng.normal(0, 0.05, steps * series)
    return batch_of_columns(
        [SeriesKey(f"metric_{i}") for i in range(series)],
        index=np.tile(np.arange(series), steps),
        steps=at,
        timestamps=times,
        values=values,
    )


class Bench:
    """One database, and a run of its own for each measurement."""

    def __init__(self, folder: Path) -> None:
        self.whole = open_sql_store(f"sqlite:///{folder / 'bench.db'}")
        self.database = self.whole.database
        self.store = self.whole.metrics

    def run(self) -> RunId:
        run = NewRun(new_run_id(), DEFAULT_EXPERIMENT_ID, START)
        return self.whole.runs.create(run).info.run_id

    def ingest(self) -> None:
        for steps in (1, 10, 100, 1_000):
            batches = [batch(100, first, steps) for first in range(0, 2_000, steps)]
            run_id = self.run()
            took = seconds(lambda: [self.store.append(run_id, b) for b in batches])  # noqa: B023
            show(f"ingest: 100 series in batches of {steps} steps", 200_000 / took, "points/s")

    def single(self) -> None:
        run_id = self.run()
        count = 2_000

        def log(first: int) -> None:
            for step in range(first, first + count):
                metrics = [Metric("loss", 0.5 + step, START + step, step)]
                self.database.write(lambda conn: append_metrics(conn, run_id, metrics))  # noqa: B023

        show("single points, each committed", seconds(lambda: log(0)) / count * 1e6, "µs")

        def grouped(conn: object) -> None:
            for step in range(count, 2 * count):
                append_metrics(conn, run_id, [Metric("loss", 0.5, START + step, step)])

        took = seconds(lambda: self.database.write(grouped))
        show("single points, one transaction", took / count * 1e6, "µs")

    def growth(self, points: int) -> RunId:
        """One long curve; the rate of each tenth shows whether length costs anything."""
        run_id = self.run()
        tenth = points // 10
        for part in range(10):
            batches = [
                batch(1, first, 1_000) for first in range(part * tenth, (part + 1) * tenth, 1_000)
            ]
            took = seconds(lambda: [self.store.append(run_id, b) for b in batches])  # noqa: B023
            if part in (0, 1, 4, 9):
                show(f"one curve at {part * tenth:,} points", tenth / took, "points/s")
        return run_id

    def read(self, run_id: RunId, points: int) -> None:
        key = SeriesKey("metric_0")
        took = seconds(lambda: self.store.history(run_id, key), 5)
        show(f"history of {points:,} points", took * 1e3, "ms")
        assert len(self.store.history(run_id, key).steps) == points
        took = seconds(lambda: self.store.buckets([run_id], ["metric_0"], count=1_000), 5)
        show(f"{points:,} points in 1,000 buckets", took * 1e3, "ms")
        took = seconds(lambda: self.store.buckets([run_id], ["metric_0"], count=20_000), 5)
        show(f"{points:,} points in 20,000 buckets (decoded)", took * 1e3, "ms")
        middle = points // 2
        took = seconds(
            lambda: self.store.buckets(
                [run_id], ["metric_0"], count=1_000, first_step=middle, last_step=middle + 9_999
            ),
            5,
        )
        show("10,000 steps of it in 1,000 buckets", took * 1e3, "ms")
        took = seconds(lambda: self.store.page(run_id, "metric_0", max_results=25_000), 3)
        show("first page of 25,000", took * 1e3, "ms")
        token = None
        begin = time.perf_counter()
        for _ in range(20):
            token = self.store.page(run_id, "metric_0", max_results=25_000, page_token=token).token
        show("pages 1 to 20 of 25,000, each", (time.perf_counter() - begin) / 20 * 1e3, "ms")
        self.database.write(lambda conn: fold(conn, run_id))
        with self.database.read() as conn:
            data, cells = _BYTES.one(conn, run_id) or (0, 0)
        show("folded: points", data / points, "bytes/point")
        show("folded: points and cells", (data + cells) / points, "bytes/point")

    def many_runs(self) -> None:
        runs = [self.run() for _ in range(1_000)]
        each = batch(10, 0, 1)
        for run_id in runs:
            self.store.append(run_id, each)

        def latest() -> None:
            with self.database.read() as conn:
                latest_metrics(conn, runs)

        show("latest of 10 metrics of 1,000 runs", seconds(latest, 3) * 1e3, "ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000, help="length of the long curve")
    points = parser.parse_args().points
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        bench.ingest()
        bench.single()
        bench.read(bench.growth(points), points)
        bench.many_runs()
        bench.database.close()


if __name__ == "__main__":
    main()

"""Search alone: filtered, ordered and paged reads of one SQLite store, and the whole run table.

Run it with ``python -m benchmarks.search_runs --runs 10000``; each run has 10 params, 10 metrics
and 5 tags, written straight into the tables. Times are CPU seconds of this process, the shortest of
several, so that other work on the machine shows less.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from assay.entities.ids import DEFAULT_EXPERIMENT_ID
from assay.store.base import Query
from assay.store.sql.search.runs import search_runs
from assay.store.sql.store import SqlStore, open_sql_store

START = 1_700_000_000_000
SEARCHES = (
    ("latest started", "", []),
    ("metric filter, metric order", "metrics.m1 > 0.5", ["metrics.m0 DESC"]),
    ("metric and param filter", "metrics.m1 > 0.5 and params.p1 = '3'", ["metrics.m0 DESC"]),
    ("selective metric filter", "metrics.m1 > 0.999", ["metrics.m0 DESC"]),
    ("figure filter and order", "metrics.m1.max > 0.5", ["metrics.m0.min"]),
    ("param order", "metrics.m1 > 0.5", ["params.p1"]),
    ("param filter without a match", "params.p1 = 'none'", []),
)


def fill(path: Path, count: int) -> None:
    """Write ``count`` runs into the tables of a fresh store."""
    rng = random.Random(1)
    connection = sqlite3.connect(path)
    runs, params, tags, metrics = [], [], [], []
    for i in range(count):
        run_id = f"{rng.getrandbits(128):032x}"
        start = START + i * 1_000
        runs.append((run_id, "0", f"run-{i}", "me", "FINISHED", start, start + 5, "active", 0, ""))
        params += [(run_id, f"p{k}", str(rng.randrange(10)), None) for k in range(10)]
        tags += [(run_id, f"t{k}", f"value {rng.randrange(10)}") for k in range(5)]
        for k in range(10):
            last = rng.random()
            figures = (0, START, rng.random(), 999, START, last, 0.0, 1.0, 0.5, 300.0, 0)
            metrics.append((run_id, f"m{k}", "", "", "", k, 1, 1, 1_000, 0, *figures))
    connection.executemany(
        "INSERT INTO runs (run_id, experiment_id, run_name, user_id, status, start_time, end_time,"
        f" lifecycle_stage, deleted_with_experiment, artifact_uri) VALUES ({_marks(10)})",
        runs,
    )
    connection.executemany(f"INSERT INTO params VALUES ({_marks(4)})", params)
    connection.executemany(f"INSERT INTO tags VALUES ({_marks(3)})", tags)
    connection.executemany(
        "INSERT INTO metric_summaries (run_id, key, model_id, dataset_name, dataset_digest, series,"
        " is_latest, is_ranked, count, nan_count, first_step, first_timestamp, first, last_step,"
        " last_timestamp, last, min, max, mean, sum_squares, negative_zeros)"
        f" VALUES ({_marks(21)})",
        metrics,
    )
    connection.commit()
    connection.close()


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def seconds(action: Callable[[], object], repeat: int = 7) -> float:
    """The shortest CPU time of ``repeat`` runs."""
    times = []
    for _ in range(repeat):
        begin = time.process_time()
        action()
        times.append(time.process_time() - begin)
    return min(times)


def measure(store: SqlStore, count: int) -> None:
    """Print a line per search."""
    experiments = [DEFAULT_EXPERIMENT_ID]
    for name, text, order in SEARCHES:
        query = Query(filter=text, order_by=order, max_results=100)

        def find(query: Query = query) -> object:
            with store.database.read() as connection:
                return search_runs(connection, experiments, query)

        ids = seconds(find)
        whole = seconds(lambda query=query: store.runs.search(experiments, query))
        print(f"{name:32} ids {ids * 1e3:8.2f} ms   whole runs {whole * 1e3:8.2f} ms")
    everything = Query(max_results=min(count, 50_000))
    table = seconds(lambda: store.runs.table(experiments, everything), repeat=3)
    print(f"{'all as a run table':32} {table * 1e3:8.1f} ms")


def main() -> None:
    """Fill a store and measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    count = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "assay.db"
        store = open_sql_store(f"sqlite:///{path}")
        fill(path, count)
        measure(store, count)
        store.close()


if __name__ == "__main__":
    main()

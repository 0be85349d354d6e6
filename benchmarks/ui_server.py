"""What the web interface asks of a store: windows of the table, keys, groups, series.

Run it with ``python -m benchmarks.ui_server --runs 10000``; each run has 100 of 1,000 metrics and
100 params, written straight into the tables of one SQLite file, and one of them has ten metrics of
100,000 points. Times are CPU milliseconds of this process, the shortest of several, so that other
work on the machine shows less.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from assay.entities.ids import DEFAULT_EXPERIMENT_ID, RunId
from assay.entities.metrics import PointBatch, SeriesKey
from assay.store.run_views import Column, ColumnKind, GroupsQuery, KeysQuery, RowsQuery, ValuesQuery
from assay.store.sql.store import SqlStore, open_sql_store

START = 1_700_000_000_000
KEYS, OF_A_RUN, PARAMS = 1_000, 100, 100
CONSTANT, CHOICES = 50, 30
"""Params that are the same in all runs, and that have four values."""
POINTS, SERIES = 100_000, 10
EXPERIMENT = [DEFAULT_EXPERIMENT_ID]
METRICS = [Column(ColumnKind.METRIC, f"m/{i:04d}") for i in range(KEYS)]
ALWAYS = [Column(ColumnKind.METRIC, key) for key in ("acc", "loss", "val/loss")]
PARAM_COLUMNS = [Column(ColumnKind.PARAM, f"p/{i:03d}") for i in range(PARAMS)]


def fill(path: Path, count: int) -> RunId:
    """Write ``count`` runs into the tables of a fresh store; returns the id of one."""
    rng = random.Random(1)
    connection = sqlite3.connect(path)
    ids = [f"{rng.getrandbits(128):032x}" for _ in range(count)]
    connection.executemany(
        "INSERT INTO runs (run_id, experiment_id, run_name, user_id, status, start_time, end_time,"
        f" lifecycle_stage, deleted_with_experiment, artifact_uri) VALUES ({_marks(10)})",
        [
            (ident, "0", f"run-{i}", "me", "FINISHED", START + i, START + i + 5, "active", 0, "")
            for i, ident in enumerate(ids)
        ],
    )
    for ident in sorted(ids):
        connection.executemany(
            f"INSERT INTO params VALUES ({_marks(4)})", list(_params(ident, rng))
        )
        connection.execute(f"INSERT INTO tags VALUES ({_marks(3)})", (ident, "team", "a"))
        connection.executemany(
            "INSERT INTO metric_summaries (run_id, key, model_id, dataset_name, dataset_digest,"
            " series, is_latest, is_ranked, count, nan_count, first_step, first_timestamp, first,"
            " last_step, last_timestamp, last, min, max, mean, sum_squares, negative_zeros)"
            f" VALUES ({_marks(21)})",
            list(_metrics(ident, rng)),
        )
    connection.commit()
    connection.close()
    return RunId(ids[-1])


def _params(ident: str, rng: random.Random) -> Iterator[tuple[Any, ...]]:
    for i in range(PARAMS):
        if i < CONSTANT:
            value = "fixed"
        elif i < CONSTANT + CHOICES:
            value = str(rng.choice((1, 2, 4, 8)))
        else:
            value = repr(rng.random())
        yield ident, f"p/{i:03d}", value, None if i < CONSTANT else float(value)


def _metrics(ident: str, rng: random.Random) -> Iterator[tuple[Any, ...]]:
    names = [f"m/{i:04d}" for i in rng.sample(range(KEYS), OF_A_RUN - len(ALWAYS))]
    for number, key in enumerate(sorted([*names, *(column.key for column in ALWAYS)])):
        figures = (0, START, rng.random(), 999, START, rng.random(), 0.0, 1.0, 0.5, 300.0, 0)
        yield ident, key, "", "", "", number, 1, 1, 1_000, 0, *figures


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def add_curves(store: SqlStore, run_id: RunId) -> None:
    """Log long series to one run."""
    values = np.random.default_rng(1).normal(size=POINTS)
    steps = np.arange(POINTS, dtype="<i8")
    for number in range(SERIES):
        store.metrics.append(
            run_id,
            PointBatch(
                series=[SeriesKey(f"curve/{number}")],
                index=bytes(4 * POINTS),
                steps=steps.tobytes(),
                timestamps=(steps + START).tobytes(),
                values=values.astype("<f8").tobytes(),
            ),
        )


def milliseconds(action: Callable[[], object], repeat: int) -> float:
    """The shortest CPU time of ``repeat`` runs."""
    times = []
    for _ in range(repeat):
        begin = time.process_time()
        action()
        times.append(time.process_time() - begin)
    return min(times) * 1_000


def actions(store: SqlStore, run_id: RunId) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is measured."""
    views, screen = store.run_views, [*ALWAYS, *PARAM_COLUMNS[CONSTANT : CONSTANT + 20]]

    def rows(**asked: Any) -> Callable[[], object]:
        return lambda: views.rows(RowsQuery(experiment_ids=EXPERIMENT, **asked))

    status = Column(ColumnKind.ATTRIBUTE, "status")
    by = [PARAM_COLUMNS[CONSTANT], status]
    yield "rows: first screen, 200 x 23", rows(columns=screen)
    yield "rows: first screen, columns chosen", rows(columns="default")
    yield "rows: jump to 9,000", rows(columns=screen, offset=9_000)
    yield "rows: by a metric", rows(columns=screen, order_by=["metrics.loss"])
    yield "rows: by a metric, jump", rows(columns=screen, order_by=["metrics.loss"], offset=9_000)
    yield "rows: filtered", rows(columns=screen, filter="metrics.loss < 0.1 and params.`p/050` = 4")
    yield "rows: roots only", rows(columns=screen, roots=True)
    wide = [*METRICS[:50], *PARAM_COLUMNS[-50:]]
    yield "rows: 1,000 x 100", rows(columns=wide, limit=1_000)
    yield "keys: all", lambda: views.keys(KeysQuery(experiment_ids=EXPERIMENT))
    some = KeysQuery(experiment_ids=EXPERIMENT, filter="metrics.loss < 0.1")
    yield "keys: of a tenth", lambda: views.keys(some)
    values = ValuesQuery(experiment_ids=EXPERIMENT, kind=ColumnKind.PARAM, key="p/050")
    yield "values of a param", lambda: views.values(values)
    groups = GroupsQuery(experiment_ids=EXPERIMENT, by=by, columns=ALWAYS)
    yield "groups: 2 columns, 3 metrics", lambda: views.groups(groups)
    curves = [f"curve/{number}" for number in range(SERIES)]
    yield (
        f"series: {SERIES} of {POINTS:,} in 1,000 buckets",
        lambda: store.metrics.buckets([run_id], curves, count=1_000),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "assay.db"
        open_sql_store(f"sqlite:///{path}").close()
        run_id = fill(path, options.runs)
        store = open_sql_store(f"sqlite:///{path}")
        add_curves(store, run_id)
        print(f"{options.runs:,} runs, {OF_A_RUN} of {KEYS:,} metrics and {PARAMS} params each")
        for name, action in actions(store, run_id):
            print(f"{name:36s} {milliseconds(action, options.repeat):8.1f} ms")
        store.close()


if __name__ == "__main__":
    main()

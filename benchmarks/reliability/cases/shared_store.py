"""Many at one store: two servers, eight processes that find no store yet, eight on one run."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path

from assay.client.connect import open_store
from assay.client.sync import sync
from assay.entities import ExperimentId, RunId, RunStatus, SeriesKey
from assay.entities.ids import new_run_id
from assay.entities.runs import NewRun
from assay.store.sql.backup import check
from assay.store.uri import resolve_location
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._load import (
    compare,
    open_database,
    start_writers,
    stop_writers,
    wait_for_acknowledged,
)
from benchmarks.reliability.cases._programs import START, end, start_script
from tests.services.mlflow_client import ServerProcess

CLAIM = (
    "two servers on one store, eight processes on a fresh one and on one run: all is there once,"
    ' nobody hears "database is locked", the schema is made once'
)

PROCESSES = 8

FLUENT = """
    import sys, time
    import assay
    rank, run_id, steps, begin = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    time.sleep(max(0, begin - time.time()))
    assay.start_run(run_id) if run_id else assay.start_run()
    for step in range(steps):
        assay.log_metrics({f"rank{rank}": step, "shared": rank}, step=step)
    assay.log_param(f"rank{rank}", rank)
    assay.log_text("x" * 10_000, f"rank{rank}.txt")
    print(assay.active_run().info.run_id)
"""

SYNCHRONOUS = """
    import sys, time
    import assay
    rank, run_id, steps, begin = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    time.sleep(max(0, begin - time.time()))
    client = assay.Client()
    run_id = run_id or client.create_run("0").info.run_id
    for step in range(steps):
        client.log_metric(run_id, f"rank{rank}", step, step=step)
    client.log_param(run_id, f"rank{rank}", rank)
    print(run_id)
"""


def run(short: bool) -> Outcome:
    rounds = 1 if short else 5
    steps = 60 if short else 1_000
    figures: Figures = {"rounds": rounds}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            parts = [_two_servers(Path(name) / "servers", steps)]
            for number, (script, one_run) in enumerate(
                [(FLUENT, False), (FLUENT, True), (SYNCHRONOUS, False), (SYNCHRONOUS, True)]
            ):
                parts.append(_processes(Path(name) / str(number), script, steps, one_run=one_run))
        for part in parts:
            for figure, value in part.items():
                figures[figure] = figures.get(figure, 0) + value
    broken = ("lost", "doubled", "half_batches", "refused", "locked", "failed", "schema_faults")
    return Outcome(not any(figures.get(key, 0) for key in broken), figures)


def _two_servers(folder: Path, batches: int) -> Figures:
    folder.mkdir()
    servers = [ServerProcess(folder), ServerProcess(folder)]
    urls = [server.start() for server in servers]
    writers = [writer for url in urls for writer in start_writers(url, 4)]
    wait_for_acknowledged(writers, more=batches)
    stop_writers(writers)
    failed = sum(server.stop() != 0 for server in servers)
    store = open_database(folder / "assay.db")
    figures = compare(store, writers)
    store.close()
    figures["refused"] = sum(w.unanswered + sum(w.refused.values()) for w in writers)
    figures["locked"] = "locked" in servers[0].log.read_text()
    figures["failed"] = failed
    figures["schema_faults"] = _schema_faults(folder / "assay.db")
    return figures


def _processes(folder: Path, script: str, steps: int, *, one_run: bool) -> Figures:
    """All begin at the same moment, on a store that isn't there yet or on one run of it."""
    folder.mkdir()
    location = resolve_location(folder / ".assay", environ={})
    shared = _make_run(folder) if one_run else ""
    begin = time.time() + 2.5
    processes = [
        start_script(script, rank, shared, steps, begin, folder=folder) for rank in range(PROCESSES)
    ]
    said = [end(process) for process in processes]
    sync(location)
    figures: Figures = {
        "processes": PROCESSES,
        "failed": sum(process.returncode != 0 for process in processes),
        "locked": sum("locked" in complaints for _, complaints in said),
        "lost": 0,
        "doubled": 0,
        "schema_faults": _schema_faults(location.home / "assay.db"),
    }
    for out, complaints in said:
        if not out:
            print(complaints)
    store = open_store(location)
    for rank, (out, _) in enumerate(said):
        run_id = RunId(out.strip())
        steps_there = store.metrics.history(run_id, SeriesKey(f"rank{rank}")).steps.tolist()
        figures["lost"] += len(set(range(steps)) - set(steps_there))
        figures["doubled"] += len(steps_there) - len(set(steps_there))
        there = store.runs.get(run_id)
        figures["lost"] += there.data.params.get(f"rank{rank}") != str(rank)
        if script == FLUENT:
            figures["lost"] += there.info.status is not RunStatus.FINISHED
            shared_points = store.metrics.history(run_id, SeriesKey("shared"))
            here = shared_points.values == rank
            figures["lost"] += len(set(range(steps)) - set(shared_points.steps[here].tolist()))
    store.close()
    return figures


def _make_run(folder: Path) -> RunId:
    store = open_store(resolve_location(folder / ".assay", environ={}))
    run = store.runs.create(NewRun(new_run_id(), ExperimentId("0"), START))
    store.close()
    return run.info.run_id


def _schema_faults(path: Path) -> int:
    """A version that isn't written once, a structure or a reference that is broken."""
    connection = sqlite3.connect(path)
    (versions,) = connection.execute("SELECT count(*) FROM alembic_version").fetchone()
    connection.close()
    return int(versions != 1) + len(check(f"sqlite:///{path}"))

"""Backups while clients write; each is restored and served."""

from __future__ import annotations

import json
import tempfile
import urllib.request
from pathlib import Path

from assay.store.sql.backup import check
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._load import (
    KEYS,
    Writer,
    compare,
    open_database,
    start_writers,
    stop_writers,
    wait_for_acknowledged,
)
from benchmarks.reliability.cases._programs import run_assay
from tests.services.mlflow_client import ServerProcess

CLAIM = "an online backup holds all that was acknowledged before it began, and serves when restored"

WRITERS = 6


def run(short: bool) -> Outcome:
    rounds = 2 if short else 10
    figures: Figures = {"backups": rounds, "faults": 0, "unserved": 0, "failed": 0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = ServerProcess(folder)
        server.start()
        writers = start_writers(server.url, WRITERS)
        taken: list[tuple[Path, list[list[int]]]] = []
        for number in range(rounds):
            wait_for_acknowledged(writers, more=100)
            before = [list(writer.acknowledged) for writer in writers]
            target = folder / f"backup-{number}" / "assay.db"
            target.parent.mkdir()
            source = f"sqlite:///{folder}/assay.db"
            done = run_assay("db", "backup", target, source, folder=folder)
            figures["failed"] += done.returncode != 0
            if done.returncode:
                print(done.stderr)
                continue
            taken.append((target, before))
        stop_writers(writers)
        server.stop()
        for target, before in taken:
            _restore(target, writers, before, figures)
    broken = ("faults", "unserved", "failed", "lost", "doubled", "half_batches")
    return Outcome(not any(figures[key] for key in broken), figures)


def _restore(
    target: Path, writers: list[Writer], before: list[list[int]], figures: Figures
) -> None:
    figures["faults"] += len(check(f"sqlite:///{target}"))
    for writer, acknowledged in zip(writers, before, strict=True):
        writer.acknowledged = acknowledged
    store = open_database(target)
    for figure, value in compare(store, writers).items():
        if figure != "done_unanswered":  # what came after the backup began may be in it
            figures[figure] = figures.get(figure, 0) + value
    store.close()
    restored = ServerProcess(target.parent)
    url = restored.start()
    try:
        writer = writers[0]
        query = f"run_id={writer.run_id}&metric_key={writer.key(KEYS - 1)}"
        path = f"{url}/api/2.0/mlflow/metrics/get-history?{query}"
        with urllib.request.urlopen(path, timeout=30) as answer:
            points = json.loads(answer.read()).get("metrics", [])
        figures["unserved"] += len(set(before[0]) - {point.get("step", 0) for point in points})
    finally:
        restored.stop()

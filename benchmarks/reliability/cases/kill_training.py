"""A training script is killed at a random moment, again and again; what it was told is kept, is."""

from __future__ import annotations

import mmap
import random
import struct
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from assay.client.connect import open_run_artifacts, open_store
from assay.client.sync import sync
from assay.entities import Run, RunId, RunStatus, SeriesKey
from assay.entities.names import ArtifactPath
from assay.store.base import Store
from assay.store.uri import Location, resolve_location
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._programs import end, start_script

CLAIM = "`kill -9` of a training process: every call that returned is there afterwards, once"

LONGEST_LIFE_S = 1.0
"""After its first call; the moment of the kill is drawn from it."""
COUNTERS = struct.Struct("<5q")

SCRIPT = """
    import itertools, mmap, struct, sys
    import assay
    with open(sys.argv[1], "r+b") as file:
        counters = mmap.mmap(file.fileno(), 0)
    done = [0] * 5

    def returned(place):
        done[place] += 1
        struct.pack_into("<q", counters, 8 * place, done[place])

    with assay.start_run() as run:
        print(run.info.run_id)
        for n in itertools.count():
            assay.log_metric("loss", n / 7, step=n)
            returned(0)
            assay.log_metrics({"acc": n, "val/acc": -n}, step=n)
            returned(1)
            if n % 25 == 0:
                assay.log_param(f"p{n // 25}", n // 25)
                returned(2)
            if n % 10 == 0:
                assay.set_tag("last", n // 10)
                returned(3)
            if n % 500 == 0:
                assay.log_text(f"file {n // 500} " * 10_000, f"files/{n // 500}.txt")
                returned(4)
"""


class Returned(NamedTuple):
    """How many calls of each kind had returned."""

    points: int
    rows: int
    params: int
    tags: int
    files: int


def run(short: bool) -> Outcome:
    rounds = 5 if short else 50
    figures: Figures = {"rounds": rounds, "calls": 0, "lost": 0, "doubled": 0, "untrue_status": 0}
    with tempfile.TemporaryDirectory() as name:
        location = resolve_location(Path(name) / ".assay", environ={})
        for _ in range(rounds):
            run_id, returned = _train_and_kill(Path(name))
            sync(location)
            for figure, count in _compare(location, run_id, returned).items():
                figures[figure] += count
            figures["calls"] += sum(returned)
    held = not any(figures[key] for key in ("lost", "doubled", "untrue_status"))
    return Outcome(held and figures["calls"] > 100 * rounds, figures)


def _train_and_kill(folder: Path) -> tuple[RunId, Returned]:
    counters = folder / "counters"
    counters.write_bytes(bytes(mmap.PAGESIZE))
    process = start_script(SCRIPT, counters, folder=folder)
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    time.sleep(random.uniform(0, LONGEST_LIFE_S))
    process.kill()
    _, complaints = end(process)
    assert run_id, complaints
    return RunId(run_id), Returned(*COUNTERS.unpack_from(counters.read_bytes()))


def _compare(location: Location, run_id: RunId, returned: Returned) -> Figures:
    store = open_store(location)
    try:
        there = store.runs.get(run_id)
        figures: Figures = {"lost": 0, "doubled": 0}
        for key, count in (
            ("loss", returned.points),
            ("acc", returned.rows),
            ("val/acc", returned.rows),
        ):
            steps = store.metrics.history(run_id, SeriesKey(key)).steps.tolist()
            figures["lost"] += len(set(range(count)) - set(steps))
            # One more than were told: the call that the kill interrupted. Any other is too many.
            figures["doubled"] += len(steps) - len(set(steps)) + len(set(steps[count + 1 :]))
        params = {f"p{n}": str(n) for n in range(returned.params)}
        figures["lost"] += len(params.items() - there.data.params.items())
        last = int(there.data.tags.get("last", -1))
        figures["lost"] += last not in (returned.tags - 1, returned.tags)
        figures["lost"] += _missing_files(location, store, there, returned.files)
        truthful = (there.info.end_time or 0) >= (there.info.start_time or 0)
        figures["untrue_status"] = there.info.status is not RunStatus.FAILED or not truthful
        return figures
    finally:
        store.close()


def _missing_files(location: Location, store: Store, there: Run, count: int) -> int:
    """Files that were logged and aren't there, or that are there with other content."""
    artifacts = open_run_artifacts(location, store, there.info.artifact_uri)
    found = {info.path for info in artifacts.list(ArtifactPath("files"))}
    wrong = {
        path
        for path in found
        if b"".join(artifacts.read(ArtifactPath(path)))
        != f"file {path[len('files/') : -len('.txt')]} ".encode() * 10_000
    }
    return len({f"files/{n}.txt" for n in range(count)} - found) + len(wrong)

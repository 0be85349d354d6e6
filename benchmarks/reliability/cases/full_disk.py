"""The disk fills up under a server, and under a training script, and has room again."""

from __future__ import annotations

import http.client
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from assay.client.connect import open_run_artifacts, open_store
from assay.client.sync import sync
from assay.entities import RunId, RunStatus, SeriesKey
from assay.entities.names import ArtifactPath
from assay.store.uri import resolve_location
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._disks import fill, small_disk
from benchmarks.reliability.cases._load import (
    Writer,
    compare,
    open_database,
    start_writers,
    stop_writers,
    wait_for_acknowledged,
)
from benchmarks.reliability.cases._programs import end, server_on_fixed_port, start_script
from tests.services.mlflow_client import ServerProcess

CLAIM = (
    "a full disk: a clear error or a counted loss, reads and training go on, nothing acknowledged"
    " is lost, writing resumes without a restart"
)

SERVER_DISK_BYTES = 24 << 20
TRAINING_DISK_BYTES = 8 << 20
WRITERS = 4
FULL = 507
"""The status that says so."""
UPLOAD_BYTES = 1 << 20
SMALL_FILE_BYTES = 4096
"""Where no disk can be made: no file may grow beyond it, which every file of ours has to."""

SCRIPT = """
    import json, os, sys, time
    import assay
    from assay.client.recorder import recorder_for
    from assay.client.tracking_uri import current_location
    folder = sys.argv[1]
    run = assay.start_run()
    assay.log_metric("loss", 0.0, step=0)
    assay.flush_async_logging()
    print(json.dumps(run.info.run_id))
    while not os.path.exists(f"{folder}/full"):
        time.sleep(0.01)
    step, longest = 1, 0.0
    def log(until):
        global step, longest
        while not until():
            called = time.perf_counter()
            assay.log_metrics({"loss": step, "acc": -step, "val": 0.5}, step=step)
            longest = max(longest, time.perf_counter() - called)
            step += 1
            time.sleep(0.0001)
    recorder = recorder_for(current_location())
    enough = time.monotonic() + 60
    log(lambda: recorder.dropped.points > 3_000 or time.monotonic() > enough)
    print(json.dumps([step, recorder.dropped.points]))
    for number in range(5):
        assay.log_text("x" * 100_000, f"lost/{number}.txt")
    print(recorder.dropped.files, flush=True)
    log(lambda: os.path.exists(f"{folder}/room"))
    begin = step
    log(lambda: time.monotonic() > enough or step > begin + 30_000)
    dropped = recorder.dropped.points
    assay.log_text("room again", "kept.txt")
    print(json.dumps([step, dropped, longest]))
"""


def run(short: bool) -> Outcome:
    rounds = 1 if short else 3
    figures: Figures = {"rounds": rounds}
    with tempfile.TemporaryDirectory() as name:
        for number in range(rounds):
            folder = Path(name) / str(number)
            folder.mkdir()
            for figure, value in (_server(folder) | _training(folder)).items():
                before = figures.get(figure, 0)
                figures[figure] = max(before, value) if figure == LONGEST else before + value
    held = (
        not any(figures[key] for key in BROKEN)
        and figures["refused_for_want_of_space"] > 0
        and figures["points_dropped_and_counted"] > 0
        and figures["written_after_there_was_room"] > 0
    )
    return Outcome(held, figures)


LONGEST = "longest_call_ms"
BROKEN = (
    *("lost", "doubled", "half_batches", "done_unanswered", "unclear_answers", "failed_reads"),
    *("torn_files", "training_stopped", "points_uncounted", "points_doubled"),
    "files_lost",
    "warnings_but_one",
)


def _server(folder: Path) -> Figures:
    disk = folder / "disk"
    with small_disk(disk, SERVER_DISK_BYTES) as mounted:
        server = server_on_fixed_port(disk)
        server.log = folder / "server.log"
        server.start()
        assert server.process is not None
        try:
            writers = start_writers(server.url, WRITERS)
            wait_for_acknowledged(writers, more=50)
            make_room = _exhaust(disk, server.process.pid, mounted=mounted)
            _wait(lambda: sum(w.refused.get(FULL, 0) for w in writers) > 20)
            figures: Figures = {
                "failed_reads": _failed_reads(server, writers),
                "torn_files": _torn_upload(server),
            }
            make_room()
            before = sum(len(w.acknowledged) for w in writers)
            wait_for_acknowledged(writers, more=50)
            stop_writers(writers)
            after = sum(len(w.acknowledged) for w in writers)
        finally:
            server.stop()
        store = open_database(disk / "assay.db")
        figures |= compare(store, writers)
        store.close()
    figures["refused_for_want_of_space"] = sum(w.refused.pop(FULL, 0) for w in writers)
    figures["unclear_answers"] = sum(
        w.unanswered + sum(w.refused.values()) + sum("space" not in m for m in w.messages)
        for w in writers
    )
    figures["written_after_there_was_room"] = after - before
    return figures


def _exhaust(disk: Path, pid: int, *, mounted: bool) -> Callable[[], object]:
    """Leave no space; returns what gives it back."""
    if mounted:
        return fill(disk).unlink
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL_FILE_BYTES, before[1]))
    return lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def _wait(reached: Callable[[], object], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def _failed_reads(server: ServerProcess, writers: list[Writer]) -> int:
    reader = Writer(server.url)
    failed = 0
    for _ in writers:
        body = {"experiment_ids": ["0"], "max_results": 10}
        found = reader.ask("runs/search", body)
        failed += found is None or len(found["runs"]) != WRITERS
    reader.hang_up()
    return failed


def _torn_upload(server: ServerProcess) -> int:
    """An upload that finds no room: refused with an error, and nothing of it is to be seen."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    path = "/api/2.0/mlflow-artifacts/artifacts"
    try:
        connection.request("PUT", f"{path}/big.bin", bytes(UPLOAD_BYTES))
        answer = connection.getresponse()
        answer.read()
        refused = answer.status == FULL
    except OSError:
        refused = True
    connection.close()
    connection.request("GET", path)
    answer = connection.getresponse()
    visible = bool(json.loads(answer.read()).get("files"))
    connection.close()
    return visible or not refused


def _training(folder: Path) -> Figures:
    """The script goes on; what it logged is in the store or counted as dropped, and it says so."""
    disk = folder / "small"
    with small_disk(disk, TRAINING_DISK_BYTES) as mounted:
        location = resolve_location(disk / ".assay", environ={})
        variables = {"ASSAY_TRACKING_URI": str(disk / ".assay")}
        process = start_script(SCRIPT, folder, folder=folder, **variables)
        assert process.stdout is not None
        run_id = RunId(json.loads(process.stdout.readline()))
        make_room = _exhaust(disk, process.pid, mounted=mounted)
        (folder / "full").touch()
        said = process.stdout.readline()
        files_dropped = process.stdout.readline().strip()
        make_room()
        (folder / "room").touch()
        last, complaints = end(process)
        if process.returncode or not said:
            print(complaints)
            return {"training_stopped": 1}
        sync(location)
        steps, dropped, longest = json.loads(last.splitlines()[-1])
        store = open_store(location)
        there = store.runs.get(run_id)
        curves = [store.metrics.history(run_id, SeriesKey(key)) for key in ("loss", "acc", "val")]
        stored = sum(len(set(curve.steps.tolist())) for curve in curves)
        files = open_run_artifacts(location, store, there.info.artifact_uri)
        kept = {info.path for info in files.list(ArtifactPath(""))}
        doubled = sum(map(len, (curve.steps for curve in curves))) - stored
        store.close()
    logged = 3 * (steps - 1) + 1
    return {
        "training_stopped": int(there.info.status is not RunStatus.FINISHED),
        "points_dropped_and_counted": dropped,
        "points_uncounted": abs(logged - dropped - stored),
        "points_doubled": doubled,
        "files_dropped_and_counted": int(files_dropped),
        "files_lost": int("kept.txt" not in kept),
        "warnings_but_one": complaints.count("Nothing can be written") - 1,
        LONGEST: longest * 1e3,
    }

"""The server is away in the middle of a run, and for a whole one: training goes on, all arrives."""

from __future__ import annotations

import contextlib
import json
import signal
import tempfile
import time
from pathlib import Path

from assay.client.connect import open_run_artifacts, open_store
from assay.entities import RunId, RunStatus, SeriesKey
from assay.entities.names import ArtifactPath
from assay.store.base import Store
from assay.store.uri import resolve_location
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._programs import (
    end,
    run_assay,
    server_on_fixed_port,
    start_script,
)
from tests.services.mlflow_client import ServerProcess

CLAIM = (
    "a server away for a minute or a whole run: no call waits, nothing is lost or doubled, 100,000"
    " points drain in 30 s"
)

POINTS, KEYS = 100_000, 10
STEPS = POINTS // KEYS
LONGEST_CALL_S = 0.05
LONGEST_SHORT_CALL_S = 1.0
"""Short runs are tests, beside others, which take the processor from a call now and then."""
LONGEST_DRAIN_S = 30.0

SCRIPT = """
    import json, os, sys, time
    import assay
    steps, keys = int(sys.argv[1]), int(sys.argv[2])
    seconds, folder = float(sys.argv[3]), sys.argv[4]

    def say_and_wait(words):
        print(json.dumps(words))
        while folder and not os.path.exists(f"{folder}/{said}"):
            time.sleep(0.01)

    run = assay.start_run()
    assay.log_metric("before", 1.0, step=0)
    if folder:
        assay.flush_async_logging()
    said = "away"
    say_and_wait(run.info.run_id)
    longest = 0.0

    def log(function, *arguments, **named):
        global longest
        called = time.perf_counter()
        function(*arguments, **named)
        longest = max(longest, time.perf_counter() - called)

    begin = time.perf_counter()
    for step in range(steps):
        log(assay.log_metrics, {f"m{key}": step + key / 16 for key in range(keys)}, step=step)
        if step % 1000 == 0:
            log(assay.log_param, f"p{step}", step)
            log(assay.set_tag, "last", step)
        while time.perf_counter() - begin < step * seconds / steps:
            time.sleep(0.001)
    log(assay.log_text, "offline", "notes/away.txt")
    said = "delivered"
    say_and_wait(longest)
    assay.end_run()
"""


def run(short: bool) -> Outcome:
    away_s = 3 if short else 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = server_on_fixed_port(folder / "server")
        server.start()
        try:
            figures: Figures = {"away_s": away_s, **_away_for_a_while(server, folder, away_s)}
            whole = _away_for_a_whole_run(server, folder)
        finally:
            server.stop()
    for figure in ("longest_call_ms", "drain_s"):
        figures[figure] = max(figures[figure], whole.pop(figure))
    figures["lost"] += whole.pop("lost")
    figures["doubled"] += whole.pop("doubled")
    figures |= whole
    longest_s = LONGEST_SHORT_CALL_S if short else LONGEST_CALL_S
    held = (
        not (figures["lost"] or figures["doubled"] or figures["second_sync_points"])
        and figures["longest_call_ms"] <= longest_s * 1e3
        and figures["drain_s"] <= LONGEST_DRAIN_S
    )
    return Outcome(held, figures)


def _away_for_a_while(server: ServerProcess, folder: Path, away_s: float) -> Figures:
    """The server leaves once the run has begun, and returns when the last step is logged."""
    variables = {"ASSAY_TRACKING_URI": server.url}
    process = start_script(SCRIPT, STEPS, KEYS, away_s, folder, folder=folder, **variables)
    assert process.stdout is not None
    run_id = json.loads(process.stdout.readline())
    server.stop(signal.SIGKILL)
    (folder / "away").touch()
    longest = json.loads(process.stdout.readline())
    server.start()
    back = time.monotonic()
    with _opened(server, folder) as store:
        while not _is_all_there(store, run_id) and time.monotonic() < back + 2 * LONGEST_DRAIN_S:
            time.sleep(0.05)
        drained = time.monotonic()
        (folder / "delivered").touch()
        _, complaints = end(process)
        assert process.returncode == 0, complaints
        return {
            "longest_call_ms": longest * 1e3,
            "drain_s": drained - back,
            **_compare(server, store, run_id),
        }


def _away_for_a_whole_run(server: ServerProcess, folder: Path) -> Figures:
    """The run begins and ends without a server; ``assay sync`` brings it over, twice."""
    server.stop(signal.SIGKILL)
    variables = {"ASSAY_TRACKING_URI": server.url}
    process = start_script(SCRIPT, STEPS, KEYS, 1, "", folder=folder, **variables)
    said, complaints = end(process)
    assert process.returncode == 0, complaints
    run_id, longest = (json.loads(line) for line in said.splitlines()[:2])
    server.start()
    back = time.monotonic()
    first = run_assay("-t", server.url, "sync", "--json", folder=folder)
    drained = time.monotonic()
    assert first.returncode == 0, first.stderr
    with _opened(server, folder) as store:
        before = _compare(server, store, run_id)
        second = run_assay("-t", server.url, "sync", "--json", folder=folder)
        after = _compare(server, store, run_id)
    return {
        "longest_call_ms": longest * 1e3,
        "drain_s": drained - back,
        "lost": before["lost"] + after["lost"],
        "doubled": before["doubled"] + after["doubled"],
        "synced_points": json.loads(first.stdout)["points"],
        "second_sync_points": json.loads(second.stdout)["points"],
    }


def _opened(server: ServerProcess, folder: Path) -> contextlib.closing[Store]:
    return contextlib.closing(open_store(resolve_location(server.url, cwd=folder, environ={})))


def _is_all_there(store: Store, run_id: RunId) -> bool:
    summaries = store.metrics.summaries([run_id]).get(run_id, [])
    return sum(summary.count for summary in summaries) > POINTS


def _compare(server: ServerProcess, store: Store, run_id: RunId) -> Figures:
    there = store.runs.get(run_id)
    figures: Figures = {"lost": 0, "doubled": 0}
    figures["lost"] += there.info.status is not RunStatus.FINISHED
    figures["lost"] += there.data.tags.get("last") != str(STEPS - 1000)
    figures["lost"] += len({f"p{n}" for n in range(0, STEPS, 1000)} - there.data.params.keys())
    for key in range(KEYS):
        history = store.metrics.history(run_id, SeriesKey(f"m{key}"))
        figures["lost"] += len(set(range(STEPS)) - set(history.steps.tolist()))
        figures["lost"] += int((history.values != history.steps + key / 16).sum())
        figures["doubled"] += len(history.steps) - len(set(history.steps.tolist()))
    location = resolve_location(server.url, cwd=server.folder, environ={})
    files = open_run_artifacts(location, store, there.info.artifact_uri)
    figures["lost"] += b"".join(files.read(ArtifactPath("notes/away.txt"))) != b"offline"
    return figures

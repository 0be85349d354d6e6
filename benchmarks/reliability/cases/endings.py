"""Scripts that fork, vanish, fail, are told to stop, or whose clock jumps."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from typing import NamedTuple

from assay.client.connect import open_store
from assay.client.sync import sync
from assay.entities import Run, RunId, RunStatus, SeriesKey
from assay.store.base import Store
from assay.store.uri import resolve_location
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._programs import end, start_script

CLAIM = (
    "fork, `os._exit`, exceptions, SIGTERM, Ctrl-C, clock jumps: points are kept, the status is"
    " true, no duration is negative"
)

POINTS = 2_000

LOG = """
    import os, signal, sys, time
    import assay
    points = int(sys.argv[1])

    def log(key="loss", first=0, end=points):
        for step in range(first, end):
            assay.log_metric(key, step / 3, step=step)

    run = assay.start_run()
    print(run.info.run_id)
"""
CLOCK = """
    real = time.time_ns
    jump = [0]
    time.time_ns = lambda: real() + jump[0]
    time.time = lambda: time.time_ns() / 1e9
    HOUR = 3_600_000_000_000
"""


class Ending(NamedTuple):
    """A way for a script to end."""

    script: str
    status: RunStatus
    keys: tuple[str, ...] = ("loss",)
    signal: signal.Signals | None = None
    """Sent when the script says that it waits."""
    exit_codes: tuple[int, ...] = (0,)


WAIT = """
    log()
    print("waits")
    while True:
        time.sleep(0.05)
"""

ENDINGS = {
    "finished": Ending("    log()", RunStatus.FINISHED),
    "exit": Ending("    log(); sys.exit(0)", RunStatus.FINISHED),
    "failed exit": Ending("    with run: log(); sys.exit(3)", RunStatus.FAILED, exit_codes=(3,)),
    "os._exit": Ending("    log(); os._exit(0)", RunStatus.FAILED),
    "abort": Ending("    log(); os.abort()", RunStatus.FAILED, exit_codes=(-signal.SIGABRT,)),
    "exception": Ending("    log(); raise ValueError('boom')", RunStatus.FAILED, exit_codes=(1,)),
    "interrupt": Ending(
        "    log(); raise KeyboardInterrupt", RunStatus.KILLED, exit_codes=(1, 130, -2)
    ),
    "SIGINT": Ending(WAIT, RunStatus.KILLED, signal=signal.SIGINT, exit_codes=(1, 130, -2)),
    "SIGTERM": Ending(WAIT, RunStatus.KILLED, signal=signal.SIGTERM, exit_codes=(-15, 143)),
    "SIGKILL": Ending(WAIT, RunStatus.FAILED, signal=signal.SIGKILL, exit_codes=(-9,)),
    "fork": Ending(
        """
    log(end=points // 2)
    child = os.fork()
    if child == 0:
        log("child")
        os._exit(0)
    log(first=points // 2)
    os.waitpid(child, 0)
""",
        RunStatus.FINISHED,
        ("loss", "child"),
    ),
    "fork, child dies": Ending(
        """
    log(end=points // 2)
    child = os.fork()
    if child == 0:
        log("child")
        os.kill(os.getpid(), signal.SIGKILL)
    log(first=points // 2)
    os.waitpid(child, 0)
""",
        RunStatus.FINISHED,
        ("loss", "child"),
    ),
    "fork, parent vanishes": Ending(
        """
    log()
    child = os.fork()
    if child == 0:
        log("child")
        os._exit(0)
    os.waitpid(child, 0)
    os._exit(0)
""",
        RunStatus.FAILED,
        ("loss", "child"),
    ),
    "worker processes": Ending(
        """
    import multiprocessing
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=log, args=(f"worker{n}",)) for n in range(3)]
    for worker in workers: worker.start()
    log()
    for worker in workers: worker.join()
""",
        RunStatus.FINISHED,
        ("loss", "worker0", "worker1", "worker2"),
    ),
    "threads": Ending(
        """
    import threading
    run_id = run.info.run_id
    def work(key):
        for step in range(points):
            assay.log_metric(key, step / 3, step=step, run_id=run_id)
    threads = [threading.Thread(target=work, args=(f"thread{n}",)) for n in range(4)]
    for thread in threads: thread.start()
    log()
    for thread in threads: thread.join()
""",
        RunStatus.FINISHED,
        ("loss", *(f"thread{n}" for n in range(4))),
    ),
    "clock set back": Ending(
        CLOCK + "    log(end=points // 2); jump[0] = -HOUR; log(first=points // 2)",
        RunStatus.FINISHED,
    ),
    "clock set back, exception": Ending(
        CLOCK + "    log(); jump[0] = -HOUR; raise ValueError",
        RunStatus.FAILED,
        exit_codes=(1,),
    ),
    "clock set forward and back": Ending(
        CLOCK
        + """
    for step in range(points):
        jump[0] = (0, 24 * HOUR, -24 * HOUR)[step % 3]
        log(first=step, end=step + 1)
""",
        RunStatus.FINISHED,
    ),
    "killed after the clock went back": Ending(
        CLOCK + "    jump[0] = -HOUR\n" + WAIT,
        RunStatus.FAILED,
        signal=signal.SIGKILL,
        exit_codes=(-9,),
    ),
    "started in the future and killed": Ending(
        CLOCK
        + """
    jump[0] = HOUR
    assay.end_run()
    later = assay.start_run()
    print(later.info.run_id)
    jump[0] = 0
"""
        + WAIT,
        RunStatus.FAILED,
        signal=signal.SIGKILL,
        exit_codes=(-9,),
    ),
}


def run(short: bool) -> Outcome:
    rounds = 1 if short else 5
    figures: Figures = {
        **{"scripts": 0, "lost": 0, "doubled": 0, "disordered": 0},
        **{"untrue_status": 0, "negative_durations": 0, "wrong_exits": 0},
    }
    for _ in range(rounds):
        for name, ending in ENDINGS.items():
            before = dict(figures)
            _try(ending, figures)
            figures["scripts"] += 1
            faults = {k: v - before[k] for k, v in figures.items() if k != "scripts"}
            if any(faults.values()):
                print(name, faults)
    return Outcome(not any(v for k, v in figures.items() if k != "scripts"), figures)


def _try(ending: Ending, figures: Figures) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = start_script(LOG + ending.script, POINTS, folder=folder)
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        if ending.signal is not None:
            while (line := process.stdout.readline().strip()) not in ("waits", ""):
                run_id = line
            process.send_signal(ending.signal)
        _, complaints = end(process, timeout_s=120)
        if process.returncode not in ending.exit_codes:
            print(process.returncode, complaints)
        figures["wrong_exits"] += process.returncode not in ending.exit_codes
        location = resolve_location(folder / ".assay", environ={})
        sync(location)
        store = open_store(location)
        try:
            there = store.runs.get(RunId(run_id))
            _compare_points(store, there, ending, figures)
        finally:
            store.close()
        figures["untrue_status"] += there.info.status is not ending.status
        duration = (there.info.end_time or 0) - (there.info.start_time or 0)
        figures["negative_durations"] += duration < 0


def _compare_points(store: Store, there: Run, ending: Ending, figures: Figures) -> None:
    for key in ending.keys:
        curve = store.metrics.history(there.info.run_id, SeriesKey(key))
        steps = curve.steps.tolist()
        figures["lost"] += len(set(range(POINTS)) - set(steps))
        figures["doubled"] += len(steps) - len(set(steps))
        wrong = [
            value for step, value in zip(steps, curve.values, strict=True) if value != step / 3
        ]
        figures["disordered"] += len(wrong) + (steps != sorted(steps))

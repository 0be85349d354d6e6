"""What one logged point costs the training loop, and how fast points become durable in a local
store.

    python benchmarks/log_metric.py [--points 200000] [--folder DIR]

The store is on the disk of ``--folder`` (a temporary folder unless given), the shipper delivers
meanwhile.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from pathlib import Path

from assay.client.recorder import Recorder
from assay.entities.ids import new_run_id
from assay.entities.operations import StartRun
from assay.store.uri import resolve_location

KEYS = 100
STEPS = 1_000
ROUNDS = 5


def single_calls(recorder: Recorder, run_id: str, count: int) -> list[int]:
    """Nanoseconds of each of ``count`` calls of ``metric``, ascending."""
    clock, metric = time.perf_counter_ns, recorder.metric
    taken = [0] * count
    for step in range(count):
        begin = clock()
        metric(run_id, "loss", 0.5, step, 1_700_000_000_000 + step)
        taken[step] = clock() - begin
    return sorted(taken)


def until_durable(recorder: Recorder) -> tuple[float, float]:
    """Points per second until the store has 100 metrics of 1,000 steps, and microseconds a call."""
    run_id = recorder.start_run(StartRun(new_run_id(), 1_000, experiment_id="0"))
    recorder.flush()
    values = {f"metric/{n}": n / 7 for n in range(KEYS)}
    begin = time.perf_counter()
    for step in range(STEPS):
        recorder.metrics(run_id, values, step, 1_700_000_000_000 + step)
    logged = time.perf_counter()
    recorder.flush()
    done = time.perf_counter()
    return KEYS * STEPS / (done - begin), (logged - begin) / STEPS * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        recorder = Recorder(resolve_location(Path(folder) / ".assay", environ={}))
        run_id = recorder.start_run(StartRun(new_run_id(), 1_000, experiment_id="0"))
        recorder.flush()
        gc.disable()
        taken = single_calls(recorder, run_id, options.points)
        gc.enable()
        recorder.flush()
        rates = sorted(until_durable(recorder) for _ in range(ROUNDS))
        recorder.close()
    rate, call = rates[ROUNDS // 2]
    print(f"metric():  p50 {taken[len(taken) // 2] / 1e3:.2f} µs", end="  ")
    print(f"p99 {taken[len(taken) * 99 // 100] / 1e3:.2f} µs  longest {taken[-1] / 1e6:.1f} ms")
    print(f"metrics(): {call:.1f} µs for {KEYS} keys")
    print(f"durable:   {rate:,.0f} points/s ({KEYS} metrics × {STEPS:,} steps, local SQLite)")


if __name__ == "__main__":
    main()

"""What a sweep adds to each of its trials: a run with its params, its metric, its verdict.

    python benchmarks/sweeps.py [--trials 1000] [--parallel 8] [--workers processes threads]

The function does nothing, so all the time is overhead: of starting the workers, choosing points,
recording runs and handing them to a local store. The rows of Optuna show what its sampler adds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time

import assay
from assay.sweeps.result import SweepResult

SPACE = {"x": {"min": 0.0, "max": 1.0}, "depth": {"min": 1, "max": 9, "int": True}}


def nothing(x: float, depth: int) -> float:
    """A trial without work."""
    return x * depth


def one_sweep(
    *, trials: int, parallel: int, workers: str, method: str
) -> tuple[float, SweepResult]:
    """Seconds of a whole sweep, its store up to date at the end."""
    from benchmarks.sweeps import nothing as importable

    begin = time.perf_counter()
    result = assay.sweep(
        importable,
        SPACE,
        metric="loss",
        method=method,
        trials=trials,
        parallel=parallel,
        workers=workers,
        seed=7,
    )
    assay.flush_async_logging()
    return time.perf_counter() - begin, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--workers", nargs="+", default=["processes", "threads"])
    parser.add_argument("--methods", nargs="+", default=["random", "optuna"])
    options = parser.parse_args()
    os.environ["ASSAY_QUIET"] = "1"
    print(f"{options.trials} trials, {options.parallel} in parallel, {os.cpu_count()} cores")
    for method in options.methods:
        for workers in options.workers:
            with tempfile.TemporaryDirectory() as folder:
                assay.set_tracking_uri(f"{folder}/.assay")
                taken, result = one_sweep(
                    trials=options.trials,
                    parallel=options.parallel,
                    workers=workers,
                    method=method,
                )
                kept = len(assay.search_runs(max_results=50_000, output_format="list"))
            assert kept == options.trials + 1
            assert all(one.state == "completed" for one in result.trials)
            each = taken / options.trials * 1_000
            print(f"{method:8} {workers:10} {taken:6.1f} s  {each:6.2f} ms a trial")


if __name__ == "__main__":
    main()

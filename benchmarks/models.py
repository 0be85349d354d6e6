"""Models beside MLflow's: loading, predicting one row, logging, and batch prediction.

    python -m benchmarks.models [--rounds 3] [--rows 10000000] [--mlflow-rows 1000000]

Both tools run in processes of their own, of this Python, in turn within one run; figures are
medians. Each keeps the model in its own local store, in its own default format. MLflow's batch
prediction reads CSV and JSON only, so it is measured on fewer rows of the same data, start
and all; Assay is shown on those rows as well.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

COLUMNS = 20
TRAINING_ROWS = 1_000
BLOCK = 1_000_000
CALLS = 3
"""Of ``log_model`` in one process."""
TOOLS = ("assay", "mlflow")
ENVIRONMENT = {
    "ASSAY_QUIET": "1",
    "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}

MAKE = """
import numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression
rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(1000, 20)), columns=[f"x{i}" for i in range(20)])
model = LogisticRegression().fit(X, X.x0 > 0)
"""
LOG = {
    "assay": MAKE
    + """
import json, sys, time
import assay, assay.sklearn
assay.set_tracking_uri(".assay")
times = []
for n in range(int(sys.argv[1])):
    began = time.perf_counter()
    with assay.start_run():
        info = assay.sklearn.log_model(model, name="model", input_example=X[:3])
    times.append(time.perf_counter() - began)
print("FIGURES", json.dumps({"times": times, "uri": info.model_uri}))
""",
    "mlflow": MAKE
    + """
import json, sys, time
import mlflow, mlflow.sklearn
times = []
for n in range(int(sys.argv[1])):
    began = time.perf_counter()
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(model, name="model", input_example=X[:3])
    times.append(time.perf_counter() - began)
print("FIGURES", json.dumps({"times": times, "uri": info.model_uri}))
""",
}
LOAD = {
    "bare": "from sklearn.linear_model import LogisticRegression; import pandas",
    "assay": "import sys, assay; assay.set_tracking_uri('.assay');"
    " assay.pyfunc.load_model(sys.argv[1])",
    "mlflow": "import sys, mlflow.pyfunc; mlflow.pyfunc.load_model(sys.argv[1])",
}
ONE_ROW = (
    MAKE
    + """
import json, statistics, sys, time
def median_us(call, row, times=500):
    for _ in range(100):
        call(row)
    taken = []
    for _ in range(times):
        began = time.perf_counter_ns()
        call(row)
        taken.append(time.perf_counter_ns() - began)
    return statistics.median(taken) / 1e3
row = X[:1].copy()
if sys.argv[1] == "assay":
    import assay
    assay.set_tracking_uri(".assay")
    face = assay.pyfunc.load_model(sys.argv[2])
    native = face.get_raw_model()
else:
    import mlflow.pyfunc
    face = mlflow.pyfunc.load_model(sys.argv[2])
    native = model
both = [(median_us(native.predict, row), median_us(face.predict, row)) for _ in range(5)]
bare = statistics.median(one for one, _ in both)
over = statistics.median(b - a for a, b in both)
print("FIGURES", json.dumps({"bare_us": bare, "over_us": over}))
"""
)
BATCH = """
import json, resource, sys
from assay.models.batches.predict_file import predict_file
from assay.fluent.model_places import find_model
import assay
assay.set_tracking_uri(".assay")
place = find_model(sys.argv[1])
done = predict_file(place.folder, sys.argv[2], sys.argv[3], workers=int(sys.argv[4]))
print("FIGURES", json.dumps({"rows": done.rows}))
"""


def environment() -> dict[str, str]:
    """Variables of all that is measured: away from what the caller logs to."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "MLFLOW_"))}
    return {**kept, **ENVIRONMENT}


def run(code: str, *arguments: object, folder: Path) -> dict[str, object]:
    """What a program printed as its figures; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"failed:\n{done.stdout}\n{done.stderr}")
    found = re.search(r"^FIGURES (.*)$", done.stdout, re.MULTILINE)
    return {} if found is None else dict(json.loads(found[1]))


def cpu_seconds(action: Callable[[], object]) -> float:
    """Of the processes that it starts; other work on the machine shows less than in wall time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    action()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peak_mb(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Seconds that a command takes, and the most memory that it and its children have at once."""
    import psutil

    began = time.perf_counter()
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, _resident(psutil.Process(process.pid)))
        time.sleep(0.05)
    took = time.perf_counter() - began
    if process.returncode != 0:
        raise SystemExit(f"{arguments} failed")
    return took, peak


def _resident(process: object) -> float:
    import psutil

    assert isinstance(process, psutil.Process)
    total = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            total += one.memory_info().rss
    except psutil.Error:
        pass
    return total / 1e6


def write_rows(folder: Path, rows: int, mlflow_rows: int) -> None:
    """The rows as Parquet, and the first of them as CSV."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    names = [f"x{i}" for i in range(COLUMNS)]
    writer = None
    for start in range(0, rows, BLOCK):
        count = min(BLOCK, rows - start)
        table = pa.table({name: rng.normal(size=count) for name in names})
        if writer is None:
            writer = pq.ParquetWriter(folder / "rows.parquet", table.schema, use_dictionary=False)
            few = table.slice(0, mlflow_rows)
            pq.write_table(few, folder / "few.parquet")
            few.to_pandas().to_csv(folder / "few.csv", index=False)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def logging(folder: Path, rounds: int) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Seconds of the first and of later ``log_model`` calls of a process, and a model's URI."""
    found: dict[str, list[list[float]]] = {tool: [] for tool in TOOLS}
    uris = {}
    for _ in range(rounds):
        for tool in TOOLS:
            figures = run(LOG[tool], CALLS, folder=folder)
            times, uris[tool] = figures["times"], str(figures["uri"])
            assert isinstance(times, list)
            found[tool].append(times)
    return {
        tool: {
            # Later processes find what the first one inferred in the user's cache.
            "first": taken[0][0],
            "first of a later process": statistics.median(t[0] for t in taken[1:] or taken),
            "later": statistics.median(t for times in taken for t in times[1:]),
        }
        for tool, taken in found.items()
    }, uris


def loading(folder: Path, uris: dict[str, str], rounds: int) -> dict[str, float]:
    """CPU seconds of a process that loads the model; ``bare`` only imports its libraries."""
    taken: dict[str, list[float]] = {name: [] for name in LOAD}
    for _ in range(rounds):
        for name, code in LOAD.items():
            uri = uris.get(name, "")
            taken[name].append(cpu_seconds(lambda c=code, u=uri: run(c, u, folder=folder)))
    return {name: statistics.median(times) for name, times in taken.items()}


def one_row(folder: Path, uris: dict[str, str], rounds: int) -> dict[str, float]:
    """Microseconds that the face adds to the model's own ``predict`` of one row."""
    taken: dict[str, list[float]] = {tool: [] for tool in TOOLS}
    for _ in range(rounds):
        for tool in TOOLS:
            taken[tool].append(float(str(run(ONE_ROW, tool, uris[tool], folder=folder)["over_us"])))
    return {tool: statistics.median(times) for tool, times in taken.items()}


class Batch(NamedTuple):
    """A batch prediction: seconds, start and all, and the most memory that it had."""

    title: str
    rows: int
    took_s: float
    peak_mb: float

    @property
    def rows_per_s(self) -> float:
        return self.rows / self.took_s


def batch(folder: Path, uris: dict[str, str], rows: int, mlflow_rows: int) -> list[Batch]:
    """What was predicted, beginning with MLflow."""
    python = [sys.executable, "-W", "ignore"]

    def ours(source: str, workers: int = 1) -> list[str]:
        return [*python, "-c", BATCH, uris["assay"], source, "out.parquet", str(workers)]

    def theirs(source: str) -> list[str]:
        command = ["-m", "mlflow", "models", "predict", "-m", uris["mlflow"], "-i", source]
        return [*python, *command, "-o", "out.json", "-t", "csv", "--env-manager", "local"]

    work = [
        ("MLflow, CSV to JSON", mlflow_rows, theirs("few.csv")),
        ("Assay, the same CSV to Parquet", mlflow_rows, ours("few.csv")),
        ("Assay, the same rows as Parquet", mlflow_rows, ours("few.parquet")),
        ("Assay, Parquet, 1 process", rows, ours("rows.parquet")),
        ("Assay, Parquet, 2 workers", rows, ours("rows.parquet", 2)),
    ]
    return [Batch(title, count, *peak_mb(arguments, folder)) for title, count, arguments in work]


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--mlflow-rows", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The first log_model is one that nothing is cached for.
        ENVIRONMENT["XDG_CACHE_HOME"] = str(folder / "cache")
        logged, uris = logging(folder, options.rounds)
        loaded = loading(folder, uris, options.rounds)
        over = one_row(folder, uris, options.rounds)
        write_rows(folder, options.rows, options.mlflow_rows)
        batches = batch(folder, uris, options.rows, options.mlflow_rows)
    report(logged, loaded, over, batches)


def report(
    logged: dict[str, dict[str, float]],
    loaded: dict[str, float],
    over: dict[str, float],
    batches: list[Batch],
) -> None:
    """Print the tables."""
    rows = [
        ("load, process start and all (CPU s)", loaded["assay"], loaded["mlflow"]),
        (
            f"the same, beyond {loaded['bare']:.2f} s of importing the model's libraries (CPU s)",
            loaded["assay"] - loaded["bare"],
            loaded["mlflow"] - loaded["bare"],
        ),
        ("one row, beyond the model itself (µs)", over["assay"], over["mlflow"]),
    ]
    rows += [
        (f"log_model, {which} (s)", logged["assay"][which], logged["mlflow"][which])
        for which in logged["assay"]
    ]
    print("| work | Assay | MLflow | ratio |\n|---|---:|---:|---:|")
    for title, ours, theirs in rows:
        print(f"| {title} | {ours:.3g} | {theirs:.3g} | {theirs / ours:.1f}× |")
    print("\n| batch prediction | rows | s | rows/s | MB | against MLflow |")
    print("|---|---:|---:|---:|---:|---:|")
    for one in batches:
        ratio = one.rows_per_s / batches[0].rows_per_s
        print(
            f"| {one.title} | {one.rows:,} | {one.took_s:.1f} | {one.rows_per_s:,.0f} |"
            f" {one.peak_mb:,.0f} | {ratio:.1f}× |"
        )


if __name__ == "__main__":
    main()

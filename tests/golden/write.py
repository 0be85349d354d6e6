"""Writes the golden files of this release: `python -m tests.golden.write`.

Run it once per release, before it is published, and keep the folders of all earlier ones: tests
read every one. Files of a release that is out are never written again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from functools import partial
from pathlib import Path

import numpy as np

from assay.archive.writing import export_archive
from assay.client.connect import open_run_artifacts, open_store
from assay.entities.datasets import Dataset, DatasetInput, InputTag
from assay.entities.ids import ExperimentId, ModelId, RunId
from assay.entities.logged_models import LoggedModelOutput, LoggedModelStatus, NewLoggedModel
from assay.entities.metrics import History, PointBatch, SeriesKey
from assay.entities.names import artifact_path
from assay.entities.params import Param
from assay.entities.runs import NewRun, RunStatus
from assay.entities.tags import Tag
from assay.metrics import block, segment
from assay.metrics.points import group_batch
from assay.store.base import Store
from assay.store.uri import resolve_location
from assay.version import __version__
from tests.golden import content
from tests.services.environment import clean_environment

HERE = Path(__file__).parent
UNREACHABLE = "http://127.0.0.1:9"
"""The port of ``discard``, where nothing listens: all that is logged stays in the journal."""

KILLED = f"""
import os, signal
import assay
from tests.golden import content

assay.set_tracking_uri({UNREACHABLE!r})
run = assay.start_run(run_name=content.JOURNAL_RUN_NAME, tags=content.JOURNAL_TAGS, capture="none")
assay.log_params(content.JOURNAL_PARAMS)
for step, time, value in content.JOURNAL_POINTS:
    assay.log_metric("loss", value, step=step, timestamp=time)
for step, time, value in content.JOURNAL_POINTS[: content.JOURNAL_ROWS]:
    assay.log_metrics({{"a": value, "b": -value}}, step=step, timestamp=time)
assay.log_text(content.JOURNAL_FILE.decode(), "end.txt")
print(run.info.run_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def history(points: list[content.Point]) -> History:
    """The points as arrays."""
    steps, times, values = zip(*points, strict=True)
    return History(
        np.array(steps, np.int64), np.array(times, np.int64), np.array(values, np.float64)
    )


def batch(series: dict[str, list[content.Point]]) -> PointBatch:
    """The points of several metrics in one batch."""
    joined = history([point for points in series.values() for point in points])
    lengths = [len(points) for points in series.values()]
    return PointBatch(
        [SeriesKey(key) for key in series],
        np.repeat(np.arange(len(series), dtype="<u4"), lengths).tobytes(),
        joined.steps.tobytes(),
        joined.timestamps.tobytes(),
        joined.values.tobytes(),
    )


def write_store(folder: Path) -> Store:
    """A SQLite store with its artifacts; returns it open."""
    location = resolve_location(folder / ".assay", environ={})
    store = open_store(location)
    experiment = store.experiments.create(content.EXPERIMENT, tags=content.EXPERIMENT_TAGS)
    run = _write_run(store, experiment.experiment_id)
    store.runs.create(
        NewRun(
            RunId(content.CHILD_RUN),
            experiment.experiment_id,
            start_time=content.START_MS + 1,
            run_name="child",
            tags={"mlflow.parentRunId": run},
        )
    )
    store.runs.create(
        NewRun(RunId(content.DELETED_RUN), experiment.experiment_id, start_time=content.START_MS)
    )
    store.runs.delete(RunId(content.DELETED_RUN))
    artifacts = open_run_artifacts(location, store, store.runs.get(run).info.artifact_uri)
    for path, data in content.FILES.items():
        artifacts.write(artifact_path(path), [data])
    return store


def _write_run(store: Store, experiment_id: ExperimentId) -> RunId:
    run = RunId(content.RUN)
    store.runs.create(
        NewRun(run, experiment_id, start_time=content.START_MS, run_name="gold", user_id="ada")
    )
    store.runs.log_batch(
        run,
        params=[Param(key, value) for key, value in content.PARAMS.items()],
        tags=[Tag(key, value) for key, value in content.TAGS.items()],
    )
    for number in range(content.BATCHES):
        rows = slice(number * content.BATCH, (number + 1) * content.BATCH)
        curves = ("loss", "val/acc ünïcode")
        store.metrics.append(run, batch({key: content.METRICS[key][rows] for key in curves}))
    rest = ("special", "last words")
    store.metrics.append(run, batch({key: content.METRICS[key] for key in rest}))
    store.inputs.log_inputs(
        run,
        datasets=[
            DatasetInput(Dataset(**content.DATASET), [InputTag("mlflow.data.context", "training")])
        ],
    )
    model = store.logged_models.create(
        NewLoggedModel(
            ModelId(content.MODEL),
            experiment_id,
            name="best",
            model_type="linear",
            source_run_id=run,
            tags=content.MODEL_TAGS,
            params=content.MODEL_PARAMS,
        )
    )
    store.logged_models.finalize(model.model_id, LoggedModelStatus.READY)
    store.inputs.log_outputs(run, [LoggedModelOutput(model.model_id, 3)])
    store.runs.update(run, status=RunStatus.FINISHED, end_time=content.START_MS + 60_000)
    return run


def write_archive(store: Store, folder: Path, target: Path) -> None:
    """An archive of the store's experiment."""
    found = store.experiments.find(content.EXPERIMENT)
    assert found is not None
    artifacts = partial(open_run_artifacts, resolve_location(folder / ".assay", environ={}), store)
    export_archive(store, artifacts, target, experiment_ids=[found.experiment_id])


def write_journal(folder: Path) -> None:
    """What a killed process leaves behind."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        cwd=folder,
        env=clean_environment(PYTHONPATH=str(HERE.parents[1]), ASSAY_HTTP_MAX_RETRIES="0"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    (folder / "run_id").write_text(done.stdout.strip())


def write_raw(folder: Path) -> None:
    """Segments and blocks as bytes."""
    numbers = list(content.RAW_SEGMENT)
    _, grouped = group_batch(batch({str(n): content.RAW_SEGMENT[n] for n in numbers}))
    ranges = segment.extent(grouped.points)
    (folder / "many.segment").write_bytes(segment.encode(grouped, numbers, ranges))
    few = [(n, *point) for n, points in content.RAW_FEW.items() for point in points]
    (folder / "few.segment").write_bytes(segment.encode_few(few)[0])
    for name, points in content.RAW_BLOCKS.items():
        (folder / f"{name}.block").write_bytes(block.encode(history(points)))


def pack(folder: Path, target: Path) -> None:
    """A folder as a ZIP: databases and journals are mostly empty space."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))


def main() -> None:
    """Write everything into the folder of this release."""
    release = HERE / __version__
    shutil.rmtree(release, ignore_errors=True)
    release.mkdir()
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as scratch:
        home, killed = Path(scratch, "store"), Path(scratch, "journal")
        home.mkdir()
        killed.mkdir()
        store = write_store(home)
        write_archive(store, home, release / "archive.zip")
        store.close()
        pack(home, release / "store.zip")
        write_journal(killed)
        pack(killed, release / "journal.zip")
    write_raw(release)


if __name__ == "__main__":
    main()

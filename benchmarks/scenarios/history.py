"""One long curve read back: 1,000,000 points as arrays locally, or 100,000 through REST."""

from __future__ import annotations

from time import perf_counter
from types import ModuleType

from _main import Figures, run

LOCAL_POINTS, REST_POINTS = 1_000_000, 100_000
CLIENT_BATCH = 1_000


def history(tool: ModuleType, folder: str, url: str | None) -> Figures:
    points = REST_POINTS if url else LOCAL_POINTS
    reader = _assay if tool.PACKAGE == "assay" else _mlflow
    return reader(tool, folder, url, points)


def _assay(tool: ModuleType, folder: str, url: str | None, points: int) -> Figures:
    import assay

    tool.start(folder, url)
    run_id = assay.active_run().info.run_id
    for step in range(points):
        assay.log_metric("loss", 1.0 / (step + 1), step=step)
    tool.finish()
    run = assay.get_run(run_id)
    arrays, frames = [], []
    for _ in range(5):
        began = perf_counter()
        found = run.history("loss")
        arrays.append(perf_counter() - began)
        began = perf_counter()
        frame = assay.history(run_id, "loss")
        frames.append(perf_counter() - began)
    assert len(found.values) == len(frame) == points
    return {"read_s": sorted(arrays)[2], "frame_s": sorted(frames)[2], "points": points}


def _mlflow(tool: ModuleType, folder: str, url: str | None, points: int) -> Figures:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(url)
    run_id = client.create_run("0").info.run_id
    for first in range(0, points, CLIENT_BATCH):
        steps = range(first, first + CLIENT_BATCH)
        client.log_batch(
            run_id, [Metric("loss", 1.0 / (s + 1), 1_700_000_000_000 + s, s) for s in steps]
        )
    took = []
    for _ in range(3):
        began = perf_counter()
        found = client.get_metric_history(run_id, "loss")
        took.append(perf_counter() - began)
    assert len(found) == points
    return {"read_s": sorted(took)[1], "points": points}


run(history)

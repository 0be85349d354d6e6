"""Search in a store of many runs (10 params, 10 metrics, 5 tags each): top 100 filtered and
ordered, all as DataFrame.

Assay searches 10,000 runs; MLflow 2,000, since filling its store with more takes too long.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from time import perf_counter
from types import ModuleType

from _main import Figures, run

RUNS = {"assay": 10_000, "mlflow": 2_000}
FILTER = "metrics.m3 > 0.5 and params.p2 = 'v1' and tags.t1 LIKE 'tag%'"
ORDER = ["metrics.m5 DESC"]
CHUNK = 500


def search(tool: ModuleType, folder: str, url: str | None) -> Figures:
    assert url is None
    module = __import__(tool.PACKAGE)
    uri = f"sqlite:///{folder}/search.db"
    module.set_tracking_uri(uri)
    count = RUNS[tool.PACKAGE]
    (fill_assay if tool.PACKAGE == "assay" else _fill_mlflow)(uri, count)
    top = _median(
        lambda: module.search_runs(
            ["0"], filter_string=FILTER, order_by=ORDER, max_results=100, output_format="list"
        )
    )
    everything = _median(lambda: module.search_runs(["0"], max_results=count))
    assert len(module.search_runs(["0"], max_results=count)) == count
    return {"top_100_ms": top * 1e3, "dataframe_ms": everything * 1e3, "runs": count}


def _median(work: Callable[[], object]) -> float:
    took = []
    for _ in range(7):
        began = perf_counter()
        work()
        took.append(perf_counter() - began)
    return statistics.median(took)


def _values(rng: random.Random) -> tuple[dict[str, str], dict[str, float], dict[str, str]]:
    return (
        {f"p{i}": f"v{rng.randrange(4)}" for i in range(10)},
        {f"m{i}": rng.random() for i in range(10)},
        {f"t{i}": f"tag{rng.randrange(10)}" for i in range(5)},
    )


def fill_assay(uri: str, count: int) -> None:
    from assay.client.connect import open_store
    from assay.entities import Metric
    from assay.entities.ids import new_run_id, new_writer_id
    from assay.entities.operations import Delivery, LogParams, LogPoints, StartRun
    from assay.metrics.points import batch_of_metrics
    from assay.store.uri import resolve_location

    rng = random.Random(0)
    store, writer = open_store(resolve_location(uri)), new_writer_id()
    for first in range(0, count, CHUNK):
        operations = []
        for i in range(first, first + CHUNK):
            params, metrics, tags = _values(rng)
            run_id, start = new_run_id(), 1_700_000_000_000 + i
            points = batch_of_metrics([Metric(key, value, start) for key, value in metrics.items()])
            operations += [
                StartRun(run_id, start, experiment_id="0", tags=tags),
                LogParams(run_id, params),
                LogPoints(run_id, points),
            ]
        store.apply(Delivery(writer, first, first + CHUNK, operations))
    store.close()


def _fill_mlflow(uri: str, count: int) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    rng = random.Random(0)
    client = MlflowClient(uri)
    for i in range(count):
        params, metrics, tags = _values(rng)
        run_id = client.create_run("0", start_time=1_700_000_000_000 + i).info.run_id
        client.log_batch(
            run_id,
            [Metric(key, value, 1_700_000_000_000 + i, 0) for key, value in metrics.items()],
            [Param(key, value) for key, value in params.items()],
            [RunTag(key, value) for key, value in tags.items()],
        )


if __name__ == "__main__":
    run(search)

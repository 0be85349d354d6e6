"""A training script as there are many: parent and child runs, params, metrics, files, a search.

It is written for ``mlflow``. The test runs it as it stands, and with its import changed to
``import assay as mlflow``, and compares what they print.
"""

from __future__ import annotations

import json
import math
import tempfile
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import matplotlib  # noqa: E402
import mlflow  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

mlflow.set_experiment("churn")
mlflow.set_experiment_tag("owner", "ada")
frame = pd.DataFrame({"age": [20, 30, 40], "left": [0, 1, 0]})

with mlflow.start_run(run_name="sweep", description="three rates", tags={"kind": "sweep"}) as run:
    parent = run.info.run_id
    mlflow.log_param("rates", [0.1, 0.01, 0.001])
    data = mlflow.data.from_pandas(frame, name="customers", targets="left")
    mlflow.log_input(data, context="training")
    for rate in (0.1, 0.01, 0.001):
        with mlflow.start_run(run_name=f"rate {rate}", nested=True):
            mlflow.log_params({"rate": rate, "depth": 3, "layers": (8, 4)})
            for step in range(4):
                mlflow.log_metric("loss", math.exp(-rate * step), step=step)
            mlflow.log_metrics({"acc": 1 - rate, "nan": float("nan")}, step=3)
            mlflow.set_tags({"stage": "test", "number": 7})
            figure, axes = pyplot.subplots(figsize=(2, 2))
            axes.plot([1, 2, 3])
            mlflow.log_figure(figure, "plots/curve.png")
            pyplot.close(figure)
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, "a.txt").write_text("one")
                Path(folder, "sub").mkdir()
                Path(folder, "sub", "b.txt").write_text("two")
                mlflow.log_artifacts(folder, artifact_path="files")
                mlflow.log_artifact(str(Path(folder, "a.txt")))
    mlflow.log_dict({"classes": [0, 1]}, "classes.json")
    mlflow.log_text("done", "notes/end.txt")
    mlflow.log_image(np.zeros((4, 4, 3), dtype=np.uint8), "black.png")
    mlflow.log_table({"q": ["a", "b"], "score": [1, 2]}, "table.json")
    mlflow.set_tag("gone", "soon")
    mlflow.delete_tag("gone")

try:
    with mlflow.start_run(run_name="broken"):
        raise RuntimeError("no data")
except RuntimeError:
    pass

try:
    with mlflow.start_run(run_id=parent):
        mlflow.log_param("rates", "others")
        mlflow.flush_async_logging()
    changed = "changed"
except MlflowException as error:
    changed = error.error_code

client = MlflowClient()
experiment = mlflow.get_experiment_by_name("churn")
batch = client.create_run(experiment.experiment_id, run_name="by the client", start_time=1000)
client.log_batch(
    batch.info.run_id,
    metrics=[Metric("m", 1.5, 10, 0), Metric("m", 2.5, 20, 1)],
    params=[Param("p", "1")],
    tags=[RunTag("t", "x")],
)
client.set_terminated(batch.info.run_id, "KILLED", end_time=5000)


def files(run_id: str, path: str | None = None) -> list[str]:
    found = []
    for item in client.list_artifacts(run_id, path):
        found += files(run_id, item.path) if item.is_dir else [item.path]
    return sorted(name for name in found if not name.startswith("assay/"))


table = mlflow.search_runs(
    filter_string="metrics.acc > 0.5 and tags.stage = 'test'", order_by=["metrics.acc DESC"]
)
children = client.search_runs(
    [experiment.experiment_id], f"tags.mlflow.parentRunId = '{parent}'", order_by=["metrics.acc"]
)
seen = client.get_run(parent)
named = mlflow.search_runs(order_by=["attributes.run_name"], output_format="list")
local = mlflow.artifacts.download_artifacts(run_id=children[0].info.run_id, artifact_path="files")
print(
    json.dumps(
        {
            "table": table[
                ["params.rate", "metrics.acc", "metrics.loss", "status"]
            ].values.tolist(),
            "types": [table["start_time"].dtype.kind, str(table["metrics.acc"].dtype)],
            "children": [child.data.params for child in children],
            "history": [
                (point.step, point.value)
                for point in client.get_metric_history(children[0].info.run_id, "loss")
            ],
            "nan": repr(children[0].data.metrics["nan"]),
            "child tags": [
                {
                    k: v
                    for k, v in child.data.tags.items()
                    if not k.startswith(("mlflow.", "assay."))
                }
                for child in children
            ],
            "child files": files(children[0].info.run_id),
            "parent files": [f for f in files(parent) if f.count(".") and "images/" not in f],
            "parent": [seen.data.params, seen.data.tags["mlflow.note.content"], seen.info.status],
            "inputs": [
                (one.dataset.name, one.dataset.source_type, [t.value for t in one.tags])
                for one in seen.inputs.dataset_inputs
            ],
            "profile": json.loads(seen.inputs.dataset_inputs[0].dataset.profile),
            "runs": [(run.info.run_name, run.info.status) for run in named],
            "changed param": changed,
            "batch": [
                client.get_run(batch.info.run_id).data.metrics,
                client.get_run(batch.info.run_id).info.end_time,
            ],
            "dict": mlflow.artifacts.load_dict(f"runs:/{parent}/classes.json"),
            "text": mlflow.artifacts.load_text(f"runs:/{parent}/notes/end.txt"),
            "downloaded": sorted(p.name for p in Path(local).rglob("*.txt")),
            "loaded": mlflow.load_table("table.json", run_ids=[parent]).values.tolist(),
            "owner": experiment.tags.get("owner")
            or mlflow.get_experiment(experiment.experiment_id).tags["owner"],
            "last": mlflow.last_active_run().info.run_name,
            "active": mlflow.active_run(),
        },
        sort_keys=True,
        default=str,
    )
)

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag

from tests.compat.surface.expect import experiment_id, refused


def check_datasets(client: MlflowClient, folder: Path) -> None:
    frame = mlflow.data.from_pandas(pd.DataFrame({"x": [1, 2], "y": [0.5, 1]}), name="frame")
    array = mlflow.data.from_numpy(np.arange(6).reshape(2, 3), name="array")
    with mlflow.start_run() as run:
        mlflow.log_input(frame, context="training")
        mlflow.log_input(frame, context="training")
        mlflow.log_input(array, context="eval", tags={"k": "v"})
    inputs = {i.dataset.name: i for i in client.get_run(run.info.run_id).inputs.dataset_inputs}
    assert set(inputs) == {"frame", "array"}
    assert inputs["frame"].dataset.digest == frame.digest
    assert "mlflow_colspec" in inputs["frame"].dataset.schema
    assert {t.key: t.value for t in inputs["array"].tags}["mlflow.data.context"] == "eval"
    found = client.search_runs([experiment_id()], "dataset.name = 'array'")
    assert run.info.run_id in {r.info.run_id for r in found}
    found = client.search_runs([experiment_id()], f"dataset.digest IN ('{frame.digest}')")
    assert run.info.run_id in {r.info.run_id for r in found}
    assert client.search_runs([experiment_id()], "dataset.context = 'nothing'") == []


def check_bad_datasets(client: MlflowClient, folder: Path) -> None:
    ident = client.create_run(experiment_id()).info.run_id
    with refused("INVALID_PARAMETER_VALUE"):
        client.log_inputs(
            ident, [DatasetInput(Dataset("", "d", "local", "{}"), [InputTag("a", "b")])]
        )
    assert client.get_run(ident).inputs.dataset_inputs == []

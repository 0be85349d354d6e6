"""A script written for MLflow that logs a model and loads it again; prints what it saw as JSON."""

import json
import sys

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

frame = pd.DataFrame({"a": np.linspace(0, 1, 20), "b": np.linspace(1, 0, 20)})
labels = (frame["a"] > 0.5).astype(int)
model = LogisticRegression().fit(frame, labels)


def main() -> None:
    mlflow.set_experiment("models")
    with mlflow.start_run() as run:
        mlflow.log_param("c", 1.0)
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(frame, model.predict(frame)),
            input_example=frame[:3],
            pip_requirements=["scikit-learn"],
            step=3,
            params={"kind": "linear"},
        )
    native = mlflow.sklearn.load_model(info.model_uri)
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    logged = mlflow.get_logged_model(info.model_id)
    outputs = mlflow.get_run(run.info.run_id).outputs.model_outputs
    print(
        json.dumps(
            {
                "native": native.predict(frame).tolist(),
                "pyfunc": loaded.predict(frame).tolist(),
                "expected": model.predict(frame).tolist(),
                "name": logged.name,
                "status": str(getattr(logged.status, "name", logged.status)),
                "params": dict(logged.params),
                "step": [one.step for one in outputs if one.model_id == info.model_id],
                "inputs": loaded.metadata.get_input_schema().to_dict(),
                "model_uri": info.model_uri,
                "same_id": loaded.metadata.model_id == info.model_id,
            }
        )
    )


if __name__ == "__main__":
    sys.exit(main())

"""Runs checks with the mlflow of this interpreter: one order per line in, one verdict per line
out."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
import warnings
from pathlib import Path


def main() -> None:
    verdicts = os.fdopen(os.dup(1), "w")
    # What mlflow prints must not get between the verdicts.
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        order = json.loads(line)
        problem = None
        try:
            _run(order)
        except BaseException:
            problem = traceback.format_exc()
        verdicts.write(json.dumps({"problem": problem}) + "\n")
        verdicts.flush()


def _run(order: dict[str, str]) -> None:
    import mlflow

    module, _, name = order["check"].partition(".")
    mlflow.set_tracking_uri(order["url"])
    mlflow.set_experiment(f"{order['check']} {mlflow.__version__}")
    check = getattr(importlib.import_module(f"tests.compat.surface.{module}"), name)
    os.chdir(order["folder"])
    try:
        check(mlflow.MlflowClient(order["url"]), Path(order["folder"]))
    finally:
        while mlflow.active_run():
            mlflow.end_run()


if __name__ == "__main__":
    main()

"""A project of its own for each test that asks for one, with real models in a real registry."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import assay
from assay.artifacts.digests import sha256_of_file
from assay.client.client import Client
from assay.client.recorder import recorder_for
from assay.client.tracking_uri import current_location
from assay.entities.model_versions import ModelVersion
from assay.fluent.experiments import forget_choices
from assay.fluent.model_places import find_model
from assay.fluent.reading import client_for, close_clients

ROWS = np.random.default_rng(7).normal(size=(40, 2))
FRAME = pd.DataFrame(ROWS, columns=["a", "b"])
LABELS = (FRAME["a"] + FRAME["b"] > 0).astype(int).to_numpy()


class Registry:
    """The project's registry, and models to put into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def client(self) -> Client:
        return client_for()

    def train(
        self,
        experiment: str = "digits",
        *,
        labels: Any = LABELS,
        model: bool = True,
        params: dict[str, str] | None = None,
        extras: dict[str, Any] | None = None,
        **metrics: float,
    ) -> str:
        """A finished run, with a model of its own; returns its id."""
        assay.set_experiment(experiment)
        with assay.start_run() as run:
            assay.log_metrics(metrics)
            assay.log_params(params or {})
            if model:
                given = {
                    "input_example": FRAME,
                    "model_card": "For tests.",
                    "pip_requirements": ["scikit-learn"],
                    **(extras or {}),
                }
                assay.sklearn.log_model(
                    LogisticRegression().fit(FRAME, labels),
                    name="model",
                    **given,
                )
        recorder_for(current_location()).flush()
        return run.info.run_id

    def register(self, name: str = "digits", **what: Any) -> ModelVersion:
        """The model of a fresh run as the next version."""
        return assay.register_model(f"runs:/{self.train(**what)}/model", name)

    def script(self, body: str, name: str = "digits") -> ModelVersion:
        """A version whose ``predict(rows)`` has this body; without golden predictions."""
        file = self.folder / f"model_{len(list(self.folder.glob('model_*.py')))}.py"
        file.write_text(
            f"def predict(rows):\n    {body}\n\n"
            "from assay.models.python_model import set_model\nset_model(predict)\n"
        )
        made = assay.pyfunc.log_model(
            name="script", python_model=str(file), pip_requirements=[], signature=False
        )
        return assay.register_model(f"models:/{made.model_id}", name)

    def files(self, version: ModelVersion) -> Path:
        """Where the files of a version lie."""
        return find_model(version.uri).folder

    def data(self, name: str = "test.csv", *, labels: Any = LABELS) -> tuple[str, str]:
        """A file with true labels; its path and digest."""
        file = self.folder / name
        FRAME.assign(label=labels).to_csv(file, index=False)
        return str(file), sha256_of_file(file)


@pytest.fixture
def registry(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Registry]:
    """An empty project folder, whose user is ann."""
    for name in list(os.environ):
        if name.startswith(("ASSAY_", "MLFLOW_")):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("ASSAY_QUIET", "1")
    monkeypatch.setenv("ASSAY_CAPTURE", "none")
    monkeypatch.setenv("ASSAY_USER", "ann")
    # Set and taken away, so that what a test sets is taken away again as well.
    monkeypatch.setenv("ASSAY_EXPERIMENT_ID", "")
    monkeypatch.delenv("ASSAY_EXPERIMENT_ID")
    monkeypatch.setenv("ASSAY_TRACKING_URI", str(tmp_path / ".assay"))
    monkeypatch.chdir(tmp_path)
    location = current_location()
    yield Registry(tmp_path)
    recorder_for(location).close()
    close_clients()
    forget_choices()

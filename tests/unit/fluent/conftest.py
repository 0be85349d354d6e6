"""A fresh place to log to for each test, and a process that forgets everything afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.client.recorder import recorder_for
from assay.client.tracking_uri import current_location
from assay.fluent import capturing
from assay.fluent.active import here
from assay.fluent.experiments import forget_choices
from assay.fluent.reading import close_clients
from assay.fluent.runs import end_run


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project folder, which is the working directory."""
    for name in list(os.environ):
        if name.startswith(("ASSAY_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ASSAY_QUIET", "1")
    monkeypatch.setenv("ASSAY_CAPTURE", "none")
    # Set and taken away, so that what a test sets is taken away again as well.
    for name in ("ASSAY_TRACKING_URI", "ASSAY_EXPERIMENT_ID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_TRACKING_URI", str(tmp_path / ".assay"))
    location = current_location()
    yield tmp_path
    while here.stack:
        end_run()
    here.last_run_id = here.model_id = None
    recorder_for(location).close()
    close_clients()
    forget_choices()
    capturing.disable_system_metrics_logging()

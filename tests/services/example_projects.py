"""Our example projects in a Git repository, and what a run of each must have recorded, wherever it
ran.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.client.client import Client
from assay.projects.launching import run
from tests.services.git import commit_all

EXAMPLES = Path(__file__).parents[2] / "examples" / "projects"


def repository(folder: Path) -> tuple[str, str]:
    """Make one of all examples; returns its URL and commit."""
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("__pycache__", ".assay"))
    return folder.as_uri(), commit_all(folder)


def check_runs(
    place: tuple[str, str], client: Client, backend: str, config: Mapping[str, Any] | None = None
) -> None:
    """Run all that need no container by ``backend``, and compare with what they compute."""
    url, commit = place
    for name, parameters in (("iris", {"max_depth": 2}), ("words", {"top": 2}), ("steps", {})):
        ident = run(
            f"{url}#{name}",
            parameters=parameters,
            backend=backend,
            backend_config=config,
            echo=False,
        ).run_id
        ended = client.get_run(ident)
        assert ended.info.status == "FINISHED"
        assert ended.data.tags["mlflow.project.backend"] == backend
        assert ended.data.tags["mlflow.source.git.commit"] == commit
        _CHECKS[name](client, ident)


def _check_iris(client: Client, ident: str) -> None:
    data = client.get_run(ident).data
    assert data.params == {"max_depth": "2", "criterion": "gini", "seed": "7"}
    assert data.metrics == {"accuracy": pytest.approx(56 / 60)}
    assert len(client.get_metric_history(ident, "accuracy")) == 2
    assert data.tags["mlflow.project.env"] == "uv"
    assert b"scikit-learn==1.7.2\n" in client.read_artifact(ident, "assay/requirements.txt")


def _check_words(client: Client, ident: str) -> None:
    log = client.read_artifact(ident, "assay/output.log").decode()
    assert [line.split() for line in log.splitlines()] == [["7", "a"], ["3", "that"]]


def _check_steps(client: Client, ident: str) -> None:
    found = client.get_run(ident)
    assert found.data.metrics["slope"] == pytest.approx(2, abs=0.1)
    runs = client.search_runs([found.info.experiment_id])
    steps = {
        run.data.tags["mlflow.project.entryPoint"]: run.info.status
        for run in runs
        if run.data.tags.get("mlflow.parentRunId") == ident
    }
    assert steps == {"make": "FINISHED", "fit": "FINISHED"}


_CHECKS = {"iris": _check_iris, "words": _check_words, "steps": _check_steps}

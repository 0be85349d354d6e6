"""Optuna's own MLflow integration, unmodified, logs a study to our server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assay.client.client import Client
from assay.entities.runs import Run, RunStatus
from tests.services.environment import clean_environment
from tests.services.mlflow_client import ServerProcess

STUDY = Path(__file__).parent / "scripts" / "optuna_study.py"


@pytest.fixture(scope="module")
def client(
    assay_server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Client, list[str]]:
    """A client of the server that the studies were logged to, and what they printed."""
    done = subprocess.run(
        [sys.executable, str(STUDY), assay_server.url],
        cwd=tmp_path_factory.mktemp("study"),
        env=clean_environment(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet"),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return Client(assay_server.url), done.stdout.splitlines()[-1].split()


def runs_of(client: Client, study: str) -> list[Run]:
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    found = list(client.search_runs([experiment.experiment_id]))
    return sorted(found, key=lambda run: run.data.tags["number"])


@pytest.mark.mlflow
def test_each_trial_is_a_run_with_its_params_value_and_tags(
    client: tuple[Client, list[str]],
) -> None:
    runs = runs_of(client[0], "find two")

    assert [run.data.tags["number"] for run in runs] == list("012345")
    for run in runs:
        x = float(run.data.params["x"])
        kind = run.data.params["kind"]
        assert run.data.metrics["distance"] == (abs(x - 2) if kind == "plain" else (x - 2) ** 2)
        assert run.info.status == RunStatus.FINISHED
        assert run.info.run_name == run.data.tags["number"]
        assert run.data.tags["seen"] == run.data.tags["number"]
        assert run.data.tags["team"] == "vision"
        assert run.data.tags["state"] == "COMPLETE"


@pytest.mark.mlflow
def test_what_the_objective_logs_lands_in_the_run_of_its_trial(
    client: tuple[Client, list[str]], tmp_path: Path
) -> None:
    for run in runs_of(client[0], "find two"):
        x = float(run.data.params["x"])
        points = client[0].get_metric_history(run.info.run_id, "approach")
        assert [(point.step, point.value) for point in points] == [
            (step, x / (step + 1)) for step in range(5)
        ]
        file = client[0].download_artifacts(run.info.run_id, "x.txt", str(tmp_path))
        assert Path(file).read_text() == repr(x)


@pytest.mark.mlflow
def test_the_best_trial_is_found_by_a_search(client: tuple[Client, list[str]]) -> None:
    number, value, x = client[1]
    experiment = client[0].get_experiment_by_name("find two")
    assert experiment is not None

    best = client[0].search_runs(
        [experiment.experiment_id], order_by=["metrics.distance ASC"], max_results=1
    )[0]

    assert best.data.tags["number"] == number
    assert (best.data.metrics["distance"], float(best.data.params["x"])) == (float(value), float(x))


@pytest.mark.mlflow
def test_pruned_trials_are_runs_without_a_value(client: tuple[Client, list[str]]) -> None:
    runs = runs_of(client[0], "pruned")

    assert [run.data.tags["state"] for run in runs] == ["COMPLETE", "PRUNED"] * 2
    assert ["value" in run.data.metrics for run in runs] == [True, False] * 2

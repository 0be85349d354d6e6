"""A project as MLflow's examples have them, with the real mlflow in its command, on our server."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.client.client import Client
from assay.client.tracking_uri import VARIABLE
from assay.projects.launching import run
from tests.services.git import commit_all
from tests.services.mlflow_client import ServerProcess

FILES = {
    "MLproject": """
name: slopes
python_env: python_env.yaml
entry_points:
  main:
    parameters:
      slope: {type: float, default: 0.5}
      offset: {type: float, default: 0.1}
    command: "python fit.py {slope} {offset}"
""",
    "python_env.yaml": "python: '3.11'\nbuild_dependencies: [pip]\ndependencies: [mlflow>=2]\n",
    "fit.py": """
import sys
import mlflow

slope, offset = map(float, sys.argv[1:])
with mlflow.start_run() as active:
    mlflow.log_param("slope", slope)
    mlflow.log_metric("at_2", 2 * slope + offset)
    mlflow.log_text("2", "x.txt")
    print("in run", active.info.run_id)
""",
}


@pytest.mark.mlflow
def test_project_of_mlflow_runs_as_it_is(
    assay_server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "slopes"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    commit = commit_all(folder)
    monkeypatch.setenv(VARIABLE, assay_server.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    # ``local``: making an environment of mlflow takes half a minute, and environments are tested
    # with less.
    done = run(
        folder.as_uri(),
        parameters={"slope": 1.5},
        env_manager="local",
        experiment_name="slopes",
        echo=False,
    )

    found = Client().get_run(done.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"slope": "1.5", "offset": "0.1"}
    assert found.data.metrics == {"at_2": pytest.approx(3.1)}
    assert found.data.tags["mlflow.source.git.commit"] == commit
    assert found.data.tags["mlflow.source.type"] == "PROJECT"
    log = Client().read_artifact(done.run_id, "assay/output.log").decode()
    assert f"in run {done.run_id}\n" in log
    assert Client().read_artifact(done.run_id, "x.txt") == b"2"

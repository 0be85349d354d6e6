"""A plugin that was written for MLflow, with MLflow's own base class, is a target of Assay."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.cli.main import cli

_PLUGIN = """
from mlflow.deployments import BaseDeploymentClient, PredictionsResponse

_known = {}

class FarClient(BaseDeploymentClient):
    def create_deployment(self, name, model_uri, flavor=None, config=None, endpoint=None):
        _known[name] = {"name": name, "flavor": "python_function", "uri": model_uri, **config}
        return _known[name]

    def update_deployment(self, name, model_uri=None, flavor=None, config=None, endpoint=None):
        _known[name].update(config)
        return _known[name]

    def delete_deployment(self, name, config=None, endpoint=None):
        _known.pop(name, None)

    def list_deployments(self, endpoint=None):
        return [*_known.values()]

    def get_deployment(self, name, endpoint=None):
        return _known[name]

    def predict(self, deployment_name=None, inputs=None, endpoint=None):
        return PredictionsResponse({"predictions": inputs["inputs"]})

def run_local(name, model_uri, flavor=None, config=None):
    print(f"runs {name} {model_uri} {config}")

def target_help():
    return "Far away."
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "far_plugin.py").write_text(_PLUGIN)
    facts = tmp_path / "far_plugin-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: far-plugin\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[mlflow.deployments]\nfar = far_plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ASSAY_TRACKING_URI", str(tmp_path / "store"))
    sys.modules.pop("far_plugin", None)


@pytest.mark.mlflow
@pytest.mark.filterwarnings("default")  # mlflow's own
def test_a_plugin_of_mlflow_is_driven_by_the_commands(installed: None, tmp_path: Path) -> None:
    def run(command: str, *more: str) -> str:
        done = CliRunner().invoke(cli, ["deployments", command, "-t", "far:/there", *more])
        assert done.exit_code == 0, done.output
        return done.output

    rows = tmp_path / "rows.json"
    rows.write_text('{"inputs": [1, 2]}')

    run("create", "--name", "d", "-m", "runs:/1/model", "-C", "size=2")
    run("update", "--name", "d", "-C", "size=3")
    assert json.loads(run("get", "--name", "d", "--json")) == {
        "name": "d",
        "flavor": "python_function",
        "uri": "runs:/1/model",
        "size": "3",
    }
    assert run("list").splitlines()[1].split("\t")[0] == "d"
    assert json.loads(run("predict", "--name", "d", "-I", str(rows))) == {"predictions": [1, 2]}
    assert "runs d runs:/1/model" in run("run-local", "--name", "d", "-m", "runs:/1/model")
    assert "Far away" in run("help")
    run("delete", "--name", "d")
    assert len(run("list").splitlines()) == 1

"""Models between Assay and the real MLflow: each program loads what the other logged, over the
server of either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.environment import clean_environment
from tests.services.forks import Forks
from tests.services.mlflow_client import ServerProcess

pytestmark = [pytest.mark.mlflow, pytest.mark.slow]

SCRIPT = (Path(__file__).parent / "scripts" / "log_model.py").read_text()
PORTED = re.sub(
    r"^from mlflow\b",
    "from assay",
    SCRIPT.replace("import mlflow", "import assay as mlflow"),
    flags=re.M,
)
LOAD = """
import json, sys
import {tool}.pyfunc, {tool}.sklearn
import numpy as np, pandas as pd
frame = pd.DataFrame({{"a": np.linspace(0, 1, 20), "b": np.linspace(1, 0, 20)}})
found = {{
    "native": {tool}.sklearn.load_model(sys.argv[1]).predict(frame).tolist(),
    "pyfunc": {tool}.pyfunc.load_model(sys.argv[1]).predict(frame).tolist(),
}}
print(json.dumps(found))
"""


class Programs:
    """Runs programs that import ``mlflow`` or ``assay``; those of the latter never see mlflow."""

    def __init__(self, forks: dict[str, Forks]) -> None:
        self._forks = forks

    def __call__(
        self, tool: str, code: str, folder: Path, *arguments: str, tracking_uri: str
    ) -> dict[str, Any]:
        folder.mkdir(exist_ok=True)
        home = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CACHE", "STATE")}
        environment = {**_environment(), "MLFLOW_TRACKING_URI": tracking_uri, **home}
        done = self._forks[tool].run(code, *arguments, folder=folder, environment=environment)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(found, dict)
        return found


def _environment() -> dict[str, str]:
    return clean_environment(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet")


@pytest.fixture(scope="module")
def run() -> Iterator[Programs]:
    libraries = ("pandas", "sklearn.linear_model")
    with (
        Forks(*libraries, "mlflow.pyfunc", "mlflow.sklearn", **_environment()) as theirs,
        Forks(*libraries, "assay.pyfunc", "assay.sklearn", **_environment()) as ours,
    ):
        yield Programs({"mlflow": theirs, "assay": ours})


def check(found: dict[str, Any]) -> None:
    assert found["native"] == found["pyfunc"] == found["expected"]
    assert (found["name"], found["status"].rpartition("_")[2]) == ("model", "READY")
    assert found["params"] == {"c": "1.0", "kind": "linear"}
    assert found["step"] == [3]
    assert [one["name"] for one in found["inputs"]] == ["a", "b"]
    assert found["same_id"]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Any:
    server = ServerProcess(tmp_path_factory.mktemp("server"))
    yield server.start()
    server.stop()


@pytest.mark.parametrize("tool", ["mlflow", "assay"])
@pytest.mark.parametrize("server", ["assay", "mlflow"])
def test_each_program_logs_to_either_server_and_the_other_loads_it(
    tool: str, server: str, ours: str, mlflow_url: str, run: Programs, tmp_path: Path
) -> None:
    url = ours if server == "assay" else mlflow_url
    other = "assay" if tool == "mlflow" else "mlflow"
    code = SCRIPT if tool == "mlflow" else PORTED
    logged = run(tool, code, tmp_path / tool, tracking_uri=url)
    check(logged)
    code, uri = LOAD.format(tool=other), logged["model_uri"]
    loaded = run(other, code, tmp_path / other, uri, tracking_uri=url)
    assert loaded["native"] == loaded["pyfunc"] == logged["expected"]


def test_without_a_server_it_is_the_same(run: Programs, tmp_path: Path) -> None:
    check(run("assay", PORTED, tmp_path / "assay", tracking_uri=str(tmp_path / "store")))


REGISTER = """
import json, sys, mlflow
mlflow.set_experiment("registry")
client = mlflow.MlflowClient()
client.create_registered_model("net")
for _ in range(2):
    made = mlflow.register_model(sys.argv[1], "net")
client.set_registered_model_alias("net", "champion", "1")
client.transition_model_version_stage("net", "2", "Staging")
print(json.dumps({"version": made.version}))
"""
REGISTER_OWN = """
import json, sys, assay
uri, name, folder = sys.argv[1:]
run_id = assay.get_logged_model(uri.removeprefix("models:/")).source_run_id
files = assay.artifacts.download_artifacts(uri, dst_path=folder)
made = [
    assay.register_model(one, name).version for one in (uri, f"runs:/{run_id}/model", files)
]
print(json.dumps({"versions": made}))
"""
FIND = """
import json, sys
from assay.errors import InvalidInput, NotFound
from assay.fluent.model_places import find_model
from assay.models.mlmodel import Model
found = {}
for uri in json.loads(sys.argv[1]):
    try:
        found[uri] = Model.load(find_model(uri).folder).model_id
    except (InvalidInput, NotFound) as error:
        found[uri] = type(error).__name__
print(json.dumps(found))
"""


@pytest.mark.parametrize("server", ["assay", "mlflow"])
def test_registered_models_are_found_by_version_stage_and_alias(
    server: str, ours: str, mlflow_url: str, run: Programs, tmp_path: Path
) -> None:
    url = ours if server == "assay" else mlflow_url
    logged = run("mlflow", SCRIPT, tmp_path / "log", tracking_uri=url)
    run("mlflow", REGISTER, tmp_path / "register", logged["model_uri"], tracking_uri=url)
    good = ["models:/net/1", "models:/net/2", "models:/net/Staging", "models:/net@champion"]
    bad = ["models:/net/9", "models:/net/Production", "models:/net@none", "models:/none/1"]
    asked = json.dumps([*good, "models:/net/latest", *bad, "models:/net", "models:/@x"])
    found = run("assay", FIND, tmp_path / "find", asked, tracking_uri=url)
    model_id = logged["model_uri"].removeprefix("models:/")
    assert {found[uri] for uri in [*good, "models:/net/latest"]} == {model_id}
    assert {found[uri] for uri in bad} <= {
        "NotFound",
        "AliasNotFound",
        "ModelVersionNotFound",
        "RegisteredModelNotFound",
    }
    assert found["models:/net"] == found["models:/@x"] == "InvalidInput"


@pytest.mark.parametrize("server", ["assay", "mlflow"])
def test_what_assay_registers_mlflow_loads(
    server: str, ours: str, mlflow_url: str, run: Programs, tmp_path: Path
) -> None:
    url = ours if server == "assay" else mlflow_url
    logged = run("assay", PORTED, tmp_path / "log", tracking_uri=url)
    (tmp_path / "files").mkdir()
    asked = (logged["model_uri"], f"own-{server}", str(tmp_path / "files"))
    made = run("assay", REGISTER_OWN, tmp_path / "register", *asked, tracking_uri=url)
    assert made["versions"] == [1, 2, 3]
    for version in "123":
        uri = f"models:/own-{server}/{version}"
        code = LOAD.format(tool="mlflow")
        loaded = run("mlflow", code, tmp_path / "load", uri, tracking_uri=url)
        assert loaded["native"] == loaded["pyfunc"] == logged["expected"]

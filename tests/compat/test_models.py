"""Models between Assay and the real MLflow: each program loads what the other logged, over the
server of either.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services.environment import clean_environment
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


def run(code: str, folder: Path, *arguments: str, tracking_uri: str) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    home = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CACHE", "STATE")}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=clean_environment(
            MLFLOW_DISABLE_TELEMETRY="true",
            GIT_PYTHON_REFRESH="quiet",
            MLFLOW_TRACKING_URI=tracking_uri,
            **home,
        ),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


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
    tool: str, server: str, ours: str, mlflow_url: str, tmp_path: Path
) -> None:
    url = ours if server == "assay" else mlflow_url
    other = "assay" if tool == "mlflow" else "mlflow"
    logged = run(SCRIPT if tool == "mlflow" else PORTED, tmp_path / tool, tracking_uri=url)
    check(logged)
    loaded = run(LOAD.format(tool=other), tmp_path / other, logged["model_uri"], tracking_uri=url)
    assert loaded["native"] == loaded["pyfunc"] == logged["expected"]


def test_without_a_server_it_is_the_same(tmp_path: Path) -> None:
    check(run(PORTED, tmp_path / "assay", tracking_uri=str(tmp_path / "store")))

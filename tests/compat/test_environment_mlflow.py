"""Environment files of models: the real mlflow reads ours as it reads its own, and we read its."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.models.environments.environment import Environment
from tests.services.environment import clean_environment

pytestmark = pytest.mark.mlflow

_PROGRAM = """
import json, logging, sys
from pathlib import Path
folder = Path(sys.argv[1])

import mlflow
from mlflow.utils.environment import _PythonEnv
from sklearn.linear_model import LinearRegression

logging.disable()
(folder / "bounds.txt").write_text("scipy<2\\n")
# With the quotes that mlflow rewrites markers to.
MARKED = 'pandas>=2; python_version >= "3.9"'
requirements = ["scikit-learn", MARKED, f"-c {folder / 'bounds.txt'}"]
model = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
mlflow.sklearn.save_model(model, str(folder / "theirs"), pip_requirements=requirements)

def reads(model):
    return {
        "python_env": _PythonEnv.from_yaml(model / "python_env.yaml").to_dict(),
        "conda": _PythonEnv.from_conda_yaml(model / "conda.yaml").to_dict(),
        "dependencies": Path(mlflow.pyfunc.get_model_dependencies(str(model))).read_text(),
    }

sys.path.insert(0, sys.argv[2])
from assay.models.environments.environment import Environment
(folder / "ours").mkdir()
ours = Environment.from_pip([f"mlflow=={mlflow.__version__}", *requirements])
ours.write(folder / "ours", lock=False)
(folder / "ours" / "MLmodel").write_text((folder / "theirs" / "MLmodel").read_text())
print(json.dumps({"ours": reads(folder / "ours"), "theirs": reads(folder / "theirs")}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="module")
def read_by_mlflow(folder: Path) -> dict[str, Any]:
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder), str(source)],
        env=clean_environment(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet"),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_mlflow_reads_our_files_as_its_own(read_by_mlflow: dict[str, Any]) -> None:
    assert read_by_mlflow["ours"] == read_by_mlflow["theirs"]


@pytest.mark.parametrize(
    "name", ["requirements.txt", "constraints.txt", "python_env.yaml", "conda.yaml"]
)
def test_our_files_are_mlflows_to_the_byte(
    folder: Path, read_by_mlflow: dict[str, Any], name: str
) -> None:
    assert (folder / "ours" / name).read_bytes() == (folder / "theirs" / name).read_bytes()


def test_we_read_the_files_of_mlflow(folder: Path, read_by_mlflow: dict[str, Any]) -> None:
    environment = Environment.read(folder / "theirs")

    described = read_by_mlflow["theirs"]["python_env"]
    assert environment.python == described["python"]
    assert list(environment.build) == described["build_dependencies"]
    assert environment.constraints == ("scipy<2",)
    assert environment.requirements[1:] == ("scikit-learn", 'pandas>=2; python_version >= "3.9"')

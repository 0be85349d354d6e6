"""A script written for MLflow runs with ``import assay as mlflow``, and says the same."""

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

SCRIPT = Path(__file__).parent / "scripts" / "existing_script.py"
IMPORTS = [
    (r"^import mlflow\b", "import assay as mlflow"),
    (r"^from mlflow\b", "from assay"),
]
"""The whole of the change."""


def run(code: str, folder: Path, **more: str) -> dict[str, Any]:
    script = folder / "train.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=folder,
        env=clean_environment(MLFLOW_DISABLE_TELEMETRY="true", GIT_PYTHON_REFRESH="quiet", **more),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def ported() -> str:
    code = SCRIPT.read_text()
    for old, new in IMPORTS:
        code = re.sub(old, new, code, flags=re.MULTILINE)
    return code


@pytest.fixture(scope="module")
def said_by_mlflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script prints with MLflow itself over a store of its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    return run(SCRIPT.read_text(), folder, MLFLOW_TRACKING_URI=f"sqlite:///{folder}/mlflow.db")


@pytest.mark.mlflow
def test_the_script_as_it_stands_logs_to_our_server(
    said_by_mlflow: dict[str, Any], tmp_path: Path
) -> None:
    server = ServerProcess(tmp_path)
    server.start()
    try:
        assert run(SCRIPT.read_text(), tmp_path, MLFLOW_TRACKING_URI=server.url) == said_by_mlflow
    finally:
        server.stop()


@pytest.mark.mlflow
def test_with_its_import_changed_it_says_the_same(
    said_by_mlflow: dict[str, Any], tmp_path: Path
) -> None:
    assert run(ported(), tmp_path) == said_by_mlflow


@pytest.mark.mlflow
def test_with_its_import_changed_it_says_the_same_through_a_server(
    said_by_mlflow: dict[str, Any], tmp_path: Path
) -> None:
    server = ServerProcess(tmp_path)
    server.start()
    try:
        assert run(ported(), tmp_path, MLFLOW_TRACKING_URI=server.url) == said_by_mlflow
    finally:
        server.stop()

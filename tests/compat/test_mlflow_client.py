"""The unmodified mlflow client, 3.x and the last 2.x, over its whole tracking surface."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.services.mlflow_client import ClientProcess, ServerProcess

SURFACE = Path(__file__).parent / "surface"
SINCE_3 = {"logged_models", "webhooks"}
"""Modules of what MLflow 2 doesn't know."""


def checks() -> list[object]:
    found = []
    for file in sorted(SURFACE.glob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("check_"):
                for version in "3" if file.stem in SINCE_3 else "32":
                    name = f"{file.stem}.{node.name}"
                    found.append(pytest.param(version, name, id=f"mlflow{version}-{name}"))
    return found


@pytest.mark.mlflow
@pytest.mark.parametrize(("version", "check"), checks())
def test_mlflow_client(
    version: str,
    check: str,
    assay_server: ServerProcess,
    mlflow_clients: dict[str, ClientProcess],
    tmp_path: Path,
) -> None:
    mlflow_clients[version].run(check, url=assay_server.url, folder=tmp_path)

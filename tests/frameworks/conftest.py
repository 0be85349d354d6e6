"""Surroundings of the tests of flavors, which run in the environment that has every framework.

The main suite's environment has no frameworks, so nothing is collected there; this one has no
servers, so the main ``conftest.py`` is cut off: ``pytest --confcutdir=tests/frameworks
tests/frameworks``.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

_QUIET = {
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "JAX_PLATFORMS": "cpu",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
# Frameworks read these when they are imported, which is before any fixture runs.
os.environ.update(_QUIET)

# As in the main conftest.py: what frameworks make while they are imported stays to the end.
gc.set_threshold(50_000)

_FOREIGN_WARNINGS = (
    # Real MLflow is a peer here, not what is tested; its warnings speak of other matters.
    r"ignore:::mlflow(\..*)?",
    r"ignore:::pydantic(\..*)?",
    r"ignore:::google\.protobuf(\..*)?",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for one in _FOREIGN_WARNINGS:
            # First in the list: a test's own filters have the last word.
            item.add_marker(pytest.mark.filterwarnings(one), append=False)


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keys, caches and MLflow's files of these tests, away from those of the user."""
    root = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        patch.setenv("XDG_STATE_HOME", str(root / "state"))
        patch.setenv("MPLCONFIGDIR", str(root / "matplotlib"))
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/mlflow.db")
        yield

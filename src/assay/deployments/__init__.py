"""Deployments: models put to work, by targets that all answer to one interface.

This is the front of the room: each name is imported when it is first used. ``base`` states what a
target promises, ``targets`` finds one by its URI, and each target is a module of its own.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "assay.deployments.asking": ["PredictionsResponse"],
    "assay.deployments.base": ["BaseDeploymentClient", "Deployed", "State"],
    "assay.deployments.targets": [
        "get_deploy_client",
        "get_deployments_target",
        "run_local",
        "set_deployments_target",
    ],
}
_ATTRIBUTES = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_ATTRIBUTES)  # noqa: PLE0605 - a list of names


def __getattr__(name: str) -> Any:
    if name in _ATTRIBUTES:
        value = getattr(importlib.import_module(_ATTRIBUTES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'assay.deployments' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Files of runs and models: one interface over folders, object stores and the server's proxy.

Scripts written for MLflow reach ``download_artifacts`` and its kin as attributes of this package.
They belong to the fluent API, far above; the names are looked up there when they are first used,
so that nothing here depends on it.
"""

from __future__ import annotations

import importlib
from typing import Any

_FLUENT_NAMES = frozenset(
    {"download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text"}
)
__all__ = sorted(_FLUENT_NAMES)  # noqa: PLE0605 - all are names


def __getattr__(name: str) -> Any:
    if name not in _FLUENT_NAMES:
        raise AttributeError(f"module 'assay.artifacts' has no attribute {name!r}")
    value = getattr(importlib.import_module("assay.fluent.artifacts"), name)
    globals()[name] = value
    return value

"""What MLflow loads models through whose files its own flavors can't read.

Such models name this module as their ``loader_module``; MLflow imports it where Assay is installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.models.loading import load_pyfunc
from assay.models.pyfunc import PyFuncModel

__all__ = ["_load_pyfunc"]


def _load_pyfunc(path: str, model_config: dict[str, Any] | None = None) -> PyFuncModel:
    # MLflow has no notion of trust: whoever calls its load_model has decided.
    return load_pyfunc(Path(path), trust=True, model_config=model_config)

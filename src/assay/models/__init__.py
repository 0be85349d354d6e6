"""Models: one format for every framework.

This is the front of the room: each name is imported when it is first used. What is behind it reads
and writes ``MLmodel`` folders; addresses such as ``runs:/…`` are for ``assay.fluent``.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "assay.deployments.image.making": ["build_docker", "generate_dockerfile"],
    "assay.evaluation.metrics": ["make_metric"],
    "assay.evaluation.result": ["EvaluationResult"],
    "assay.evaluation.thresholds": ["MetricThreshold"],
    "assay.fluent.evaluate": ["evaluate"],
    "assay.fluent.load_model": ["get_model_info"],
    "assay.fluent.models_predict": [
        "convert_input_example_to_serving_input",
        "predict",
        "validate_serving_input",
    ],
    "assay.fluent.verify_model": ["verify"],
    "assay.models.batches.predict_file": ["BatchResult", "predict_file"],
    "assay.models.checks": ["Budget", "Monotonic", "Range", "Symmetric"],
    "assay.models.signatures.infer": ["infer_signature"],
    "assay.models.mlmodel": ["Model"],
    "assay.models.pyfunc": ["PyFuncModel"],
    "assay.models.python_model": ["ModelConfig", "set_model"],
    "assay.models.signatures.schema": [
        "ColSpec",
        "ModelSignature",
        "ParamSchema",
        "ParamSpec",
        "Schema",
        "Signature",
        "TensorSpec",
    ],
    "assay.models.signatures.validation": ["validate"],
}
_ATTRIBUTES = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_ATTRIBUTES)  # noqa: PLE0605 - a list of names


def __getattr__(name: str) -> Any:
    if name in _ATTRIBUTES:
        value = getattr(importlib.import_module(_ATTRIBUTES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'assay.models' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

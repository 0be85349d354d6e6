"""Assay: track experiments, keep models, approve and serve them.

``import assay`` loads nothing else: each name is imported when it is first used, and then is a
plain attribute of this module. ``__init__.pyi`` tells type checkers the same names.
"""

from __future__ import annotations

import importlib
from typing import Any

from assay.version import __version__ as __version__

_HOMES = {
    "assay.client.client": ["Client"],
    "assay.client.content": ["Image"],
    "assay.client.tracking_uri": ["get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"],
    "assay.evaluation.evaluators": ["Evaluation", "EvaluatorOutput", "list_evaluators"],
    "assay.evaluation.metrics": ["MetricValue", "make_metric"],
    "assay.evaluation.result": ["EvaluationResult"],
    "assay.evaluation.thresholds": ["MetricThreshold"],
    "assay.fluent.anything": ["log"],
    "assay.fluent.artifacts": [
        "get_artifact_uri",
        "load_table",
        "log_artifact",
        "log_artifacts",
        "log_dict",
        "log_figure",
        "log_image",
        "log_stream",
        "log_table",
        "log_text",
    ],
    "assay.fluent.capturing": [
        "disable_system_metrics_logging",
        "enable_system_metrics_logging",
    ],
    "assay.fluent.evaluate": ["evaluate", "validate_evaluation_results"],
    "assay.fluent.experiments": [
        "create_experiment",
        "delete_experiment",
        "delete_experiment_tag",
        "get_experiment",
        "get_experiment_by_name",
        "restore_experiment",
        "search_experiments",
        "set_experiment",
        "set_experiment_tag",
        "set_experiment_tags",
    ],
    "assay.fluent.inputs": ["log_input", "log_inputs", "log_outputs"],
    "assay.fluent.log": [
        "delete_tag",
        "flush_async_logging",
        "log_metric",
        "log_metrics",
        "log_param",
        "log_params",
        "set_tag",
        "set_tags",
    ],
    "assay.fluent.logged_models": [
        "ActiveModel",
        "clear_active_model",
        "create_external_model",
        "delete_logged_model",
        "delete_logged_model_tag",
        "finalize_logged_model",
        "get_active_model_id",
        "get_logged_model",
        "initialize_logged_model",
        "last_logged_model",
        "log_model_params",
        "search_logged_models",
        "set_active_model",
        "set_logged_model_tags",
    ],
    "assay.fluent.model_face": ["log_model"],
    "assay.fluent.registry": [
        "register_model",
        "search_model_versions",
        "search_registered_models",
        "set_model_version_tag",
    ],
    "assay.fluent.runs": [
        "ActiveRun",
        "active_run",
        "delete_run",
        "end_run",
        "get_parent_run",
        "get_run",
        "last_active_run",
        "restore_run",
        "start_run",
    ],
    "assay.fluent.search": ["history", "search_runs", "summary"],
    "assay.fluent.seed": ["seed"],
    "assay.projects.launching": ["run"],
    "assay.reproduction.reproduce": ["reproduce"],
    "assay.sweeps.face": ["sweep"],
}
_ATTRIBUTES = {name: (home, name) for home, names in _HOMES.items() for name in names}
_ATTRIBUTES["MlflowClient"] = ("assay.client.client", "Client")
_ATTRIBUTES["flush_artifact_async_logging"] = ("assay.fluent.log", "flush_async_logging")
_MODULES = frozenset(
    {
        "artifacts",
        "catboost",
        "client",
        "comparison",
        "data",
        "deployments",
        "entities",
        "errors",
        "exceptions",
        "fastai",
        "h2o",
        "jax",
        "keras",
        "lightgbm",
        "models",
        "onnx",
        "paddle",
        "pmdarima",
        "projects",
        "prophet",
        "pyfunc",
        "pytorch",
        "registry",
        "sentence_transformers",
        "sklearn",
        "spacy",
        "spark",
        "statsmodels",
        "sweeps",
        "tensorflow",
        "tracking",
        "transformers",
        "types",
        "xgboost",
    }
)
"""Modules that scripts reach as attributes, as in ``mlflow.data.from_numpy``."""

__all__ = ["__version__", *sorted(_ATTRIBUTES), *sorted(_MODULES)]  # noqa: PLE0604 - all are names


def __getattr__(name: str) -> Any:
    if name in _ATTRIBUTES:
        home, attribute = _ATTRIBUTES[name]
        value = getattr(importlib.import_module(home), attribute)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"assay.{name}")
    raise AttributeError(f"module 'assay' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

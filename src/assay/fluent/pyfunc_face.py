"""The functions of ``assay.pyfunc``, whose arguments have an order of their own in MLflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assay.errors import InvalidInput
from assay.flavors.base import PYTHON_FUNCTION
from assay.flavors.python_function import LoaderModule
from assay.fluent.model_face import Face
from assay.models.mlmodel import Model

_face = Face(PYTHON_FUNCTION)


def save_model(
    path: str | Path,
    loader_module: str | None = None,
    data_path: str | Path | None = None,
    *,
    python_model: Any = None,
    **arguments: Any,
) -> Model:
    """Write the folder of a model of your own.

    Args:
        path: a folder that doesn't exist yet, or is empty.
        loader_module: a module with ``_load_pyfunc(path)``, instead of ``python_model``.
        data_path: what that module reads.
        python_model: an instance with ``predict``, a function, or the path of a Python file that
            calls ``assay.models.set_model``.
        arguments: ``artifacts`` (path by name), ``model_config``, ``streamable``, and those of
            ``assay.sklearn.save_model``.

    Raises:
        InvalidInput: neither or both of ``python_model`` and ``loader_module``.
    """
    return _face.save_model(_model(python_model, loader_module, data_path), path, **arguments)


def log_model(
    artifact_path: str | None = None,
    loader_module: str | None = None,
    data_path: str | Path | None = None,
    *,
    name: str | None = None,
    python_model: Any = None,
    **arguments: Any,
) -> Model:
    """Log a model of your own; arguments as of ``save_model`` and ``assay.sklearn.log_model``."""
    model = _model(python_model, loader_module, data_path)
    return _face.log_model(model, artifact_path, name=name, **arguments)


def _model(
    python_model: Callable[..., Any] | Any, loader_module: str | None, data: str | Path | None
) -> Any:
    if (python_model is None) == (loader_module is None):
        raise InvalidInput("Give exactly one of python_model and loader_module.")
    return python_model if loader_module is None else LoaderModule(loader_module, data)


def add_to_model(
    model: Model, loader_module: str, **entry: Mapping[str, Any] | str | None
) -> Model:
    """Put a ``python_function`` entry into an ``MLmodel``, as makers of flavors do."""
    model.flavors[PYTHON_FUNCTION] = {"loader_module": loader_module, **entry}
    return model

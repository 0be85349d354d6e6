"""What checks share: expecting an error of the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import mlflow
from mlflow.exceptions import MlflowException


@contextmanager
def refused(code: str, *, trying: object = "") -> Iterator[None]:
    error = None
    try:
        yield
    except MlflowException as caught:
        error = caught
    assert error is not None, f"expected {code} for {trying!r}"
    assert error.error_code == code, f"{error.error_code}: {error}"


def experiment_id() -> str:
    from mlflow.tracking.fluent import _get_experiment_id

    return _get_experiment_id()


def fresh_experiment(name: str) -> str:
    return mlflow.create_experiment(f"{name} {mlflow.__version__}")

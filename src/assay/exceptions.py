"""MLflow's names of errors, for scripts that catch ``mlflow.exceptions.MlflowException``."""

from __future__ import annotations

from assay.errors import AssayError, ExecutionFailed, InvalidInput, RemoteError

MlflowException = AssayError
RestException = RemoteError
MissingConfigException = InvalidInput
ExecutionException = ExecutionFailed

__all__ = ["ExecutionException", "MissingConfigException", "MlflowException", "RestException"]

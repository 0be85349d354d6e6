"""MLflow's names of errors, for scripts that catch ``mlflow.exceptions.MlflowException``."""

from __future__ import annotations

from assay.errors import AssayError, InvalidInput, RemoteError

MlflowException = AssayError
RestException = RemoteError
MissingConfigException = InvalidInput

__all__ = ["MissingConfigException", "MlflowException", "RestException"]

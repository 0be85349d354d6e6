"""The words that an artifact server and its clients share."""

from __future__ import annotations

PROXY_ROUTE = "/api/2.0/mlflow-artifacts/artifacts"
"""Where tracking servers, MLflow's and ours, serve artifacts."""
UPLOAD_ROUTE = "/api/2.0/mlflow-artifacts/mpu"
"""Where they take multi-part uploads: ``/create``, ``/complete`` and ``/abort`` with a folder
behind."""
SHA256_HEADER = "X-Assay-SHA256"
"""SHA-256 of a whole file in hex: in answers to GET, HEAD and PUT, and in a PUT whose sender knows
it."""

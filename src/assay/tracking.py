"""MLflow's name of this room, for scripts that say ``mlflow.tracking.MlflowClient``."""

from __future__ import annotations

from assay.client.client import Client as MlflowClient
from assay.client.tracking_uri import get_tracking_uri, is_tracking_uri_set, set_tracking_uri

__all__ = ["MlflowClient", "get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"]

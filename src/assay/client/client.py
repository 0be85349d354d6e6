"""``Client``: everything of a store, call by call, as MLflow's ``MlflowClient``.

Calls are synchronous: one that returned is durable, one that raised changed nothing. Programs that
log from a training loop use ``assay.log_*``, which never waits.
"""

from __future__ import annotations

from assay.client.client_artifacts import ArtifactClient
from assay.client.client_experiments import ExperimentClient
from assay.client.client_logged_models import LoggedModelClient
from assay.client.client_registry import RegistryClient
from assay.client.client_webhooks import WebhookClient


class Client(ExperimentClient, ArtifactClient, LoggedModelClient, RegistryClient, WebhookClient):
    """A client of one location: a server, a database or a folder.

    Thread-safe, and cheap to make: the connection is opened by the first call.
    """

    def __repr__(self) -> str:
        return f"Client({self.tracking_uri!r})"

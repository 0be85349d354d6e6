"""Connecting: from a location to the stores behind it.

The stores are imported when the first one is opened, not with this module: SQLAlchemy and NumPy
take longer to import than a short script takes to log all it has, and the shipper's thread can do
it meanwhile.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay.client.journal_files import make_private_folder
from assay.errors import PermissionDenied
from assay.store.importing import IMPORTING
from assay.store.uri import Location

if TYPE_CHECKING:
    from assay.artifacts.base import ArtifactStore
    from assay.store.base import Store

__all__ = ["make_home", "open_run_artifacts", "open_store", "resolved_artifact_uri"]

MODEL_ROOTS_VARIABLE = "ASSAY_MODEL_ROOTS"
"""Addresses, separated by commas, below which versions may be registered from."""


def open_store(location: Location, *, patient: bool = True) -> Store:
    """Open the store of a location; the folder of a local one is made.

    Without ``patient`` a server that can't be reached isn't asked again.

    Raises:
        SchemaMismatch: the database was written by another version of Assay.
        StoreUnavailable: the database can't be reached; a server is first asked by the first call.
        PermissionDenied: the folder of a local one can't be made.
    """
    if location.kind == "http":
        with IMPORTING:
            from assay.store.rest import open_rest_store
        return open_rest_store(location.tracking_uri, patient=patient)
    with IMPORTING:
        from assay.store.sql.store import open_sql_store
        from assay.webhooks.allowed import allowed_by_environment
    if location.kind == "sqlite":
        make_home(location)
    return open_sql_store(
        location.tracking_uri,
        webhook_allow=allowed_by_environment(),
        model_roots=_model_roots(),
    )


def _model_roots() -> list[str]:
    """Places beside the artifacts of runs that a local store takes versions from."""
    listed = os.environ.get(MODEL_ROOTS_VARIABLE, "").split(",")
    return [root.strip() for root in listed if root.strip()]


def make_home(location: Location) -> None:
    """Make the folder of a local location, for its owner alone.

    Raises:
        PermissionDenied: it can't be made.
    """
    try:
        make_private_folder(location.home)
    except OSError as error:
        raise PermissionDenied(
            f"The folder {location.home} can't be made: {error.strerror}. Make it writable, or"
            " choose another place (--tracking-uri, ASSAY_TRACKING_URI)."
        ) from error


def open_run_artifacts(location: Location, store: Store, artifact_uri: str) -> ArtifactStore:
    """The artifact store at the ``artifact_uri`` of a run, or the ``artifact_location`` of a
    logged model.

    Args:
        location: where the run is recorded: ``mlflow-artifacts:`` leads to its server, or to its
            own root.
        store: the open store of that location.
        artifact_uri: what the run or model says.
    """
    from assay.artifacts.uri import open_artifact_store

    if location.kind == "http":
        from assay.store.rest.settings import read_settings

        return open_artifact_store(
            artifact_uri,
            tracking_uri=location.tracking_uri,
            authorization=read_settings(location.tracking_uri).authorization,
        )
    return open_artifact_store(artifact_uri, root=location.artifact_root)


def resolved_artifact_uri(location: Location, artifact_uri: str) -> str:
    """``artifact_uri`` as other programs can use it.

    The SQL store writes ``mlflow-artifacts:`` locations, so that its folder can be moved and a
    server put before it; without a server that is a place below the location's artifact root.
    """
    prefix = "mlflow-artifacts:/"
    root = location.artifact_root
    if not root or not artifact_uri.startswith(prefix) or artifact_uri.startswith(f"{prefix}/"):
        return artifact_uri
    above = root if "://" in root else Path(root).absolute().as_uri()
    return f"{above.rstrip('/')}/{quote(artifact_uri.removeprefix(prefix))}"

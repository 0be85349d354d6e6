"""Which object store a URI means, and how to reach it: addresses and credentials from the
environment.

The variables are those of each provider's own tools; see docs/guides/artifacts.md. Nothing is read
from a URI but
bucket, account and prefix: credentials in a URI would end in databases and logs.
"""

from __future__ import annotations

import ipaddress
import os
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from assay.errors import InvalidInput, MissingExtra

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

CLOUD_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "wasb", "wasbs"})
"""Schemes that lead to an object store."""

_CLIENT: dict[str, Any] = {
    "connect_timeout": timedelta(seconds=10),
    "timeout": timedelta(minutes=5),
}
_RETRY: dict[str, Any] = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
"""``transfer`` retries as well: waiting obstore's default of three minutes here would only hide an
outage."""


def connect(uri: str) -> tuple[Any, S3Store | GCSStore | AzureStore]:
    """The module ``obstore`` and a store for ``uri``; no request is made yet.

    Raises:
        MissingExtra: obstore isn't installed.
        InvalidInput: the URI names no bucket or container, or carries credentials.
    """
    try:
        import obstore
        from obstore import store as kinds
    except ImportError:
        raise MissingExtra(
            "obstore", extra="cloud", purpose=f"Keeping artifacts in {uri}"
        ) from None
    parts = urlsplit(uri)
    scheme = parts.scheme.lower()
    if parts.password is not None or not parts.netloc:
        raise InvalidInput(
            f"Invalid artifact location: {scheme}://… needs a bucket or container, and no password."
        )
    prefix = unquote(parts.path).strip("/") or None
    if scheme in ("s3", "s3a"):
        return obstore, _s3(kinds, parts.netloc, prefix)
    if scheme == "gs":
        return obstore, _gcs(kinds, parts.netloc, prefix)
    return obstore, _azure(kinds, parts.netloc, prefix)


def _s3(kinds: ModuleType, bucket: str, prefix: str | None) -> S3Store:
    config: dict[str, Any] = {}
    endpoint = os.environ.get("MLFLOW_S3_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        config["endpoint"] = endpoint
    store: S3Store = kinds.S3Store(
        bucket, prefix=prefix, config=config, client_options=_client(endpoint), retry_config=_RETRY
    )
    return store


def _gcs(kinds: ModuleType, bucket: str, prefix: str | None) -> GCSStore:
    config: dict[str, Any] = {}
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if emulator:
        emulator = emulator if "://" in emulator else f"http://{emulator}"
        config = {"base_url": emulator, "bearer_token": "emulator"}
    store: GCSStore = kinds.GCSStore(
        bucket, prefix=prefix, config=config, client_options=_client(emulator), retry_config=_RETRY
    )
    return store


def _azure(kinds: ModuleType, place: str, prefix: str | None) -> AzureStore:
    container, _, host = place.rpartition("@") if "@" in place else (place, "", "")
    config = _azure_connection(os.environ.get("AZURE_STORAGE_CONNECTION_STRING", ""))
    if host and "account_name" not in config:
        config["account_name"] = host.partition(".")[0]
    key = os.environ.get("AZURE_STORAGE_ACCESS_KEY")
    if key and "account_key" not in config:
        config["account_key"] = key
    endpoint = config.get("endpoint") or os.environ.get("AZURE_STORAGE_ENDPOINT")
    store: AzureStore = kinds.AzureStore(
        container,
        prefix=prefix,
        config=config,
        client_options=_client(endpoint),
        retry_config=_RETRY,
    )
    return store


def _azure_connection(text: str) -> dict[str, Any]:
    """What obstore needs of a connection string, which it doesn't read itself."""
    fields = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    names = {
        "AccountName": "account_name",
        "AccountKey": "account_key",
        "BlobEndpoint": "endpoint",
        "SharedAccessSignature": "sas_key",
    }
    return {ours: fields[theirs] for theirs, ours in names.items() if theirs in fields}


def _client(endpoint: str | None) -> dict[str, Any]:
    # Plain http only to this machine; elsewhere the provider's own variable (AWS_ALLOW_HTTP=true)
    # must say so.
    if endpoint and _is_loopback(endpoint):
        return {**_CLIENT, "allow_http": True}
    return dict(_CLIENT)


def _is_loopback(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

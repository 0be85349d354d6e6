"""Locations: which store each opens, and what is refused."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from assay.artifacts.local import LocalArtifactStore
from assay.artifacts.object_store import ObjectArtifactStore
from assay.artifacts.paths import HIDDEN
from assay.artifacts.proxy import ProxyArtifactStore
from assay.artifacts.uri import open_artifact_store
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import InvalidInput, MissingExtra

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.mark.parametrize("spelling", ["{}", "file://{}", "file:{}", "file://localhost{}", "{}/"])
def test_folder_opens_in_every_spelling(tmp_path: Path, spelling: str) -> None:
    store = open_artifact_store(spelling.format(tmp_path / "a"))
    assert isinstance(store, LocalArtifactStore)
    assert store.root == str(tmp_path / "a")


def test_file_uri_is_decoded_once(tmp_path: Path) -> None:
    store = open_artifact_store(f"file://{tmp_path}/with%20space%2541")
    assert isinstance(store, LocalArtifactStore)
    assert store.root == str(tmp_path / "with space%41")
    assert isinstance(open_artifact_store(store.uri), LocalArtifactStore)
    assert open_artifact_store(store.uri).uri == store.uri


def test_proxied_location_is_a_folder_below_the_local_root(tmp_path: Path) -> None:
    store = open_artifact_store("mlflow-artifacts:/0/run/artifacts", root=tmp_path)
    store.write(artifact_path("f"), [b"1"])
    assert (tmp_path / "0/run/artifacts/f").read_bytes() == b"1"


def test_folders_below_the_local_root_share_its_hidden_folder(tmp_path: Path) -> None:
    for run in ("1", "2"):
        store = open_artifact_store(f"{tmp_path}/{run}", root=tmp_path)
        store.write(artifact_path("f"), [b"1"])
    assert [p.relative_to(tmp_path) for p in tmp_path.rglob(HIDDEN)] == [Path(HIDDEN)]


@pytest.mark.parametrize(
    ("uri", "tracking_uri", "opened"),
    [
        ("mlflow-artifacts:/a/b", "http://h:5000", f"http://h:5000{PROXY}/a/b"),
        ("mlflow-artifacts:/a b", "https://h/base/", f"https://h/base{PROXY}/a%20b"),
        ("mlflow-artifacts:/", "http://h", f"http://h{PROXY}"),
        ("mlflow-artifacts://other:1/a", "https://h", f"https://other:1{PROXY}/a"),
        ("mlflow-artifacts://other/a", None, f"http://other{PROXY}/a"),
        (f"http://h/x{PROXY}/a", None, f"http://h/x{PROXY}/a"),
        ("mlflow-artifacts:/a", "http://user:secret@h", f"http://h{PROXY}/a"),
    ],
)
def test_server_location_opens_the_proxy(uri: str, tracking_uri: str | None, opened: str) -> None:
    store = open_artifact_store(uri, tracking_uri=tracking_uri)
    assert isinstance(store, ProxyArtifactStore)
    assert store.uri == opened


@pytest.mark.parametrize(
    ("uri", "sent"),
    [
        ("mlflow-artifacts:/a", True),
        ("mlflow-artifacts://127.0.0.1:{port}/a", True),
        (f"http://127.0.0.1:{{port}}{PROXY}/a", True),
        ("mlflow-artifacts://localhost:{port}/a", False),
        (f"http://localhost:{{port}}{PROXY}/a", False),
    ],
)
def test_credentials_go_to_the_tracking_server_and_to_nobody_else(uri: str, sent: bool) -> None:
    seen: list[str | None] = []

    class Peer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Peer) as peer:
        threading.Thread(target=peer.serve_forever, daemon=True).start()
        port = peer.server_port
        store = open_artifact_store(
            uri.format(port=port),
            tracking_uri=f"http://127.0.0.1:{port}",
            authorization="Bearer secret",
        )
        assert isinstance(store, ProxyArtifactStore)
        store.list(ArtifactPath(""))
        store.close()
        peer.shutdown()
    assert seen == ["Bearer secret" if sent else None]


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/prefix",
        "gs://bucket/prefix",
        "az://container/prefix",
        "abfss://container@account.dfs.core.windows.net/prefix",
        "wasbs://container@account.blob.core.windows.net/prefix",
    ],
)
def test_cloud_location_opens_an_object_store(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    store = open_artifact_store(uri)
    assert isinstance(store, ObjectArtifactStore)
    assert store.uri == uri


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "\0",
        "/a\0b",
        "/a/../b",
        "../up",
        "a\\b",
        "/",
        "file:///",
        "file://host/a",
        "file:a",
        "file:///a/%2e%2e/b",
        "file:///a/../b",
        "file:///a?x=1",
        "file:///a#b",
        "file:///a;b",
        "mlflow-artifacts:/../a",
        "mlflow-artifacts:/a/%2e%2e/b",
        "mlflow-artifacts:/a//b",
        "mlflow-artifacts:/a?b",
        "mlflow-artifacts:/a",
        "mlflow-artifacts://h:port/a",
        "http://h/elsewhere",
        "http://169.254.169.254/latest/meta-data",
        "s3://",
        "s3://bucket/../x",
        "s3://bucket/x?y",
        "s3://key:secret@bucket/x",
        "ftp://h/a",
        "dbfs:/a",
        "hdfs://h/a",
        "runs:/1/a",
        "models:/m/1",
        "javascript:alert(1)",
    ],
)
def test_other_location_is_refused(bad: str) -> None:
    with pytest.raises(InvalidInput):
        open_artifact_store(bad)


def test_refused_scheme_is_told_with_what_is_supported() -> None:
    with pytest.raises(InvalidInput, match=r"'ftp' isn't supported.*s3://bucket/prefix"):
        open_artifact_store("ftp://h/a")


def test_proxied_location_can_not_leave_the_local_root(tmp_path: Path) -> None:
    for bad in (
        "mlflow-artifacts:/..",
        "mlflow-artifacts:/a/%252e%252e/b",
        f"mlflow-artifacts:/{HIDDEN}",
    ):
        with pytest.raises(InvalidInput):
            open_artifact_store(bad, root=tmp_path)


def test_cloud_store_without_obstore_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingExtra, match=r"pip install 'assay\[cloud\]'"):
        open_artifact_store("s3://bucket/prefix")


def test_root_listing_of_an_absent_folder_is_empty(tmp_path: Path) -> None:
    assert open_artifact_store(str(tmp_path / "none")).list(ArtifactPath("")) == []

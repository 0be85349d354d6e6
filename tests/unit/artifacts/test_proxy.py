"""The proxy client against servers that break off, damage, know no ranges, or lie."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from assay.artifacts.base import WHOLE, ByteRange
from assay.artifacts.proxy import ProxyArtifactStore
from assay.artifacts.routes import PROXY_ROUTE, SHA256_HEADER
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import (
    ArtifactNotFound,
    Corrupted,
    InvalidInput,
    PermissionDenied,
    RemoteError,
    StoreFull,
    StoreUnavailable,
)

A = artifact_path
CONTENT = bytes(range(256)) * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()

Answer = Callable[[BaseHTTPRequestHandler], None]


class Peer:
    """A real HTTP server whose answer each test decides, and the requests that it got."""

    def __init__(self) -> None:
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                peer.requests.append((self.command, self.path, dict(self.headers.items())))
                peer.answer(self)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.answer: Answer = lambda request: send(request, 404)

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Clients that hang up in the middle are what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def send(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)


def body_of(request: BaseHTTPRequestHandler) -> bytes:
    return request.rfile.read(int(request.headers["Content-Length"]))


def cut(request: BaseHTTPRequestHandler, body: bytes, size: int, **headers: str) -> None:
    """Announce all of ``body``, send only a part, and hang up."""
    start = int(request.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
    request.send_response(206 if start else 200)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body) - start))
    request.end_headers()
    request.wfile.write(body[start : start + size])
    request.close_connection = True


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def store(peer: Peer) -> Iterator[ProxyArtifactStore]:
    store = ProxyArtifactStore(peer.url, "top", headers={"Authorization": "Bearer token"})
    yield store
    store.close()


def content_of(store: ProxyArtifactStore, byte_range: ByteRange = WHOLE) -> bytes:
    return b"".join(store.read(A("f"), byte_range))


def test_broken_download_is_taken_up_where_it_stopped(
    peer: Peer, store: ProxyArtifactStore
) -> None:
    peer.answer = lambda request: cut(
        request, CONTENT, 2_000_000, ETag='"1"', **{SHA256_HEADER.replace("-", "_"): SHA256}
    )
    assert content_of(store) == CONTENT
    ranges = [headers.get("Range") for _, _, headers in peer.requests]
    assert ranges[0] is None
    assert len(ranges) == 3
    assert all(r is not None and not r.startswith("bytes=0-") for r in ranges[1:])


def test_file_that_changed_while_the_download_was_broken_is_not_mixed(
    peer: Peer, store: ProxyArtifactStore
) -> None:
    peer.answer = lambda request: cut(request, CONTENT, 2_000_000, ETag=f'"{len(peer.requests)}"')
    with pytest.raises(StoreUnavailable, match="may have changed"):
        content_of(store)


def test_download_that_never_ends_well_is_given_up(peer: Peer, store: ProxyArtifactStore) -> None:
    peer.answer = lambda request: cut(request, CONTENT, 10, ETag='"1"')
    with pytest.raises(StoreUnavailable, match="broke off"):
        content_of(store)
    assert len(peer.requests) < 20


def test_damaged_download_is_told(peer: Peer, store: ProxyArtifactStore) -> None:
    peer.answer = lambda request: send(
        request, 200, CONTENT[:-1] + b"!", **{SHA256_HEADER.replace("-", "_"): SHA256}
    )
    with pytest.raises(Corrupted):
        content_of(store)


def test_range_works_with_a_server_that_knows_none(peer: Peer, store: ProxyArtifactStore) -> None:
    peer.answer = lambda request: send(request, 200, CONTENT)
    for start, end in [(0, 10), (3_000_000, 3_000_010), (5_000_000, None)]:
        assert content_of(store, ByteRange(start, end)) == CONTENT[start:end]


def test_damaged_upload_is_told(peer: Peer, store: ProxyArtifactStore) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        body_of(request)
        send(request, 200, b"{}", **{SHA256_HEADER.replace("-", "_"): SHA256})

    peer.answer = answer
    with pytest.raises(Corrupted):
        store.write(A("f"), [b"other"], size_bytes=5)


def test_upload_carries_length_digest_and_token(peer: Peer, store: ProxyArtifactStore) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        assert body_of(request) == CONTENT
        send(request, 200, b"{}")

    peer.answer = answer
    store.write(A("a b/ż#?"), [CONTENT[:9], CONTENT[9:]], sha256=SHA256, size_bytes=len(CONTENT))
    ((method, path, headers),) = peer.requests
    assert (method, path) == ("PUT", f"{PROXY_ROUTE}/top/a%20b/%C5%BC%23%3F")
    assert headers[SHA256_HEADER] == SHA256
    assert headers["Authorization"] == "Bearer token"


def test_error_of_the_content_itself_is_not_taken_for_one_of_the_network(
    peer: Peer, store: ProxyArtifactStore
) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x"
        raise OSError("the disk it is read from")

    with pytest.raises(OSError, match="the disk it is read from"):
        store.write(A("f"), broken())


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "RESOURCE_DOES_NOT_EXIST", ArtifactNotFound),
        (400, "INVALID_PARAMETER_VALUE", InvalidInput),
        (401, "UNAUTHENTICATED", PermissionDenied),
        (403, "PERMISSION_DENIED", PermissionDenied),
        (413, "", InvalidInput),
        (500, "DATA_LOSS", Corrupted),
        (500, "INTERNAL_ERROR", RemoteError),
        (503, "TEMPORARILY_UNAVAILABLE", StoreUnavailable),
        (502, "", StoreUnavailable),
        (507, "TEMPORARILY_UNAVAILABLE", StoreFull),
        (302, "", RemoteError),
    ],
)
def test_refusal_is_raised_as_its_class(
    peer: Peer, store: ProxyArtifactStore, status: int, code: str, kind: type[Exception]
) -> None:
    body = json.dumps({"error_code": code, "message": "said so"}).encode()
    peer.answer = lambda request: send(request, status, body, Location="http://elsewhere.invalid/")
    with pytest.raises(kind, match=r"said so|No artifact"):
        store.delete(A("f"))


def test_answer_that_is_no_json_is_still_an_error(peer: Peer, store: ProxyArtifactStore) -> None:
    peer.answer = lambda request: send(request, 502, b"<html>Bad \xff Gateway</html>")
    with pytest.raises(StoreUnavailable, match="Bad"):
        store.list(ArtifactPath(""))
    peer.answer = lambda request: send(request, 200, b"<html>a login page</html>")
    with pytest.raises(StoreUnavailable, match="doesn't answer like a tracking server"):
        store.list(ArtifactPath(""))


def test_unreachable_server_is_told_without_credentials() -> None:
    store = ProxyArtifactStore("http://user:secret@127.0.0.1:9", "top")
    with pytest.raises(StoreUnavailable, match="can't be reached") as raised:
        store.list(ArtifactPath(""))
    assert "secret" not in str(raised.value)
    assert "secret" not in store.uri


def test_listed_names_that_are_no_names_are_left_out(peer: Peer, store: ProxyArtifactStore) -> None:
    names = ["..", "", "/", "a\\b", "%2e%2e", "x\ny", ".assay-store", "fine", "deep/er"]
    files = [{"path": name, "is_dir": False, "file_size": "12"} for name in names]
    peer.answer = lambda request: send(request, 200, json.dumps({"files": files}).encode())
    assert [(i.path, i.file_size) for i in store.list(ArtifactPath(""))] == [
        ("er", 12),
        ("fine", 12),
    ]


def test_parts_for_another_host_go_there_without_the_token(
    peer: Peer, store: ProxyArtifactStore
) -> None:
    other = Peer()
    try:

        def answer(request: BaseHTTPRequestHandler) -> None:
            body_of(request)
            part: dict[str, object] = {
                "url": f"{other.url}/bucket/f?partNumber=1",
                "part_number": 1,
            }
            part["headers"] = {"x-ms-blob-type": "BlockBlob"}
            send(request, 200, json.dumps({"upload_id": "u", "credentials": [part]}).encode())

        def keep(request: BaseHTTPRequestHandler) -> None:
            assert body_of(request) == b"content"
            send(request, 200, ETag='"etag"')

        peer.answer, other.answer = answer, keep
        upload = store.create_upload(A("d/f"), parts=1)
        part = store.write_part(A("d/f"), upload, 1, [b"content"], size_bytes=7)
        assert part.etag == '"etag"'
        ((_, _, headers),) = other.requests
        assert "Authorization" not in headers
        assert headers["x-ms-blob-type"] == "BlockBlob"
        store.complete_upload(A("d/f"), upload, [part])
        assert [path for _, path, _ in peer.requests] == [
            "/api/2.0/mlflow-artifacts/mpu/create/top/d",
            "/api/2.0/mlflow-artifacts/mpu/complete/top/d",
        ]
    finally:
        other.close()

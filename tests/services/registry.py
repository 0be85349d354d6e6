"""A registry of images, as far as the OCI distribution specification 1.1 tells how one is pushed
and pulled; with a user and a password.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

USER, PASSWORD = "pusher", "of images"
_LOGIN = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Registry(ThreadingHTTPServer):
    """Keeps what is pushed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kept: dict[str, bytes] = {}
        """Blobs and manifests, by path."""
        self.kinds: dict[str, str] = {}

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


@contextmanager
def running() -> Iterator[Registry]:
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Registry

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        for verb in ("GET", "HEAD", "POST", "PATCH", "PUT"):
            setattr(self, f"do_{verb}", self._checked)
        super().handle_one_request()

    def _checked(self) -> None:
        body = self._body()
        if self.headers.get("Authorization") != _LOGIN:
            self._answer(401, headers={"WWW-Authenticate": 'Basic realm="registry"'})
            return
        getattr(self, f"_{self.command.lower()}")(urlsplit(self.path).path, body)

    def _get(self, path: str, _body: bytes) -> None:
        if path == "/v2/":
            self._answer(200)
        elif path in self.server.kept:
            content = self.server.kept[path]
            kind = self.server.kinds.get(path, "application/octet-stream")
            self._answer(200, content, {"Content-Type": kind, **_digest(content)})
        else:
            self._answer(404)

    _head = _get

    def _post(self, path: str, _body: bytes) -> None:
        place = f"{path}{len(self.server.kept)}-{threading.get_ident()}"
        self.server.kept[place] = b""
        self._answer(202, headers={"Location": place, "Range": "0-0"})

    def _patch(self, path: str, body: bytes) -> None:
        self.server.kept[path] += body
        end = len(self.server.kept[path]) - 1
        self._answer(202, headers={"Location": path, "Range": f"0-{end}"})

    def _put(self, path: str, body: bytes) -> None:
        if "/manifests/" in path:
            repository = path.partition("/manifests/")[0]
            digest = _digest(body)["Docker-Content-Digest"]
            for place in (path, f"{repository}/manifests/{digest}"):
                self.server.kept[place] = body
                self.server.kinds[place] = self.headers["Content-Type"]
            self._answer(201, headers={"Location": path, **_digest(body)})
            return
        content = self.server.kept.pop(path) + body
        (digest,) = parse_qs(urlsplit(self.path).query)["digest"]
        place = re.sub(r"/uploads/.*", f"/{digest}", path)
        self.server.kept[place] = content
        self._answer(201, headers={"Location": place, **_digest(content)})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _answer(
        self, status: int, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _digest(content: bytes) -> dict[str, str]:
    return {"Docker-Content-Digest": f"sha256:{hashlib.sha256(content).hexdigest()}"}

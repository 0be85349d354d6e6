"""A server that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple


class Seen(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Said(NamedTuple):
    status: int = 200
    body: object = None
    headers: Mapping[str, str] = MappingProxyType({})
    hang_up: bool = False


class ScriptedServer:
    """Answers requests one after the other from a list; the last answer repeats."""

    def __init__(self, *answers: Said) -> None:
        self.answers = list(answers)
        self.seen: list[Seen] = []
        self.connections = 0
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                script.connections += 1
                super().setup()

            def log_message(self, *args: object) -> None:
                pass

            def _answer(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                headers = {k.lower(): v for k, v in self.headers.items()}
                script.seen.append(Seen(self.command, self.path, headers, self.rfile.read(size)))
                said = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                if said.hang_up:
                    self.close_connection = True
                    return
                raw = (
                    said.body
                    if isinstance(said.body, bytes)
                    else json.dumps(said.body or {}).encode()
                )
                self.send_response(said.status)
                for key, value in said.headers.items():
                    self.send_header(key, value)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PATCH = do_DELETE = _answer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


Serve = Callable[..., ScriptedServer]

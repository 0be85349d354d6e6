"""A reverse proxy that shows a server below a path prefix, as nginx or JupyterHub do."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_PIECE_BYTES = 1 << 16


@contextmanager
def behind_prefix(server_url: str, prefix: str) -> Iterator[str]:
    """The address, without a slash at its end, at which the server is seen while this lasts."""

    class Passing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass()

        def do_POST(self) -> None:
            self._pass()

        def _pass(self) -> None:
            if not self.path.startswith(prefix + "/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            onward = http.client.HTTPConnection(urlsplit(server_url).netloc, timeout=60)
            with suppress(OSError):  # a browser that left, or a server that has been stopped
                # The headers hold the Host by which the browser knows the proxy: it is passed on.
                onward.request(
                    self.command, self.path.removeprefix(prefix), body, dict(self.headers)
                )
                answer = onward.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("connection", "close")
                self.end_headers()
                while piece := answer.read1(_PIECE_BYTES):
                    self.wfile.write(piece)
            onward.close()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: it would stand between the tests' own output."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    proxy.daemon_threads = True
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}{prefix}"
    finally:
        proxy.shutdown()
        thread.join()
        proxy.socket.close()

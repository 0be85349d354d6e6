"""A real scoring server, and models of a registry for it to serve."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3

_URL = re.compile(r"https?://\S+")


class ScoringServer:
    """``assay serve`` in a process of its own, on a free port. A context."""

    def __init__(
        self,
        folder: Path,
        *uris: str,
        options: tuple[str, ...] = (),
        authority: str | None = None,
        **env: str,
    ) -> None:
        """``authority``: file of the certificates that are trusted to vouch for the server."""
        self.folder = folder
        self.log = folder / "serving.log"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "MLFLOW_"))}
        self._command = [sys.executable, "-m", "assay", "serve", *uris, "--port", "0", *options]
        self._environment = {**kept, "PYTHONUNBUFFERED": "1", **env}
        self.process: subprocess.Popen[str] | None = None
        self.url = ""
        self.pool = urllib3.PoolManager(maxsize=16, ca_certs=authority, retries=False)

    def __enter__(self) -> ScoringServer:
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                self._command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
                env=self._environment,
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        found = _URL.search(said)
        if found is None:
            self.__exit__()
            raise AssertionError(f"it did not start: {said}{self.log.read_text()}")
        self.url = found[0]
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.pool.clear()

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """A GET request."""
        return self.pool.request("GET", self.url + path, headers=headers)

    def post(self, path: str, body: Any, **headers: str) -> urllib3.BaseHTTPResponse:
        """A POST request; what isn't bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named = {"content-type": "application/json", **named}
        return self.pool.request("POST", self.url + path, body=content, headers=named)

    def workers(self) -> list[int]:
        """The worker processes."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_until(is_so: Callable[[], Any], what: str, *, limit_s: float = 90) -> Any:
    """What ``is_so`` gives, as soon as that is something."""
    until = time.monotonic() + limit_s
    while not (found := is_so()):
        assert time.monotonic() < until, f"waited {limit_s} s for {what}"
        time.sleep(0.02)
    return found

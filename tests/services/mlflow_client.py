"""A real Assay server, and the real mlflow clients of PyPI that talk to it.

The client of MLflow 3 is part of the development environment, the last of MLflow 2 has one of its
own, made by ``tests/services/install.sh``. Each runs in a process of its own, for all checks of a
session: importing mlflow takes seconds, and its warnings are not ours.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
import urllib3

from assay.server.settings import ServerSettings

ROOT = Path(__file__).resolve().parents[2]
MLFLOW_2_PYTHON = ROOT / ".env-mlflow2" / "bin" / "python"

START_LIMIT_S = 90
_SERVE = """
import sys, msgspec
from assay.server.run import serve
from assay.server.settings import ServerSettings
settings = msgspec.json.decode(sys.argv[1], type=ServerSettings)
serve(settings, started=lambda url: print(url, flush=True))
"""


class ServerProcess:
    """``assay.server`` in a process of its own, on a free port, over a fresh store in
    ``folder``.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.settings = ServerSettings(
            **{
                "port": 0,
                "store_uri": f"sqlite:///{folder}/assay.db",
                "artifacts_uri": str(folder / "artifacts"),
                **settings,
            }
        )
        self.log = folder / "server.log"
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> str:
        """Start it and wait until it says that it answers; returns its URL."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, msgspec.json.encode(self.settings).decode()],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
            )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, f"the server did not start:\n{self.log.read_text()}"
        return self.url

    def stop(self, number: int = signal.SIGTERM, *, timeout_s: float = 15) -> int:
        """End it with a signal; returns the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout_s)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()


class ClientProcess:
    """A process with a real mlflow client, which runs the checks of ``tests/compat/surface``."""

    def __init__(self, python: Path) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            "GIT_PYTHON_REFRESH": "quiet",
        }
        self._process = subprocess.Popen(
            [str(python), "-m", "tests.compat.driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )

    def run(self, check: str, *, url: str, folder: Path) -> None:
        """Run one check against the server at ``url``; fails with the client's traceback."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"check": check, "url": url, "folder": str(folder)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the client's process has ended"
        problem = json.loads(line)["problem"]
        if problem:
            pytest.fail(f"{check}\n{problem}", pytrace=False)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture(scope="session")
def assay_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests of a session that don't disturb each other."""
    server = ServerProcess(tmp_path_factory.mktemp("server"), webhook_allow=("127.0.0.1",))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mlflow_clients() -> Iterator[dict[Literal["2", "3"], ClientProcess]]:
    """The two clients by the first digit of their version, started when first used."""
    clients = _Clients()
    yield clients
    for client in clients.values():
        client.close()


class _Clients(dict[Literal["2", "3"], ClientProcess]):
    def __missing__(self, version: Literal["2", "3"]) -> ClientProcess:
        python = Path(sys.executable) if version == "3" else MLFLOW_2_PYTHON
        assert python.exists(), "the environment of mlflow 2 is made by tests/services/install.sh"
        self[version] = ClientProcess(python)
        return self[version]


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real, plain MLflow server."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("mlflow")),
        "server",
        "--port",
        str(port),
        "--workers",
        "1",
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--default-artifact-root",
        str(folder / "artifacts"),
    ]
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
            env={
                **os.environ,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                # Three more processes, each of which imports all of mlflow.
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },
        )
        try:
            with urllib3.PoolManager(retries=False) as pool:
                _wait_until_healthy(pool, url, process, folder / "log")
            yield url
        finally:
            # Its workers are in the session that was started for it.
            os.killpg(process.pid, 15)
            process.wait(30)


def _wait_until_healthy(
    pool: urllib3.PoolManager, url: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            if pool.request("GET", url + "/health", timeout=2).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.2)
    pytest.fail(log.read_text())

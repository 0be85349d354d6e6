"""The servers that are compared: start one, know when it answers and what memory it holds, end
it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.environments import python

START_TIMEOUT_S = 120


class Server(NamedTuple):
    """A server that answers."""

    url: str
    start_s: float
    """From the start of the process until ``/health`` answered."""
    pid: int


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _command(tool: str, folder: Path, port: int) -> list[str]:
    script = str(python(tool).parent / tool)
    common = ["--host", "127.0.0.1", "--port", str(port)]
    if tool == "assay":
        store = ["--backend-store-uri", f"sqlite:///{folder}/assay.db"]
    else:
        store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    return [script, "server", *common, *store, "--artifacts-destination", f"{folder}/artifacts"]


@contextmanager
def running(tool: str, folder: Path) -> Iterator[Server]:
    """A server of ``tool`` over a fresh SQLite store in ``folder``."""
    port = free_port()
    with (folder / "server.log").open("wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            _command(tool, folder, port), stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _await_health(url, process, folder)
        yield Server(url, time.perf_counter() - began, process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_health(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit((folder / "server.log").read_text())
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"no answer from {url} within {START_TIMEOUT_S} s")


def memory(pid: int) -> dict[str, float]:
    """Resident MB of a process and all below it, and how many they are."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    family = {pid}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    resident = sum(_resident_kb(member) for member in family)
    return {"idle_mb": resident * 1024 / 1e6, "processes": len(family)}


def _resident_kb(pid: int) -> int:
    # The proportional share, so that pages which processes have in common count once.
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0

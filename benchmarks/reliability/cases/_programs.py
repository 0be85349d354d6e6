"""Programs that cases start and end: training scripts, commands, servers on a port that stays."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from tests.services.mlflow_client import ServerProcess

START = 1_700_000_000_000
"""A time for points and runs that is nobody's now."""


def start_script(
    script: str, *arguments: object, folder: Path, **variables: str
) -> subprocess.Popen[str]:
    """Start a Python script in ``folder``; its output and complaints are pipes."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "MLFLOW_"))}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        cwd=folder,
        env={**kept, "PYTHONUNBUFFERED": "1", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str], *, timeout_s: float = 300) -> tuple[str, str]:
    """Wait until it ends; returns what it said and what it complained about."""
    try:
        return process.communicate(timeout=timeout_s)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def run_assay(
    *arguments: object, folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of ``assay`` to its end."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "MLFLOW_"))}
    return subprocess.run(
        [sys.executable, "-m", "assay", *map(str, arguments)],
        cwd=folder,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def server_on_fixed_port(folder: Path, **settings: Any) -> ServerProcess:
    """A server, not started, that listens on the same port after each start."""
    folder.mkdir(exist_ok=True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return ServerProcess(folder, port=port, **settings)

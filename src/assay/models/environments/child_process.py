"""Running one of our own programs in a Python process of its own, to its end or to a time limit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_SHOWN_BYTES: Final = 4_000
"""Of a failed process's last words."""


def run_child(
    arguments: Sequence[str],
    request: Mapping[str, Any],
    *,
    output: Path,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a program that reads ``request`` as JSON; returns the last line that it said, or its
    exit code.

    All that it started (a JVM, workers) is ended with it.

    Args:
        arguments: the command, as a list.
        request: goes to its standard input.
        output: the file that takes what it says; made anew.
        timeout_s: seconds until it is killed.
        cwd: where it runs.
        env: its variables; this process's if ``None``.

    Raises:
        TimeoutError: it took too long.
    """
    with output.open("w+b") as sink:
        process = subprocess.Popen(  # noqa: S603 - our own program, an argument list
            arguments,
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.communicate(json.dumps(request).encode(), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"it took over {timeout_s:g} s") from None
        finally:
            _end(process)
        size = sink.seek(0, os.SEEK_END)
        sink.seek(max(0, size - _SHOWN_BYTES))
        said = sink.read().decode("utf-8", "replace").strip()
    return said.splitlines()[-1] if said else f"exit code {process.returncode}"


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()

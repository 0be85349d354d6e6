"""Strays: processes that are left when what started them has ended.

They are known by a variable that all of them inherited: its value is a marker, or several with
colons between, those of commands within commands. Only Linux shows another process's variables;
elsewhere a process that leaves the group of its parent can be left over.
``python -m assay.projects.strays VARIABLE MARKER`` kills those with a marker.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
PATIENCE_S: Final = 1.0
"""Whoever guards a command ends all of it when its parent has died, and gets the time to."""
_LOOK_S: Final = 0.05
_ROUNDS: Final = 3
"""A process may start another while they are looked for."""


def kill_strays(variable: str, marker: str, *, patience_s: float = PATIENCE_S) -> int:
    """Kill the processes with this marker, other than this one; returns how many."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and _processes(variable, marker):
        time.sleep(_LOOK_S)
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        found = _processes(variable, marker)
        if not found:
            break
        killed.update(pid for pid in found if _kill(pid))
    return len(killed)


def kill_strays_later(variable: str, marker: str) -> subprocess.Popen[bytes] | None:
    """Do that in a process of its own, for one that is about to end; ``None``: none can be had."""
    variables = {name: value for name, value in os.environ.items() if name != variable}
    try:
        return subprocess.Popen(  # noqa: S603 - our own program, an argument list
            [sys.executable, "-P", "-m", __name__, variable, marker],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=variables,
            start_new_session=True,
        )
    except OSError:
        return None


def _processes(variable: str, marker: str) -> list[int]:
    try:
        names = [path.name for path in _PROC.iterdir()]
    except OSError:
        return []
    begin, sought = f"{variable}=".encode(), marker.encode()
    pids = [int(name) for name in names if name.isdecimal()]
    return [pid for pid in pids if pid != os.getpid() and sought in _markers(pid, begin)]


def _markers(pid: int, begin: bytes) -> list[bytes]:
    try:
        content = (_PROC / f"{pid}/environ").read_bytes()
    except OSError:
        # It has ended, or is somebody else's, so none of ours.
        return []
    for entry in content.split(b"\0"):
        if entry.startswith(begin):
            return entry[len(begin) :].split(b":")
    return []


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    kill_strays(sys.argv[1], sys.argv[2])

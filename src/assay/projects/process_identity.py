"""Process identity: whether a process of this machine is still the one that it was.

A number alone is used again some time later; with the time of its start it stands for one process.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

_ZOMBIE: Final = "Z"


def process_start(pid: int) -> str | None:
    """When a process was started, in a form without spaces; ``None`` if there is none.

    A process that has ended and that nobody asked about counts as none.
    """
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _told_by_ps(pid)
    except OSError:
        return None
    # The name in parentheses may hold anything; see proc(5).
    fields = told.rpartition(")")[2].split()
    return None if fields[0] == _ZOMBIE else fields[19]


def is_alive(pid: int, started: str) -> bool:
    """Whether the process with this number is the one that was started then."""
    return process_start(pid) == (started or None)


def _told_by_ps(pid: int) -> str | None:
    done = subprocess.run(  # noqa: S603 - fixed words and a number
        ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)],
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, started = done.stdout.strip().partition(" ")
    if not started or state.startswith(_ZOMBIE):
        return None
    return "_".join(started.split())

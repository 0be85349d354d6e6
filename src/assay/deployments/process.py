"""Processes that outlive the one that starts them.

They get a session of their own and no parent here, so neither the end of a shell nor that of a
program reaches them. A process is known by its id together with the time it was started at: ids
are given out again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from assay.deployments.asking import wait_until

# The second process is nobody's child once the first has ended: the system takes it over, and
# nobody here has to wait for it.
_LAUNCHER: Final = """
import os, sys
child = os.fork()
if child:
    os.write(1, b"%d" % child)
    os._exit(0)
os.setsid()
os.dup2(2, 1)
os.execv(sys.argv[1], sys.argv[1:])
"""
_LAUNCH_TIMEOUT_S: Final = 30
_KILLED_S: Final = 5.0
_PROC: Final = Path("/proc")
"""Linux has it; elsewhere ``ps`` is asked."""


class Process(msgspec.Struct, frozen=True):
    """A process, whether it still runs or not."""

    pid: int
    started: str
    """What the system says of its start; empty where it says nothing."""

    @property
    def is_alive(self) -> bool:
        """Whether this very process runs. One that has ended and isn't taken note of doesn't."""
        return bool(self.started) and _started(self.pid) == self.started


def launch(
    command: Sequence[str], *, log: Path, folder: Path, variables: Mapping[str, str]
) -> Process:
    """Start a program that goes on by itself; all that it writes is appended to ``log``.

    Args:
        command: its absolute path and its arguments.
        log: made for this user alone if it isn't there.
        folder: its working directory.
        variables: its environment.

    Raises:
        OSError: it can't be started.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    out = os.open(log, flags, 0o600)
    try:
        done = subprocess.run(  # noqa: S603 - an argument list
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=out,
            cwd=folder,
            env=dict(variables),
            check=True,
            timeout=_LAUNCH_TIMEOUT_S,
        )
    except subprocess.SubprocessError as error:
        raise OSError(f"the program can't be started: {error}") from error
    finally:
        os.close(out)
    pid = int(done.stdout)
    return Process(pid, _started(pid))


def stop(process: Process, *, timeout_s: float) -> None:
    """End a process: politely, and after ``timeout_s`` by force. One that has ended is no error."""
    if not _send(process, signal.SIGTERM):
        return
    if wait_until(lambda: not process.is_alive, timeout_s=timeout_s):
        return
    _send(process, signal.SIGKILL)
    wait_until(lambda: not process.is_alive, timeout_s=_KILLED_S)


def _send(process: Process, number: signal.Signals) -> bool:
    if not process.is_alive:
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _started(pid: int) -> str:
    """When a process was started, in the system's own words; empty if it doesn't run."""
    if pid <= 0:
        return ""
    if _PROC.is_dir():
        return _started_linux(pid)
    done = subprocess.run(  # noqa: S603 - an argument list
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C"},
    )
    state, _, started = done.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


def _started_linux(pid: int) -> str:
    try:
        text = (_PROC / f"{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    # The name in parentheses may hold anything. Fields after it: state, …, start time (proc(5)).
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else f"{boot} {fields[19]}"

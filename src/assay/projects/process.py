"""Process: one command with all that it starts, run to its end, a time limit, or a wish to stop.

It gets a session of its own, so that a Ctrl-C at the terminal reaches us first, and a signal of
ours all of it. What left that session is known by a variable. A guard ends all of it if this
process dies without having said goodbye: nothing is left running.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from assay.errors import InvalidInput
from assay.projects.logs import RunLog
from assay.projects.strays import kill_strays

GRACE_S: Final = 10.0
"""Between the request to end and the kill: time to save a checkpoint. Schedulers give as much."""
_FIRST_LOOK_S: Final = 0.001
_LAST_LOOK_S: Final = 0.02
LINEAGE_VARIABLE: Final = "ASSAY_LINEAGE"
"""Markers of the commands that a process belongs to, outermost first, with colons between."""
_GUARD: Final = 'read -r _; kill -s KILL -- "-$1" 2>/dev/null; shift; exec "$@"'
_KILL_STRAYS: Final = (sys.executable, "-P", "-m", "assay.projects.strays", LINEAGE_VARIABLE)


class Ended(msgspec.Struct, frozen=True):
    """How a command ended."""

    exit_code: int
    """Below 0: by that signal."""
    stopped: bool = False
    """Because it was wished."""
    timed_out: bool = False


def run_command(
    arguments: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str],
    log: RunLog,
    stop: threading.Event,
    timeout_s: float = 0,
    if_lost: Sequence[str] = (),
) -> Ended:
    """Run a command to its end; its output goes to ``log``.

    Args:
        arguments: the argument list.
        folder: where it runs.
        variables: its environment, whole.
        log: takes what it prints.
        stop: end it when this is set.
        timeout_s: end it after so many seconds; 0: never.
        if_lost: a program that is run if this process dies before the command has ended; it gets
            the command's marker as its last argument, and this process's variables.

    Raises:
        InvalidInput: there is no such program, or the arguments are too long.
    """
    marker = uuid.uuid4().hex
    lineage = ":".join(filter(None, (os.environ.get(LINEAGE_VARIABLE), marker)))
    process = _started(arguments, folder, {**variables, LINEAGE_VARIABLE: lineage})
    guard, pipe = _guard(process.pid, [*(if_lost or _KILL_STRAYS), marker])
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        log.pump(process.stdout, process.stderr)
        ended = _waited(process, stop, timeout_s)
    finally:
        _end_group(process)
        kill_strays(LINEAGE_VARIABLE, marker, patience_s=0)
        log.drain()
        if guard is not None:
            guard.kill()
            guard.wait()
        os.close(pipe)
    return ended


def _started(
    arguments: Sequence[str], folder: Path, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - an argument list; see assay.projects.command
            list(arguments),
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise InvalidInput(
            f"There is no program {arguments[0]!r} in the project's environment."
        ) from None
    except (OSError, ValueError) as error:
        raise InvalidInput(f"The command {arguments[0]!r} can't be run: {error}.") from None


def _guard(group: int, program: Sequence[str]) -> tuple[subprocess.Popen[bytes] | None, int]:
    """A process that kills the group when our death closes our end of a pipe, then is a program."""
    theirs, ours = os.pipe()
    # It belongs to no command itself: what ends the command around us must not end it.
    variables = {name: value for name, value in os.environ.items() if name != LINEAGE_VARIABLE}
    try:
        guard = subprocess.Popen(  # noqa: S603 - fixed words
            ["/bin/sh", "-c", _GUARD, "sh", str(group), *program],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=variables,
            start_new_session=True,
        )
    except OSError:
        guard = None  # no process to be had: the command itself may still get through
    finally:
        os.close(theirs)
    return guard, ours


def _waited(process: subprocess.Popen[bytes], stop: threading.Event, timeout_s: float) -> Ended:
    deadline = time.monotonic() + timeout_s if timeout_s > 0 else float("inf")
    pause = _FIRST_LOOK_S
    while process.poll() is None:
        if stop.wait(pause):
            return Ended(_ended_gently(process), stopped=True)
        if time.monotonic() > deadline:
            return Ended(_ended_gently(process), timed_out=True)
        pause = min(pause * 1.5, _LAST_LOOK_S)
    return Ended(int(process.returncode))


def _ended_gently(process: subprocess.Popen[bytes]) -> int:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        return process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        _end_group(process)
        return process.wait()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """What the command left behind ends with it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

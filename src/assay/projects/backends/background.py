"""Background: launches that a process of its own carries out, which outlives the shell.

The process is this module as a program: it reads from its standard input which backend shall carry
out which launch. Its id is a tag of the run, so ``assay runs stop`` finds it.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final

import msgspec

from assay.client.client import Client
from assay.entities import tags
from assay.entities.runs import Run, RunStatus
from assay.errors import AssayError, InvalidInput
from assay.fluent.reading import client_for
from assay.projects.backends import backend
from assay.projects.backends.base import Status
from assay.projects.execute import location_of
from assay.projects.launch import Launch
from assay.projects.lost import LOST_REASON
from assay.projects.process import GRACE_S, LINEAGE_VARIABLE
from assay.projects.process_identity import is_alive, process_start

_LOOK_S: Final = 0.1
_ENDED: Final = (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)


class Order(msgspec.Struct, frozen=True):
    """What the process shall do."""

    backend: str
    launch: Launch
    config: dict[str, Any] = {}


def begin(name: str, launch: Launch, config: Mapping[str, Any]) -> ProcessRun:
    """Start a process that carries the launch out and doesn't end with this shell.

    Args:
        name: of the backend.
        launch: what to run.
        config: the backend's settings, as they were given.
    """
    left = {key: value for key, value in config.items() if key != "background"}
    order = msgspec.json.encode(Order(name, launch, left))
    location = location_of(launch)
    client = client_for(location)
    process = subprocess.Popen(  # noqa: S603 - an argument list
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**_outside(os.environ), "ASSAY_TRACKING_URI": location.opening_uri},
        start_new_session=True,
    )
    started = process_start(process.pid) or ""
    client.set_tag(
        launch.run_id, tags.PROJECT_PROCESS, f"{platform.node()} {process.pid} {started}"
    )
    assert process.stdin is not None
    with process.stdin, contextlib.suppress(BrokenPipeError):
        process.stdin.write(order)
    # As our child it would stay in the list of processes after its end, were it not waited for.
    threading.Thread(target=process.wait, name="assay-background-run", daemon=True).start()
    return ProcessRun(launch.run_id, client, process.pid, started)


def _outside(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a process that doesn't end with the command around this one."""
    return {name: value for name, value in variables.items() if name != LINEAGE_VARIABLE}


def attach(run: Run, client: Client) -> ProcessRun:
    """The background run that was begun by another process.

    Raises:
        InvalidInput: it runs in the foreground of another process, or on another machine.
    """
    told = run.data.tags.get(tags.PROJECT_PROCESS, "").split(" ")
    if len(told) != 3 or told[0] != platform.node() or not told[1].isdecimal():
        where = f"on {told[0]}" if len(told) == 3 else "in the foreground of another process"
        raise InvalidInput(f"Run {run.info.run_id} runs {where}: end it there.")
    return ProcessRun(run.info.run_id, client, int(told[1]), told[2])


class ProcessRun:
    """A launch that a process of its own carries out, which this process may have started."""

    def __init__(self, run_id: str, client: Client, pid: int, started: str) -> None:
        self._run_id, self._client = run_id, client
        self._pid, self._started = pid, started

    @property
    def run_id(self) -> str:
        """Of the run."""
        return self._run_id

    def wait(self) -> bool:
        """Until it has ended; whether it finished well. Ctrl-C cancels it."""
        try:
            while self._lives():
                time.sleep(_LOOK_S)
        except KeyboardInterrupt:
            self.cancel()
        return self.get_status() == "FINISHED"

    def get_status(self) -> Status:
        """Its status now. One whose process was killed is marked FAILED by whoever asks first."""
        lives = self._lives()
        status = self._client.get_run(self._run_id).info.status
        if status in _ENDED or lives:
            return status.value
        return self._lost(LOST_REASON, RunStatus.FAILED)

    def cancel(self) -> None:
        """End it with all that it started. Nothing, if it has ended."""
        if not self._lives():
            self.get_status()
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)
        deadline = time.monotonic() + 2 * GRACE_S
        while self._lives():
            if time.monotonic() > deadline:
                # Its guard ends the command.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGKILL)
                break
            time.sleep(_LOOK_S)
        if self._client.get_run(self._run_id).info.status not in _ENDED:
            self._lost("It was stopped.", RunStatus.KILLED)

    def _lives(self) -> bool:
        return is_alive(self._pid, self._started)

    def _lost(self, why: str, status: RunStatus) -> Status:
        with contextlib.suppress(AssayError):
            self._client.set_tag(self._run_id, tags.PROJECT_REASON, why)
        self._client.set_terminated(self._run_id, status)
        return status.value


def main() -> int:
    """Carry out the order that comes in; 0 if the run finished well."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        submitted = backend(order.backend).submit(order.launch, order.config, echo=False)
    except AssayError as error:
        _refused(order.launch, error)
        return 2

    def cancel() -> None:
        stop.wait()
        submitted.cancel()

    # A signal from before it was waited for isn't lost.
    threading.Thread(target=cancel, name="assay-cancel", daemon=True).start()
    return 0 if submitted.wait() else 1


def _refused(launch: Launch, error: AssayError) -> None:
    client = client_for(location_of(launch))
    client.set_tag(launch.run_id, tags.PROJECT_REASON, error.message[:2_000])
    client.set_terminated(launch.run_id, RunStatus.FAILED)


if __name__ == "__main__":
    sys.exit(main())

"""Processes that go on by themselves are known by id and start, and end when they are told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from assay.deployments.process import Process, launch, stop
from tests.services.scoring import wait_until

_DEAF = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
_WAIT = "print('here', flush=True); signal.pause()"


def _start(folder: Path, code: str) -> Process:
    log = folder / "log"
    process = launch(
        [sys.executable, "-c", f"import signal; {code}"],
        log=log,
        folder=folder,
        variables=os.environ,
    )
    wait_until(lambda: "here" in log.read_text(), "its first word")
    return process


def test_it_has_a_session_of_its_own_and_is_nobodys_child(tmp_path: Path) -> None:
    process = _start(tmp_path, _WAIT)
    try:
        assert process.is_alive
        assert os.getsid(process.pid) == process.pid
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(os.getpid())], capture_output=True, text=True
        ).stdout
        assert str(process.pid) not in children.split()
        assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    finally:
        stop(process, timeout_s=10)
    assert not process.is_alive


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    process = _start(tmp_path, _DEAF + _WAIT)

    stop(process, timeout_s=0.1)

    assert not process.is_alive


def test_another_process_with_its_id_is_not_taken_for_it(tmp_path: Path) -> None:
    process = _start(tmp_path, _WAIT)
    before = Process(process.pid, process.started + "0")
    try:
        assert not before.is_alive
        stop(before, timeout_s=1)
        assert process.is_alive
    finally:
        stop(process, timeout_s=10)


def test_one_that_was_killed_is_not_alive(tmp_path: Path) -> None:
    process = _start(tmp_path, _WAIT)

    os.kill(process.pid, signal.SIGKILL)

    wait_until(lambda: not process.is_alive, "its end")

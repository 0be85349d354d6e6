"""Strays: what a job left behind is found and killed, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from assay.projects.queue.orders import JOB_VARIABLE
from assay.projects.strays import kill_strays, kill_strays_later

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows variables")
LIMIT_S = 120.0


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def start(marker: str) -> subprocess.Popen[bytes]:
    """A process of a job that has left every group of it."""
    return subprocess.Popen(
        ["sleep", "600"], env={**os.environ, JOB_VARIABLE: marker}, start_new_session=True
    )


def test_processes_of_the_job_are_killed_and_no_others(
    started: list[subprocess.Popen[bytes]],
) -> None:
    started += [start("j1.a"), start("j1.a"), start("j1.ab"), start("j2.a")]
    assert kill_strays(JOB_VARIABLE, "j1.a") == 2
    assert [process.wait(LIMIT_S) for process in started[:2]] == [-9, -9]
    assert [process.poll() for process in started[2:]] == [None, None]
    begun = time.monotonic()
    assert kill_strays(JOB_VARIABLE, "j1.a", patience_s=3 * LIMIT_S) == 0
    assert time.monotonic() - begun < LIMIT_S, "it waited for processes that have ended"


def test_process_that_is_about_to_end_has_it_done(started: list[subprocess.Popen[bytes]]) -> None:
    started += [start("j3.a")]
    killer = kill_strays_later(JOB_VARIABLE, "j3.a")
    assert killer is not None
    assert killer.wait(LIMIT_S) == 0
    assert started[0].wait(LIMIT_S) == -9

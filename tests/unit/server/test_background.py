"""Background loops of a server process: they go on whatever happens, and end when it does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.errors import StoreUnavailable
from assay.server.background import BackgroundLoop, start_background, stop_loops
from assay.server.run import open_services
from assay.server.settings import ServerSettings

LIMIT_S = 20.0
NEVER_S = 3_600.0


@contextmanager
def running(work: Callable[[threading.Event], bool], *, every_s: float) -> Iterator[BackgroundLoop]:
    loop = BackgroundLoop("test-loop", work, every_s=every_s)
    loop.start()
    try:
        yield loop
    finally:
        loop.stop()
        assert loop.join(LIMIT_S)


class Rounds:
    """Counts rounds, and tells when there were enough."""

    def __init__(self, wanted: int, *, more: bool = False) -> None:
        self.count, self._wanted, self._more = 0, wanted, more
        self.enough = threading.Event()

    def __call__(self, _stopping: threading.Event) -> bool:
        self.count += 1
        if self.count == self._wanted:
            self.enough.set()
        return self._more and self.count < self._wanted


def test_rounds_follow_at_once_while_there_is_more_to_do() -> None:
    rounds = Rounds(5, more=True)
    with running(rounds, every_s=NEVER_S):
        assert rounds.enough.wait(LIMIT_S)
    assert rounds.count == 5


def test_rounds_come_again_after_a_while() -> None:
    rounds = Rounds(3)
    with running(rounds, every_s=0.01):
        assert rounds.enough.wait(LIMIT_S)


def test_woken_loop_looks_at_once() -> None:
    first, second = threading.Event(), threading.Event()

    def work(_stopping: threading.Event) -> bool:
        (second if first.is_set() else first).set()
        return False

    with running(work, every_s=NEVER_S) as loop:
        assert first.wait(LIMIT_S)
        loop.wake()
        assert second.wait(LIMIT_S)


@pytest.mark.parametrize("error", [ValueError("odd"), StoreUnavailable("away")])
def test_loop_survives_what_a_round_raises_and_says_so(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    again = threading.Event()
    failed: list[Exception] = []

    def work(_stopping: threading.Event) -> bool:
        if not failed:
            failed.append(error)
            raise error
        again.set()
        return False

    with caplog.at_level(logging.WARNING), running(work, every_s=0.01):
        assert again.wait(LIMIT_S)
    assert "test-loop" in caplog.text


def test_round_under_way_is_told_that_the_process_ends() -> None:
    started = threading.Event()

    def work(stopping: threading.Event) -> bool:
        started.set()
        assert stopping.wait(LIMIT_S)
        return True

    with running(work, every_s=NEVER_S):
        assert started.wait(LIMIT_S)


def test_loop_that_hangs_does_not_keep_the_process(caplog: pytest.LogCaptureFixture) -> None:
    started, release = threading.Event(), threading.Event()

    def work(_stopping: threading.Event) -> bool:
        started.set()
        return not release.wait(LIMIT_S)

    loop = BackgroundLoop("stuck", work, every_s=NEVER_S)
    loop.start()
    assert started.wait(LIMIT_S)
    with caplog.at_level(logging.WARNING):
        stop_loops([loop], timeout_s=0.01)
    assert "stuck is still at work" in caplog.text
    release.set()
    assert loop.join(LIMIT_S)


def test_closing_the_services_ends_all_loops(tmp_path: Path) -> None:
    settings = ServerSettings(
        store_uri=f"sqlite:///{tmp_path}/assay.db", artifacts_uri=str(tmp_path / "artifacts")
    )
    services = open_services(settings)
    before = set(threading.enumerate())
    start_background(services)
    loops = {thread for thread in threading.enumerate() if thread not in before}
    assert {loop.name for loop in loops} >= {"assay-rules", "assay-webhooks"}
    services.close()
    assert not any(thread.is_alive() for thread in loops)

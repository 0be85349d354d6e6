"""The copy of what a program prints."""

from __future__ import annotations

import io
import logging
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.context import output
from assay.context.output import OutputLog, start_output_log, stop_output_log


@pytest.fixture
def log() -> Iterator[OutputLog]:
    made = start_output_log()
    assert made is not None
    yield made
    stop_output_log(made)
    made.close()


def test_both_streams_and_handlers_made_before_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    log = start_output_log()
    assert log is not None
    print("out")
    print("err", file=sys.stderr)
    handler.emit(logging.makeLogRecord({"msg": "logged"}))
    sys.stdout.write("no newline")
    stop_output_log(log)
    print("\nafterwards")
    assert log.content() == b"out\nerr\nlogged\nno newline"
    log.close()
    assert capsys.readouterr() == ("out\nno newline\nafterwards\n", "err\nlogged\n")


def test_streams_are_as_before_when_the_last_log_stops() -> None:
    stream, write = sys.stdout, sys.stdout.write
    first, second = start_output_log(), start_output_log()
    assert first is not None
    assert second is not None
    assert sys.stdout is stream
    stop_output_log(first)
    print("x")
    stop_output_log(second)
    assert sys.stdout.write == write
    assert first.content() == b""
    assert second.content() == b"x\n"
    first.close()
    second.close()


def test_no_file_has_a_name_that_a_killed_process_would_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    log = start_output_log()
    assert log is not None

    print("x")

    assert list(tmp_path.iterdir()) == []
    stop_output_log(log)
    assert log.content() == b"x\n"
    log.close()


def test_wrapper_put_over_ours_survives_and_nothing_is_kept_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), write_through=True)
    monkeypatch.setattr(sys, "stdout", screen)
    seen: list[str] = []
    first = start_output_log()
    assert first is not None
    inner = screen.write

    def outer(text: str) -> int:
        seen.append(text)
        return inner(text)

    screen.write = outer  # type: ignore[method-assign]
    stop_output_log(first)
    second = start_output_log()
    assert second is not None
    print("once", end="")
    stop_output_log(second)
    assert "".join(seen) == "once"
    assert second.content() == b"once"
    first.close()
    second.close()


def test_overwritten_states_of_a_progress_bar_are_left_out(log: OutputLog) -> None:
    log.write("10%\r50%\r100%\nnext\n")
    log.write("spin\r")
    assert log.content() == b"100%\nnext\nspin"


def test_output_above_the_limit_is_counted_not_kept(
    log: OutputLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "MAX_OUTPUT_BYTES", 10)
    log.write("12345678")
    log.write("too much")
    assert log.content() == b"12345678\n[assay: the output went on; 8 bytes were not kept]\n"


def test_lines_of_many_threads_are_all_there(log: OutputLog) -> None:
    def work(number: int) -> None:
        for _ in range(200):
            log.write(f"line {number}\n")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = log.content().decode().splitlines()
    assert sorted(lines) == sorted(f"line {n}" for n in range(4) for _ in range(200))


def test_stream_that_takes_no_wrapper_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert start_output_log() is None

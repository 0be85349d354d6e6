"""The copy of what a program prints."""

from __future__ import annotations

import io
import itertools
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.context import output, output_marks
from assay.context.output import STDERR, OutputLog, start_output_log, stop_output_log


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
    assert log.printed().text == b"out\nerr\nlogged\nno newline"
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
    assert first.printed().text == b""
    assert second.printed().text == b"x\n"
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
    assert log.printed().text == b"x\n"
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
    assert second.printed().text == b"once"
    first.close()
    second.close()


def test_overwritten_states_of_a_progress_bar_are_left_out(log: OutputLog) -> None:
    log.write("10%\r50%\r100%\nnext\n")
    log.write("spin\r")
    assert log.printed().text == b"100%\nnext\nspin"


def test_marks_tell_stream_and_time_of_each_line(
    log: OutputLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = itertools.count(5_000_000_000, 6_000_000)
    monkeypatch.setattr(output_marks.time, "time_ns", lambda: next(now))
    log.write("one\ntwo\n")
    log.write("three, ")
    log.write("a warning in the middle of the line\n", STDERR)
    log.write("four\n", STDERR)
    log.write("five\r5\n", STDERR)
    log.write("six\n")
    log.write("seven\n")
    log.write("eight\n")
    printed = log.printed()
    assert printed.text.count(b"\n") == 8
    header, names, *rows = printed.marks.decode().splitlines()
    assert (header, names) == ("# assay output marks 1", "line\ttime_ms\tstream")
    # Line 3 began within 10 ms of line 1, and belongs to the stream that began it.
    assert rows == ["1\t5000\tout", "4\t5012\terr", "6\t5024\tout", "8\t5036\tout"]


def test_both_streams_of_a_program_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    log = start_output_log()
    assert log is not None
    print("out")
    print("err", file=sys.stderr)
    print("out again")
    stop_output_log(log)
    rows = [row.split("\t") for row in log.printed().marks.decode().splitlines()[2:]]
    assert [(row[0], row[2]) for row in rows] == [("1", "out"), ("2", "err"), ("3", "out")]
    log.close()
    assert capsys.readouterr().err == "err\n"


def test_marks_of_children_are_there_and_have_an_end(
    log: OutputLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_marks, "MAX_MARKS", 3)
    log.write("parent\n")
    child = os.fork()
    if child == 0:
        log.write("child\n", STDERR)
        os._exit(0)
    os.waitpid(child, 0)
    log.write("parent again\n", STDERR)
    log.write("one too many\n")
    rows = [row.split("\t") for row in log.printed().marks.decode().splitlines()[2:]]
    assert [(row[0], row[2]) for row in rows] == [
        ("1", "out"),
        ("2", "err"),
        ("3", "err"),
        ("4", ""),
    ]


def test_output_above_the_limit_is_counted_not_kept(
    log: OutputLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "MAX_OUTPUT_BYTES", 10)
    log.write("12345678")
    log.write("too much")
    assert log.printed().text == b"12345678\n[assay: the output went on; 8 bytes were not kept]\n"


def test_lines_of_many_threads_are_all_there(log: OutputLog) -> None:
    def work(number: int) -> None:
        for _ in range(200):
            log.write(f"line {number}\n")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = log.printed().text.decode().splitlines()
    assert sorted(lines) == sorted(f"line {n}" for n in range(4) for _ in range(200))


def test_stream_that_takes_no_wrapper_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert start_output_log() is None

"""What a program prints can be read while its run goes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import urllib3

import assay
from assay.context.output import OutputLog, Printed
from assay.entities.ids import RunId
from assay.fluent import live_output
from assay.fluent.live_output import LiveOutput
from tests.services.mlflow_client import ServerProcess

SCRIPT = """
import sys
import assay
assay.set_tracking_uri(sys.argv[1])
with assay.start_run() as run:
    print("run", run.info.run_id, flush=True)
    print("first <b>line</b>", file=sys.stderr)
    sys.stdin.readline()
    print("second line")
    sys.stdin.readline()
"""


class Recorder:
    """Stands for a run's recorder: what was published, and whether the store takes it."""

    def __init__(self) -> None:
        self.published: list[bytes] = []
        self.marked = 0
        self.waiting_files = 0

    def artifact(self, _run_id: str, path: str, content: bytes) -> None:
        if path == "assay/output.marks.tsv":
            # They are there before the lines that they are about.
            self.marked += 1
            return
        assert path == "assay/output.log"
        self.published.append(content)
        assert self.marked == len(self.published)


def text_of(url: str, run_id: str) -> str:
    answer = urllib3.request(
        "GET",
        f"{url}/api/assay/v1/files/text",
        fields={"run_id": run_id, "path": "assay/output.log"},
    )
    return answer.json().get("text", "")


def wait_for(url: str, run_id: str, line: str) -> str:
    end = time.monotonic() + 30
    while line not in (text := text_of(url, run_id)):
        assert time.monotonic() < end, f"{line!r} never came: {text!r}"
    return text


def test_lines_are_there_while_the_script_runs(assay_server: ServerProcess, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, assay_server.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "ASSAY_QUIET": "1", "ASSAY_CAPTURE": "all"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        run_id = process.stdout.readline().split()[1]
        assert wait_for(assay_server.url, run_id, "first <b>line</b>\n").startswith("run ")
        process.stdin.write("\n")
        process.stdin.flush()
        text = wait_for(assay_server.url, run_id, "second line\n")
        assert process.poll() is None
        assert text.count("first") == 1
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdin.close()
        assert process.wait(60) == 0
    assert text_of(assay_server.url, run_id) == text


class Watched(OutputLog):
    """An output that counts how often somebody looks whether it has grown."""

    looks = 0

    @property
    def size_bytes(self) -> int:
        self.looks += 1
        return super().size_bytes

    def wait_for_looks(self) -> None:
        before = self.looks
        wait_until(lambda: self.looks >= before + 3)


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr(live_output, "FIRST_S", 0.01)
    monkeypatch.setattr(live_output, "EVERY_S", 0.01)
    return Watched()


def wait_until(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end


def test_it_is_published_only_when_it_grew_and_the_last_copy_has_gone(output: Watched) -> None:
    recorder: Any = Recorder()
    live = LiveOutput(RunId("r"), recorder, output)
    output.write("one\n")
    wait_until(lambda: recorder.published == [b"one\n"])
    recorder.waiting_files = 1
    output.write("two\n")
    output.wait_for_looks()
    assert recorder.published == [b"one\n"]
    recorder.waiting_files = 0
    wait_until(lambda: len(recorder.published) == 2)
    output.wait_for_looks()
    live.stop()
    assert recorder.published == [b"one\n", b"one\ntwo\n"]
    output.write("three\n")
    assert len(recorder.published) == 2
    output.close()


def test_a_large_output_is_published_less_often(
    output: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    recorder: Any = Recorder()
    output.write("x" * (live_output.LARGE_BYTES + 1))
    live = LiveOutput(RunId("r"), recorder, output)
    live.stop()

    class Ending(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            pauses.append(timeout)
            return len(pauses) == 2

    monkeypatch.setattr(live, "_stopping", Ending())
    monkeypatch.setattr(live, "_published", 0)
    live._work()
    assert pauses == [live_output.FIRST_S, live_output.LARGE_EVERY_S]
    output.close()


def test_an_output_that_can_not_be_read_ends_no_run(
    output: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Printed:
        raise OSError

    recorder: Any = Recorder()
    monkeypatch.setattr(output, "printed", fail)
    live = LiveOutput(RunId("r"), recorder, output)
    output.write("x")
    output.wait_for_looks()
    monkeypatch.undo()
    wait_until(lambda: recorder.published == [b"x"])
    live.stop()
    output.close()


def test_a_run_without_output_publishes_none() -> None:
    with assay.start_run(capture="process") as run:
        print("not kept")
    assert assay.artifacts.list_artifacts(run_id=run.info.run_id) == []

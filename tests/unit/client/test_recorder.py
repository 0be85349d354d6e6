"""Recorders whose folder can't be written: the program goes on and is told once."""

from __future__ import annotations

import contextlib
import logging
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.client.connect import open_store
from assay.client.recorder import Recorder
from assay.entities.ids import new_run_id
from assay.entities.names import ArtifactPath
from assay.errors import PermissionDenied
from assay.store.uri import resolve_location


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file may hold a byte, as on a disk without space.

    No fixture: pytest reports a test before its fixtures end, and may report into a file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_files_without_room_are_dropped_counted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(resolve_location(tmp_path / ".assay", environ={}))
    with full_disk():
        for number in range(3):
            recorder.artifact(new_run_id(), ArtifactPath(f"f{number}"), b"content")
    assert recorder.dropped == (0, 0, 3)
    assert recorder.pending.files == 0
    said = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert len(said) == 1
    assert "f0" in said[0]
    recorder.close()


def test_a_source_that_is_missing_is_an_error_of_the_program(tmp_path: Path) -> None:
    recorder = Recorder(resolve_location(tmp_path / ".assay", environ={}))
    with pytest.raises(FileNotFoundError):
        recorder.artifact(new_run_id(), ArtifactPath("f"), tmp_path / "nothing")
    assert recorder.dropped.files == 0
    recorder.close()


def test_a_home_that_cant_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PermissionDenied, match=r"can't be made.*--tracking-uri"):
        open_store(resolve_location(tmp_path / "file" / ".assay", environ={}))

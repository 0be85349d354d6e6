"""Files that wait to be published."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from assay.client import spool as spool_module
from assay.client.spool import Spool
from assay.entities.names import ArtifactPath


def add(spool: Spool, source: Path | bytes, name: str = "a.txt") -> int:
    return spool.add(source, owner="run", owner_id="r", path=ArtifactPath(name), position=7)


def test_a_logged_file_may_change_at_once(tmp_path: Path) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(b"first")
    spool = Spool(tmp_path / "writer")
    add(spool, source)
    source.write_bytes(b"second")
    (waiting,) = spool.waiting()
    assert waiting.content.read_bytes() == b"first"
    assert waiting.file.sha256 == hashlib.sha256(b"first").hexdigest()
    assert (waiting.file.path, waiting.file.size, waiting.file.position) == ("a.txt", 5, 7)


def test_files_wait_in_the_order_they_were_logged(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for n in range(12):
        add(spool, str(n).encode(), f"{n}.txt")
    assert [w.file.path for w in spool.waiting()] == [f"{n}.txt" for n in range(12)]
    spool.remove(0)
    assert next(iter(Spool(tmp_path).waiting())).file.path == "1.txt"
    assert (spool.added, spool.removed) == (12, 1)


def test_a_large_file_is_copied_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "HASHED_AT_ONCE_BYTES", 10)
    source = tmp_path / "large"
    source.write_bytes(bytes(range(256)) * 9_000)
    spool = Spool(tmp_path / "writer")
    add(spool, source)
    (waiting,) = spool.waiting()
    assert waiting.content.read_bytes() == source.read_bytes()
    assert waiting.file.size == 256 * 9_000


def test_a_file_that_cannot_be_read_leaves_nothing_behind(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "writer")
    with pytest.raises(FileNotFoundError):
        add(spool, tmp_path / "missing")
    assert list(spool.waiting()) == []
    assert list(spool.folder.iterdir()) == []
    assert spool.added == 0

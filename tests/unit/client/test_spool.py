"""Files that wait to be published."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from assay.client import spool as spool_module
from assay.client.spool import Spool
from assay.client.spooled import waves
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
    spool.remove(next(spool.waiting()))
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


def test_files_whose_order_matters_are_published_one_after_the_other(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for name in ("a", "b/c", "a", "a/b", "d", "b", "e", "f"):
        add(spool, b"", name)
    found = [[w.file.path for w in wave] for wave in waves(spool.waiting(), before=7)]
    assert found == [["a", "b/c"], ["a"], ["a/b", "d", "b", "e", "f"]]
    assert list(waves(spool.waiting(), before=6)) == []


def test_a_wave_has_one_owner(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for owner in ("r1", "r1", "r2"):
        spool.add(b"", owner="run", owner_id=owner, path=ArtifactPath(f"{owner}.x"), position=0)
    spool.add(b"", owner="run", owner_id="r2", path=ArtifactPath("y"), position=0)
    found = [[w.file.owner_id for w in wave] for wave in waves(spool.waiting(), before=0)]
    assert found == [["r1"], ["r1", "r2"][:1], ["r2", "r2"]]


def test_a_file_that_has_just_come_is_not_brought_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    spool = Spool(tmp_path)
    add(spool, b"x")
    spool.sync(older_than_s=60)
    assert synced == []
    spool.sync()
    assert len(synced) == 3
    spool.sync()
    assert len(synced) == 3


def test_what_completes_a_model_is_published_after_all_its_other_files(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for name in ("a.txt", "b.txt", "last.json", "c.txt"):
        spool.add(
            b"x",
            owner="model",
            owner_id="m-1",
            path=ArtifactPath(name),
            position=0,
            completes=name == "last.json",
        )
    names = [[one.file.path for one in wave] for wave in waves(spool.waiting(), before=1)]
    assert names == [["a.txt", "b.txt"], ["last.json"], ["c.txt"]]


def test_small_files_wait_in_bundles_and_large_ones_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "FILES", 3)
    monkeypatch.setattr(spool_module, "MAX_FILE_BYTES", 10)
    sources = []
    for i in range(8):
        file = tmp_path / f"{i}.bin"
        file.write_bytes(bytes([i]) * (20 if i == 4 else i))
        sources.append((ArtifactPath(f"out/{file.name}"), file))
    spool = Spool(tmp_path / "writer")
    spool.add_together(sources, owner="run", owner_id="r", position=7)
    for _, file in sources:
        file.unlink()

    assert len(list(spool.folder.glob("*.bundle"))) == 3
    assert len(list(spool.folder.glob("*.data"))) == 1
    found = {}
    for waiting in Spool(tmp_path / "writer").waiting():
        content = waiting.content
        found[waiting.file.path] = content if isinstance(content, bytes) else content.read_bytes()
        assert hashlib.sha256(found[waiting.file.path]).hexdigest() == waiting.file.sha256
        assert (waiting.file.size, waiting.file.position) == (len(found[waiting.file.path]), 7)
    assert found == {f"out/{i}.bin": bytes([i]) * (20 if i == 4 else i) for i in range(8)}


def test_a_bundle_goes_with_its_last_file(tmp_path: Path) -> None:
    sources = []
    for name in "ab":
        (tmp_path / name).write_text(name)
        sources.append((ArtifactPath(name), tmp_path / name))
    spool = Spool(tmp_path / "writer")
    spool.add_together(sources, owner="run", owner_id="r", position=0)
    first, second = spool.waiting()
    spool.remove(first)
    assert [waiting.file.path for waiting in spool.waiting()] == ["b"], "not published twice"
    again = Spool(tmp_path / "writer")
    assert len(list(again.waiting())) == 2, "another process can't know"
    spool.remove(second)
    assert list(spool.folder.iterdir()) == []
    assert (spool.added, spool.removed) == (2, 2)


def test_a_bundle_that_is_cut_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    spool = Spool(tmp_path / "writer")
    spool.add_together([(ArtifactPath("a"), tmp_path / "a")], owner="run", owner_id="r", position=0)
    (bundle,) = spool.folder.iterdir()
    bundle.write_bytes(bundle.read_bytes()[:500])
    assert list(spool.waiting()) == []

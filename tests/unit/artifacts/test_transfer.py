"""Files and folders to and from a store: outages, resumption, damage, hostile names."""

from __future__ import annotations

import hashlib
import os
import random
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from assay.artifacts import download as download_module
from assay.artifacts.base import WHOLE, ArtifactInfo, ByteRange
from assay.artifacts.local import LocalArtifactStore
from assay.artifacts.progress import Progress
from assay.artifacts.transfer import download, upload_file, upload_tree
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import (
    ArtifactNotFound,
    Corrupted,
    InvalidInput,
    InvalidName,
    StoreUnavailable,
)

A = artifact_path
ROOT = ArtifactPath("")


class Flaky(LocalArtifactStore):
    """A real store behind a network that breaks off now and then, after some bytes."""

    def __init__(self, root: Path, *, failures: int) -> None:
        super().__init__(root)
        self.failures = failures
        self.bytes_read = 0

    def read(self, path: ArtifactPath, byte_range: ByteRange = WHOLE) -> Iterator[bytes]:
        for number, chunk in enumerate(super().read(path, byte_range)):
            if number == 1 and self.failures:
                self.failures -= 1
                raise StoreUnavailable("broken off")
            self.bytes_read += len(chunk)
            yield chunk

    def write(
        self,
        path: ArtifactPath,
        chunks: Iterable[bytes],
        *,
        sha256: str | None = None,
        size_bytes: int | None = None,
    ) -> str:
        if self.failures:
            self.failures -= 1
            next(iter(chunks))
            raise StoreUnavailable("broken off")
        return super().write(path, chunks, sha256=sha256, size_bytes=size_bytes)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting between attempts is not what these tests are about."""
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large files that are quick to make."""
    monkeypatch.setattr(download_module, "LARGE_BYTES", 3_000_000)
    monkeypatch.setattr(download_module, "SEGMENT_BYTES", 3_000_000)
    monkeypatch.setattr(download_module, "PARALLEL_SEGMENTS", 1)


@pytest.fixture
def store(tmp_path: Path) -> LocalArtifactStore:
    return LocalArtifactStore(tmp_path / "store")


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for n in range(300):
        file = folder / f"d{n % 7}" / f"{n}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"%d" % n)
    (folder / "empty").write_bytes(b"")
    (folder / "large").write_bytes(content(9_000_000))
    (folder / "ż 模").mkdir()
    (folder / "ż 模" / "😀").write_bytes(b"x")
    return folder


def test_tree_goes_up_and_comes_down_unchanged(
    store: LocalArtifactStore, source: Path, tmp_path: Path
) -> None:
    digests = upload_tree(store, source, A("model/data"))
    assert len(digests) == 303
    assert digests[A("model/data/large")] == hashlib.sha256(content(9_000_000)).hexdigest()
    place = download(store, A("model/data"), tmp_path / "down")
    assert place == str(tmp_path / "down/model/data")
    assert tree(Path(place)) == tree(source)


def test_whole_root_comes_down_into_the_folder_itself(
    store: LocalArtifactStore, tmp_path: Path
) -> None:
    store.write(A("a/b"), [b"1"])
    assert download(store, ROOT, tmp_path / "down") == str(tmp_path / "down")
    assert tree(tmp_path / "down") == {"a/b": b"1"}


def test_single_file_comes_down_and_replaces_an_older_one(
    store: LocalArtifactStore, tmp_path: Path
) -> None:
    store.write(A("a/f"), [b"new"])
    (tmp_path / "down/a").mkdir(parents=True)
    (tmp_path / "down/a/f").write_bytes(b"a longer old one")
    place = Path(download(store, A("a/f"), tmp_path / "down"))
    assert place.read_bytes() == b"new"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert os.listdir(place.parent) == ["f"]


def test_progress_counts_every_byte_and_file_once(
    store: LocalArtifactStore, source: Path, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    upload_tree(store, source, on_progress=seen.append)
    total = sum(map(len, tree(source).values()))
    assert seen[-1] == Progress(total, total, 303, 303)
    seen.clear()
    download(store, ROOT, tmp_path / "down", on_progress=seen.append)
    assert seen[-1] == Progress(total, total, 303, 303)


@pytest.mark.parametrize("size", [100, 5_000_000])
def test_outage_during_upload_is_bridged(tmp_path: Path, size: int) -> None:
    store = Flaky(tmp_path / "store", failures=3)
    (tmp_path / "f").write_bytes(content(size))
    seen: list[Progress] = []
    upload_file(store, tmp_path / "f", A("f"), on_progress=seen.append)
    assert b"".join(store.read(A("f"))) == content(size)
    assert seen[-1] == Progress(size, size, 1, 1)


def test_outage_during_download_is_bridged(tmp_path: Path) -> None:
    store = Flaky(tmp_path / "store", failures=0)
    store.write(A("f"), [content(5_000_000)])
    store.failures = 4
    seen: list[Progress] = []
    place = download(store, A("f"), tmp_path / "down", on_progress=seen.append)
    assert Path(place).read_bytes() == content(5_000_000)
    assert seen[-1] == Progress(5_000_000, 5_000_000, 1, 1)


def test_lasting_outage_is_raised_and_leaves_nothing(tmp_path: Path) -> None:
    store = Flaky(tmp_path / "store", failures=0)
    store.write(A("f"), [content(5_000_000)])
    store.failures = 1_000
    with pytest.raises(StoreUnavailable):
        download(store, A("f"), tmp_path / "down")
    assert tree(tmp_path / "down") == {}


@pytest.mark.usefixtures("small_segments")
def test_large_download_goes_on_where_an_earlier_call_broke_off(tmp_path: Path) -> None:
    store = Flaky(tmp_path / "store", failures=0)
    store.write(A("f"), [content(20_000_000)])
    seen: list[Progress] = []

    def cut(progress: Progress) -> None:
        if progress.done_bytes > 11_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(store, A("f"), tmp_path / "down", on_progress=cut)
    assert not (tmp_path / "down/f").exists()
    store.bytes_read = 0
    place = Path(download(store, A("f"), tmp_path / "down", on_progress=seen.append))
    assert place.read_bytes() == content(20_000_000)
    assert store.bytes_read <= 11_000_000
    assert seen[-1].done_bytes == 20_000_000
    assert os.listdir(tmp_path / "down") == ["f"]


@pytest.mark.usefixtures("small_segments")
def test_large_download_of_a_newer_version_starts_again(tmp_path: Path) -> None:
    store = Flaky(tmp_path / "store", failures=0)
    store.write(A("f"), [content(9_000_000)])
    store.failures = 1_000
    with pytest.raises(StoreUnavailable):
        download(store, A("f"), tmp_path / "down")
    store.failures = 0
    store.write(A("f"), [b"v2", content(8_999_998)])
    place = Path(download(store, A("f"), tmp_path / "down"))
    assert place.read_bytes() == b"v2" + content(8_999_998)


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize("size", [1_000, 9_000_000])
def test_damaged_file_is_not_published(tmp_path: Path, size: int) -> None:
    store = LocalArtifactStore(tmp_path / "store")
    store.write(A("f"), [content(size)])
    with (tmp_path / "store/f").open("r+b") as file:
        file.seek(size // 2)
        file.write(b"damaged")
    with pytest.raises(Corrupted):
        download(store, A("f"), tmp_path / "down")
    assert tree(tmp_path / "down") == {}
    assert Path(download(store, A("f"), tmp_path / "down", verify=False)).stat().st_size == size


class Hostile(LocalArtifactStore):
    """A store whose lists name what no store may."""

    def list(self, path: ArtifactPath, *, recursive: bool = False) -> list[ArtifactInfo]:
        return [ArtifactInfo(ArtifactPath(self.named), False, 1)]

    def read_verified(self, path: ArtifactPath) -> Iterator[bytes]:
        return iter([b"evil"])

    named = ""


@pytest.mark.parametrize(
    "name", ["../evil", "/tmp/evil", "a/../../evil", "a\\..\\evil", "%2e%2e/evil"]
)
def test_name_in_a_list_never_leads_out_of_the_destination(tmp_path: Path, name: str) -> None:
    store = Hostile(tmp_path / "store")
    store.named = name
    with pytest.raises(InvalidName):
        download(store, ROOT, tmp_path / "deep/down")
    assert tree(tmp_path) == {}


def test_link_in_the_destination_is_not_followed(store: LocalArtifactStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "down").mkdir()
    (tmp_path / "down/a").symlink_to(outside)
    store.write(A("a/f"), [b"1"])
    with pytest.raises(InvalidInput):
        download(store, A("a/f"), tmp_path / "down")
    assert os.listdir(outside) == []


def test_missing_artifact_or_local_file_is_told(store: LocalArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(ArtifactNotFound):
        download(store, A("nothing"), tmp_path / "down")
    with pytest.raises(ArtifactNotFound):
        upload_file(store, tmp_path / "nothing", A("f"))
    with pytest.raises(ArtifactNotFound):
        upload_tree(store, tmp_path / "nothing")


def test_file_with_a_name_no_path_can_express_stops_the_upload_before_it_begins(
    store: LocalArtifactStore, tmp_path: Path
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "fine").write_bytes(b"1")
    (folder / "new\nline").write_bytes(b"1")
    with pytest.raises(InvalidName):
        upload_tree(store, folder)
    assert store.list(ROOT) == []


def test_links_to_files_go_up_as_files_and_fifos_not_at_all(
    store: LocalArtifactStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (tmp_path / "weights").write_bytes(b"weights")
    (folder / "link").symlink_to(tmp_path / "weights")
    os.mkfifo(folder / "pipe")
    assert list(upload_tree(store, folder)) == ["link"]
    assert b"".join(store.read(A("link"))) == b"weights"
    assert "pipe" in caplog.text

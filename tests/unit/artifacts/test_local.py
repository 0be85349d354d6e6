"""A folder of artifacts: links, modes, what killed processes leave, full disks, damage."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from assay.artifacts.base import SupportsAdopt, SupportsMultipart
from assay.artifacts.local import LocalArtifactStore
from assay.artifacts.paths import HIDDEN
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import (
    ArtifactNotFound,
    Corrupted,
    InvalidInput,
    PermissionDenied,
    StoreFull,
    StoreUnavailable,
)

A = artifact_path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def store(root: Path) -> LocalArtifactStore:
    return LocalArtifactStore(root)


def content_of(store: LocalArtifactStore, path: str) -> bytes:
    return b"".join(store.read(A(path)))


def hidden_files(root: Path) -> list[Path]:
    return [p for p in (root / HIDDEN).rglob("*") if p.is_file()]


def test_files_and_folders_are_for_their_owner_only(store: LocalArtifactStore, root: Path) -> None:
    store.write(A("a/b/f"), [b"1"])
    upload = store.create_upload(A("g"))
    store.write_part(A("g"), upload, 1, [b"1"])
    for found in [root, *root.rglob("*")]:
        expected = 0o700 if found.is_dir() else 0o600
        assert stat.S_IMODE(found.lstat().st_mode) == expected, found


def test_unfinished_file_is_for_its_owner_only(store: LocalArtifactStore, root: Path) -> None:
    with store.writer(A("f")) as writer:
        writer.write(b"secret")
        assert [stat.S_IMODE(p.stat().st_mode) for p in hidden_files(root)] == [0o600]
    assert hidden_files(root) == []


def test_file_behind_a_link_is_neither_read_nor_listed(
    store: LocalArtifactStore, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    store.write(A("a/f"), [b"1"])
    (root / "link").symlink_to(outside)
    (root / "a/file-link").symlink_to(outside / "secret")
    (root / "up").symlink_to("..")
    assert [i.path for i in store.list(A("a"))] == ["a/f"]
    assert [i.path for i in store.list(ArtifactPath(""), recursive=True)] == ["a/f"]
    assert store.list(A("link")) == []
    for path in ("link/secret", "a/file-link", "up/outside/secret", "link"):
        for access in (store.read, store.info, store.digest, store.local_path, store.open_file):
            with pytest.raises(ArtifactNotFound):
                access(A(path))
        with pytest.raises(ArtifactNotFound):
            store.delete(A(path))
    assert (outside / "secret").read_bytes() == b"secret"


def test_write_through_a_linked_folder_is_refused(
    store: LocalArtifactStore, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    store.write(A("f"), [b"1"])
    (root / "link").symlink_to(outside)
    with pytest.raises(InvalidInput, match="in its way"):
        store.write(A("link/f"), [b"x"])
    with pytest.raises(InvalidInput, match="in its way"):
        store.write(A("link/deeper/f"), [b"x"])
    assert list(outside.iterdir()) == []


def test_write_over_a_link_replaces_the_link_not_its_target(
    store: LocalArtifactStore, root: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"untouched")
    store.write(A("f"), [b"1"])
    (root / "link").symlink_to(target)
    store.write(A("link"), [b"mine"])
    assert target.read_bytes() == b"untouched"
    assert content_of(store, "link") == b"mine"


def test_deleting_a_folder_leaves_what_its_links_point_to(
    store: LocalArtifactStore, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"1")
    store.write(A("d/e/f"), [b"1"])
    (root / "d/e/link").symlink_to(outside)
    (root / "d/file-link").symlink_to(outside / "kept")
    store.delete(A("d"))
    assert (outside / "kept").read_bytes() == b"1"
    assert not (root / "d").exists()


def test_hidden_area_swapped_for_a_link_is_not_followed(
    store: LocalArtifactStore, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root.mkdir()
    (root / HIDDEN).symlink_to(outside)
    with pytest.raises(InvalidInput, match="in its way"):
        store.write(A("f"), [b"1"])
    assert list(outside.iterdir()) == []


def test_folder_swapped_for_a_link_between_two_accesses_leads_nowhere(
    store: LocalArtifactStore, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"secret")
    store.write(A("d/f"), [b"public"])
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "d").rename(root / "real")
            (root / "d").symlink_to(outside)
            (root / "d").unlink()
            (root / "real").rename(root / "d")

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(2_000):
            try:
                seen.add(content_of(store, "d/f"))
            except ArtifactNotFound:
                seen.add(b"")
    finally:
        stop.set()
        swapper.join()
    assert seen <= {b"public", b""}


def test_fifo_is_not_opened(store: LocalArtifactStore, root: Path) -> None:
    store.write(A("f"), [b"1"])
    os.mkfifo(root / "pipe")
    with pytest.raises(ArtifactNotFound):
        store.read(A("pipe"))
    assert [i.path for i in store.list(ArtifactPath(""))] == ["f"]


def test_names_put_there_by_others_that_no_path_can_express_are_left_out(
    store: LocalArtifactStore, root: Path
) -> None:
    store.write(A("f"), [b"1"])
    for name in (b"back\\slash", b"new\nline", b"not-utf8-\xff", b".ASSAY-store"):
        (Path(os.fsdecode(os.fsencode(root) + b"/" + name))).write_bytes(b"x")
    assert [i.path for i in store.list(ArtifactPath(""), recursive=True)] == ["f"]


def test_file_put_there_by_others_has_no_digest(store: LocalArtifactStore, root: Path) -> None:
    root.mkdir()
    (root / "foreign").write_bytes(b"1")
    assert store.digest(A("foreign")) is None
    assert b"".join(store.read_verified(A("foreign"))) == b"1"


def test_damaged_file_is_told_when_read_verified(store: LocalArtifactStore, root: Path) -> None:
    store.write(A("f"), [b"x" * 3_000_000])
    with (root / "f").open("r+b") as file:
        file.seek(2_000_000)
        file.write(b"y")
    with pytest.raises(Corrupted, match="'f'"):
        b"".join(store.read_verified(A("f")))


def test_root_of_the_file_system_is_no_artifact_root() -> None:
    with pytest.raises(InvalidInput):
        LocalArtifactStore("/")


def test_root_may_be_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    store = LocalArtifactStore(tmp_path / "root")
    store.write(A("f"), [b"1"])
    assert (tmp_path / "disk/f").read_bytes() == b"1"


def test_reading_an_absent_root_makes_nothing(store: LocalArtifactStore, root: Path) -> None:
    assert store.list(ArtifactPath("")) == []
    with pytest.raises(ArtifactNotFound):
        store.read(A("f"))
    assert not root.exists()


def test_file_in_the_way_of_a_folder_is_told(store: LocalArtifactStore) -> None:
    store.write(A("f"), [b"1"])
    store.write(A("d/g"), [b"1"])
    with pytest.raises(InvalidInput, match="in its way"):
        store.write(A("f/below"), [b"x"])
    with pytest.raises(InvalidInput, match="in its way"):
        store.write(A("d"), [b"x"])
    assert content_of(store, "f") == b"1"
    assert content_of(store, "d/g") == b"1"


def test_five_thousand_small_files(store: LocalArtifactStore) -> None:
    for n in range(5_000):
        store.write(A(f"many/{n:04}"), [b"%d" % n])
    found = store.list(A("many"))
    assert [i.path for i in found] == [f"many/{n:04}" for n in range(5_000)]
    assert all(content_of(store, i.path) == b"%d" % n for n, i in enumerate(found))
    store.delete(A("many"))
    assert store.list(ArtifactPath(""), recursive=True) == []


def test_very_deep_folder_is_listed_and_deleted(store: LocalArtifactStore) -> None:
    deep = "/".join(["d"] * 1_100)
    store.write(A(f"{deep}/f"), [b"1"])
    assert [i.path for i in store.list(A("d/d"), recursive=True)] == [f"{deep}/f"]
    store.delete(A("d"))
    assert store.list(ArtifactPath("")) == []


def test_full_disk_is_told_and_what_was_there_stays(tmp_path: Path) -> None:
    # A limit on file size makes write() fail as a full disk does; a process of its own carries it.
    program = """
import resource, signal, sys
from assay.artifacts.local import LocalArtifactStore
from assay.errors import StoreFull
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = LocalArtifactStore(sys.argv[1])
store.write("f", [b"old"])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    store.write("f", [bytes(60_000)] * 3)
except StoreFull as error:
    print(error.message)
print(b"".join(store.read("f")), [i.path for i in store.list("")])
store.write("g", [b"small ones still go"])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    told, kept = ran.stdout.splitlines()
    assert "'f'" in told
    assert "Nothing of it was kept" in told
    assert kept == "b'old' ['f']"
    assert hidden_files(tmp_path) == []


def test_no_space_while_writing_maps_to_store_full(
    store: LocalArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # /dev/full is Linux's always full device: the same ENOSPC from the same system call.
    monkeypatch.setattr(
        "assay.artifacts.hidden_area.create_file",
        lambda name, folder_fd: os.open("/dev/full", os.O_RDWR),
    )
    with pytest.raises(StoreFull):
        store.write(A("f"), [b"x"])


def test_failed_flush_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalArtifactStore(tmp_path, durability="full")
    store.write(A("d/f"), [b"old"])

    # A disk that can't flush isn't to be had here.
    def broken(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(ConnectionError, match="Input/output error"):
        store.write(A("d/f"), [b"new"])
    assert content_of(store, "d/f") == b"old"


def test_killed_writer_leaves_nothing_visible_and_is_swept(tmp_path: Path) -> None:
    program = """
import sys, time
from assay.artifacts.local import LocalArtifactStore
def chunks():
    yield b"x" * 1_000_000
    print("half", flush=True)
    time.sleep(600)
    yield b"y"
LocalArtifactStore(sys.argv[1]).write("d/f", chunks())
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    (unfinished,) = hidden_files(tmp_path)
    hour_ago = time.time() - 3_600
    os.utime(unfinished, (hour_ago, hour_ago))

    LocalArtifactStore(tmp_path).write(A("other"), [b"1"])
    assert unfinished.exists(), "it is locked by a process that still writes"

    process.send_signal(signal.SIGKILL)
    process.communicate()
    store = LocalArtifactStore(tmp_path)
    assert [i.path for i in store.list(ArtifactPath(""), recursive=True)] == ["other"]
    store.write(A("another"), [b"1"])
    assert not unfinished.exists()


def test_old_upload_is_swept_and_a_young_one_stays(tmp_path: Path) -> None:
    store = LocalArtifactStore(tmp_path)
    old, young = store.create_upload(A("old")), store.create_upload(A("young"))
    month_ago = time.time() - 30 * 24 * 3600
    os.utime(tmp_path / HIDDEN / "uploads" / old, (month_ago, month_ago))
    LocalArtifactStore(tmp_path).write(A("f"), [b"1"])
    assert [p.name for p in (tmp_path / HIDDEN / "uploads").iterdir()] == [young]


def test_completing_an_upload_again_answers_the_same(store: LocalArtifactStore) -> None:
    upload = store.create_upload(A("f"))
    part = store.write_part(A("f"), upload, 1, [b"12"])
    first = store.complete_upload(A("f"), upload, [part])
    assert store.complete_upload(A("f"), upload, [part]) == first
    assert content_of(store, "f") == b"12"


def test_closed_store_leaves_no_hidden_folder(store: LocalArtifactStore, root: Path) -> None:
    store.write(A("f"), [b"1"])
    store.close()
    assert os.listdir(root) == ["f"]
    store.write(A("g"), [b"1"])
    assert content_of(store, "g") == b"1"


def test_adopted_file_is_renamed_and_has_its_digest(
    store: LocalArtifactStore, tmp_path: Path
) -> None:
    store.write(A("f"), [b"same content"])
    file = tmp_path / "finished"
    file.write_bytes(b"same content")
    inode = file.stat().st_ino
    assert store.adopt(A("d/g"), str(file)) == store.digest(A("f")) == store.digest(A("d/g"))
    assert not file.exists()
    adopted = Path(store.local_path(A("d/g")))
    assert (adopted.stat().st_ino, stat.S_IMODE(adopted.stat().st_mode)) == (inode, 0o600)


def test_file_of_another_file_system_is_adopted_by_copy(
    store: LocalArtifactStore, tmp_path: Path
) -> None:
    file = Path("/dev/shm") / f"assay-test-{os.getpid()}"
    file.write_bytes(b"content")
    try:
        assert file.stat().st_dev != tmp_path.stat().st_dev
        store.adopt(A("f"), str(file))
        assert content_of(store, "f") == b"content"
        assert not file.exists()
    finally:
        file.unlink(missing_ok=True)


def test_link_is_not_adopted(store: LocalArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ArtifactNotFound):
        store.adopt(A("f"), str(tmp_path / "link"))
    assert (tmp_path / "secret").exists()


def test_opened_file_is_one_version_with_its_digest(store: LocalArtifactStore) -> None:
    store.write(A("f"), [b"old"])
    opened = store.open_file(A("f"))
    try:
        store.write(A("f"), [b"newer"])
        assert os.pread(opened.fd, 100, 0) == b"old"
        assert opened.size_bytes == 3
        assert opened.sha256 != store.digest(A("f"))
    finally:
        os.close(opened.fd)


def test_unread_content_holds_no_descriptor(store: LocalArtifactStore) -> None:
    store.write(A("f"), [b"1"])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        store.read(A("f"))
        store.writer(A("g"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_folder_without_permission_is_told(store: LocalArtifactStore, root: Path) -> None:
    store.write(A("f"), [b"1"])
    program = """
import os, sys
from assay.artifacts.local import LocalArtifactStore
if os.getuid() == 0:
    os.setuid(65534)
try:
    LocalArtifactStore(sys.argv[1]).write("g", [b"x"])
except PermissionError as error:
    print(type(error).__name__, error.message)
"""
    root.chmod(0o500)
    ran = subprocess.run(
        [sys.executable, "-c", program, str(root)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith(PermissionDenied.__name__)


def test_abilities_are_told() -> None:
    assert issubclass(LocalArtifactStore, SupportsAdopt)
    assert issubclass(LocalArtifactStore, SupportsMultipart)


def test_store_closed_by_one_process_never_fails_the_writes_of_another(root: Path) -> None:
    writer, other = LocalArtifactStore(root), LocalArtifactStore(root)
    stop = threading.Event()

    def close_on() -> None:
        while not stop.is_set():
            other.close()

    closer = threading.Thread(target=close_on)
    closer.start()
    try:
        for n in range(500):
            writer.write(A(f"d/{n}"), [b"1"])
    finally:
        stop.set()
        closer.join()
    assert len(writer.list(A("d"))) == 500


def test_upload_completed_twice_at_the_same_time_is_whole(store: LocalArtifactStore) -> None:
    upload = store.create_upload(A("f"))
    parts = [store.write_part(A("f"), upload, n, [bytes([n]) * 100_000]) for n in (1, 2, 3)]
    answers: list[str] = []

    def complete() -> None:
        for _ in range(20):
            try:
                answers.append(store.complete_upload(A("f"), upload, parts))
            except (StoreUnavailable, InvalidInput):  # the other one has just taken the parts away
                continue
            return

    both = [threading.Thread(target=complete) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(answers) == 2
    assert len(set(answers)) == 1
    assert content_of(store, "f") == b"".join(bytes([n]) * 100_000 for n in (1, 2, 3))

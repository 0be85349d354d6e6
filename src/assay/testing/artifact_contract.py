"""What every artifact store promises, as tests.

Subclass ``ArtifactStoreContract`` and give it a fixture ``store`` that yields an empty store; one
short file for each implementation. Abilities that a store lacks are told by ``isinstance`` and not
asked of it.
"""

# ruff: noqa: D102, S311 - the names of tests say it all; seeded randomness is meant
from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator

import pytest
import urllib3

from assay.artifacts.base import (
    WHOLE,
    ArtifactStore,
    ByteRange,
    SupportsMultipart,
    SupportsPresign,
)
from assay.artifacts.paths import HIDDEN
from assay.entities.names import ArtifactPath
from assay.errors import ArtifactNotFound, Corrupted, InvalidInput, NotFound

ESCAPES = [
    "../x",
    "a/../x",
    "a/../../x",
    "..",
    ".",
    "./x",
    "a/./b",
    "/etc/passwd",
    "//x",
    "a//b",
    "a/",
    "a\\b",
    "..\\x",
    "C:/x",
    "a\0b",
    "a\nb",
    "a\x7fb",
    "%2e%2e/x",
    "a/%2e%2e/x",
    "..%2fx",
    "%252e%252e%252fx",
    "%2fetc/passwd",
    "a%00b",
    "a%5cb",
    "a/%2e/b",
    "a\ud800",
]
"""Paths that no store may take: traversal, absolute paths, control characters, in every
spelling."""

HIDDEN_PATHS = [HIDDEN, f"{HIDDEN}/x", f"a/{HIDDEN}", f"a/{HIDDEN}/b", HIDDEN.upper()]

UNICODE_NAMES = [
    "zażółć gęślą jaźń.txt",
    "模型/重み.bin",
    "😀/🧪.png",
    "e\u0301.txt",
    "a b/c d.txt",
    "100%.txt",
    "a%41b.txt",
    "#1?x=y&z;w.txt",
    'it\'s "quoted" [a] {b} <c> ^`|~*+$@!,=().txt',
    "loss:train.csv",
    ".hidden",
    "a/.gitignore",
    "x" * 200 + ".txt",
]
"""Names that a store must take and give back unchanged."""


def path(text: str) -> ArtifactPath:
    """``text`` unchecked, as a store may get it from careless code."""
    return ArtifactPath(text)


def content_of(store: ArtifactStore, at: str, byte_range: ByteRange = WHOLE) -> bytes:
    """All bytes of a file, or of a range of it."""
    return b"".join(store.read(path(at), byte_range))


def paths_in(store: ArtifactStore, folder: str = "", *, recursive: bool = True) -> list[str]:
    """The paths that a list shows."""
    return [info.path for info in store.list(path(folder), recursive=recursive)]


def sha256(content: bytes) -> str:
    """The digest a store should give for ``content``."""
    return hashlib.sha256(content).hexdigest()


class BrokenOff(Exception):
    """What an upload that is cut raises in these tests."""


def cut_after(content: bytes, size: int, *, chunk: int = 10_000) -> Iterator[bytes]:
    """The first ``size`` bytes of ``content``, then an error."""
    for start in range(0, size, chunk):
        yield content[start : min(start + chunk, size)]
    raise BrokenOff


class ArtifactStoreContract:
    """The promises of ``ArtifactStore``."""

    cuts = 10
    """How many uploads ``test_upload_cut_anywhere_is_never_visible`` cuts."""
    large_bytes = 20_000_000
    """Size of a file that a store may split on its way."""
    signed_name = "d/signed file"
    """Name for which URLs are signed."""

    def test_written_file_reads_back_with_size_and_digest(self, store: ArtifactStore) -> None:
        digest = store.write(path("a/b.bin"), [b"one", b"", b"two"])
        assert content_of(store, "a/b.bin") == b"onetwo"
        assert digest == sha256(b"onetwo") == store.digest(path("a/b.bin"))
        assert store.info(path("a/b.bin")).file_size == 6
        assert store.info(path("a")).is_dir
        assert store.info(path("")).is_dir

    def test_empty_file_is_a_file(self, store: ArtifactStore) -> None:
        digest = store.write(path("empty"), [])
        assert content_of(store, "empty") == b""
        assert digest == sha256(b"")
        assert store.info(path("empty")).file_size == 0
        assert paths_in(store) == ["empty"]

    def test_large_file_reads_back_with_digest(self, store: ArtifactStore) -> None:
        content = random.Random(1).randbytes(self.large_bytes)
        chunks = [content[i : i + 3_000_000] for i in range(0, len(content), 3_000_000)]
        assert store.write(path("large"), iter(chunks)) == sha256(content)
        assert content_of(store, "large") == content
        assert store.digest(path("large")) == sha256(content)
        assert store.list(path("")) == [store.info(path("large"))]

    @pytest.mark.parametrize("name", UNICODE_NAMES)
    def test_name_is_given_back_unchanged(self, store: ArtifactStore, name: str) -> None:
        store.write(path(f"names/{name}"), [name.encode()])
        assert content_of(store, f"names/{name}") == name.encode()
        assert paths_in(store) == [f"names/{name}"]
        assert store.digest(path(f"names/{name}")) == sha256(name.encode())
        store.delete(path(f"names/{name}"))
        assert paths_in(store) == []

    def test_overwrite_replaces_content_and_digest(self, store: ArtifactStore) -> None:
        store.write(path("f"), [b"a long first version"])
        store.write(path("f"), [b"short"])
        assert content_of(store, "f") == b"short"
        assert store.digest(path("f")) == sha256(b"short")
        assert store.info(path("f")).file_size == 5

    def test_large_file_overwritten_by_a_small_one_has_the_new_digest(
        self, store: ArtifactStore
    ) -> None:
        store.write(path("f"), [bytes(self.large_bytes)])
        store.write(path("f"), [b"small"])
        assert store.digest(path("f")) == sha256(b"small")

    def test_failed_overwrite_leaves_the_old_content(self, store: ArtifactStore) -> None:
        store.write(path("f"), [b"old"])
        with pytest.raises(BrokenOff):
            store.write(path("f"), cut_after(bytes(50_000), 40_000))
        assert content_of(store, "f") == b"old"
        assert store.digest(path("f")) == sha256(b"old")

    def test_upload_cut_anywhere_is_never_visible(self, store: ArtifactStore) -> None:
        generator = random.Random(7)
        content = generator.randbytes(self.large_bytes)
        for _ in range(self.cuts):
            size = generator.choice([0, 1, 9_999, generator.randrange(len(content))])
            with pytest.raises(BrokenOff):
                store.write(path("d/cut"), cut_after(content, size, chunk=1_000_000))
            assert paths_in(store) == []
            assert paths_in(store, recursive=False) == []
        with pytest.raises(ArtifactNotFound):
            store.info(path("d/cut"))

    def test_reader_during_overwrites_sees_one_version_whole(self, store: ArtifactStore) -> None:
        versions = [bytes([n]) * 2_500_000 for n in range(6)]
        store.write(path("f"), [versions[0]])
        seen: list[bytes] = []
        done = threading.Event()

        def read_on() -> None:
            while not done.is_set():
                seen.append(content_of(store, "f"))

        reader = threading.Thread(target=read_on)
        reader.start()
        try:
            for version in versions[1:]:
                store.write(path("f"), [version[:1_000_000], version[1_000_000:]])
        finally:
            done.set()
            reader.join()
        assert seen
        assert all(content in versions for content in seen)

    def test_writers_of_one_path_leave_one_version_whole(self, store: ArtifactStore) -> None:
        versions = [bytes([n]) * 300_000 for n in range(8)]
        writers = [
            threading.Thread(target=store.write, args=(path("f"), [v[:100_000], v[100_000:]]))
            for v in versions
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        content = content_of(store, "f")
        assert content in versions
        assert store.digest(path("f")) == sha256(content)

    def test_content_other_than_its_digest_says_is_not_published(
        self, store: ArtifactStore
    ) -> None:
        for content in (b"small", bytes(self.large_bytes)):
            with pytest.raises(Corrupted):
                store.write(path("f"), [content], sha256=sha256(b"other"))
            assert paths_in(store) == []
            expected = sha256(content).upper()
            size = len(content)
            store.write(path("g"), [content], sha256=expected, size_bytes=size)
            assert b"".join(store.read_verified(path("g"))) == content
            store.delete(path("g"))

    def test_list_of_one_level_shows_files_and_folders_sorted(self, store: ArtifactStore) -> None:
        for name in ("b/x", "b/y/z", "a", "c", "b-1"):
            store.write(path(name), [b"12"])
        found = store.list(path(""))
        assert [(i.path, i.is_dir, i.file_size) for i in found] == [
            ("a", False, 2),
            ("b", True, None),
            ("b-1", False, 2),
            ("c", False, 2),
        ]
        assert paths_in(store, "b", recursive=False) == ["b/x", "b/y"]

    def test_recursive_list_shows_all_files_sorted(self, store: ArtifactStore) -> None:
        for name in ("b/x", "b/y/z", "a", "b-1"):
            store.write(path(name), [b"1"])
        assert paths_in(store) == ["a", "b-1", "b/x", "b/y/z"]
        assert paths_in(store, "b") == ["b/x", "b/y/z"]

    def test_list_of_missing_folder_or_of_a_file_is_empty(self, store: ArtifactStore) -> None:
        store.write(path("ab/f"), [b"1"])
        assert store.list(path("a")) == []
        assert store.list(path("nothing/here"), recursive=True) == []
        assert store.list(path("ab/f")) == []
        assert store.list(path("ab/f"), recursive=True) == []

    def test_range_reads_exactly_those_bytes(self, store: ArtifactStore) -> None:
        content = random.Random(2).randbytes(3_000_000)
        store.write(path("f"), [content])
        for start, end in [(0, 1), (10, 20), (1_048_570, 1_048_590), (2_999_999, None), (5, None)]:
            assert content_of(store, "f", ByteRange(start, end)) == content[start:end]
        assert content_of(store, "f", ByteRange(2_999_990, 9_000_000)) == content[-10:]
        assert content_of(store, "f", ByteRange(9_000_000)) == b""
        assert content_of(store, "f", ByteRange(5, 5)) == b""

    def test_missing_path_is_said_before_the_first_chunk(self, store: ArtifactStore) -> None:
        store.write(path("folder/f"), [b"1"])
        for missing in ("nothing", "folder/nothing", "folder/f/below"):
            with pytest.raises(ArtifactNotFound):
                store.read(path(missing))
            with pytest.raises(ArtifactNotFound):
                store.info(path(missing))
            with pytest.raises(ArtifactNotFound):
                store.digest(path(missing))
            with pytest.raises(ArtifactNotFound):
                store.delete(path(missing))
        with pytest.raises(ArtifactNotFound):
            store.read(path("folder"))

    def test_deleted_file_is_gone_and_its_neighbours_stay(self, store: ArtifactStore) -> None:
        for name in ("d/a", "d/a2", "d/b"):
            store.write(path(name), [b"1"])
        store.delete(path("d/a"))
        assert paths_in(store) == ["d/a2", "d/b"]
        with pytest.raises(ArtifactNotFound):
            store.read(path("d/a"))

    def test_deleted_folder_goes_with_all_below(self, store: ArtifactStore) -> None:
        for name in ("d/a", "d/e/f/g", "d2/a", "x"):
            store.write(path(name), [b"1"])
        store.delete(path("d"))
        assert paths_in(store) == ["d2/a", "x"]
        with pytest.raises(ArtifactNotFound):
            store.info(path("d"))

    def test_root_is_never_deleted_or_written(self, store: ArtifactStore) -> None:
        store.write(path("f"), [b"1"])
        for attempt in (
            lambda: store.delete(path("")),
            lambda: store.write(path(""), [b"x"]),
            lambda: store.delete(path(".")),
            lambda: store.delete(path("/")),
            lambda: store.delete(path("f/..")),
        ):
            with pytest.raises(InvalidInput):
                attempt()
        assert paths_in(store) == ["f"]

    @pytest.mark.parametrize("bad", [*ESCAPES, *HIDDEN_PATHS])
    def test_path_out_of_the_root_or_hidden_is_refused(
        self, store: ArtifactStore, bad: str
    ) -> None:
        store.write(path("a/f"), [b"1"])
        with pytest.raises(InvalidInput):
            store.read(path(bad))
        with pytest.raises(InvalidInput):
            store.write(path(bad), [b"x"])
        with pytest.raises(InvalidInput):
            store.list(path(bad))
        with pytest.raises(InvalidInput):
            store.info(path(bad))
        with pytest.raises(InvalidInput):
            store.digest(path(bad))
        with pytest.raises(InvalidInput):
            store.delete(path(bad))
        with pytest.raises(InvalidInput):
            store.at(path(bad))
        if isinstance(store, SupportsMultipart):
            with pytest.raises(InvalidInput):
                store.create_upload(path(bad))
        assert paths_in(store) == ["a/f"]

    def test_view_of_a_folder_is_a_store_of_its_own(self, store: ArtifactStore) -> None:
        store.write(path("runs/1/f"), [b"1"])
        below = store.at(path("runs")).at(path("1"))
        assert paths_in(below) == ["f"]
        below.write(path("g"), [b"2"])
        assert content_of(store, "runs/1/g") == b"2"
        assert below.digest(path("g")) == sha256(b"2")
        assert below.uri.rstrip("/") == store.uri.rstrip("/") + "/runs/1"
        with pytest.raises(InvalidInput):
            below.delete(path(""))
        below.delete(path("f"))
        assert paths_in(store) == ["runs/1/g"]

    def test_parts_make_a_file_in_their_order(self, store: ArtifactStore) -> None:
        if not isinstance(store, SupportsMultipart):
            return
        target = path("d/parts")
        content = random.Random(3).randbytes(12_000_000)
        upload = store.create_upload(target, parts=2)
        second = store.write_part(target, upload, 2, [content[6_000_000:]])
        store.write_part(target, upload, 1, [b"sent too early"])
        halves = [content[:3_000_000], content[3_000_000:6_000_000]]
        first = store.write_part(target, upload, 1, halves)
        assert paths_in(store) == []
        digest = store.complete_upload(target, upload, [first, second])
        assert digest in (None, sha256(content))
        assert content_of(store, "d/parts") == content
        assert paths_in(store) == ["d/parts"]

    def test_upload_takes_no_unknown_id_part_or_order(self, store: ArtifactStore) -> None:
        if not isinstance(store, SupportsMultipart):
            return
        target = path("parts")
        upload = store.create_upload(target, parts=2)
        one = store.write_part(target, upload, 1, [b"1"])
        two = store.write_part(target, upload, 2, [b"2"])
        for parts in ([], [two, one], [one, one], [one, type(one)(2, "f" * 64)]):
            with pytest.raises(InvalidInput):
                store.complete_upload(target, upload, parts)
        for unknown in ("0" * 32, "../x", "", "a" * 5_000):
            with pytest.raises(NotFound):
                store.write_part(target, unknown, 1, [b"1"])
            with pytest.raises(NotFound):
                store.complete_upload(target, unknown, [one])
        with pytest.raises(NotFound):
            store.write_part(path("other"), upload, 1, [b"1"])
        assert paths_in(store) == []

    def test_aborted_upload_leaves_nothing(self, store: ArtifactStore) -> None:
        if not isinstance(store, SupportsMultipart):
            return
        target = path("parts")
        upload = store.create_upload(target, parts=1)
        one = store.write_part(target, upload, 1, [b"1"])
        store.abort_upload(target, upload)
        store.abort_upload(target, upload)
        store.abort_upload(target, "0" * 32)
        with pytest.raises(NotFound):
            store.complete_upload(target, upload, [one])
        assert paths_in(store) == []

    def test_presigned_urls_read_and_write_without_credentials(self, store: ArtifactStore) -> None:
        if not isinstance(store, SupportsPresign):
            return
        write = store.presign_write(path(self.signed_name), expires_s=60)
        with urllib3.PoolManager() as http:
            put = http.request("PUT", write.url, headers=write.headers, body=b"direct")
            assert put.status in (200, 201)
            read = store.presign_read(path(self.signed_name), expires_s=60)
            assert http.request("GET", read.url, headers=read.headers).data == b"direct"
        assert content_of(store, self.signed_name) == b"direct"
        assert store.digest(path(self.signed_name)) is None

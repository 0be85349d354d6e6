"""Batches of small files, over HTTP: each file as safe as alone."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import urllib3

from assay.artifacts.base import SmallContent
from assay.artifacts.batches import MAX_FILE_BYTES, ReadFile, SmallFile
from assay.artifacts.proxy import ProxyArtifactStore
from assay.artifacts.transfer import download, upload_tree
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import InvalidInput
from tests.services.mlflow_client import ServerProcess

A = artifact_path


@pytest.fixture
def store(assay_server: ServerProcess) -> Iterator[ProxyArtifactStore]:
    store = ProxyArtifactStore(assay_server.url, f"batches/{uuid.uuid4().hex}")
    yield store
    store.close()


def small(path: str, content: bytes) -> SmallFile:
    return SmallFile(ArtifactPath(path), content, hashlib.sha256(content).hexdigest())


def test_files_of_a_batch_are_there_with_their_digests(store: ProxyArtifactStore) -> None:
    files = [small("a.txt", b"a"), small("deep/żółw.bin", b"\0" * 9), small("empty", b"")]
    assert store.write_batch(files) == [None, None, None]
    for file in files:
        assert b"".join(store.read(file.path)) == file.content
        assert store.digest(file.path) == file.sha256
    assert store.read_batch([file.path for file in files]) == [
        ReadFile(file.path, file.content, file.sha256) for file in files
    ]


@pytest.mark.parametrize(
    "bad",
    [
        small("../outside", b"x"),
        small("/absolute", b"x"),
        small("%2e%2e/outside", b"x"),
        small(".assay-store/writing/x", b"x"),
        small("", b"x"),
        small("a.txt/below-a-file", b"x"),
        SmallFile(A("damaged"), b"x", "0" * 64),
    ],
    ids=lambda file: file.path or "root",
)
def test_a_refused_file_holds_up_no_other(store: ProxyArtifactStore, bad: SmallFile) -> None:
    outcomes = store.write_batch([small("a.txt", b"1"), bad, small("z.txt", b"2")])
    assert outcomes is not None
    assert [type(outcome) for outcome in outcomes[::2]] == [type(None)] * 2
    assert isinstance(outcomes[1], InvalidInput)
    assert [info.path for info in store.list(ArtifactPath(""), recursive=True)] == [
        "a.txt",
        "z.txt",
    ]


def test_what_is_missing_or_too_large_comes_without_content(store: ProxyArtifactStore) -> None:
    store.write(A("large"), [b"x" * (MAX_FILE_BYTES + 1)])
    store.write(A("folder/small"), [b"x"])
    paths = [A("large"), A("missing"), A("folder"), A("folder/small")]
    found = store.read_batch(paths)
    assert found is not None
    assert [file.content for file in found] == [None, None, None, b"x"]


@pytest.mark.parametrize("folder", ["..", "/etc", "a/../..", "%2e%2e", ".assay-store"])
def test_a_folder_outside_of_the_root_is_refused(assay_server: ServerProcess, folder: str) -> None:
    for route, body in (
        ("read-batch", {"folder": folder, "paths": ["passwd"]}),
        ("write-batch", {"folder": folder, "files": [small("x", b"x")]}),
    ):
        answer = urllib3.request(
            "POST",
            f"{assay_server.url}/api/assay/v1/artifacts/{route}",
            body=msgspec.msgpack.encode(body),
            headers={"Content-Type": "application/msgpack"},
        )
        assert answer.status == 400
        assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_batch_is_bounded(assay_server: ServerProcess) -> None:
    answer = urllib3.request(
        "POST",
        f"{assay_server.url}/api/assay/v1/artifacts/read-batch",
        json={"paths": ["a"] * 1_001},
    )
    assert answer.status == 400


def test_a_folder_of_files_of_all_sizes_goes_up_and_comes_down(
    store: ProxyArtifactStore, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    sizes = [0, 1, 10_000, MAX_FILE_BYTES, MAX_FILE_BYTES + 1, 3 << 20]
    for number in range(450):
        path = source / str(number % 7) / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number % 256]) * sizes[0 if number > 20 else number % len(sizes)])
    digests = upload_tree(store, source, A("tree"))
    target = tmp_path / "target"
    download(store, A("tree"), target)
    for path in source.rglob("*.bin"):
        name = path.relative_to(source)
        content = path.read_bytes()
        assert (target / "tree" / name).read_bytes() == content
        assert digests[A(f"tree/{name}")] == hashlib.sha256(content).hexdigest()
    assert not list(target.rglob(".assay-*"))


def test_small_content_is_read_whole_or_not_at_all(store: ProxyArtifactStore) -> None:
    sha256 = store.write(A("f"), [b"ab", b"cd"])
    assert store.read_small(A("f"), max_bytes=4) == SmallContent(b"abcd", sha256)
    assert store.read_small(A("f"), max_bytes=3) is None

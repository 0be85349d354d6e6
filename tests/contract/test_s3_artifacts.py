"""An S3 bucket (SeaweedFS) keeps the promises of an artifact store."""

from __future__ import annotations

import random
import uuid
from pathlib import Path

import pytest

from assay.artifacts.base import ArtifactStore
from assay.artifacts.object_store import ObjectArtifactStore
from assay.artifacts.transfer import download, upload_tree
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import InvalidInput, PermissionDenied, StoreUnavailable
from assay.testing.artifact_contract import ArtifactStoreContract
from tests.services.object_stores import ObjectStoreServer

pytestmark = pytest.mark.object_store


class TestS3ArtifactStore(ArtifactStoreContract):
    @pytest.fixture
    def store(self, seaweedfs: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
        for name, value in seaweedfs.environment.items():
            monkeypatch.setenv(name, value)
        return ObjectArtifactStore(f"{seaweedfs.uri}/{uuid.uuid4().hex}")

    def test_tree_and_large_file_go_up_and_come_down(
        self, store: ArtifactStore, tmp_path: Path
    ) -> None:
        source = tmp_path / "source"
        source.mkdir()
        for n in range(200):
            (source / f"{n}.txt").write_bytes(b"%d" % n)
        (source / "large").write_bytes(random.Random(9).randbytes(40_000_000))
        digests = upload_tree(store, source, artifact_path("d"))
        place = Path(download(store, artifact_path("d"), tmp_path / "down"))
        assert {p.name: p.read_bytes() for p in place.iterdir()} == {
            p.name: p.read_bytes() for p in source.iterdir()
        }
        assert store.digest(artifact_path("d/large")) == digests[artifact_path("d/large")]

    def test_content_may_come_from_an_object_store_itself(self, store: ArtifactStore) -> None:
        content = random.Random(4).randbytes(30_000_000)
        store.write(artifact_path("from"), [content])
        store.write(artifact_path("to"), store.read(artifact_path("from")))
        assert b"".join(store.read(artifact_path("to"))) == content


def test_wrong_credentials_are_told_without_showing_them(
    seaweedfs: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in seaweedfs.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    with pytest.raises(PermissionDenied, match="credentials") as raised:
        ObjectArtifactStore(seaweedfs.uri).list(ArtifactPath(""))
    assert "not-the-secret" not in str(raised.value)


def test_store_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with pytest.raises(StoreUnavailable, match="s3://bucket/prefix"):
        ObjectArtifactStore("s3://bucket/prefix").list(ArtifactPath(""))


def test_bucket_that_is_not_there_is_told(
    seaweedfs: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in seaweedfs.environment.items():
        monkeypatch.setenv(name, value)
    store = ObjectArtifactStore("s3://nobody-made-this/prefix")
    with pytest.raises(InvalidInput, match="no bucket or container s3://nobody-made-this"):
        store.list(ArtifactPath(""))
    with pytest.raises(InvalidInput, match="no bucket or container s3://nobody-made-this"):
        store.read(artifact_path("f"))

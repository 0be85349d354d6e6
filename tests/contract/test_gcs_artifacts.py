"""Google Cloud Storage, as far as it can be tested here.

fake-gcs-server answers the JSON API and downloads; obstore writes through the XML API, which it
refuses. So
reading is tested against real answers, and that a refused write is told and publishes nothing.
"""

from __future__ import annotations

import uuid
from urllib.parse import quote

import pytest
import urllib3

from assay.artifacts.base import ByteRange
from assay.artifacts.object_store import ObjectArtifactStore
from assay.entities.names import artifact_path
from assay.errors import ArtifactNotFound, StoreUnavailable
from tests.services.object_stores import ObjectStoreServer

pytestmark = pytest.mark.object_store

A = artifact_path


@pytest.fixture
def prefix() -> str:
    return f"root/{uuid.uuid4().hex}"


@pytest.fixture
def store(
    fake_gcs: ObjectStoreServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> ObjectArtifactStore:
    for name, value in fake_gcs.environment.items():
        monkeypatch.setenv(name, value)
    return ObjectArtifactStore(f"gs://assay/{prefix}")


def put(server: ObjectStoreServer, name: str, content: bytes) -> None:
    """An object, by the API that Google's own client uses."""
    query = f"uploadType=media&name={quote(name, safe='')}"
    url = f"{server.endpoint}/upload/storage/v1/b/assay/o?{query}"
    with urllib3.PoolManager() as http:
        assert http.request("POST", url, body=content).status == 200


def test_object_is_read_whole_and_in_ranges(
    store: ObjectArtifactStore, fake_gcs: ObjectStoreServer, prefix: str
) -> None:
    content = bytes(range(256)) * 10_000
    put(fake_gcs, f"{prefix}/a/b c.bin", content)
    path = A("a/b c.bin")
    assert b"".join(store.read(path)) == content
    assert b"".join(store.read(path, ByteRange(1_000, 2_000))) == content[1_000:2_000]
    assert store.info(path).file_size == len(content)
    assert store.digest(path) is None


def test_missing_object_is_told(store: ObjectArtifactStore) -> None:
    with pytest.raises(ArtifactNotFound):
        store.read(A("nothing"))


def test_refused_write_is_told_and_publishes_nothing(store: ObjectArtifactStore) -> None:
    with pytest.raises(StoreUnavailable, match="invalid uploadType"):
        store.write(A("f"), [b"content"])
    with pytest.raises(ArtifactNotFound):
        store.read(A("f"))

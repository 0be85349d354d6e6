"""An S3 bucket (SeaweedFS) keeps the promises of an artifact store."""

from __future__ import annotations

import uuid

import pytest
from tests.services.object_stores import ObjectStoreServer

from assay.artifacts.base import ArtifactStore
from assay.artifacts.object_store import ObjectArtifactStore
from assay.testing.artifact_contract import ArtifactStoreContract

pytestmark = pytest.mark.object_store


class TestS3ArtifactStore(ArtifactStoreContract):
    @pytest.fixture
    def store(self, seaweedfs: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
        for name, value in seaweedfs.environment.items():
            monkeypatch.setenv(name, value)
        return ObjectArtifactStore(f"{seaweedfs.uri}/{uuid.uuid4().hex}")

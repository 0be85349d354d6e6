"""An Azure blob container (Azurite) keeps the promises of an artifact store."""

from __future__ import annotations

import uuid

import pytest

from assay.artifacts.base import ArtifactStore
from assay.artifacts.object_store import ObjectArtifactStore
from assay.entities.names import artifact_path
from assay.errors import InvalidInput
from assay.testing.artifact_contract import ArtifactStoreContract
from tests.services.object_stores import ObjectStoreServer

pytestmark = pytest.mark.object_store


class TestAzureArtifactStore(ArtifactStoreContract):
    signed_name = "d/signed-file.bin"

    @pytest.fixture
    def store(self, azurite: ObjectStoreServer, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
        for name, value in azurite.environment.items():
            monkeypatch.setenv(name, value)
        return ObjectArtifactStore(f"{azurite.uri}/{uuid.uuid4().hex}")

    def test_name_that_azure_could_not_check_is_not_signed(self, store: ArtifactStore) -> None:
        assert isinstance(store, ObjectArtifactStore)
        with pytest.raises(InvalidInput, match="Go through the server"):
            store.presign_read(artifact_path("d/with space"), expires_s=60)

"""A folder keeps the promises of an artifact store, with and without extended attributes."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.artifacts.base import ArtifactStore
from assay.artifacts.local import LocalArtifactStore
from assay.testing.artifact_contract import ArtifactStoreContract


class TestLocalArtifactStore(ArtifactStoreContract):
    cuts = 100
    large_bytes = 2_000_000

    @pytest.fixture
    def store(self, tmp_path: Path) -> ArtifactStore:
        return LocalArtifactStore(tmp_path / "root")


class TestDurableLocalArtifactStore(ArtifactStoreContract):
    large_bytes = 2_000_000

    @pytest.fixture
    def store(self, tmp_path: Path) -> ArtifactStore:
        return LocalArtifactStore(tmp_path / "root", durability="full")


class TestLocalArtifactStoreWithoutExtendedAttributes(ArtifactStoreContract):
    large_bytes = 2_000_000

    @pytest.fixture
    def store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArtifactStore:
        # No file system here lacks them, so the platform is made to look like one: macOS has no
        # os.setxattr.
        monkeypatch.delattr("os.setxattr")
        monkeypatch.delattr("os.getxattr")
        return LocalArtifactStore(tmp_path / "root")


class TestViewOfALocalArtifactStore(ArtifactStoreContract):
    large_bytes = 2_000_000

    @pytest.fixture
    def store(self, tmp_path: Path) -> ArtifactStore:
        root = LocalArtifactStore(tmp_path)
        return root.at("0/run/artifacts")  # type: ignore[arg-type] # a literal path

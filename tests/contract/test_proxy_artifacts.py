"""Artifacts behind a running Assay server keep the promises of an artifact store."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.artifacts.base import ArtifactStore
from assay.artifacts.proxy import ProxyArtifactStore
from assay.testing.artifact_contract import ArtifactStoreContract

SERVER = """
import sys
from assay.server.run import serve
from assay.server.settings import ServerSettings

store, artifacts = f"sqlite:///{sys.argv[1]}/assay.db", f"{sys.argv[1]}/artifacts"
settings = ServerSettings(port=0, store_uri=store, artifacts_uri=artifacts)
serve(settings, started=lambda url: print(url, flush=True))
"""


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    command = [sys.executable, "-c", SERVER, str(folder)]
    with Path(folder, "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://"), Path(folder, "log").read_text()
            yield url
        finally:
            process.terminate()
            process.communicate(timeout=20)


class TestProxyArtifactStore(ArtifactStoreContract):
    @pytest.fixture
    def store(self, server_url: str) -> Iterator[ArtifactStore]:
        store = ProxyArtifactStore(server_url, f"runs/{uuid.uuid4().hex}")
        yield store
        store.close()

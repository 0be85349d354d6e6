"""Artifacts behind a running Assay server keep the promises of an artifact store."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.artifacts.base import ArtifactStore
from assay.artifacts.proxy import ProxyArtifactStore
from assay.artifacts.transfer import Progress, download, upload_file, upload_tree
from assay.entities.names import artifact_path
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


def test_tree_goes_through_the_server_and_back(server_url: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for n in range(500):
        (source / f"{n} ż.bin").write_bytes(b"%d" % n * n)
    store = ProxyArtifactStore(server_url, uuid.uuid4().hex)
    digests = upload_tree(store, source, artifact_path("d"))
    place = Path(download(store, artifact_path("d"), tmp_path / "down"))
    store.close()
    assert {p.name: p.read_bytes() for p in place.iterdir()} == {
        p.name: p.read_bytes() for p in source.iterdir()
    }
    assert len(digests) == 500


def test_large_file_goes_through_the_server_in_parts_and_comes_back_in_segments(
    server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real thresholds need files of half a gigabyte.
    monkeypatch.setattr("assay.artifacts.transfer.PARTS_FROM_BYTES", 8_000_000)
    monkeypatch.setattr("assay.artifacts.transfer.PART_BYTES", 3_000_000)
    monkeypatch.setattr("assay.artifacts.download.LARGE_BYTES", 8_000_000)
    monkeypatch.setattr("assay.artifacts.download.SEGMENT_BYTES", 3_000_000)
    content = random.Random(5).randbytes(20_000_001)
    (tmp_path / "f").write_bytes(content)
    store = ProxyArtifactStore(server_url, uuid.uuid4().hex)
    seen: list[Progress] = []
    digest = upload_file(store, tmp_path / "f", artifact_path("d/f"), on_progress=seen.append)
    place = Path(download(store, artifact_path("d/f"), tmp_path / "down"))
    store.close()
    assert place.read_bytes() == content
    assert digest == hashlib.sha256(content).hexdigest()
    assert seen[-1] == Progress(len(content), len(content), 1, 1)
    assert len(seen) > 7

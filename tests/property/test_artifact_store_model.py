"""A folder of artifacts compared with a dict, through random sequences of operations."""

from __future__ import annotations

import hashlib
import shutil
import tempfile

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from assay.artifacts.base import ByteRange
from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import ArtifactNotFound, InvalidInput

NAMES = st.sampled_from(["a", "b", "ż", "c d", ".e", "%41"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join).map(artifact_path)
CONTENTS = st.binary(max_size=50)


class ArtifactStoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = tempfile.mkdtemp()
        self.store = LocalArtifactStore(self.root)
        self.model: dict[str, bytes] = {}
        self.folders: set[str] = {""}

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    @rule(path=PATHS, content=CONTENTS)
    def write(self, path: ArtifactPath, content: bytes) -> None:
        above = [path.rsplit("/", n)[0] for n in range(1, path.count("/") + 1)]
        blocked = path in self.folders or any(folder in self.model for folder in above)
        if blocked:
            with pytest.raises(InvalidInput):
                self.store.write(path, [content])
            # What was made of the folders on the way is no artifact, and says nothing to a caller.
            return
        self.store.write(path, [content[:10], content[10:]])
        self.model[path] = content
        self.folders.update(above)

    @rule(path=PATHS)
    def delete(self, path: ArtifactPath) -> None:
        gone = {p for p in self.model if p == path or p.startswith(path + "/")}
        if not gone and path not in self.folders:
            with pytest.raises(ArtifactNotFound):
                self.store.delete(path)
            return
        self.store.delete(path)
        self.model = {p: c for p, c in self.model.items() if p not in gone}
        self.folders = {f for f in self.folders if f != path and not f.startswith(path + "/")}

    @rule(path=PATHS, start=st.integers(0, 60), end=st.none() | st.integers(0, 60))
    def read(self, path: ArtifactPath, start: int, end: int | None) -> None:
        if path not in self.model:
            with pytest.raises(ArtifactNotFound):
                self.store.read(path)
            return
        content = self.model[path]
        assert b"".join(self.store.read(path, ByteRange(start, end))) == content[start:end]
        assert self.store.digest(path) == hashlib.sha256(content).hexdigest()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = LocalArtifactStore(self.root)

    @invariant()
    def lists_agree(self) -> None:
        found = {i.path: i.file_size for i in self.store.list(ArtifactPath(""), recursive=True)}
        assert found == {path: len(content) for path, content in self.model.items()}


TestArtifactStoreModel = ArtifactStoreMachine.TestCase
TestArtifactStoreModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

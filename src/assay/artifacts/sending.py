"""How files travel: small ones together where the store can take and give them so, larger ones
alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from assay.artifacts import batches
from assay.artifacts.base import ArtifactInfo, ArtifactStore
from assay.artifacts.batches import SmallFile, SupportsBatches
from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import ArtifactPath
from assay.errors import AssayError

WORKERS = 8
"""Files on their way at a time over a network: latency is what small files cost there."""
BATCH_WORKERS = 2
"""Batches at a time: one is prepared while the other is on its way."""
LOCAL_WORKERS = 2
"""To a folder it is system calls and hashing; more threads only wait for each other."""


File = TypeVar("File")


class LocalFile(msgspec.Struct, frozen=True):
    """A file to send."""

    file: str
    path: ArtifactPath
    size_bytes: int
    sha256: str = ""
    """Empty where it isn't known yet."""
    content: bytes | None = None
    """What it holds, where that is in memory; then ``file`` says nothing."""


Job = list[LocalFile]
"""Files that travel together."""


class Sent(NamedTuple):
    """A file that was published, or refused for good with ``error``."""

    file: LocalFile
    sha256: str
    error: AssayError | None = None


def jobs_of(store: ArtifactStore, files: Iterable[LocalFile]) -> Iterator[Job]:
    """``files`` in the pieces in which they travel, in their order."""
    return _grouped(store, files, lambda file: file.size_bytes)


def batches_of(store: ArtifactStore, files: Iterable[ArtifactInfo]) -> Iterator[list[ArtifactInfo]]:
    """The same for files that are fetched."""
    return _grouped(store, files, lambda info: info.file_size or 0)


def _grouped(
    store: ArtifactStore, files: Iterable[File], size_of: Callable[[File], int]
) -> Iterator[list[File]]:
    together = takes_batches(store)
    group: list[File] = []
    total = 0
    for file in files:
        size = size_of(file)
        if not together or size > batches.MAX_FILE_BYTES:
            yield [file]
            continue
        if len(group) == batches.FILES or total + size > batches.FILES_BYTES:
            yield group
            group, total = [], 0
        group.append(file)
        total += size
    if group:
        yield group


def takes_batches(store: ArtifactStore) -> bool:
    """Whether many small files are worth sending at once, as far as is known."""
    return isinstance(store, SupportsBatches) and store.takes_batches


def workers_for(store: ArtifactStore) -> int:
    """How many jobs are best on their way at a time."""
    if isinstance(store, LocalArtifactStore):
        return LOCAL_WORKERS
    return BATCH_WORKERS if takes_batches(store) else WORKERS


def send_together(store: ArtifactStore, job: Job) -> list[Sent] | None:
    """Publish several small files at once; ``None`` if there is one only, or the store takes none.

    Raises:
        AssayError: the store can't take them now.
    """
    if len(job) < 2 or not isinstance(store, SupportsBatches):
        return None
    files = [_small(file) for file in job]
    errors = store.write_batch(files)
    if errors is None:
        return None
    return [
        Sent(file, small.sha256, error)
        for file, small, error in zip(job, files, errors, strict=True)
    ]


def _small(file: LocalFile) -> SmallFile:
    content = Path(file.file).read_bytes() if file.content is None else file.content
    return SmallFile(file.path, content, file.sha256 or hashlib.sha256(content).hexdigest())

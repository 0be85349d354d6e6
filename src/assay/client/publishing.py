"""Publishing: files of a spool on their way into an artifact store, several at a time."""

# Imported with the first file that is published: artifact stores cost a start that most runs
# don't need.
from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from assay.artifacts.base import ArtifactStore, SupportsAdopt
from assay.artifacts.digests import sha256_of_file
from assay.artifacts.parallel import in_parallel
from assay.artifacts.sending import LocalFile, jobs_of, send_together, workers_for
from assay.client.spooled import Waiting
from assay.entities.names import ArtifactPath
from assay.errors import AssayError, Corrupted

_CHUNK_BYTES = 1 << 20


def send(
    store: ArtifactStore,
    wave: list[Waiting],
    *,
    is_final: Callable[[Exception], bool],
    on_wait: Callable[[], None] | None,
) -> Iterator[tuple[Waiting, AssayError | None]]:
    """Publish files whose order doesn't matter; yields each that is done, or refused with an error.

    Raises:
        Exception: one can't be published now, after all that are done were given.
    """
    # Taken over by rename just before a process died: all that is left is the description.
    gone = [waiting for waiting in wave if not waiting.is_there]
    yield from ((waiting, None) for waiting in gone)
    missing = {waiting.file.path for waiting in gone}
    # No path stands twice in a wave.
    here = {one.file.path: one for one in wave if one.file.path not in missing}

    def alone(file: LocalFile) -> AssayError | None:
        try:
            _publish(store, file)
        except AssayError as error:
            if not is_final(error) and not _is_damaged(file, error):
                raise
            return error
        return None

    def work(job: list[LocalFile]) -> list[tuple[ArtifactPath, AssayError | None]]:
        sent = send_together(store, job)
        if sent is not None:
            # What was refused may have been damaged on the way: alone, it gets a second chance.
            return [(one.file.path, None if one.error is None else alone(one.file)) for one in sent]
        return [(file.path, alone(file)) for file in job]

    files = [_local(waiting) for waiting in here.values()]
    workers = 1 if isinstance(store, SupportsAdopt) else workers_for(store)
    for done in in_parallel(work, jobs_of(store, files), workers=workers, on_wait=on_wait):
        for path, error in done:
            yield here[path], error


def _local(waiting: Waiting) -> LocalFile:
    file, content = waiting.file, waiting.content
    if isinstance(content, bytes):
        return LocalFile("", file.path, file.size, file.sha256, content)
    return LocalFile(str(content), file.path, file.size, file.sha256)


def _publish(store: ArtifactStore, file: LocalFile) -> None:
    if file.content is not None:
        store.write(file.path, [file.content], sha256=file.sha256, size_bytes=file.size_bytes)
        return
    if isinstance(store, SupportsAdopt):
        store.adopt(file.path, file.file, sha256=file.sha256 or None)
        return
    store.write(
        file.path, _chunks(file.file), sha256=file.sha256 or None, size_bytes=file.size_bytes
    )


def _is_damaged(file: LocalFile, error: Exception) -> bool:
    """Whether the copy in the spool is no longer what was logged."""
    if not isinstance(error, Corrupted) or not file.sha256:
        return False
    if file.content is not None:
        return hashlib.sha256(file.content).hexdigest() != file.sha256
    return sha256_of_file(file.file) != file.sha256


def _chunks(file: str) -> Iterator[bytes]:
    with open(file, "rb", buffering=0) as stream:  # noqa: PTH123 - an unbuffered stream is meant
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk

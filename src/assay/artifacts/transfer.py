"""Files and folders between this machine's disk and any artifact store.

Several files travel at a time, large ones in parts; what an outage interrupts is tried again. A
file appears whole at its destination or not at all, and what comes down is checked against the
digest that the store keeps.
"""

# ruff: noqa: PTH112, PTH116, PTH123 - walking thousands of files, os.scandir's own entries spare a stat each
from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from assay.artifacts.base import CHUNK_BYTES, ArtifactInfo, ArtifactStore, SupportsMultipart
from assay.artifacts.batches import SupportsBatches
from assay.artifacts.download import download_file, place_file
from assay.artifacts.local import LocalArtifactStore
from assay.artifacts.object_store import ObjectArtifactStore
from assay.artifacts.parallel import do_all
from assay.artifacts.paths import join, segments
from assay.artifacts.progress import Meter, OnProgress, Progress
from assay.artifacts.retry import retried
from assay.artifacts.sending import (
    Job,
    LocalFile,
    Sent,
    batches_of,
    jobs_of,
    send_together,
    workers_for,
)
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import ArtifactNotFound, Corrupted, InvalidInput, NotFound, RemoteError

__all__ = ["OnProgress", "Progress", "download", "upload_file", "upload_tree"]

SMALL_BYTES = 4 << 20
"""Files up to this size are read and hashed first, so that the other side can check before it
publishes."""
PARTS_FROM_BYTES = 512 << 20
"""Size from which a file goes up in parts, where the store takes them: an outage then costs one
part."""
PART_BYTES = 64 << 20
PARALLEL_PARTS = 4

_log = logging.getLogger(__name__)


def upload_file(
    store: ArtifactStore,
    file: str | os.PathLike[str],
    path: ArtifactPath,
    *,
    on_progress: OnProgress | None = None,
) -> str:
    """Upload one local file to ``path``; returns its SHA-256 in hex.

    Raises:
        ArtifactNotFound: there is no such local file.
        StoreUnavailable: the store stayed away through all attempts.
    """
    size = _size_of(os.fspath(file))
    meter = Meter(on_progress, total_bytes=size, total_files=1)
    return _upload(store, LocalFile(os.fspath(file), path, size), meter)


def upload_tree(
    store: ArtifactStore,
    local_dir: str | os.PathLike[str],
    prefix: ArtifactPath = ArtifactPath(""),  # noqa: B008 - a string
    *,
    on_progress: OnProgress | None = None,
) -> dict[ArtifactPath, str]:
    """Upload all files below ``local_dir`` to below ``prefix``; returns the SHA-256 of each path.

    Links to files are followed, links to folders are not; empty folders are not kept. All names
    are checked before the first file is sent. If one fails, the others of the moment are
    finished, and those sent stay.

    Raises:
        ArtifactNotFound: there is no such folder.
        InvalidName: a file's name can't be an artifact path.
        StoreUnavailable: the store stayed away through all attempts.
    """
    files = list(_walk(os.fspath(local_dir), prefix))
    meter = Meter(on_progress, total_bytes=sum(f.size_bytes for f in files), total_files=len(files))
    digests: dict[ArtifactPath, str] = {}

    def send(job: Job) -> None:
        sent = retried(lambda: send_together(store, job))
        if sent is None:
            sent = [Sent(file, _upload(store, file, meter)) for file in job]
        else:
            meter.count(sum(file.size_bytes for file in job), files=len(job))
        for file, sha256, error in sent:
            if error is not None:
                raise error
            digests[file.path] = sha256

    do_all(send, jobs_of(store, files), workers=workers_for(store))
    return {file.path: digests[file.path] for file in files}


def download(
    store: ArtifactStore,
    path: ArtifactPath,
    dst_dir: str | os.PathLike[str],
    *,
    on_progress: OnProgress | None = None,
    verify: bool = True,
) -> str:
    """Download a file, or a folder with all below, to ``dst_dir/path``; returns that place.

    A file that is there already is replaced, once the new one is whole. A large file whose digest
    the store knows is taken up where an earlier call broke off. No name in the store leads out of
    ``dst_dir``, nor do links in it.

    Raises:
        ArtifactNotFound: nothing is at ``path``.
        Corrupted: content is not what its digest says, and ``verify``.
        StoreUnavailable: the store stayed away through all attempts.
    """
    segments(path)
    root = Path(dst_dir).resolve()
    files = _files_at(store, path)
    meter = Meter(
        on_progress,
        total_bytes=sum(f.file_size or 0 for f in files),
        total_files=len(files),
    )

    def fetch(job: list[ArtifactInfo]) -> None:
        for info in _fetch_together(store, job, str(root), meter=meter):
            download_file(store, info, str(root), meter=meter, verify=verify)

    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    do_all(fetch, batches_of(store, files), workers=workers_for(store))
    return str(root / path) if path else str(root)


def _fetch_together(
    store: ArtifactStore, job: list[ArtifactInfo], root: str, *, meter: Meter
) -> list[ArtifactInfo]:
    """Fetch small files at once; those that are still to be fetched alone."""
    if len(job) < 2 or not isinstance(store, SupportsBatches):
        return job
    try:
        found = retried(lambda: store.read_batch([info.path for info in job]))
    except Corrupted:  # alone, the damaged one shows
        return job
    if found is None:
        return job
    left = []
    for info, file in zip(job, found, strict=True):
        if file.content is None:
            left.append(info)
            continue
        place_file(root, info.path, file.content)
        meter.count(len(file.content), files=1)
    return left


def _files_at(store: ArtifactStore, path: ArtifactPath) -> list[ArtifactInfo]:
    files = retried(lambda: store.list(path, recursive=True))
    if not files and path:
        info = retried(lambda: store.info(path))
        if not info.is_dir:
            return [info]
    return files


def _upload(store: ArtifactStore, file: LocalFile, meter: Meter) -> str:
    if file.size_bytes <= SMALL_BYTES:
        content = Path(file.file).read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        retried(lambda: store.write(file.path, [content], sha256=sha256, size_bytes=len(content)))
        meter.count(len(content), files=1)
        return sha256
    if file.size_bytes >= PARTS_FROM_BYTES:
        sent = _upload_parts(store, file, meter)
        if sent is not None:
            meter.count(0, files=1)
            return sent
    sha256 = retried(lambda: _stream(store, file, meter))
    meter.count(0, files=1)
    return sha256


def _stream(store: ArtifactStore, file: LocalFile, meter: Meter) -> str:
    chunks = meter.passing(_read(file.file, 0, file.size_bytes))
    return store.write(file.path, chunks, size_bytes=file.size_bytes)


def _upload_parts(store: ArtifactStore, file: LocalFile, meter: Meter) -> str | None:
    """Send a file in parts; ``None`` if the store takes none, or splits large files by itself."""
    if isinstance(store, LocalArtifactStore | ObjectArtifactStore):
        return None
    if not isinstance(store, SupportsMultipart):
        return None
    starts = range(0, file.size_bytes, PART_BYTES)
    try:
        upload_id = retried(lambda: store.create_upload(file.path, parts=len(starts)))
    except (RemoteError, NotFound, InvalidInput):  # the store behind the server takes no parts
        return None
    parts = {}

    def send(number: int) -> None:
        start = (number - 1) * PART_BYTES
        size = min(PART_BYTES, file.size_bytes - start)
        parts[number] = retried(
            lambda: store.write_part(
                file.path,
                upload_id,
                number,
                meter.passing(_read(file.file, start, size)),
                size_bytes=size,
            )
        )

    try:
        do_all(send, range(1, len(starts) + 1), workers=PARALLEL_PARTS)
        ordered = [parts[number] for number in sorted(parts)]
        sha256 = store.complete_upload(file.path, upload_id, ordered)
    except BaseException:
        store.abort_upload(file.path, upload_id)
        raise
    return sha256 or _digest_of(file)


def _digest_of(file: LocalFile) -> str:
    digest = hashlib.sha256()
    for chunk in _read(file.file, 0, file.size_bytes):
        digest.update(chunk)
    return digest.hexdigest()


def _read(file: str, start: int, size: int) -> Iterator[bytes]:
    """Exactly ``size`` bytes of a local file.

    Raises:
        InvalidInput: the file became shorter.
    """
    with open(file, "rb", buffering=0) as stream:
        stream.seek(start)
        while size:
            chunk = stream.read(min(CHUNK_BYTES, size))
            if not chunk:
                raise InvalidInput(f"The file {file} became shorter while it was uploaded.")
            size -= len(chunk)
            yield chunk


def _size_of(file: str) -> int:
    try:
        found = os.stat(file)
    except FileNotFoundError:
        raise ArtifactNotFound(file) from None
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput(f"Only a regular file can be uploaded; {file} is none.")
    return found.st_size


def _walk(local_dir: str, prefix: ArtifactPath) -> Iterator[LocalFile]:
    segments(prefix)
    if not os.path.isdir(local_dir):
        raise ArtifactNotFound(local_dir)
    waiting = [(local_dir, prefix)]
    while waiting:
        folder, at = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                path = artifact_path(join(at, entry.name))
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((entry.path, path))
                elif entry.is_file():
                    yield LocalFile(entry.path, path, entry.stat().st_size)
                else:
                    _log.warning(
                        "%s is no file, or a link to none: it is not uploaded.", entry.path
                    )

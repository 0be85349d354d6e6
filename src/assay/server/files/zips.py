"""Folders as ZIP archives, written while they are sent: no archive is ever whole in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from assay.artifacts.base import ArtifactInfo, ArtifactStore
from assay.entities.names import ArtifactPath
from assay.errors import ArtifactNotFound, InvalidInput, LimitExceeded

MAX_FILES = 200_000
# fmt: off
_PACKED = frozenset((
    ".7z", ".avif", ".bz2", ".flac", ".gif", ".gz", ".jpeg", ".jpg", ".m4a", ".mkv", ".mov",
    ".mp3", ".mp4", ".npz", ".ogg", ".parquet", ".pdf", ".png", ".pt", ".pth", ".tgz",
    ".webm", ".webp", ".whl", ".xz", ".zip", ".zst",
))
# fmt: on
"""Endings of files that deflate would hardly shrink."""
_MADE = (1980, 1, 1, 0, 0, 0)
"""The one date of all members: the store keeps none, so the same folder gives the same bytes."""


def files_below(store: ArtifactStore, folder: ArtifactPath) -> list[ArtifactInfo]:
    """What an archive of a folder will hold.

    Raises:
        ArtifactNotFound: no such folder.
        InvalidInput: it is a file.
        LimitExceeded: too many files.
    """
    if not store.info(folder).is_dir:
        raise InvalidInput(f"Artifact path refers to a file, not a directory: {folder!r}.")
    found = store.list(folder, recursive=True)
    if len(found) > MAX_FILES:
        raise LimitExceeded("The number of files in one archive", limit=MAX_FILES, got=len(found))
    return found


def zip_chunks(
    store: ArtifactStore, folder: ArtifactPath, files: list[ArtifactInfo]
) -> Iterator[bytes]:
    """The archive, with paths as they are below ``folder``. A file that vanishes meanwhile is left
    out; one that breaks off breaks the archive off, so that nobody takes it for whole.
    """
    sink = _Sink()
    skip = len(folder) + 1 if folder else 0
    with zipfile.ZipFile(sink, "w", allowZip64=True) as archive:
        for info in files:
            try:
                chunks = store.read(info.path)
            except ArtifactNotFound:
                continue
            member = zipfile.ZipInfo(info.path[skip:], date_time=_MADE)
            member.external_attr = 0o600 << 16
            dot = info.path.rfind(".")
            packed = dot >= 0 and info.path[dot:].lower() in _PACKED
            member.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as out:
                for chunk in chunks:
                    out.write(chunk)
                    yield from sink.take()
            yield from sink.take()
    yield from sink.take()


class _Sink(io.RawIOBase):
    """Collects what ``zipfile`` writes until it is taken; without a position to go back to."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> Iterator[bytes]:
        parts, self._parts = self._parts, []
        whole = b"".join(parts)
        if whole:
            yield whole

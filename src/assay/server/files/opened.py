"""One artifact, opened for reading at any place.

A file of a local store is held open, so all that is read is of one content. One of an object store
is fetched in blocks, of which the last ones are kept.
"""

from __future__ import annotations

import io
import os
from abc import ABC, abstractmethod
from collections import OrderedDict
from typing import TYPE_CHECKING, Self

from assay.artifacts.base import ArtifactStore, ByteRange
from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import ArtifactPath
from assay.errors import ArtifactNotFound, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

CHUNK_BYTES = 1 << 20
_BLOCKS_KEPT = 16


class OpenedArtifact(ABC):
    """A file with its size and validators; a context manager, closed by who opened it."""

    def __init__(self, path: ArtifactPath, *, size: int, etag: str, sha256: str | None) -> None:
        self.path, self.size, self.sha256 = path, size, sha256
        self.etag = etag
        """Tells one content from another; ``""`` where nothing is known but the size."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """Lower-case ending of the name with its dot, or ``""``."""
        stem, dot, suffix = self.name.rpartition(".")
        return dot + suffix.lower() if stem else ""

    @abstractmethod
    def read(self, start: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``start``; fewer only at the end of the file."""

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``end`` in pieces of about ``CHUNK_BYTES``."""
        end = self.size if end is None else min(end, self.size)
        while start < end:
            chunk = self.read(start, min(CHUNK_BYTES, end - start))
            if not chunk:
                return
            start += len(chunk)
            yield chunk

    def file(self) -> io.BufferedReader:
        """The same content as a Python file, for libraries that want one."""
        return io.BufferedReader(_File(self), buffer_size=1 << 16)

    def hand_over(self) -> int | None:
        """The descriptor of a local file, which the caller closes from now on; else ``None``."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Let go of it; safe to call twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Local(OpenedArtifact):
    def __init__(self, store: LocalArtifactStore, path: ArtifactPath) -> None:
        opened = store.open_file(path)
        self.fd = opened.fd
        found = os.fstat(opened.fd)
        etag = opened.sha256 or f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"
        super().__init__(path, size=opened.size_bytes, etag=etag, sha256=opened.sha256)

    def read(self, start: int, count: int) -> bytes:
        count = min(count, self.size - start)
        return os.pread(self.fd, count, start) if count > 0 else b""

    def hand_over(self) -> int | None:
        fd, self.fd = self.fd, -1
        return fd

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class _Remote(OpenedArtifact):
    def __init__(self, store: ArtifactStore, path: ArtifactPath) -> None:
        info = store.info(path)
        if info.is_dir:
            raise ArtifactNotFound(path)
        self._store = store
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        sha256 = store.digest(path)
        super().__init__(path, size=info.file_size or 0, etag=sha256 or "", sha256=sha256)

    def read(self, start: int, count: int) -> bytes:
        end = min(start + count, self.size)
        parts: list[bytes] = []
        while start < end:
            number, inner = divmod(start, CHUNK_BYTES)
            part = self._block(number)[inner : inner + end - start]
            if not part:
                break
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def close(self) -> None:
        self._blocks.clear()

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            start = number * CHUNK_BYTES
            wanted = ByteRange(start, min(start + CHUNK_BYTES, self.size))
            block = b"".join(self._store.read(self.path, wanted))
            self._blocks[number] = block
            if len(self._blocks) > _BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(number)
        return block


class _File(io.RawIOBase):
    def __init__(self, opened: OpenedArtifact) -> None:
        super().__init__()
        self._opened, self._position = opened, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._opened.size}
        self._position = max(0, base[whence] + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        got = self._opened.read(self._position, len(view))
        view[: len(got)] = got
        self._position += len(got)
        return len(got)


def open_artifact(store: ArtifactStore, path: ArtifactPath) -> OpenedArtifact:
    """The file at a path.

    Raises:
        ArtifactNotFound: nothing is there.
        InvalidInput: a folder is.
    """
    try:
        if isinstance(store, LocalArtifactStore):
            return _Local(store, path)
        return _Remote(store, path)
    except ArtifactNotFound:
        if store.info(path).is_dir:
            raise InvalidInput(
                f"Artifact path refers to a directory, not a file: {path!r}."
            ) from None
        raise

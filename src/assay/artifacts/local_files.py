"""One file of a local store: being written, being read, and the rename that publishes it."""

from __future__ import annotations

import hashlib
import os
import random
import time
from types import TracebackType
from typing import Self

from assay.artifacts.base import CHUNK_BYTES
from assay.artifacts.digests import check_digest
from assay.artifacts.folders import open_folder, read_error, write_all, write_error
from assay.artifacts.hidden_area import HiddenArea
from assay.entities.names import ArtifactPath

_ATTEMPTS = 1_000
"""To begin a file while others remove the empty hidden folder: each lasts microseconds."""
_AT_ONCE = 10
"""Attempts without a pause; after them, a pause of random length gets out of step with others."""


class LocalWriter:
    """A file being written. Nothing is visible before ``publish``; leaving the context without it
    drops the file.
    """

    def __init__(
        self, path: ArtifactPath, area: HiddenArea, names: tuple[str, ...], *, durable: bool
    ) -> None:
        self._path, self._area, self._names, self._durable = path, area, names, durable
        self._sha256 = hashlib.sha256()
        self._folder_fd = self._fd = -1
        for attempt in range(_ATTEMPTS):
            try:
                self._folder_fd = area.open_writing()
                self._fd, self._name = area.new_file(self._folder_fd)
            except OSError as error:
                self._close()
                # Another process that closes its store may just have removed the empty folder.
                if not isinstance(error, FileNotFoundError) or attempt == _ATTEMPTS - 1:
                    raise write_error(path, error) from error
                if attempt >= _AT_ONCE:
                    time.sleep(random.random() / 1_000)  # noqa: S311 - no secret
            else:
                break

    def write(self, chunk: bytes | memoryview) -> None:
        """Append to the file.

        Raises:
            StoreFull: no space is left.
        """
        try:
            write_all(self._fd, chunk)
        except OSError as error:
            raise write_error(self._path, error) from error
        self._sha256.update(chunk)

    def publish(self, *, expected_sha256: str | None = None) -> str:
        """Make the file visible under its path; returns its SHA-256.

        Raises:
            Corrupted: the content is not what ``expected_sha256`` says; nothing is published.
            InvalidInput: a folder, or a file where a folder is needed, is in the way.
        """
        sha256 = self._sha256.hexdigest()
        if expected_sha256 is not None:
            check_digest(repr(self._path), expected=expected_sha256, got=sha256)
        try:
            self._area.keep_digest(self._fd, sha256)
            if self._durable:
                os.fsync(self._fd)
            publish_file(
                self._area,
                self._names,
                source=self._name,
                source_fd=self._folder_fd,
                durable=self._durable,
            )
        except OSError as error:
            raise write_error(self._path, error) from error
        self._close()
        return sha256

    def abort(self) -> None:
        """Drop what was written; after ``publish`` it does nothing."""
        if self._fd >= 0:
            try:
                os.unlink(self._name, dir_fd=self._folder_fd)
            except OSError:  # the next store sweeps it
                pass
        self._close()

    def _close(self) -> None:
        for fd in (self._fd, self._folder_fd):
            if fd >= 0:
                os.close(fd)
        self._fd = self._folder_fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abort()

    def __del__(self) -> None:
        self.abort()


class LocalReader:
    """Chunks of an open file; the descriptor is closed at the end, or when nobody wants more."""

    def __init__(self, path: ArtifactPath, fd: int, *, start: int, end: int) -> None:
        self._path, self._fd, self._position, self._end = path, fd, start, end

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        count = min(CHUNK_BYTES, self._end - self._position)
        if self._fd < 0 or count <= 0:
            self.close()
            raise StopIteration
        try:
            chunk = os.pread(self._fd, count, self._position)
        except OSError as error:
            raise read_error(self._path, error) from error
        if not chunk:
            self.close()
            raise StopIteration
        self._position += len(chunk)
        return chunk

    def close(self) -> None:
        """Want no more; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()


def publish_file(
    area: HiddenArea,
    names: tuple[str, ...],
    *,
    source: str,
    source_fd: int | None = None,
    durable: bool,
) -> None:
    """Rename a whole file to its place below the root; folders on the way are made.

    ``source`` is relative to ``source_fd`` where given. With ``durable`` the new entry is flushed.
    """
    folder_fd = open_folder(area.root, names[:-1], create=True, sync=durable)
    try:
        replaced = area.stat_if_noted(names[-1], folder_fd=folder_fd)
        os.rename(source, names[-1], src_dir_fd=source_fd, dst_dir_fd=folder_fd)
        if replaced is not None:
            area.forget_digest(replaced)
        if durable:
            os.fsync(folder_fd)
    finally:
        os.close(folder_fd)

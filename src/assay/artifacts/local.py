"""Artifacts in a folder of this machine.

A file is written in the hidden area of the root and renamed into place once it is whole. Plain
``os`` calls, because that alone gives modes, flushing, and descent without following links; see
docs/adr/0001-local-artifacts-without-obstore.md.
"""

# ruff: noqa: PTH108, PTH118, PTH120 - pathlib has no dir_fd, and its cost per file shows here
from __future__ import annotations

import builtins
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Literal, Self
from urllib.parse import quote

import msgspec

from assay.artifacts import local_uploads
from assay.artifacts.base import (
    CHUNK_BYTES,
    WHOLE,
    ArtifactInfo,
    ArtifactStore,
    ByteRange,
    Part,
    SmallContent,
)
from assay.artifacts.digests import sha256_of_fd
from assay.artifacts.folders import (
    FILE_MODE,
    open_file,
    open_folder,
    read_error,
    write_error,
)
from assay.artifacts.hidden_area import HiddenArea
from assay.artifacts.local_files import LocalReader, LocalWriter, publish_file
from assay.artifacts.paths import file_segments, is_listable, join, segments
from assay.entities.names import ArtifactPath
from assay.errors import ArtifactNotFound, AssayError, InvalidInput

Durability = Literal["normal", "full"]
"""``normal``: a published file survives a killed process; ``full``: a power cut too, for one
flush a file."""

__all__ = ["Durability", "LocalArtifactStore", "LocalWriter", "OpenedFile"]


class OpenedFile(msgspec.Struct, frozen=True):
    """A file opened for reading, and what is known of it. The opener closes ``fd``."""

    fd: int
    size_bytes: int
    modified_s: float
    """Unix time of the last change of content."""
    sha256: str | None


class LocalArtifactStore(ArtifactStore):
    """Files below ``root``, which is made when the first file is written (folders 0700, files
    0600).

    Links below the root are never followed: what lies behind one counts as missing, and lists
    leave it out. Two processes may use one root. A reader holds the file it opened, so an
    overwrite never shows it a mix.
    """

    def __init__(self, root: str | os.PathLike[str], *, durability: Durability = "normal") -> None:
        real = os.path.realpath(root)
        if os.path.dirname(real) == real:
            raise InvalidInput("The root of the file system can't be an artifact root.")
        self._area = HiddenArea(real)
        self._above: tuple[str, ...] = ()
        self._durable = durability == "full"

    @property
    def root(self) -> str:
        """The folder of this machine under which this store's artifacts lie."""
        return os.path.join(self._area.root, *self._above)

    @property
    def uri(self) -> str:
        """``file://`` and the folder."""
        return "file://" + quote(self.root)

    def at(self, folder: ArtifactPath) -> Self:
        """The same store seen from a folder below; both share what is hidden."""
        below = object.__new__(type(self))
        below._area = self._area
        below._above = (*self._above, *segments(folder))
        below._durable = self._durable
        return below

    def list(self, path: ArtifactPath, *, recursive: bool = False) -> list[ArtifactInfo]:
        """See ``ArtifactStore.list``; links, devices and names that no path can express are left
        out.
        """
        segments(path)
        found: list[ArtifactInfo] = []
        waiting = [path]
        while waiting:
            folder = waiting.pop()
            for info in self._list_folder(folder):
                if recursive and info.is_dir:
                    waiting.append(info.path)
                else:
                    found.append(info)
        found.sort(key=lambda info: info.path)
        return found

    def _list_folder(self, folder: ArtifactPath) -> Iterator[ArtifactInfo]:
        try:
            fd = open_folder(self._area.root, (*self._above, *segments(folder)))
        except OSError as error:
            failed = read_error(folder, error)
            if isinstance(failed, ArtifactNotFound):
                return
            raise failed from error
        prefix = f"{folder}/" if folder else ""
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    name = entry.name
                    if not is_listable(name, folder):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        yield ArtifactInfo(ArtifactPath(prefix + name), True)
                    elif entry.is_file(follow_symlinks=False):
                        try:
                            size = entry.stat(follow_symlinks=False).st_size
                        except FileNotFoundError:  # deleted since the folder was read
                            continue
                        yield ArtifactInfo(ArtifactPath(prefix + name), False, size)
        finally:
            os.close(fd)

    def changed_ns(self, folder: ArtifactPath) -> int | None:
        """When an entry of a folder was last made, replaced or removed, in nanoseconds since the
        epoch; ``None`` where there is no such folder.
        """
        try:
            fd = open_folder(self._area.root, (*self._above, *segments(folder)))
        except OSError:
            return None
        try:
            return os.fstat(fd).st_mtime_ns
        finally:
            os.close(fd)

    def info(self, path: ArtifactPath) -> ArtifactInfo:
        """See ``ArtifactStore.info``."""
        names = segments(path)
        if not names:
            return ArtifactInfo(path, True)
        try:
            folder_fd = open_folder(self._area.root, (*self._above, *names[:-1]))
            try:
                found = os.stat(names[-1], dir_fd=folder_fd, follow_symlinks=False)
            finally:
                os.close(folder_fd)
        except OSError as error:
            raise read_error(path, error) from error
        if stat.S_ISDIR(found.st_mode):
            return ArtifactInfo(path, True)
        if stat.S_ISREG(found.st_mode):
            return ArtifactInfo(path, False, found.st_size)
        raise ArtifactNotFound(path)

    def open_file(self, path: ArtifactPath) -> OpenedFile:
        """The file, opened once: for servers, which need descriptor, size and digest of the same
        content.

        Raises:
            ArtifactNotFound: there is no regular file, or a link leads to it.
        """
        fd, found = self._open(path)
        return OpenedFile(fd, found.st_size, found.st_mtime, self._area.digest(fd, found))

    def local_path(self, path: ArtifactPath) -> str:
        """The real path of an existing file, checked to lead through no link, for programs that
        take names only.

        Raises:
            ArtifactNotFound: there is no regular file, or a link leads to it.
        """
        fd, _ = self._open(path)
        os.close(fd)
        return os.path.join(self.root, path)

    def _open(self, path: ArtifactPath) -> tuple[int, os.stat_result]:
        names = segments(path)
        if not names:
            raise ArtifactNotFound(path)
        try:
            folder_fd = open_folder(self._area.root, (*self._above, *names[:-1]))
            try:
                return open_file(names[-1], folder_fd=folder_fd)
            finally:
                os.close(folder_fd)
        except OSError as error:
            raise read_error(path, error) from error

    def read(self, path: ArtifactPath, byte_range: ByteRange = WHOLE) -> Iterator[bytes]:
        """See ``ArtifactStore.read``."""
        fd, found = self._open(path)
        end = found.st_size if byte_range.end is None else min(byte_range.end, found.st_size)
        return LocalReader(path, fd, start=byte_range.start, end=end)

    def read_small(self, path: ArtifactPath, *, max_bytes: int) -> SmallContent | None:
        """See ``ArtifactStore.read_small``."""
        fd, found = self._open(path)
        try:
            if found.st_size > max_bytes:
                return None
            content = os.pread(fd, found.st_size + 1, 0)
            if len(content) > max_bytes:  # it has grown since
                return None
            return SmallContent(content, self._area.digest(fd, found))
        except OSError as error:
            raise read_error(path, error) from error
        finally:
            os.close(fd)

    def digest(self, path: ArtifactPath) -> str | None:
        """See ``ArtifactStore.digest``."""
        fd, found = self._open(path)
        try:
            return self._area.digest(fd, found)
        finally:
            os.close(fd)

    def writer(self, path: ArtifactPath) -> LocalWriter:
        """A file to be fed chunk by chunk, where content is pushed (a request's body) rather than
        pulled.

        Raises:
            InvalidInput: the path is the root.
        """
        names = file_segments(path, purpose="written")
        return LocalWriter(path, self._area, (*self._above, *names), durable=self._durable)

    def write(
        self,
        path: ArtifactPath,
        chunks: Iterable[bytes],
        *,
        sha256: str | None = None,
        size_bytes: int | None = None,
    ) -> str:
        """See ``ArtifactStore.write``."""
        with self.writer(path) as writer:
            for chunk in chunks:
                writer.write(chunk)
            return writer.publish(expected_sha256=sha256)

    def adopt(self, path: ArtifactPath, file: str, *, sha256: str | None = None) -> str:
        """See ``SupportsAdopt``; ``sha256`` spares reading a file whose digest the caller took
        while writing it.

        A file on another file system is copied, then removed.
        """
        names = file_segments(path, purpose="written")
        try:
            fd = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise read_error(file, error) from error
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise InvalidInput(f"Only a regular file can become an artifact; {file!r} is none.")
            if not self._same_file_system(fd):
                digest = self.write(path, _chunks_of(fd))
                os.unlink(file)
                return digest
            digest = sha256 or sha256_of_fd(fd)
            try:
                os.fchmod(fd, FILE_MODE)
                self._area.keep_digest(fd, digest)
                if self._durable:
                    os.fsync(fd)
                publish_file(self._area, (*self._above, *names), source=file, durable=self._durable)
            except OSError as error:
                raise write_error(path, error) from error
            return digest
        finally:
            os.close(fd)

    def _same_file_system(self, fd: int) -> bool:
        writing = self._area.open_writing()
        try:
            return os.fstat(writing).st_dev == os.fstat(fd).st_dev
        finally:
            os.close(writing)

    def delete(self, path: ArtifactPath) -> None:
        """See ``ArtifactStore.delete``; a folder vanishes at once, then its content is removed."""
        names = file_segments(path, purpose="deleted")
        try:
            folder_fd = open_folder(self._area.root, (*self._above, *names[:-1]))
        except OSError as error:
            raise read_error(path, error) from error
        try:
            found = os.stat(names[-1], dir_fd=folder_fd, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                self._area.discard_folder(names[-1], folder_fd=folder_fd)
            elif stat.S_ISLNK(found.st_mode):
                raise ArtifactNotFound(path)
            else:
                os.unlink(names[-1], dir_fd=folder_fd)
                self._area.forget_digest(found)
            if self._durable:
                os.fsync(folder_fd)
        except ArtifactNotFound:
            raise
        except OSError as error:
            raise read_error(path, error) from error
        finally:
            os.close(folder_fd)

    def create_upload(self, path: ArtifactPath, *, parts: int = 1) -> str:
        """See ``SupportsMultipart``; any number of parts may come."""
        file_segments(path, purpose="written")
        return local_uploads.create(self._area, self._full(path))

    def write_part(
        self,
        path: ArtifactPath,
        upload_id: str,
        number: int,
        chunks: Iterable[bytes],
        *,
        size_bytes: int | None = None,
    ) -> Part:
        """See ``SupportsMultipart``; the etag is the part's SHA-256."""
        return local_uploads.write_part(
            self._area, self._full(path), upload_id=upload_id, number=number, chunks=chunks
        )

    def complete_upload(
        self, path: ArtifactPath, upload_id: str, parts: builtins.list[Part]
    ) -> str:
        """See ``SupportsMultipart``; completing once more answers the same, so a lost answer does
        no harm.
        """
        full = self._full(path)
        try:
            done = local_uploads.finished(self._area, full, upload_id=upload_id)
            if done is None:
                content = local_uploads.content(self._area, full, upload_id=upload_id, parts=parts)
                done = self.write(path, content)
                local_uploads.finish(self._area, upload_id=upload_id, sha256=done)
        except AssayError:
            raise
        except OSError as error:
            raise write_error(path, error) from error
        return done

    def abort_upload(self, path: ArtifactPath, upload_id: str) -> None:
        """See ``SupportsMultipart``."""
        local_uploads.abort(self._area, self._full(path), upload_id=upload_id)

    def _full(self, path: ArtifactPath) -> ArtifactPath:
        return join("/".join(self._above), path)

    def close(self) -> None:
        """Leave nothing hidden behind if nothing is under way; the store may be used again."""
        self._area.remove_if_empty()


def _chunks_of(fd: int) -> Iterator[bytes]:
    while chunk := os.read(fd, CHUNK_BYTES):
        yield chunk

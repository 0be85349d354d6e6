"""The spool: files that were logged and wait to be published, one copy each, beside the journal.

A logged file is copied at the call, so the program may change or delete its own at once. The
description of a copy is written last and by rename: what has a description is whole. Files are
published in the order they were logged, each after the store has all operations that were recorded
before it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from assay.client.journal_files import SPOOL_NAME, make_private_folder, sync_folder, write_private
from assay.entities.names import ArtifactPath

HASHED_AT_ONCE_BYTES = 8 << 20
"""Larger files are copied inside the kernel, which sees no bytes to hash; the artifact store hashes
them.
"""
_DESCRIPTION = ".json"
_CONTENT = ".data"
_CHUNK_BYTES = 1 << 20


class SpooledFile(msgspec.Struct, frozen=True, tag="file"):
    """Description of a file that waits."""

    owner: Literal["run", "model"]
    owner_id: str
    path: ArtifactPath
    size: int
    position: int
    """Where the journal stood: what is before it is delivered first."""
    sha256: str = ""
    """Empty for a large file."""
    completes: bool = False
    """The last file of its model: once it is published, the model is READY."""


class Waiting(NamedTuple):
    """A file in the spool."""

    number: int
    content: Path
    file: SpooledFile


class Spool:
    """Files of one writer. Thread-safe; the folder is made with the first file."""

    def __init__(self, writer_folder: Path) -> None:
        self.folder = writer_folder / SPOOL_NAME
        self._lock = threading.Lock()
        self._next = 0
        self._unsynced: list[tuple[int, float]] = []
        self.added = 0
        self.removed = 0

    def add(
        self,
        source: Path | bytes,
        *,
        owner: Literal["run", "model"],
        owner_id: str,
        path: ArtifactPath,
        position: int,
        completes: bool = False,
    ) -> int:
        """Copy a file or bytes into the spool; returns its number.

        Raises:
            OSError: the source can't be read, or there is no space. Nothing is left behind.
        """
        with self._lock:
            if self._next == 0:
                make_private_folder(self.folder)
            number, self._next = self._next, self._next + 1
        content = self._content(number)
        try:
            size, sha256 = _copy(source, content)
            described = SpooledFile(
                owner, owner_id, path, size, position, sha256, completes
            )
            write_private(self._description(number), msgspec.json.encode(described))
        except BaseException:
            content.unlink(missing_ok=True)
            raise
        with self._lock:
            self._unsynced.append((number, time.monotonic()))
            self.added += 1
        return number

    def _content(self, number: int) -> Path:
        return self.folder / f"{number:010d}{_CONTENT}"

    def _description(self, number: int) -> Path:
        return self.folder / f"{number:010d}{_DESCRIPTION}"

    def waiting(self) -> Iterator[Waiting]:
        """The files that wait, in the order they were logged."""
        try:
            paths = sorted(self.folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return
        for path in paths:
            if path.suffix != _DESCRIPTION or not path.stem.isdecimal():
                continue
            try:
                file = msgspec.json.decode(path.read_bytes(), type=SpooledFile)
            except (FileNotFoundError, msgspec.MsgspecError):
                continue
            yield Waiting(int(path.stem), self._content(int(path.stem)), file)

    def sync(self, *, older_than_s: float = 0.0) -> None:
        """Bring files that still wait to the disk itself, those that have waited long enough.

        Most files are published before that: bringing each to the disk twice would cost more than
        all else.
        """
        limit = time.monotonic() - older_than_s
        with self._lock:
            numbers = [number for number, added in self._unsynced if added <= limit]
            self._unsynced = [(number, added) for number, added in self._unsynced if added > limit]
        for number in numbers:
            for path in (self._content(number), self._description(number)):
                try:
                    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except FileNotFoundError:
                    continue  # published meanwhile
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        if numbers:
            sync_folder(self.folder)

    def remove(self, number: int) -> None:
        """The file was published, or set aside elsewhere."""
        self._description(number).unlink(missing_ok=True)
        self._content(number).unlink(missing_ok=True)
        self.removed += 1


WAVE_FILES = 1_000


def waves(files: Iterable[Waiting], *, before: int) -> Iterator[list[Waiting]]:
    """Files logged before position ``before``, in pieces of one owner within which their order
    doesn't matter: no path stands twice, or below another, and what completes a model stands alone.
    """
    wave: list[Waiting] = []
    paths: set[str] = set()
    above: set[str] = set()
    for waiting in files:
        file = waiting.file
        if file.position > before:
            break
        parents = _parents(file.path)
        fits = not wave or (
            file.owner_id == wave[0].file.owner_id
            and len(wave) < WAVE_FILES
            and not file.completes
            and not wave[-1].file.completes
            and file.path not in paths
            and file.path not in above
            and paths.isdisjoint(parents)
        )
        if not fits:
            yield wave
            wave, paths, above = [], set(), set()
        wave.append(waiting)
        paths.add(file.path)
        above.update(parents)
    if wave:
        yield wave


def _parents(path: str) -> list[str]:
    found = []
    while path := path.rpartition("/")[0]:
        found.append(path)
    return found


def _copy(source: Path | bytes, target: Path) -> tuple[int, str]:
    import hashlib  # loads OpenSSL, some milliseconds that runs without files do without

    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(target, flags, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as out:
        if isinstance(source, bytes):
            _write_all(out.fileno(), source)
            return len(source), hashlib.sha256(source).hexdigest()
        with source.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size > HASHED_AT_ONCE_BYTES:
                return _copy_in_kernel(file.fileno(), out.fileno()), ""
            digest, copied = hashlib.sha256(), 0
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                _write_all(out.fileno(), chunk)
                copied += len(chunk)
            return copied, digest.hexdigest()


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _copy_in_kernel(source: int, target: int) -> int:
    """Copy without bringing the bytes into Python; shares blocks where the file system can."""
    copied = 0
    while True:
        try:
            count = os.copy_file_range(source, target, 1 << 30)
        except (AttributeError, OSError):
            # Not on macOS, nor between some file systems.
            return copied + _copy_by_hand(source, target)
        if count == 0:
            # Some file systems (FUSE, /proc) answer 0 although there is content: the plain way
            # tells.
            return copied + _copy_by_hand(source, target)
        copied += count


def _copy_by_hand(source: int, target: int) -> int:
    copied = 0
    while chunk := os.read(source, _CHUNK_BYTES):
        _write_all(target, chunk)
        copied += len(chunk)
    return copied

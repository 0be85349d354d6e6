"""The spool: files that were logged and wait to be published, one copy each, beside the journal.

A logged file is copied at the call, so the program may change or delete its own at once. The
description of a copy, or a bundle of small files, is written last and by rename: what is there is
whole. Files are published in the order they were logged, each after the store has all operations
that were recorded before it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Literal

import msgspec

from assay.artifacts.batches import FILES, FILES_BYTES, MAX_FILE_BYTES
from assay.client.journal_files import SPOOL_NAME, make_private_folder, sync_folder, write_private
from assay.client.spooled import Bundle, SpooledFile, Waiting
from assay.entities.names import ArtifactPath

HASHED_AT_ONCE_BYTES = 8 << 20
"""Larger files are copied inside the kernel, which sees no bytes to hash; the artifact store hashes
them.
"""
_DESCRIPTION = ".json"
_CONTENT = ".data"
_BUNDLE = ".bundle"
_CHUNK_BYTES = 1 << 20


class Spool:
    """Files of one writer. Thread-safe; the folder is made with the first file."""

    def __init__(self, writer_folder: Path) -> None:
        self.folder = writer_folder / SPOOL_NAME
        self._lock = threading.Lock()
        self._next = 0
        self._unsynced: list[tuple[int, float]] = []
        self._done: dict[int, set[ArtifactPath]] = {}
        """Files of bundles that were published while others of their bundle wait."""
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
        number = self._new_number()
        content = self._content(number)
        try:
            size, sha256 = _copy(source, content)
            described = SpooledFile(owner, owner_id, path, size, position, sha256, completes)
            write_private(self._description(number), msgspec.json.encode(described))
        except BaseException:
            content.unlink(missing_ok=True)
            raise
        self._note_added(number, 1)
        return number

    def add_together(
        self,
        files: Sequence[tuple[ArtifactPath, Path]],
        *,
        owner: Literal["run", "model"],
        owner_id: str,
        position: int,
    ) -> None:
        """Copy many files of different paths; small ones share bundles.

        Raises:
            OSError: a source can't be read, or there is no space. Those before it stand.
        """
        import hashlib  # see _copy

        described: list[SpooledFile] = []
        contents: list[bytes] = []
        total = 0
        for path, source in files:
            if source.stat().st_size > MAX_FILE_BYTES:
                self.add(source, owner=owner, owner_id=owner_id, path=path, position=position)
                continue
            content = source.read_bytes()
            if len(described) == FILES or (described and total + len(content) > FILES_BYTES):
                self._add_bundle(Bundle(described, contents))
                described, contents, total = [], [], 0
            sha256 = hashlib.sha256(content).hexdigest()
            described.append(SpooledFile(owner, owner_id, path, len(content), position, sha256))
            contents.append(content)
            total += len(content)
        if described:
            self._add_bundle(Bundle(described, contents))

    def _add_bundle(self, bundle: Bundle) -> None:
        number = self._new_number()
        write_private(self._bundle(number), msgspec.msgpack.encode(bundle))
        self._note_added(number, len(bundle.files))

    def _new_number(self) -> int:
        with self._lock:
            if self._next == 0:
                make_private_folder(self.folder)
            number, self._next = self._next, self._next + 1
        return number

    def _note_added(self, number: int, files: int) -> None:
        with self._lock:
            self._unsynced.append((number, time.monotonic()))
            self.added += files

    def _content(self, number: int) -> Path:
        return self.folder / f"{number:010d}{_CONTENT}"

    def _bundle(self, number: int) -> Path:
        return self.folder / f"{number:010d}{_BUNDLE}"

    def _description(self, number: int) -> Path:
        return self.folder / f"{number:010d}{_DESCRIPTION}"

    def waiting(self) -> Iterator[Waiting]:
        """The files that wait, in the order they were logged."""
        try:
            paths = sorted(self.folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return
        for path in paths:
            if path.suffix not in (_DESCRIPTION, _BUNDLE) or not path.stem.isdecimal():
                continue
            number = int(path.stem)
            try:
                if path.suffix == _DESCRIPTION:
                    file = msgspec.json.decode(path.read_bytes(), type=SpooledFile)
                    yield Waiting(number, self._content(number), file)
                    continue
                bundle = msgspec.msgpack.decode(path.read_bytes(), type=Bundle)
            except (FileNotFoundError, msgspec.MsgspecError):
                continue
            done: Set[ArtifactPath] = self._done.get(number, set())
            for file, content in zip(bundle.files, bundle.contents, strict=True):
                if file.path not in done:
                    yield Waiting(number, content, file, len(bundle.files))

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
            for path in (self._content(number), self._description(number), self._bundle(number)):
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

    def remove(self, waiting: Waiting) -> None:
        """A file was published, or set aside elsewhere.

        A bundle goes with its last file. If the process dies before, the next one publishes all of
        it again, which changes nothing.
        """
        number = waiting.number
        self.removed += 1
        if isinstance(waiting.content, Path):
            self._description(number).unlink(missing_ok=True)
            waiting.content.unlink(missing_ok=True)
            return
        done = self._done.setdefault(number, set())
        done.add(waiting.file.path)
        if len(done) == waiting.together:
            del self._done[number]
            self._bundle(number).unlink(missing_ok=True)


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

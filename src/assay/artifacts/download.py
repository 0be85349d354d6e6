"""One file from a store to a place below a local folder, whole or not at all.

It arrives under a hidden name beside its place and is renamed when it is complete and checked. A
large file comes in segments, several at a time; those that have come are noted, so that the next
call fetches only the others.
"""

# ruff: noqa: PTH - descriptors, so that no link in the destination is followed
from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from assay.artifacts.base import ArtifactInfo, ArtifactStore, ByteRange
from assay.artifacts.digests import check_digest
from assay.artifacts.folders import FILE_MODE, open_folder, write_all, write_error
from assay.artifacts.paths import segments
from assay.artifacts.progress import Meter
from assay.artifacts.retry import retried
from assay.entities.names import ArtifactPath
from assay.errors import Corrupted, InvalidInput, StoreUnavailable

LARGE_BYTES = 64 << 20
"""Size from which a file comes in segments."""
SEGMENT_BYTES = 16 << 20
PARALLEL_SEGMENTS = 4
_HASHED_AT_ONCE_BYTES = 1 << 20


def download_file(
    store: ArtifactStore, info: ArtifactInfo, root: str, *, meter: Meter, verify: bool
) -> None:
    """Fetch one file to ``root/<its path>``; see ``transfer.download``."""
    names = segments(info.path)
    try:
        folder_fd = open_folder(root, names[:-1], create=True)
    except OSError as error:
        raise write_error(info.path, error) from error
    try:
        if (info.file_size or 0) < LARGE_BYTES:
            _fetch_small(store, info, folder_fd, names[-1], meter=meter, verify=verify)
        else:
            _fetch_large(store, info, folder_fd, names[-1], meter=meter, verify=verify)
    except OSError as error:
        if isinstance(error, StoreUnavailable | FileNotFoundError):
            raise
        raise write_error(info.path, error) from error
    finally:
        os.close(folder_fd)
    meter.count(0, files=1)


def place_file(root: str, path: ArtifactPath, content: bytes) -> None:
    """Write a file that has been fetched to ``root/path``, whole or not at all."""
    names = segments(path)
    try:
        folder_fd = open_folder(root, names[:-1], create=True)
        try:
            with _new_part(folder_fd, names[-1]) as fd:
                write_all(fd, content)
        finally:
            os.close(folder_fd)
    except OSError as error:
        raise write_error(path, error) from error


@contextmanager
def _new_part(folder_fd: int, name: str) -> Iterator[int]:
    """A hidden new file that gets its name at the end of the context, or vanishes by an error."""
    part = f".assay-{secrets.token_hex(12)}.part"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    fd = os.open(part, flags, FILE_MODE, dir_fd=folder_fd)
    try:
        yield fd
        os.rename(part, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
    except BaseException:
        os.unlink(part, dir_fd=folder_fd)
        raise
    finally:
        os.close(fd)


def _fetch_small(
    store: ArtifactStore,
    info: ArtifactInfo,
    folder_fd: int,
    name: str,
    *,
    meter: Meter,
    verify: bool,
) -> None:
    with _new_part(folder_fd, name) as fd:

        def fetch() -> None:
            os.ftruncate(fd, 0)
            os.lseek(fd, 0, os.SEEK_SET)
            chunks = store.read_verified(info.path) if verify else store.read(info.path)
            for chunk in meter.passing(chunks):
                write_all(fd, chunk)

        retried(fetch)


def _fetch_large(
    store: ArtifactStore,
    info: ArtifactInfo,
    folder_fd: int,
    name: str,
    *,
    meter: Meter,
    verify: bool,
) -> None:
    digest = retried(lambda: store.digest(info.path))
    part = _Part(folder_fd, info, digest)
    try:
        done = part.fetched()
        meter.count(sum(_segment_size(info, n) for n in done))
        missing = [n for n in _segment_numbers(info) if n not in done]
        try:
            got = part.fetch(store, missing, meter=meter, hashed=verify and digest is not None)
            if got is not None and digest is not None:
                check_digest(repr(info.path), expected=digest, got=got)
        except Corrupted:
            part.drop()
            raise
        part.publish(name)
    except BaseException:
        if digest is None:  # nothing would tell whether the rest belongs to it
            part.drop()
        raise
    finally:
        part.close()


def _segment_numbers(info: ArtifactInfo) -> range:
    return range(-(-(info.file_size or 0) // SEGMENT_BYTES))


def _segment_size(info: ArtifactInfo, number: int) -> int:
    return min(SEGMENT_BYTES, (info.file_size or 0) - number * SEGMENT_BYTES)


class _Part:
    """A large file on its way down, and the note of its segments that have come."""

    def __init__(self, folder_fd: int, info: ArtifactInfo, digest: str | None) -> None:
        self._folder_fd, self._info = folder_fd, info
        # The name holds the digest: what is left of another version is never continued.
        about = f"{info.path} {info.file_size} {digest or secrets.token_hex(12)}"
        self._name = f".assay-{hashlib.sha256(about.encode()).hexdigest()[:24]}.part"
        self._fd = self._open(self._name)
        if not self._is_mine():
            # Another process fetches the same file to the same place: each makes its own copy.
            os.close(self._fd)
            self._name = f".assay-{secrets.token_hex(12)}.part"
            self._fd = self._open(self._name)
        self._note_fd = self._open(self._name + ".done", append=True)

    def _is_mine(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            there = os.stat(self._name, dir_fd=self._folder_fd, follow_symlinks=False)
        except (BlockingIOError, FileNotFoundError):
            return False
        # Whoever held the lock until now may have published this very file.
        return os.path.samestat(there, os.fstat(self._fd))

    def _open(self, name: str, *, append: bool = False) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(
            name, flags | (os.O_APPEND if append else 0), FILE_MODE, dir_fd=self._folder_fd
        )

    def fetched(self) -> set[int]:
        """Numbers of the segments that an earlier call has fetched."""
        text = os.pread(self._note_fd, os.fstat(self._note_fd).st_size, 0).decode("ascii", "ignore")
        lines = text.split("\n")[:-1]  # a last line without its end was cut by a crash
        wanted = _segment_numbers(self._info)
        return {int(line) for line in lines if line.isdigit() and int(line) in wanted}

    def fetch(
        self, store: ArtifactStore, numbers: list[int], *, meter: Meter, hashed: bool
    ) -> str | None:
        """Fetch segments, several at a time; those that came before a failure stay noted.

        Returns:
            With ``hashed``, the SHA-256 of the whole file, taken while later segments come.
        """
        digest = hashlib.sha256()
        with ThreadPoolExecutor(PARALLEL_SEGMENTS, thread_name_prefix="assay-segment") as pool:
            coming = {
                n: pool.submit(retried, lambda n=n: self._fetch_segment(store, n, meter))
                for n in numbers
            }
            try:
                for number in _segment_numbers(self._info):
                    if number in coming:
                        coming[number].result()
                    if hashed:
                        self._hash(number, digest.update)
            except BaseException:
                for future in coming.values():
                    future.cancel()
                raise
        return digest.hexdigest() if hashed else None

    def _hash(self, number: int, update: Callable[[memoryview], None]) -> None:
        position = number * SEGMENT_BYTES
        end = position + _segment_size(self._info, number)
        view = memoryview(bytearray(min(_HASHED_AT_ONCE_BYTES, end - position)))
        while position < end:
            count = os.preadv(self._fd, [view[: end - position]], position)
            if not count:
                raise InvalidInput(
                    f"The file of {self._info.path!r} became shorter while it was fetched."
                )
            update(view[:count])
            position += count

    def _fetch_segment(self, store: ArtifactStore, number: int, meter: Meter) -> None:
        start = number * SEGMENT_BYTES
        end = start + _segment_size(self._info, number)
        for chunk in meter.passing(self._exactly(store, start, end)):
            view = memoryview(chunk)
            while view:
                written = os.pwrite(self._fd, view, start)
                start += written
                view = view[written:]
        os.write(self._note_fd, f"{number}\n".encode())

    def _exactly(self, store: ArtifactStore, start: int, end: int) -> Iterator[bytes]:
        missing = end - start
        for chunk in store.read(self._info.path, ByteRange(start, end)):
            missing -= len(chunk)
            yield chunk
        if missing:
            raise InvalidInput(f"The artifact {self._info.path!r} changed while it was fetched.")

    def publish(self, name: str) -> None:
        os.rename(self._name, name, src_dir_fd=self._folder_fd, dst_dir_fd=self._folder_fd)
        os.unlink(self._name + ".done", dir_fd=self._folder_fd)

    def drop(self) -> None:
        for name in (self._name, self._name + ".done"):
            try:
                os.unlink(name, dir_fd=self._folder_fd)
            except FileNotFoundError:
                continue

    def close(self) -> None:
        os.close(self._fd)
        os.close(self._note_fd)

"""Descent into a root folder, component by component, without following a link.

Each step opens the next folder relative to the one before with ``O_NOFOLLOW``, so what was
checked is what is used: a name swapped for a link in between leads to an error, never out of the
root.
"""

# ruff: noqa: PTH103 - pathlib has no dir_fd, and its cost per file shows here
from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from assay.errors import (
    ArtifactNotFound,
    AssayError,
    InvalidInput,
    PermissionDenied,
    StoreFull,
    StoreUnavailable,
)

FOLDER_MODE = 0o700
FILE_MODE = 0o600

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a FIFO that lies there would otherwise hold its reader for ever.
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_MISSING = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
_IN_THE_WAY = {errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENOTEMPTY, errno.EEXIST}


def open_folder(
    root: str, names: Sequence[str], *, create: bool = False, sync: bool = False
) -> int:
    """A descriptor of the folder that ``names`` lead to from ``root``; the caller closes it.

    With ``create``, missing folders are made (mode 0700); with ``sync`` their entries are flushed
    to disk too.

    Raises:
        OSError: a component is missing, a link, or no folder.
    """
    try:
        fd = os.open(root, _FOLDER_FLAGS)
    except FileNotFoundError:
        if not create:
            raise
        os.makedirs(root, mode=FOLDER_MODE, exist_ok=True)
        fd = os.open(root, _FOLDER_FLAGS)
    for name in names:
        try:
            below = _step(name, fd, create=create, sync=sync)
        finally:
            os.close(fd)
        fd = below
    return fd


def _step(name: str, fd: int, *, create: bool, sync: bool) -> int:
    try:
        return os.open(name, _FOLDER_FLAGS, dir_fd=fd)
    except FileNotFoundError:
        if not create:
            raise
    try:
        os.mkdir(name, FOLDER_MODE, dir_fd=fd)
    except FileExistsError:  # another writer was first
        pass
    if sync:
        os.fsync(fd)
    return os.open(name, _FOLDER_FLAGS, dir_fd=fd)


def open_file(name: str, *, folder_fd: int) -> tuple[int, os.stat_result]:
    """A descriptor of a regular file to read, with what ``fstat`` says; the caller closes it.

    Raises:
        OSError: there is no such name, or it is a link, a folder or a device.
    """
    fd = os.open(name, _READ_FLAGS, dir_fd=folder_fd)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise FileNotFoundError(errno.ENOENT, "not a regular file", name)
    return fd, found


def create_file(name: str, *, folder_fd: int) -> int:
    """A descriptor of a new file (mode 0600) to write and read; the caller closes it.

    Raises:
        FileExistsError: the name is taken, if only by a link.
    """
    return os.open(name, _CREATE_FLAGS, FILE_MODE, dir_fd=folder_fd)


def write_all(fd: int, chunk: bytes | memoryview) -> None:
    """All of ``chunk``; a single ``write`` may take only a part of it."""
    written = os.write(fd, chunk)
    if written == len(chunk):
        return
    rest = memoryview(chunk)[written:]
    while rest:
        rest = rest[os.write(fd, rest) :]


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn what the system says while reading ``path`` into our errors; a link is as good as
    missing.
    """
    try:
        yield
    except AssayError:
        raise
    except OSError as error:
        raise read_error(path, error) from error


def read_error(path: str, error: OSError) -> AssayError:
    """Our error for a failed access to ``path``."""
    if error.errno in _MISSING:
        return ArtifactNotFound(path)
    return _other_error("read", path, error)


def write_error(path: str, error: OSError) -> AssayError:
    """Our error for a failed change at ``path``."""
    if error.errno in _IN_THE_WAY:
        return InvalidInput(
            f"The artifact {path!r} can't be written: a file, a folder or a link is in its way."
            " Delete that first, or choose another path."
        )
    return _other_error("write", path, error)


def _other_error(verb: str, path: str, error: OSError) -> AssayError:
    why = os.strerror(error.errno) if error.errno else str(error)
    what = f"Can't {verb} the artifact {path!r}: {why}."
    if error.errno in _FULL:
        return StoreFull(f"{what} Nothing of it was kept. Free space, then try again.")
    if error.errno in _REFUSED:
        return PermissionDenied(f"{what} Check owner and mode of the artifact folder.")
    return StoreUnavailable(f"{what} Try again; if it stays so, check the disk.")

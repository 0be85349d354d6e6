"""Journal files: how they are named, found, owned and made with all their space set aside.

One folder per writer under the journal folder of a destination::

    <writer id>/owner.lock        locked by the living owner, or by who delivers what a dead one
    left <writer id>/owner.json        who that is: process, host, command
    <writer id>/runs              the runs it started and ended, a line each
    <writer id>/<position>.journal
    <writer id>/spool/            files that wait to be published
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import shutil
import sys
import time
from pathlib import Path

import msgspec

from assay.client.records import FILE_HEADER, MAGIC
from assay.entities.ids import WriterId

SUFFIX = ".journal"
LOCK_NAME = "owner.lock"
OWNER_NAME = "owner.json"
RUNS_NAME = "runs"
SPOOL_NAME = "spool"


class Owner(msgspec.Struct, frozen=True):
    """The process that writes a journal."""

    pid: int
    host: str
    started_ms: int
    command: str
    destination: str
    """The tracking URI without secrets."""


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it, for its user alone."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Write a file for its user alone, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    partial.rename(path)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; where there is no folder, nothing."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def claim(folder: Path) -> int | None:
    """Take the owner's lock of a writer folder; ``None`` while another process holds it.

    Returns:
        The descriptor that holds the lock until it is closed.
    """
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    # Somebody may have delivered and removed the journal between the open and the lock.
    try:
        current = (folder / LOCK_NAME).stat()
    except FileNotFoundError:
        os.close(descriptor)
        return None
    if current.st_ino != os.fstat(descriptor).st_ino:
        os.close(descriptor)
        return None
    return descriptor


def remove(folder: Path) -> None:
    """Remove a delivered writer folder, whose lock the caller holds.

    The lock file goes last: while anything else is left, another process that wants the journal
    meets the lock, and doesn't make a new one in a folder that is about to go.
    """
    for entry in folder.iterdir():
        if entry.name == LOCK_NAME:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    (folder / LOCK_NAME).unlink(missing_ok=True)
    # Who locked the empty folder just now removes it.
    with contextlib.suppress(OSError):
        folder.rmdir()


def is_owned(folder: Path) -> bool:
    """Whether a living process has the journal: its writer, or one that delivers it."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who ask at once don't take each other for the owner.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def create_writer_folder(journal_folder: Path, writer_id: WriterId, destination: str) -> int:
    """Make the folder of a new journal; returns the descriptor that holds its lock.

    The folder is made under another name and renamed, so nobody else ever sees it without an owner.
    """
    make_private_folder(journal_folder)
    folder = journal_folder / f".new-{writer_id}"
    folder.mkdir(mode=0o700)
    descriptor = claim(folder)
    if descriptor is None:
        raise OSError(f"The lock of the new journal {folder} can't be taken.")
    owner = Owner(
        pid=os.getpid(),
        host=os.uname().nodename,
        started_ms=time.time_ns() // 1_000_000,
        command=" ".join(sys.argv)[:500],
        destination=destination,
    )
    write_private(folder / OWNER_NAME, msgspec.json.encode(owner))
    folder.rename(journal_folder / writer_id)
    return descriptor


def read_owner(folder: Path) -> Owner | None:
    """Who wrote the journal, where that can be read."""
    try:
        return msgspec.json.decode((folder / OWNER_NAME).read_bytes(), type=Owner)
    except (OSError, msgspec.MsgspecError):
        return None


def writer_folders(journal_folder: Path) -> list[Path]:
    """Folders of all journals, in no order that means anything."""
    try:
        with os.scandir(journal_folder) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if len(entry.name) == 32 and entry.is_dir(follow_symlinks=False)
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []


def journal_path(folder: Path, base: int) -> Path:
    """The file whose first frame is at position ``base``."""
    return folder / f"{base:020d}{SUFFIX}"


def journal_bases(folder: Path) -> list[int]:
    """Positions at which the files of a journal begin, ascending."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(
        int(name[: -len(SUFFIX)])
        for name in names
        if name.endswith(SUFFIX) and name[: -len(SUFFIX)].isdecimal()
    )


def allocate(path: Path, *, base: int, size: int) -> tuple[mmap.mmap, int]:
    """A new file of ``size`` bytes, all of them set aside on the disk, mapped for writing.

    Writing into a map of a file with holes kills the process with SIGBUS when the disk is full;
    set aside first, the same full disk is an ``OSError`` here.

    Returns:
        The map, standing behind the file header, and a descriptor of the file.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        _set_aside(descriptor, size)
        mapped = mmap.mmap(descriptor, size, mmap.MAP_SHARED)
    except BaseException:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    mapped.write(FILE_HEADER.pack(MAGIC, base))
    return mapped, descriptor


def _set_aside(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    zeros = bytes(1 << 16)  # macOS has no posix_fallocate
    for offset in range(0, size, len(zeros)):
        os.pwrite(descriptor, zeros[: size - offset], offset)

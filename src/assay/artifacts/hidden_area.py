"""The hidden folder of a local store: unfinished files, parts of uploads, deleted folders, digests.

It lies inside the root, so that publishing is a rename on one file system. No artifact path
reaches it and no list shows it. What a killed process leaves in it is removed by the next store
that writes there: a file only when nobody holds its lock any more, an upload only when nothing
was added to it for a week.
"""

# ruff: noqa: PTH208 - pathlib has no dir_fd, and its cost per file shows here
from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from assay.artifacts.folders import create_file, open_folder
from assay.artifacts.paths import HIDDEN

WRITING = "writing"
"""Files not yet published, and folders on their way out."""
UPLOADS = "uploads"
"""One folder for each multi-part upload."""
DIGESTS = "digests"
"""SHA-256 by inode, on file systems without extended attributes."""

_STALE_FILE_S = 60.0
"""Age from which an unlocked file counts as left behind; covers the moment between creating and
locking it."""
_STALE_UPLOAD_S = 7 * 24 * 3600.0
"""A client may pause an upload over a weekend; object stores keep unfinished uploads about as
long."""

_XATTR = "user.assay.sha256"
_NO_XATTR = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM, errno.ENOSYS, errno.ENOSPC, errno.E2BIG}
_NO_VALUE = {getattr(errno, "ENODATA", -1), getattr(errno, "ENOATTR", -1)}


class HiddenArea:
    """What a local store keeps below its root that is no artifact."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._cleaned = False
        self._lock = threading.Lock()
        self._has_xattr = hasattr(os, "setxattr")

    @contextmanager
    def folder(self, *names: str, create: bool = True) -> Iterator[int]:
        """A descriptor of a folder in the area, for as long as the context lasts."""
        fd = open_folder(self.root, (HIDDEN, *names), create=create)
        try:
            yield fd
        finally:
            os.close(fd)

    def open_writing(self) -> int:
        """A descriptor of the folder for unfinished files; the caller closes it."""
        if not self._cleaned:
            self.remove_leftovers()
        return open_folder(self.root, (HIDDEN, WRITING), create=True)

    def new_file(self, folder_fd: int) -> tuple[int, str]:
        """A new locked file under a random name; the lock tells others that somebody still
        writes.
        """
        name = secrets.token_hex(12)
        fd = create_file(name, folder_fd=folder_fd)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd, name

    def keep_digest(self, fd: int, sha256: str) -> None:
        """Note the digest of an open file with its inode, so that it moves and vanishes with it."""
        if self._has_xattr:
            try:
                os.setxattr(fd, _XATTR, bytes.fromhex(sha256))
            except OSError as error:
                if error.errno not in _NO_XATTR:
                    raise
                if error.errno in (errno.ENOTSUP, errno.EOPNOTSUPP):
                    self._has_xattr = False
            else:
                return
        found = os.fstat(fd)
        shelf, name = _shelf(found)
        with self.folder(DIGESTS, shelf) as folder_fd:
            temporary = f"{name}.{secrets.token_hex(4)}"
            note = create_file(temporary, folder_fd=folder_fd)
            try:
                os.write(note, f"{sha256} {found.st_size} {found.st_mtime_ns}".encode())
            finally:
                os.close(note)
            os.rename(temporary, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)

    def digest(self, fd: int, found: os.stat_result) -> str | None:
        """The digest kept for an open file, or ``None``."""
        if hasattr(os, "getxattr"):
            try:
                return os.getxattr(fd, _XATTR).hex()
            except OSError as error:
                if error.errno not in _NO_XATTR | _NO_VALUE:
                    raise
        return self._noted_digest(found)

    def _noted_digest(self, found: os.stat_result) -> str | None:
        shelf, name = _shelf(found)
        try:
            with self.folder(DIGESTS, shelf, create=False) as folder_fd:
                note = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
                try:
                    text = os.read(note, 200).decode("ascii", "replace")
                finally:
                    os.close(note)
        except OSError:
            return None
        sha256, _, rest = text.partition(" ")
        # An inode number is used again after its file was deleted; size and time tell the new
        # file apart.
        return sha256 if rest == f"{found.st_size} {found.st_mtime_ns}" else None

    def forget_digest(self, found: os.stat_result) -> None:
        """Drop the note of a file that is gone; without notes this costs nothing."""
        # The inode number may belong to a new file by now: only a note that fits the old one goes.
        if self._has_xattr or self._noted_digest(found) is None:
            return
        shelf, name = _shelf(found)
        try:
            with self.folder(DIGESTS, shelf, create=False) as folder_fd:
                os.unlink(name, dir_fd=folder_fd)
        except (
            OSError
        ):  # an orphaned note only takes space: its size and time protect the next file
            pass

    def stat_if_noted(self, name: str, *, folder_fd: int) -> os.stat_result | None:
        """The file about to be replaced, if its digest is kept as a note that must go with it."""
        if self._has_xattr:
            return None
        try:
            return os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def discard_folder(self, name: str, *, folder_fd: int) -> None:
        """Take a folder out of sight with one rename, then remove it with all below."""
        writing = self.open_writing()
        try:
            moved = secrets.token_hex(12)
            os.rename(name, moved, src_dir_fd=folder_fd, dst_dir_fd=writing)
            self._remove_tree(moved, trash_fd=writing)
        finally:
            os.close(writing)

    def _remove_tree(self, name: str, *, trash_fd: int) -> None:
        # Sub-folders are moved up beside their parent first: any depth takes two descriptors and
        # no recursion.
        waiting = [name]
        while waiting:
            current = waiting.pop()
            fd = open_folder_at(current, trash_fd)
            try:
                with os.scandir(fd) as entries:
                    found = [(e.name, e.is_dir(follow_symlinks=False)) for e in entries]
                for entry, is_dir in found:
                    if is_dir:
                        moved = secrets.token_hex(12)
                        os.rename(entry, moved, src_dir_fd=fd, dst_dir_fd=trash_fd)
                        waiting.append(moved)
                    else:
                        if not self._has_xattr:
                            self.forget_digest(os.stat(entry, dir_fd=fd, follow_symlinks=False))
                        os.unlink(entry, dir_fd=fd)
            finally:
                os.close(fd)
            os.rmdir(current, dir_fd=trash_fd)

    def remove_leftovers(self) -> None:
        """Remove what killed processes left behind; what somebody still writes stays."""
        with self._lock:
            if self._cleaned:
                return
            self._cleaned = True
        now = time.time()
        self._sweep(WRITING, older_than=now - _STALE_FILE_S)
        self._sweep(UPLOADS, older_than=now - _STALE_UPLOAD_S)

    def _sweep(self, area: str, *, older_than: float) -> None:
        try:
            with self.folder(area, create=False) as folder_fd:
                for name in os.listdir(folder_fd):
                    try:
                        self._remove_if_stale(name, folder_fd=folder_fd, older_than=older_than)
                    except OSError:  # somebody else removed it, or may: the next store tries again
                        continue
        except OSError:
            return

    def _remove_if_stale(self, name: str, *, folder_fd: int, older_than: float) -> None:
        found = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        if found.st_mtime > older_than:
            return
        if stat.S_ISDIR(found.st_mode):
            self._remove_tree(name, trash_fd=folder_fd)
            return
        fd = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name, dir_fd=folder_fd)
        finally:
            os.close(fd)

    def remove_if_empty(self) -> None:
        """Leave no trace in a folder that somebody else looks at too; a writer makes the area
        again.
        """
        try:
            fd = open_folder(self.root, (HIDDEN,))
        except OSError:
            return
        try:
            for name in (WRITING, UPLOADS, DIGESTS):
                try:
                    os.rmdir(name, dir_fd=fd)
                except OSError:
                    continue
        finally:
            os.close(fd)
        try:
            with_root = open_folder(self.root, ())
        except OSError:
            return
        try:
            os.rmdir(HIDDEN, dir_fd=with_root)
        except OSError:
            pass
        finally:
            os.close(with_root)


def open_folder_at(name: str, folder_fd: int) -> int:
    """A descriptor of a folder directly in another; the caller closes it."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, dir_fd=folder_fd)


def _shelf(found: os.stat_result) -> tuple[str, str]:
    # 256 shelves keep each folder small when a store holds millions of files.
    return f"{found.st_ino & 0xFF:02x}", str(found.st_ino)

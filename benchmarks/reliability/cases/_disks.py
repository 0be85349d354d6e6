"""Disks that are full or read-only: a small one of our own where the system lets us, else limits.

Mounting takes the rights of root. Without them a full disk is a limit on the size of files, and a
read-only one a folder without the right to write.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

BALLAST = "ballast"


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[bool]:
    """A disk of this size at ``folder``; yields whether there is one."""
    folder.mkdir(exist_ok=True)
    mounted = _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "none", str(folder))
    try:
        yield mounted
    finally:
        if mounted:
            _run("umount", "--lazy", str(folder))


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """``folder`` can't be written meanwhile, not even by root."""
    mounted = os.geteuid() == 0 and _run("mount", "--bind", str(folder), str(folder))
    if mounted:
        _run("mount", "-o", "remount,bind,ro", str(folder))
    else:
        folder.chmod(0o500)
    try:
        yield
    finally:
        if mounted:
            _run("umount", "--lazy", str(folder))
        else:
            folder.chmod(0o700)


def fill(folder: Path, *, leave: int = 0) -> Path:
    """Take all space but ``leave`` bytes; returns the file that does."""
    ballast = folder / BALLAST
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(512))
    os.truncate(ballast, max(0, ballast.stat().st_size - leave))
    return ballast


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False

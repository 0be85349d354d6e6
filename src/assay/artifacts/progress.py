"""How far a transfer has come, counted by many threads, told to one callback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

import msgspec


class Progress(msgspec.Struct, frozen=True):
    """A moment of a transfer."""

    done_bytes: int
    total_bytes: int
    done_files: int
    total_files: int


OnProgress = Callable[[Progress], None]
"""Called from the transfer's threads, one at a time."""


class Meter:
    """Counts bytes and files."""

    def __init__(
        self, on_progress: OnProgress | None, *, total_bytes: int, total_files: int
    ) -> None:
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._bytes = self._files = 0
        self._total_bytes, self._total_files = total_bytes, total_files

    def count(self, size_bytes: int, *, files: int = 0) -> None:
        """Add what was done; a negative size takes back what must be done again."""
        if self._on_progress is None:
            return
        with self._lock:
            self._bytes += size_bytes
            self._files += files
            self._on_progress(
                Progress(self._bytes, self._total_bytes, self._files, self._total_files)
            )

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """``chunks``, counted as they pass, and taken back if they break off."""
        done = 0
        try:
            for chunk in chunks:
                yield chunk
                done += len(chunk)
                self.count(len(chunk))
        except BaseException:
            self.count(-done)
            raise

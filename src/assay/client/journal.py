"""The journal's writing side: what a log call appends is safe against a killed process once the
call returns.

Records go into a shared memory map, so an append costs no system call and the page cache keeps it
when the process dies. One append is one copy made while Python's lock is held: no lock of our own
on the hot path, and a signal handler that logs can't tear the record it interrupts.

A full disk or a read-only folder never raises into the training: what can't be kept is counted,
said once, and writing goes on by itself once there is room. Not carried over a ``fork``:
``abandon`` it in the child.
"""

from __future__ import annotations

import logging
import mmap
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from struct import Struct
from struct import error as BadValue  # noqa: N812  # the module's own name is too plain
from typing import NamedTuple
from zlib import crc32

import msgspec

from assay.client import journal_files
from assay.client.records import (
    FILE_HEADER,
    FRAME_HEADER,
    POINT,
    POINT_BODY,
    ROW,
    Definition,
    definition_frames,
    frame_size,
    operation_frame,
    salt_of,
)
from assay.entities.ids import RunId, WriterId, new_writer_id
from assay.entities.metrics import SeriesKey
from assay.entities.operations import CreateModel, EnsureExperiment, Operation, StartRun
from assay.errors import InvalidInput

_log = logging.getLogger(__name__)

FIRST_FILE_BYTES = 1 << 20
"""A short run should not set aside more than this."""
FILE_BYTES = 8 << 20
"""Later files: some 200,000 single points or 1,000,000 in rows of a hundred."""
SMALLEST_FILE_BYTES = 1 << 16
"""What is tried last when the disk is nearly full."""
RETRY_S = 1.0
"""How often writing is tried again while the disk is full."""
MAX_KEPT_OPERATIONS = 10_000
"""Operations (not points) held in memory while the disk is full, so that the run's skeleton
survives.
"""


class Dropped(NamedTuple):
    """What could not be kept for want of space."""

    points: int
    operations: int
    files: int = 0


class Sealed(NamedTuple):
    """A full file of the journal."""

    base: int
    end: int
    descriptor: int


def _no_room(_frame: bytes) -> int:
    raise ValueError("the journal has no file open")


class Journal:
    """Appends records of one process for one destination.

    Thread-safe. Positions count the bytes of frames over all files and only grow.
    """

    def __init__(
        self,
        journal_folder: Path,
        destination: str,
        *,
        on_first_record: Callable[[], None] = lambda: None,
    ) -> None:
        self.writer_id: WriterId = new_writer_id()
        self.journal_folder = journal_folder
        self.folder = journal_folder / self.writer_id
        self.destination = destination
        self.last_error: OSError | None = None
        self._on_first_record = on_first_record
        self._salt = salt_of(self.writer_id)
        self._lock = threading.RLock()
        self._write: Callable[[bytes], int] = _no_room
        self._map: mmap.mmap | None = None
        self._base = 0
        self._descriptor = -1
        self._lock_descriptor = -1
        self._released = False
        self._names_synced_for = -1
        self._sealed: list[Sealed] = []
        self._next_index = 0
        self._points: dict[str, dict[str | SeriesKey, int]] = {}
        self._rows: dict[tuple[str, tuple[str, str, str], tuple[str, ...]], tuple[int, Struct]] = {}
        self._definitions: dict[int, Definition] = {}
        self._ended: set[str] = set()
        self._retry_at = 0.0
        self._kept: deque[bytes] = deque()
        self._dropped_points = 0
        self._dropped_operations = 0

    # What follows is the hot path; each line of `point` is paid for by every `log_metric`.

    def point(
        self,
        run_id: RunId,
        key: str | SeriesKey,
        value: float,
        step: int,
        timestamp_ms: int,
    ) -> None:
        """Append one point; ``key`` alone stands for the series without model and data set."""
        try:
            body = POINT_BODY.pack(POINT, self._points[run_id][key], step, timestamp_ms, value)
            self._write(FRAME_HEADER.pack(32, crc32(body, self._salt)) + body)
        except (KeyError, ValueError, BadValue):
            self._point_slowly(run_id, key, value, step, timestamp_ms)

    def row(
        self,
        run_id: RunId,
        values: Mapping[str, float],
        step: int,
        timestamp_ms: int,
        *,
        source: tuple[str, str, str] = ("", "", ""),
    ) -> None:
        """Append a point for each key at one step; ``source`` is model id, name and digest of the
        data set.
        """
        keys = tuple(values)
        try:
            index, layout = self._rows[run_id, source, keys]
            body = layout.pack(ROW, index, step, timestamp_ms, *values.values())
            self._write(FRAME_HEADER.pack(len(body), crc32(body, self._salt)) + body)
        except (KeyError, ValueError, BadValue):
            self._row_slowly(run_id, values, step, timestamp_ms, source=source)

    def operation(self, operation: Operation) -> None:
        """Append anything but points.

        What others hang on, the beginning of a run, experiment or model, stands there twice, so
        that one damaged frame takes no other with it; the second does nothing where the first did.
        """
        framed = operation_frame(operation, self._salt)
        again = _repeated(operation)
        with self._lock:
            if not self._append(framed):
                self._keep(framed)
            elif again is not None:
                self._append(operation_frame(again, self._salt))

    def has_points(self, run_id: RunId, key: str) -> bool:
        """Whether a point of a metric with this key was appended for a run that hasn't ended."""
        with self._lock:
            return any(
                known.run_id == run_id and any(series.key == key for series in known.series)
                for known in self._definitions.values()
            )

    def _point_slowly(
        self, run_id: RunId, key: str | SeriesKey, value: float, step: int, timestamp_ms: int
    ) -> None:
        series = key if isinstance(key, SeriesKey) else SeriesKey(key)
        with self._lock:
            index = self._points.get(run_id, {}).get(key)
            if index is None:
                index = self._define(run_id, (series,))
                if index is not None:
                    self._points.setdefault(run_id, {})[key] = index
            body = _pack(POINT_BODY, POINT, index or 0, step, timestamp_ms, value)
            if index is None or not self._append(self._frame(body)):
                self._dropped_points += 1

    def _row_slowly(
        self,
        run_id: RunId,
        values: Mapping[str, float],
        step: int,
        timestamp_ms: int,
        *,
        source: tuple[str, str, str],
    ) -> None:
        keys = tuple(values)
        if not keys:
            return
        with self._lock:
            known = self._rows.get((run_id, source, keys))
            layout = known[1] if known else Struct(f"<B3xIqq{len(keys)}d")
            index = known[0] if known else None
            if index is None:
                index = self._define(run_id, tuple(SeriesKey(key, *source) for key in keys))
                if index is not None:
                    self._rows[run_id, source, keys] = (index, layout)
            body = _pack(layout, ROW, index or 0, step, timestamp_ms, *values.values())
            if index is None or not self._append(self._frame(body)):
                self._dropped_points += len(keys)

    def _frame(self, body: bytes) -> bytes:
        # Bodies of points and rows are multiples of eight bytes: no padding.
        return FRAME_HEADER.pack(len(body), crc32(body, self._salt)) + body

    def _define(self, run_id: RunId, series: tuple[SeriesKey, ...]) -> int | None:
        definition = Definition(self._next_index, run_id, series)
        if not self._append(definition_frames(definition, self._salt)):
            return None
        self._definitions[definition.index] = definition
        self._next_index += 1
        return definition.index

    def forget(self, run_id: RunId) -> None:
        """The run has ended: its definitions need not be carried into further files."""
        with self._lock:
            self._ended.add(run_id)

    # Files.

    def _append(self, framed: bytes) -> bool:
        """Write a frame, with a new file if need be; False where no space can be had. Under the
        lock.
        """
        for _ in range(3):
            try:
                self._write(framed)
            except ValueError:
                if not self._open_file(len(framed)):
                    return False
            else:
                return True
        return False

    def _open_file(self, needed: int) -> bool:
        now = time.monotonic()
        if self._released or (self._map is None and now < self._retry_at):
            return False
        try:
            self._make_file(needed)
        except OSError as error:
            self._retry_at = now + RETRY_S
            self._stop_writing(error)
            return False
        if self.last_error is not None:
            _log.warning(
                "The journal %s can be written again; %d points were dropped meanwhile.",
                self.folder,
                self._dropped_points,
            )
            self.last_error = None
        return True

    def _make_file(self, needed: int) -> None:
        if self._lock_descriptor < 0:
            self._lock_descriptor = journal_files.create_writer_folder(
                self.journal_folder, self.writer_id, self.destination
            )
        self._seal()
        carried = b"".join(definition_frames(d, self._salt) for d in self._definitions.values())
        kept = b"".join(self._kept)
        least = FILE_HEADER.size + len(carried) + len(kept) + needed
        base = self._base
        path = journal_files.journal_path(self.folder, base)
        wanted = FIRST_FILE_BYTES if base == 0 else FILE_BYTES
        try:
            mapped, descriptor = journal_files.allocate(
                path, base=base, size=_page_multiple(max(wanted, 2 * least))
            )
        except OSError:
            small = _page_multiple(max(SMALLEST_FILE_BYTES, least))
            mapped, descriptor = journal_files.allocate(path, base=base, size=small)
        mapped.write(carried + kept)
        self._kept.clear()
        self._map, self._descriptor, self._write = mapped, descriptor, mapped.write
        self._drop_ended()
        if base == 0:
            self._on_first_record()

    def _seal(self) -> None:
        """End the current file: later writes to its map fail, and nobody else writes behind its
        end.
        """
        mapped = self._map
        if mapped is None:
            return
        self._write = _no_room
        end = mapped.tell()
        mapped.seek(0, os.SEEK_END)
        # A thread without our lock may have written between the two calls; its frames are found by
        # walking on.
        while end + FRAME_HEADER.size <= len(mapped):
            length, _ = FRAME_HEADER.unpack_from(mapped, end)
            if length == 0:
                break
            end += frame_size(length)
        next_base = self._base + end - FILE_HEADER.size
        self._sealed.append(Sealed(self._base, next_base, self._descriptor))
        self._base, self._map, self._descriptor = next_base, None, -1

    def _drop_ended(self) -> None:
        """Forget definitions of ended runs. They were carried into the new file once more, for late
        threads.
        """
        if not self._ended:
            return
        ended, self._ended = self._ended, set()
        for run_id in ended:
            self._points.pop(run_id, None)
        self._rows = {known: row for known, row in self._rows.items() if known[0] not in ended}
        self._definitions = {i: d for i, d in self._definitions.items() if d.run_id not in ended}

    def _stop_writing(self, error: OSError) -> None:
        self._write = _no_room
        if self.last_error is None:
            _log.warning(
                "Nothing can be written to the journal %s: %s. The program goes on; what is"
                " logged from now on"
                " is lost until there is space, or the folder can be written again.",
                self.folder,
                error.strerror or error,
            )
        self.last_error = error

    def _keep(self, framed: bytes) -> None:
        if len(self._kept) < MAX_KEPT_OPERATIONS:
            self._kept.append(framed)
        else:
            self._dropped_operations += 1

    # What the shipper asks.

    @property
    def base(self) -> int:
        """Position at which the current file begins."""
        return self._base

    @property
    def position(self) -> int:
        """Position behind the last record."""
        with self._lock:
            if self._map is None:
                return self._base
            return self._base + self._map.tell() - FILE_HEADER.size

    @property
    def has_records(self) -> bool:
        """Whether a file was ever opened; cheap, without a lock."""
        return self._lock_descriptor >= 0

    @property
    def dropped(self) -> Dropped:
        """What was lost to a full disk so far."""
        return Dropped(self._dropped_points, self._dropped_operations)

    def file_at(self, position: int) -> tuple[int, int]:
        """Where the first file begins and ends that has records at or behind ``position``."""
        with self._lock:
            for sealed in self._sealed:
                if position < sealed.end:
                    return sealed.base, sealed.end
            return self._base, self.position

    def sync(self) -> None:
        """Bring what was written to the disk itself. Blocks; releases Python's lock meanwhile."""
        with self._lock:
            descriptors = [os.dup(s.descriptor) for s in self._sealed if s.descriptor >= 0]
            if self._descriptor >= 0:
                descriptors.append(os.dup(self._descriptor))
        for descriptor in descriptors:
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        if self._names_synced_for != self._base:
            self._names_synced_for = self._base
            journal_files.sync_folder(self.folder)
            journal_files.sync_folder(self.journal_folder)

    def discard_before(self, position: int) -> None:
        """Remove full files that end at or before ``position``: they are delivered."""
        with self._lock:
            delivered = [s for s in self._sealed if s.end <= position]
            self._sealed = [s for s in self._sealed if s.end > position]
        for sealed in delivered:
            os.close(sealed.descriptor)
            journal_files.journal_path(self.folder, sealed.base).unlink(missing_ok=True)

    def close(self) -> None:
        """End the current file. A later append opens a new one."""
        with self._lock:
            self._seal()

    def release(self) -> None:
        """Close all files and give up ownership; the journal can't be used afterwards."""
        with self._lock:
            self._released = True
            self._seal()
            for sealed in self._sealed:
                os.close(sealed.descriptor)
            self._sealed = []
            if self._lock_descriptor >= 0:
                os.close(self._lock_descriptor)
                self._lock_descriptor = -1

    def abandon(self) -> None:
        """In a forked child: let go of the parent's journal without touching it."""
        # Locks may be held by threads that don't exist here, so none is taken.
        descriptors = [s.descriptor for s in self._sealed] + [
            self._descriptor,
            self._lock_descriptor,
        ]
        self._write = _no_room
        for descriptor in descriptors:
            if descriptor >= 0:
                os.close(descriptor)


def _page_multiple(size: int) -> int:
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


def _pack(layout: Struct, *fields: float) -> bytes:
    try:
        return layout.pack(*fields)
    except BadValue as error:
        raise InvalidInput(
            f"A point needs a number as value and 64-bit integers as step and timestamp ({error})."
        ) from None


def _repeated(operation: Operation) -> Operation | None:
    """The second copy of an operation that others hang on; ``None`` for all others."""
    if isinstance(operation, StartRun):
        return msgspec.structs.replace(operation, only_if_missing=True)
    return operation if isinstance(operation, EnsureExperiment | CreateModel) else None

"""Counting: how many points and operations lie in a piece of a journal, without decoding them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from assay.client.journal_files import journal_bases, journal_path
from assay.client.records import (
    FILE_HEADER,
    FRAME_HEADER,
    OPERATION,
    POINT,
    ROW,
    ROW_BODY,
    frame_size,
)


class Counts(NamedTuple):
    """What a piece of a journal holds."""

    points: int
    operations: int
    records: int
    bytes: int


class PendingCounts(NamedTuple):
    """What is recorded and not delivered yet."""

    points: int
    operations: int
    files: int
    bytes: int
    """Of the journal; files not counted."""

    def __bool__(self) -> bool:
        return bool(self.bytes or self.files)


def count_records(folder: Path, start: int = 0, end: int | None = None) -> Counts:
    """What a journal holds between two positions; what can't be read is left out.

    Args:
        folder: of the writer.
        start: position of a record.
        end: position behind the last one; ``None`` for all there is.
    """
    total = Counts(0, 0, 0, 0)
    bases = journal_bases(folder)
    for base, following in zip(bases, [*bases, None][1:], strict=True):
        if (following is not None and following <= start) or (end is not None and base >= end):
            continue
        try:
            data = journal_path(folder, base).read_bytes()[FILE_HEADER.size :]
        except OSError:
            continue
        stop = len(data) if end is None else min(len(data), end - base)
        found = _count(data, max(0, start - base), stop)
        total = Counts(*(a + b for a, b in zip(total, found, strict=True)))
    return total


def _count(data: bytes, start: int, stop: int) -> Counts:
    points = operations = records = 0
    offset = start
    while offset + FRAME_HEADER.size < stop:
        length, _ = FRAME_HEADER.unpack_from(data, offset)
        if length == 0 or offset + FRAME_HEADER.size + length > stop:
            break
        kind = data[offset + FRAME_HEADER.size]
        records += 1
        if kind == POINT:
            points += 1
        elif kind == ROW:
            points += (length - ROW_BODY.size) // 8
        elif kind == OPERATION:
            operations += 1
        offset += frame_size(length)
    return Counts(points, operations, records, offset - start)

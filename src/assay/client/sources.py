"""Sources: a journal as the shipper reads it, the living one of this process or one that a dead
process left.

A source hands out pieces in order and remembers how far the store has them. ``seek`` goes back to
where the store says it stands, so nothing is delivered twice or left out.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path

from assay.client.journal import Journal
from assay.client.journal_files import journal_bases, journal_path
from assay.client.packing import Packed, Packer
from assay.client.records import FILE_HEADER, MAGIC, BadRecord, salt_of
from assay.entities.ids import WriterId

CHUNK_BYTES = 1 << 20
"""How much of a journal becomes one delivery: up to 130,000 points."""


class Source(ABC):
    """One journal, read from front to back by one thread."""

    writer_id: WriterId
    folder: Path

    @abstractmethod
    def next(self, *, max_records: int | None = None) -> Packed | None:
        """The next piece, or ``None`` when there is no more for now."""

    @abstractmethod
    def seek(self, position: int) -> None:
        """Go on from ``position``, which is the border of two records."""

    @abstractmethod
    def delivered(self, position: int) -> None:
        """The store holds everything before ``position``: files that end there may go."""


class LiveSource(Source):
    """The journal that this process is writing."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.writer_id = journal.writer_id
        self.folder = journal.folder
        self._packer = Packer(salt_of(journal.writer_id), trusted=True)
        self._base = 0
        self._cursor = 0
        self._descriptor = -1

    @property
    def cursor(self) -> int:
        """Position up to which pieces were handed out."""
        return self._cursor

    def next(self, *, max_records: int | None = None) -> Packed | None:
        """See ``Source``."""
        base, end = self._journal.file_at(self._cursor)
        if base != self._base:
            self.close()
            self._base = base
        # A store that was set back to an earlier state may ask for files that are gone.
        self._cursor = max(self._cursor, base)
        return self._piece(end, max_records=max_records) if self._cursor < end else None

    def _piece(self, end: int, *, max_records: int | None) -> Packed:
        size = CHUNK_BYTES
        while True:
            data = self._read(min(size, end - self._cursor))
            packed = self._packer.pack(data, self._cursor, max_records=max_records)
            if packed.end > self._cursor:
                self._cursor = packed.end
                return packed
            if len(data) == end - self._cursor:
                # Somebody else scribbled on the file: read it as one that can't be trusted.
                packer = Packer(salt_of(self.writer_id))
                packer.definitions = self._packer.definitions
                packed = packer.pack(data, self._cursor, max_records=max_records)
                self._cursor = packed.end
                return packed
            size *= 4

    def _read(self, size: int) -> bytes:
        if self._descriptor < 0:
            path = journal_path(self.folder, self._base)
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(self._descriptor, size, FILE_HEADER.size + self._cursor - self._base)

    def seek(self, position: int) -> None:
        """See ``Source``."""
        self._cursor = position

    def delivered(self, position: int) -> None:
        """Remove the files that end before ``position``."""
        self._journal.discard_before(position)

    def close(self) -> None:
        """Close the file being read."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class OrphanSource(Source):
    """A journal without an owner. Nothing in it is trusted before its checksum was looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer_id = WriterId(folder.name)
        self._bases = journal_bases(folder)
        self._data = b""
        self._offset = 0
        self._file = -1
        self._skip_to = 0
        self._header_errors: list[BadRecord] = []
        self._packer = Packer(salt_of(self.writer_id))

    @property
    def last_position(self) -> int:
        """Position behind everything the journal can hold."""
        if not self._bases:
            return 0
        base = self._bases[-1]
        return base + journal_path(self.folder, base).stat().st_size - FILE_HEADER.size

    def next(self, *, max_records: int | None = None) -> Packed | None:
        """See ``Source``."""
        while self._offset >= len(self._data):
            if self._file + 1 >= len(self._bases):
                return None
            self._load(self._file + 1)
        base = self._bases[self._file]
        packed = self._packer.pack(
            self._data[self._offset :],
            base + self._offset,
            skip_to=self._skip_to,
            max_records=max_records,
        )
        self._offset = packed.end - base
        bad, self._header_errors = self._header_errors + packed.bad, []
        return packed._replace(bad=bad)

    def _load(self, number: int) -> None:
        base = self._bases[number]
        content = journal_path(self.folder, base).read_bytes()
        header, data = content[: FILE_HEADER.size], content[FILE_HEADER.size :]
        # Nothing but zeros: the process was killed after it made the file and before it wrote.
        if header != FILE_HEADER.pack(MAGIC, base) and content.strip(b"\0"):
            self._header_errors.append(BadRecord(base, header, "the file header is damaged"))
        if number + 1 < len(self._bases):
            # The next file's name tells where this one ended; without it, zeros tell where writing
            # stopped.
            length = self._bases[number + 1] - base
            if len(data) < length:
                lost = BadRecord(base + len(data), b"", f"{length - len(data)} bytes are cut off")
                self._header_errors.append(lost)
            data = data[:length]
        self._data, self._offset, self._file = data, 0, number

    def seek(self, position: int) -> None:
        """See ``Source``."""
        before = [n for n, base in enumerate(self._bases) if base <= position]
        self._skip_to = position
        self._data, self._offset = b"", 0
        self._file = (before[-1] if before else 0) - 1

    def delivered(self, position: int) -> None:
        """Files stay until the whole journal is delivered, which is soon."""

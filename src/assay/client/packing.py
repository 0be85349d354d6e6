"""Packing: from the bytes of a journal to the operations of one delivery.

Points are never looked at one by one: runs of single points and rows are cut out of the bytes
column by column, because a training loop logs them faster than Python can count them. NumPy is not
used: importing it costs a short script more than its whole logging.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple
from zlib import crc32

import msgspec

from assay.client.records import (
    DEFINITION,
    FRAME_HEADER,
    OPERATION,
    POINT,
    POINT_FRAME_BYTES,
    ROW,
    ROW_BODY,
    BadRecord,
    Definition,
    decode_definition,
    decode_operation,
    frame_size,
    next_frame,
)
from assay.entities.ids import RunId
from assay.entities.metrics import PointBatch, SeriesKey
from assay.entities.operations import LogPoints, Operation, StartRun, UpdateRun

MAX_POINTS = 200_000
"""Points in one delivery: some 6 MB, beyond which a store gains nothing."""
_FIRST_STRETCH = 16
_POINT_WORDS = POINT_FRAME_BYTES // 8
_POINT_KIND_OFFSET = FRAME_HEADER.size


class Packed(NamedTuple):
    """What became of a piece of a journal."""

    start: int
    end: int
    """Position behind the last byte that was understood or set aside."""
    operations: list[Operation]
    bad: list[BadRecord]

    @property
    def points(self) -> int:
        """How many points it holds."""
        return sum(len(o.batch) for o in self.operations if isinstance(o, LogPoints))

    @property
    def other_operations(self) -> int:
        """How many operations other than points it holds."""
        return sum(not isinstance(o, LogPoints) for o in self.operations)


class _Columns:
    """Points of one run on their way into a batch."""

    def __init__(self) -> None:
        self.series: list[SeriesKey] = []
        self.places: dict[SeriesKey, int] = {}
        self.by_definition: dict[int, bytes] = {}
        self.index: list[bytes] = []
        self.steps: list[bytes] = []
        self.timestamps: list[bytes] = []
        self.values: list[bytes] = []

    def place(self, definition: Definition) -> bytes:
        """The index column for one point of each series of a definition."""
        known = self.by_definition.get(definition.index)
        if known is None:
            for series in definition.series:
                if series not in self.places:
                    self.places[series] = len(self.series)
                    self.series.append(series)
            known = array("I", [self.places[series] for series in definition.series]).tobytes()
            self.by_definition[definition.index] = known
        return known

    def batch(self) -> PointBatch:
        return PointBatch(
            series=self.series,
            index=b"".join(self.index),
            steps=b"".join(self.steps),
            timestamps=b"".join(self.timestamps),
            values=b"".join(self.values),
        )


class Packer:
    """Reads frames in order. Keeps the definitions it met, so pieces of a file may come one after
    another.
    """

    def __init__(self, salt: int, *, trusted: bool = False) -> None:
        """``trusted``: this process wrote the bytes a moment ago. Checksums need no second look,
        and a frame that is not whole is the end of the piece rather than damage.
        """
        self._salt = salt
        self.trusted = trusted
        self.definitions: dict[int, Definition] = {}

    def pack(
        self,
        data: bytes,
        position: int,
        *,
        skip_to: int = 0,
        max_records: int | None = None,
    ) -> Packed:
        """The operations in ``data``, whose first byte is at ``position``.

        Args:
            data: whole frames; what is cut off at the end or damaged is set aside.
            position: of the first byte.
            skip_to: records before this position only teach their definitions.
            max_records: stop after so many records that are not definitions.
        """
        piece = _Piece(self, data, position, skip_to=skip_to, max_records=max_records)
        piece.read()
        return Packed(max(position, skip_to), position + piece.offset, piece.finish(), piece.bad)

    def is_sound(self, data: bytes, offset: int, length: int, crc: int) -> bool:
        """Whether a frame lies whole within ``data`` and its checksum is right."""
        body = offset + FRAME_HEADER.size
        if not 0 < length <= len(data) - body:
            return False
        return self.trusted or crc32(memoryview(data)[body : body + length], self._salt) == crc

    def find_next(self, data: bytes, start: int) -> int | None:
        """Where the next sound frame begins."""
        return next_frame(data, start, self._salt)


class _Piece:
    """One call of ``Packer.pack``."""

    def __init__(
        self,
        packer: Packer,
        data: bytes,
        position: int,
        *,
        skip_to: int,
        max_records: int | None,
    ) -> None:
        self.packer = packer
        self.data = data
        self.position = position
        self.skip_offset = skip_to - position
        self.records_left = max_records if max_records is not None else len(data)
        self.points_left = MAX_POINTS
        self.offset = 0
        self.bad: list[BadRecord] = []
        self.operations: list[Operation] = []
        self.columns: dict[RunId, _Columns] = {}

    def read(self) -> None:
        data, packer = self.data, self.packer
        limit = len(data) - FRAME_HEADER.size
        while self.offset <= limit and self.records_left > 0 and self.points_left > 0:
            length, crc = FRAME_HEADER.unpack_from(data, self.offset)
            if not packer.is_sound(data, self.offset, length, crc):
                if packer.trusted:
                    return
                self._set_aside_to(packer.find_next(data, self.offset + 8))
                continue
            kind = data[self.offset + FRAME_HEADER.size]
            if self.offset < self.skip_offset and kind != DEFINITION:
                self.offset += frame_size(length)
            elif kind == POINT:
                self._read_points()
            elif kind == ROW:
                self._read_row(length)
            else:
                self._read_message(kind, length)
        if not packer.trusted and limit < self.offset < len(data):
            self._set_aside_to(None)

    def _read_points(self) -> None:
        """A stretch of single points, cut out column by column."""
        data, start = self.data, self.offset
        count = self._stretch()
        view = memoryview(data)[start : start + count * POINT_FRAME_BYTES]
        words, halves = view.cast("Q"), view.cast("I")
        steps = words[2::_POINT_WORDS].tobytes()
        timestamps = words[3::_POINT_WORDS].tobytes()
        values = words[4::_POINT_WORDS].tobytes()
        indexes = array("I", halves[3 :: 2 * _POINT_WORDS].tobytes())
        self.offset += count * POINT_FRAME_BYTES
        self.records_left -= count
        self.points_left -= count
        definitions = self.packer.definitions
        met = {index: definitions.get(index) for index in set(indexes)}
        runs = {definition.run_id if definition else None for definition in met.values()}
        if len(runs) == 1 and None not in runs:
            columns = self._columns_of(next(iter(runs)) or RunId(""))
            places = {i: _first(columns.place(d)) for i, d in met.items() if d is not None}
            columns.index.append(array("I", map(places.__getitem__, indexes)).tobytes())
            columns.steps.append(steps)
            columns.timestamps.append(timestamps)
            columns.values.append(values)
            return
        for n, index in enumerate(indexes):
            definition = met[index]
            at = start + n * POINT_FRAME_BYTES
            if definition is None:
                self._set_aside(at, at + POINT_FRAME_BYTES, _NO_SERIES)
                continue
            columns = self._columns_of(definition.run_id)
            columns.index.append(columns.place(definition))
            columns.steps.append(steps[8 * n : 8 * n + 8])
            columns.timestamps.append(timestamps[8 * n : 8 * n + 8])
            columns.values.append(values[8 * n : 8 * n + 8])

    def _stretch(self) -> int:
        """How many sound single points follow each other here, at least one."""
        data, start = self.data, self.offset
        most = min((len(data) - start) // POINT_FRAME_BYTES, self.records_left, self.points_left)
        count, width = 1, _FIRST_STRETCH
        while count < most:
            tried = min(width, most - count)
            first = start + count * POINT_FRAME_BYTES
            last = first + tried * POINT_FRAME_BYTES
            kinds = data[first + _POINT_KIND_OFFSET : last : POINT_FRAME_BYTES]
            lengths = data[first:last:POINT_FRAME_BYTES]
            good = min(_leading(kinds, POINT), _leading(lengths, data[start]))
            good = self._sound_points(first, good)
            count += good
            if good < tried:
                break
            width *= 4
        return count

    def _sound_points(self, first: int, count: int) -> int:
        if self.packer.trusted:
            return count
        data, packer = self.data, self.packer
        for n in range(count):
            offset = first + n * POINT_FRAME_BYTES
            length, crc = FRAME_HEADER.unpack_from(data, offset)
            if not packer.is_sound(data, offset, length, crc):
                return n
        return count

    def _read_row(self, length: int) -> None:
        data, body = self.data, self.offset + FRAME_HEADER.size
        _, index, _, _ = ROW_BODY.unpack_from(data, body)
        definition = self.packer.definitions.get(index)
        end = self.offset + frame_size(length)
        if definition is None or length != ROW_BODY.size + 8 * len(definition.series):
            self._set_aside(self.offset, end, _NO_SERIES)
        else:
            count = len(definition.series)
            columns = self._columns_of(definition.run_id)
            columns.index.append(columns.place(definition))
            columns.steps.append(data[body + 8 : body + 16] * count)
            columns.timestamps.append(data[body + 16 : body + 24] * count)
            columns.values.append(data[body + 24 : body + length])
            self.points_left -= count
        self.offset = end
        self.records_left -= 1

    def _read_message(self, kind: int, length: int) -> None:
        body = self.offset + FRAME_HEADER.size
        content = memoryview(self.data)[body : body + length]
        end = self.offset + frame_size(length)
        try:
            if kind == DEFINITION:
                definition = decode_definition(content)
                self.packer.definitions[definition.index] = definition
            elif kind == OPERATION:
                self._add(decode_operation(content))
                self.records_left -= 1
            else:
                self._set_aside(self.offset, end, f"its kind {kind} is unknown")
        except msgspec.MsgspecError as error:
            self._set_aside(self.offset, end, f"it can't be decoded: {error}")
        self.offset = end

    def _add(self, operation: Operation) -> None:
        if isinstance(operation, StartRun | UpdateRun):
            self._emit(operation.run_id)
        self.operations.append(operation)

    def _columns_of(self, run_id: RunId) -> _Columns:
        columns = self.columns.get(run_id)
        if columns is None:
            columns = self.columns[run_id] = _Columns()
        return columns

    def _emit(self, run_id: RunId) -> None:
        columns = self.columns.pop(run_id, None)
        if columns is not None:
            self.operations.append(LogPoints(run_id, columns.batch()))

    def _set_aside_to(self, found: int | None) -> None:
        end = len(self.data) if found is None else found
        damaged = self.data[self.offset : end]
        if any(damaged):
            why = "its checksum is wrong" if found is not None else "it is cut off or damaged"
            self._set_aside(self.offset, end, why)
        self.offset = end

    def _set_aside(self, start: int, end: int, why: str) -> None:
        if start >= self.skip_offset:
            self.bad.append(BadRecord(self.position + start, self.data[start:end], why))

    def finish(self) -> list[Operation]:
        for run_id in list(self.columns):
            self._emit(run_id)
        return self.operations


_NO_SERIES = "the definition of its series is missing"


def _first(column: bytes) -> int:
    return int.from_bytes(column[:4], "little")


def _leading(column: bytes, value: int) -> int:
    """How many bytes at the beginning of ``column`` equal ``value``."""
    return len(column) - len(column.lstrip(bytes([value])))

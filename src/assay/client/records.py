"""Records: what a journal file is made of, byte by byte. Layout: docs/formats/journal.md.

A file is a short header and then frames: length, CRC-32, body, padded to eight bytes. Points are
fixed-size bodies that name their series by index, everything else is MessagePack. Each index is
defined in the same file, twice, so that one damaged frame never takes the meaning of others with
it.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from assay.entities.ids import RunId, WriterId
from assay.entities.metrics import SeriesKey
from assay.entities.operations import Operation

FORMAT_VERSION: Final = 1
"""Written in each file's header. A change of layout takes the next number and a reader of its own;
readers of earlier numbers stay, because journals wait on disks for as long as their owners were
offline."""

MAGIC: Final = b"ASSAYJ\x00" + bytes([FORMAT_VERSION])
FILE_HEADER: Final = Struct("<8sQ")
"""Magic and the position of the first frame; positions count frame bytes only, over all files of a
journal.
"""
FRAME_HEADER: Final = Struct("<II")
"""Length of the body, and its CRC-32 started at the journal's salt."""

POINT: Final = 1
ROW: Final = 2
OPERATION: Final = 3
DEFINITION: Final = 4

POINT_BODY: Final = Struct("<B3xIqqd")
"""Kind, index of a definition with one series, step, timestamp, value."""
ROW_BODY: Final = Struct("<B3xIqq")
"""Kind, index of a definition, step, timestamp; then one ``float64`` per series of the definition.
"""
POINT_FRAME_BYTES: Final = FRAME_HEADER.size + POINT_BODY.size
PAD: Final = (b"", b"\0" * 7, b"\0" * 6, b"\0" * 5, b"\0" * 4, b"\0" * 3, b"\0" * 2, b"\0")
"""What a body of a length modulo eight is followed by."""


class Definition(msgspec.Struct, frozen=True, array_like=True):
    """What an index in points and rows stands for."""

    index: int
    run_id: RunId
    series: tuple[SeriesKey, ...]


_operation_encoder = msgspec.msgpack.Encoder()
_operation_decoder = msgspec.msgpack.Decoder(Operation)
_definition_decoder = msgspec.msgpack.Decoder(Definition)


class BadRecord(NamedTuple):
    """Bytes of a journal that are no whole record."""

    position: int
    data: bytes
    why: str


def salt_of(writer_id: WriterId) -> int:
    """What the CRCs of this writer's frames start from, so bytes of another journal never pass for
    a frame.
    """
    return crc32(writer_id.encode())


def frame(body: bytes, salt: int) -> bytes:
    """``body`` as it stands in a file."""
    return FRAME_HEADER.pack(len(body), crc32(body, salt)) + body + PAD[len(body) & 7]


def frame_size(body_length: int) -> int:
    """Bytes that a body takes in a file."""
    return FRAME_HEADER.size + ((body_length + 7) & ~7)


def operation_frame(operation: Operation, salt: int) -> bytes:
    """The frame of an operation."""
    return frame(b"\x03" + _operation_encoder.encode(operation), salt)


def definition_frames(definition: Definition, salt: int) -> bytes:
    """The two frames that define an index."""
    return frame(b"\x04" + _operation_encoder.encode(definition), salt) * 2


def decode_operation(body: bytes | memoryview) -> Operation:
    """The operation in a body of kind ``OPERATION``; raises ``msgspec.MsgspecError``."""
    operation: Operation = _operation_decoder.decode(body[1:])
    return operation


def decode_definition(body: bytes | memoryview) -> Definition:
    """The definition in a body of kind ``DEFINITION``; raises ``msgspec.MsgspecError``."""
    return _definition_decoder.decode(body[1:])


def next_frame(data: bytes, start: int, salt: int) -> int | None:
    """Offset of the first whole frame with a right CRC at or behind ``start``, on an eight-byte
    boundary.

    How a reader finds its way behind a damaged frame whose length can't be trusted.
    """
    view = memoryview(data)
    limit = len(data) - FRAME_HEADER.size
    used = len(data.rstrip(b"\0"))  # most of a file is often space that was set aside
    offset = start
    while offset < used and offset <= limit:
        length, crc = FRAME_HEADER.unpack_from(data, offset)
        body = offset + FRAME_HEADER.size
        if 0 < length <= len(data) - body and crc32(view[body : body + length], salt) == crc:
            return offset
        offset += 8
    return None

"""ZIP archives: the list of their members, and the first bytes of one, within fixed bounds.

``zipfile`` reads a whole central directory and unpacks without a limit; this reads only what is
shown (APPNOTE 4.3 to 4.5).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from assay.server.files.headers.header import Header, Member, plain_text
from assay.server.files.opened import OpenedArtifact

MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_END = b"PK\x05\x06"
_END_BYTES = 22 + 65_535
_ZIP64_PLACE = struct.Struct("<4sLQL")
_ZIP64_END = struct.Struct("<4sQHHLLQQQQ")
_CENTRAL = struct.Struct("<4s4B4HL2L5H2L")
_LOCAL = struct.Struct("<4s2B4HL2L2H")
_MAX_DIRECTORY = 8 << 20
_STORED, _DEFLATED = 0, 8
_FULL = 0xFFFFFFFF


class ZipMember(NamedTuple):
    """A member as the central directory tells of it."""

    name: str
    size: int
    packed_size: int
    method: int
    place: int


class Directory(NamedTuple):
    """Where the list of members lies."""

    members: int
    size: int
    start: int


def find_directory(opened: OpenedArtifact) -> Directory | None:
    """The central directory of an archive, or ``None`` where there is none."""
    tail_start = max(0, opened.size - _END_BYTES)
    tail = opened.read(tail_start, _END_BYTES)
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < 22:
        return None
    count, size, start = struct.unpack_from("<HLL", tail, place + 10)
    if _FULL in (size, start) or count == 0xFFFF:
        locator = tail[max(0, place - 20) : place]
        if len(locator) == 20 and locator.startswith(b"PK\x06\x07"):
            _, _, end_place, _ = _ZIP64_PLACE.unpack(locator)
            end = opened.read(min(end_place, opened.size), _ZIP64_END.size)
            if len(end) == _ZIP64_END.size and end.startswith(b"PK\x06\x06"):
                *_, count, size, start = _ZIP64_END.unpack(end)
    return Directory(count, size, start) if start <= opened.size else None


def members(opened: OpenedArtifact, directory: Directory) -> Iterator[ZipMember]:
    """The members, in the directory's order; it ends early where the directory makes no sense."""
    data = opened.read(directory.start, min(directory.size, _MAX_DIRECTORY))
    place = 0
    while place + _CENTRAL.size <= len(data):
        fields = _CENTRAL.unpack_from(data, place)
        if fields[0] != b"PK\x01\x02":
            return
        flags, method = fields[5], fields[6]
        packed, size = fields[10], fields[11]
        name_length, extra_length, comment_length = fields[12:15]
        local = fields[18]
        start = place + _CENTRAL.size
        raw = data[start : start + name_length]
        extra = data[start + name_length : start + name_length + extra_length]
        name = raw.decode("utf-8" if flags & 0x800 else "cp437", "replace")
        size, packed, local = _zip64_sizes(extra, size, packed, local=local)
        yield ZipMember(plain_text(name), size, packed, method, local)
        place = start + name_length + extra_length + comment_length


def _zip64_sizes(extra: bytes, size: int, packed: int, *, local: int) -> tuple[int, int, int]:
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        if kind == 1:
            numbers = extra[place + 4 : place + 4 + length]
            values = [
                struct.unpack_from("<Q", numbers, at)[0] for at in range(0, len(numbers) - 7, 8)
            ]
            out = []
            for value in (size, packed, local):
                out.append(values.pop(0) if value == _FULL and values else value)
            return out[0], out[1], out[2]
        place += 4 + length
    return size, packed, local


def first_bytes(opened: OpenedArtifact, member: ZipMember, count: int) -> bytes:
    """Up to ``count`` first bytes of a member; none where it is packed in another way."""
    lead = opened.read(member.place, _LOCAL.size)
    if len(lead) < _LOCAL.size or not lead.startswith(b"PK\x03\x04"):
        return b""
    name_length, extra_length = struct.unpack_from("<HH", lead, _LOCAL.size - 4)
    start = member.place + _LOCAL.size + name_length + extra_length
    if member.method == _STORED:
        return opened.read(start, min(count, member.size))
    if member.method != _DEFLATED:
        return b""
    try:
        packed = opened.read(start, min(member.packed_size, count + 65_536))
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, count)
    except zlib.error:
        return b""


def zip_header(opened: OpenedArtifact) -> tuple[Header, list[ZipMember]]:
    """An archive, and the members that its header tells."""
    header = Header("zip")
    directory = find_directory(opened)
    found: list[ZipMember] = []
    if directory is None:
        header.truncated = True
        return header, found
    header.fact("members", directory.members)
    for member in members(opened, directory):
        if not header.add_entry(Member(member.name, member.size)):
            break
        found.append(member)
    if len(found) < directory.members:
        header.truncated = True
    return header, found

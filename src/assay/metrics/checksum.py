"""Checksums of stored points: bytes that changed on disk are noticed before they are decoded."""

from __future__ import annotations

import struct
import zlib
from typing import Final

__all__ = ["CHECKSUM_SIZE", "is_sound", "seal"]

_CHECKSUM = struct.Struct("<I")
CHECKSUM_SIZE: Final = _CHECKSUM.size
"""Bytes in front of what was sealed."""


def seal(*parts: bytes) -> bytes:
    """The parts in a row, behind their CRC-32."""
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return b"".join((_CHECKSUM.pack(checksum), *parts))


def is_sound(blob: bytes, *, least: int) -> bool:
    """Whether it has at least so many bytes behind the checksum, and they are those that were
    sealed.
    """
    if len(blob) < CHECKSUM_SIZE + least:
        return False
    expected: int = _CHECKSUM.unpack_from(blob)[0]
    return expected == zlib.crc32(memoryview(blob)[CHECKSUM_SIZE:])

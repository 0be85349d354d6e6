"""Pictures: kind and size in pixels, out of their first bytes."""

from __future__ import annotations

import struct

from assay.server.files.headers.header import Header

HEAD_BYTES = 1 << 18
"""A JPEG's size may lie behind a large preview."""

_NO_LENGTH = frozenset({0x01, 0xFF, *range(0xD0, 0xD9)})
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def picture_header(head: bytes) -> Header | None:
    """A picture, or ``None`` where the bytes are none."""
    for kind, start, read in (
        ("png", b"\x89PNG\r\n\x1a\n", _png),
        ("jpeg", b"\xff\xd8\xff", _jpeg),
        ("gif", b"GIF8", _gif),
        ("bmp", b"BM", _bmp),
    ):
        if head.startswith(start):
            header = Header(kind)
            size = read(head)
            if size is None:
                header.truncated = True
            else:
                header.fact("width", size[0])
                header.fact("height", size[1])
            return header
    return None


def _png(head: bytes) -> tuple[int, int] | None:
    if head[12:16] != b"IHDR" or len(head) < 24:
        return None
    width, height = struct.unpack_from(">LL", head, 16)
    return width, height


def _gif(head: bytes) -> tuple[int, int] | None:
    if len(head) < 10:
        return None
    width, height = struct.unpack_from("<HH", head, 6)
    return width, height


def _bmp(head: bytes) -> tuple[int, int] | None:
    if len(head) < 26:
        return None
    width, height = struct.unpack_from("<ll", head, 18)
    return abs(width), abs(height)


def _jpeg(head: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(head):
        if head[place] != 0xFF:
            return None
        marker = head[place + 1]
        if marker in _NO_LENGTH:
            place += 1 if marker == 0xFF else 2
            continue
        if marker in _SIZES:
            height, width = struct.unpack_from(">HH", head, place + 5)
            return width, height
        place += 2 + max(2, struct.unpack_from(">H", head, place + 2)[0])
    return None

"""Text by pieces: a range of a file, cut where lines end."""

from __future__ import annotations

import msgspec

from assay.server.files.opened import OpenedArtifact

DEFAULT_BYTES = 1 << 20
MAX_BYTES = 4 << 20
_HEAD_BYTES = 8_192
"""NULs among the first bytes tell that a file is no text."""
_HEX_BYTES = 512


class TextPiece(msgspec.Struct, frozen=True):
    """Bytes ``offset`` up to ``end`` of a file, as text."""

    text: str
    offset: int
    end: int
    size: int
    encoding: str
    """``utf-8``, or ``unknown`` where bytes that are none were replaced."""
    binary: bool
    """It is no text: ``text`` is empty, ``head`` holds its first bytes."""
    head: str = ""
    """The first 512 bytes of a binary file, in hex."""


def piece(opened: OpenedArtifact, *, offset: int = 0, limit: int = DEFAULT_BYTES) -> TextPiece:
    """A range of a file.

    It starts at ``offset`` and ends behind the last line that ends within ``limit`` bytes, so the
    next piece starts where this one ended; a line that is longer is cut between two characters.

    Args:
        opened: the file.
        offset: where to start; negative: so many bytes before the end, at a line's start.
        limit: how many bytes at most.
    """
    size = opened.size
    limit = max(1, min(limit, MAX_BYTES))
    from_end = offset < 0
    start = max(0, size + offset) if from_end else min(offset, size)
    data = opened.read(start, limit)
    if b"\0" in data or b"\0" in opened.read(0, _HEAD_BYTES):
        head = opened.read(0, _HEX_BYTES).hex()
        return TextPiece("", 0, 0, size, encoding="", binary=True, head=head)
    if from_end and start:
        skipped = 0 if opened.read(start - 1, 1) == b"\n" else data.find(b"\n") + 1
        start, data = start + skipped, data[skipped:]
    lead = _continuation(data) if start else 0
    start, data = start + lead, data[lead:]
    if start + len(data) < size:
        data = data[: _cut(data)]
    try:
        text, encoding = data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = data.decode("utf-8", "replace"), "unknown"
    if start == 0:
        text = text.removeprefix("\ufeff")
    return TextPiece(text, start, start + len(data), size, encoding=encoding, binary=False)


def _continuation(data: bytes) -> int:
    """Bytes at the start that belong to a character before it; more than three are no UTF-8."""
    count = 0
    while count < min(4, len(data)) and data[count] & 0xC0 == 0x80:
        count += 1
    return count if count < 4 else 0


def _cut(data: bytes) -> int:
    """Where to end a piece that isn't the last."""
    line = data.rfind(b"\n") + 1
    if line:
        return line
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0xC0:
            width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if width > back and back < len(data) else len(data)
        if byte < 0x80:
            break
    return len(data)

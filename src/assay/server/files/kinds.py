"""What a browser may show by itself: decided by a file's name and its first bytes together.

Either alone can lie. Where both say the same inert kind, the file may be shown in place; all else
leaves as an attachment of no particular kind. Pages and SVG, which can carry scripts, never are.
"""

from __future__ import annotations

import codecs
from typing import NamedTuple

HEAD_BYTES = 4_096
"""How much of a file decides."""

ATTACHED = b"application/octet-stream"
_TEXT = b"text/plain; charset=utf-8"

_SHOWN_POLICY = (
    b"default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline';"
    b" frame-ancestors 'self'; sandbox"
)
_PDF_POLICY = (
    b"default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
)
_ATTACHED_POLICY = b"default-src 'none'; frame-ancestors 'none'; sandbox"

_ISO_MEDIA = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ")
_IMAGES = {
    ".png": (b"image/png", (b"\x89PNG\r\n\x1a\n",)),
    ".jpg": (b"image/jpeg", (b"\xff\xd8\xff",)),
    ".jpeg": (b"image/jpeg", (b"\xff\xd8\xff",)),
    ".gif": (b"image/gif", (b"GIF87a", b"GIF89a")),
    ".bmp": (b"image/bmp", (b"BM",)),
}
_MEDIA = {
    ".mp3": (b"audio/mpeg", (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa")),
    ".aac": (b"audio/aac", (b"\xff\xf1", b"\xff\xf9")),
    ".flac": (b"audio/flac", (b"fLaC",)),
    ".ogg": (b"audio/ogg", (b"OggS",)),
    ".oga": (b"audio/ogg", (b"OggS",)),
    ".opus": (b"audio/ogg", (b"OggS",)),
    ".ogv": (b"video/ogg", (b"OggS",)),
    ".weba": (b"audio/webm", (b"\x1a\x45\xdf\xa3",)),
    ".webm": (b"video/webm", (b"\x1a\x45\xdf\xa3",)),
    ".mkv": (b"video/webm", (b"\x1a\x45\xdf\xa3",)),
}
_RIFF = {".webp": (b"image/webp", b"WEBP"), ".wav": (b"audio/wav", b"WAVE")}
_BRANDED = {
    ".avif": (b"image/avif", (b"avif", b"avis")),
    ".mp4": (b"video/mp4", _ISO_MEDIA),
    ".m4v": (b"video/mp4", _ISO_MEDIA),
    ".m4a": (b"audio/mp4", (b"M4A ", *_ISO_MEDIA)),
    ".mov": (b"video/mp4", (b"qt  ", *_ISO_MEDIA)),
}
# fmt: off
_TEXT_SUFFIXES = frozenset((
    ".txt", ".log", ".out", ".err", ".cfg", ".conf", ".ini", ".properties", ".toml", ".yaml",
    ".yml", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".md", ".rst", ".tex", ".py",
    ".pyi", ".r", ".jl", ".c", ".h", ".cc", ".cpp", ".hpp", ".cu", ".rs", ".go", ".java",
    ".kt", ".scala", ".sh", ".bash", ".zsh", ".sql", ".js", ".mjs", ".ts", ".tsx", ".jsx",
    ".css", ".diff", ".patch", ".ipynb", ".lock", ".env", ".proto", ".geojson", ".vtt",
    ".srt", ".mlmodel", ".mlproject",
))
# fmt: on
"""Endings of text that means nothing to a browser when it comes as plain text."""


class Kind(NamedTuple):
    """How a file leaves."""

    content_type: bytes
    policy: bytes
    inline: bool


_AS_ATTACHMENT = Kind(ATTACHED, _ATTACHED_POLICY, False)


def attached() -> Kind:
    """How a file leaves that is to be saved."""
    return _AS_ATTACHMENT


def kind_of(suffix: str, head: bytes) -> Kind:
    """How a file with this ending (with dot, lower case; ``""``: none) and these first bytes
    leaves.
    """
    if suffix == ".pdf":
        if head.startswith(b"%PDF-"):
            return Kind(b"application/pdf", _PDF_POLICY, True)
        return _AS_ATTACHMENT
    found = _picture_or_media(suffix, head)
    if found is None and (suffix in _TEXT_SUFFIXES or not suffix) and is_text(head):
        found = _TEXT
    return _AS_ATTACHMENT if found is None else Kind(found, _SHOWN_POLICY, True)


def _picture_or_media(suffix: str, head: bytes) -> bytes | None:
    by_start = _IMAGES.get(suffix) or _MEDIA.get(suffix)
    if by_start is not None:
        return by_start[0] if head.startswith(by_start[1]) else None
    riff = _RIFF.get(suffix)
    if riff is not None:
        return riff[0] if head[:4] == b"RIFF" and head[8:12] == riff[1] else None
    branded = _BRANDED.get(suffix)
    if branded is not None:
        return branded[0] if head[4:8] == b"ftyp" and head[8:12] in branded[1] else None
    return None


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file are UTF-8 without NULs; they may end inside a character."""
    if b"\0" in head:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True

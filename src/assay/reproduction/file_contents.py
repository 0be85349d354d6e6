"""Contents of files: whether two files that differ in bytes hold the same.

Only formats where that is cheap and safe to tell: JSON (order of keys, spaces), CSV (line ends,
quotes), PNG (what writers note besides the pixels). Nothing here runs code of a file.
"""

from __future__ import annotations

import csv
import io
from typing import Final

import msgspec

from assay.reproduction.results import Read

_MAX_PIXELS: Final = 50_000_000


def same_content(name: str, before: Read, after: Read) -> bool | None:
    """Whether two files hold the same; ``None`` if only their bytes can be compared."""
    check = next((one for ending, one in _BY_ENDING.items() if name.lower().endswith(ending)), None)
    if check is None:
        return None
    old, new = before(name), after(name)
    if old is None or new is None:
        return None
    return check(old, new)


def _json(old: bytes, new: bytes) -> bool | None:
    try:
        return bool(msgspec.json.decode(old) == msgspec.json.decode(new))
    except (msgspec.DecodeError, RecursionError):
        return None


def _csv(old: bytes, new: bytes) -> bool | None:
    try:
        rows = [
            list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
            for content in (old, new)
        ]
    except (UnicodeDecodeError, csv.Error):
        return None
    return rows[0] == rows[1]


def _png(old: bytes, new: bytes) -> bool | None:
    try:
        from PIL import Image
    except ImportError:
        return None
    try:
        pictures = [Image.open(io.BytesIO(content), formats=["PNG"]) for content in (old, new)]
        if any(one.width * one.height > _MAX_PIXELS for one in pictures):
            return None
        sizes = {(one.size, one.mode) for one in pictures}
        return len(sizes) == 1 and pictures[0].tobytes() == pictures[1].tobytes()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


_BY_ENDING: Final = {".json": _json, ".csv": _csv, ".png": _png}

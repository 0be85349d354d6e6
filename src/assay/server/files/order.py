"""In which order a folder is listed, and where a page of it ends: folders first, always.

Names are ordered as people count. An order read backwards is the same one, from its other end; by
size, folders, which have none, stay in the order of their names.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from assay.artifacts.base import ArtifactInfo
from assay.entities.names import artifact_path
from assay.errors import ArtifactNotFound, InvalidInput, InvalidPageToken

_DIGITS = re.compile(r"([0-9]+)")
_TOKEN = re.compile(r"([df])([0-9]{0,19}):(.+)", re.DOTALL)
_Natural = tuple[tuple[bool, int, str], ...]


class SortBy(StrEnum):
    """What files are ordered by."""

    NAME = "name"
    SIZE = "size"


class Order(NamedTuple):
    """An order, and from which end it is read."""

    by: SortBy = SortBy.NAME
    descending: bool = False


class Ordered(NamedTuple):
    """A folder's entries, ascending."""

    folders: list[ArtifactInfo]
    files: list[ArtifactInfo]

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.folders) + len(self.files)


def natural(text: str) -> _Natural:
    """A sort key by which ``step-9`` comes before ``step-10``."""
    parts: list[tuple[bool, int, str]] = []
    for place, part in enumerate(_DIGITS.split(text.casefold())):
        if place % 2:
            # Digits compare by length, then as text: no number is made of what may be long.
            plain = part.lstrip("0")
            parts.append((False, len(plain), plain))
        elif part:
            parts.append((True, 0, part))
    return tuple(parts)


def ordered(found: Iterable[ArtifactInfo], by: SortBy) -> Ordered:
    """The entries in an order."""
    folders: list[ArtifactInfo] = []
    files: list[ArtifactInfo] = []
    for info in found:
        (folders if info.is_dir else files).append(info)
    folders.sort(key=_by_name)
    files.sort(key=_KEYS[by])
    return Ordered(folders, files)


def window(entries: Ordered, order: Order, *, token: str, most: int) -> list[ArtifactInfo]:
    """The entries after the one that a token names, ``most`` of them.

    Raises:
        InvalidPageToken: a token that no page gave out.
    """
    after = _read_token(token, order) if token else None
    down = order.descending
    folders: list[ArtifactInfo] = []
    if after is None or after.is_dir:
        key = _by_name
        at = _start(entries.folders, after, key, down=down and order.by is SortBy.NAME)
        folders = _run(entries.folders, at, most, down=down and order.by is SortBy.NAME)
        after = None
    at = _start(entries.files, after, _KEYS[order.by], down=down)
    return folders + _run(entries.files, at, most - len(folders), down=down)


def token_after(info: ArtifactInfo, order: Order) -> str:
    """The token of the page that begins after an entry."""
    size = "" if info.is_dir or order.by is SortBy.NAME else str(info.file_size or 0)
    return f"{'d' if info.is_dir else 'f'}{size}:{info.path}"


def _by_name(info: ArtifactInfo) -> tuple[int, _Natural, str]:
    return 0, natural(info.path), info.path


def _by_size(info: ArtifactInfo) -> tuple[int, _Natural, str]:
    return info.file_size or 0, natural(info.path), info.path


_KEYS = {SortBy.NAME: _by_name, SortBy.SIZE: _by_size}
_Key = Callable[[ArtifactInfo], tuple[int, _Natural, str]]


def _start(
    entries: list[ArtifactInfo], after: ArtifactInfo | None, key: _Key, *, down: bool
) -> int:
    """Where reading goes on: the next entry's place, going up, or one above it, going down."""
    if after is None:
        return len(entries) if down else 0
    return (bisect_left if down else bisect_right)(entries, key(after), key=key)


def _run(entries: list[ArtifactInfo], at: int, count: int, *, down: bool) -> list[ArtifactInfo]:
    return entries[max(0, at - count) : at][::-1] if down else entries[at : at + count]


def _read_token(token: str, order: Order) -> ArtifactInfo:
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise InvalidPageToken
    kind, size, path = found.groups()
    is_dir = kind == "d"
    if bool(size) is (is_dir or order.by is SortBy.NAME):
        raise InvalidPageToken
    try:
        return ArtifactInfo(artifact_path(path), is_dir, int(size) if size else None)
    except (InvalidInput, ArtifactNotFound):
        raise InvalidPageToken from None

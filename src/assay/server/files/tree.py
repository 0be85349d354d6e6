"""Folders of a store, page by page: folders first, names in the order in which people count."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator

import msgspec

from assay.artifacts.base import ArtifactInfo, ArtifactStore
from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import ArtifactNotFound, InvalidInput, InvalidPageToken

PAGE = 1_000
MAX_WALKED = 100_000
"""Entries that a search looks at."""

_DIGITS = re.compile(r"([0-9]+)")
_Key = tuple[bool, tuple[tuple[bool, int, str], ...], str]


class Entry(msgspec.Struct, frozen=True):
    """A file or folder; ``size`` is null for a folder."""

    path: str
    is_dir: bool
    size: int | None = None


class Listing(msgspec.Struct, frozen=True):
    """A page of a folder, or of what a search found."""

    entries: list[Entry]
    root: str
    """Where all paths begin."""
    token: str | None = None
    truncated: bool = False
    """A search stopped before it had seen everything."""


def natural(text: str) -> tuple[tuple[bool, int, str], ...]:
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


def list_folder(store: ArtifactStore, folder: ArtifactPath, *, token: str = "") -> Listing:
    """A page of what lies directly in a folder.

    Raises:
        ArtifactNotFound: no such folder.
        InvalidInput: it is a file.
        InvalidPageToken: a token that no page gave out.
    """
    found = store.list(folder)
    if not found and folder and not store.info(folder).is_dir:
        raise InvalidInput(f"Artifact path refers to a file, not a directory: {folder!r}.")
    return _page(found, store.uri, token=token)


def search(
    store: ArtifactStore,
    folder: ArtifactPath,
    text: str,
    *,
    token: str = "",
    most: int = MAX_WALKED,
) -> Listing:
    """A page of the files at or below a folder whose path holds ``text``, in any case.

    Raises:
        InvalidPageToken: a token that no page gave out.
    """
    wanted = text.casefold()
    truncated = False
    hits: list[ArtifactInfo] = []
    for walked, info in enumerate(_walk(store, folder)):
        if walked == most:
            truncated = True
            break
        if not info.is_dir and wanted in info.path.casefold():
            hits.append(info)
    page = _page(hits, store.uri, token=token)
    return msgspec.structs.replace(page, truncated=truncated)


def _walk(store: ArtifactStore, folder: ArtifactPath) -> Iterator[ArtifactInfo]:
    if not isinstance(store, LocalArtifactStore):
        # A bucket has no folders: one listing of all costs less than one for each prefix.
        yield from store.list(folder, recursive=True)
        return
    waiting = [folder]
    while waiting:
        for info in store.list(waiting.pop()):
            yield info
            if info.is_dir:
                waiting.append(info.path)


def _page(found: Iterable[ArtifactInfo], root: str, *, token: str) -> Listing:
    after = _read_token(token) if token else None
    keyed = ((_key(info.is_dir, info.path), info) for info in found)
    rest = keyed if after is None else (pair for pair in keyed if pair[0] > after)
    # One more than the page tells whether there is another.
    page = heapq.nsmallest(PAGE + 1, rest, key=lambda pair: pair[0])
    entries = [Entry(info.path, info.is_dir, info.file_size) for _, info in page[:PAGE]]
    more = _token(entries[-1]) if len(page) > PAGE else None
    return Listing(entries, root, token=more)


def _key(is_dir: bool, path: str) -> _Key:
    return (not is_dir, natural(path), path)


def _token(entry: Entry) -> str:
    return ("d:" if entry.is_dir else "f:") + entry.path


def _read_token(token: str) -> _Key:
    kind, _, path = token.partition(":")
    if kind not in ("d", "f"):
        raise InvalidPageToken
    try:
        return _key(kind == "d", artifact_path(path))
    except (InvalidInput, ArtifactNotFound):
        raise InvalidPageToken from None

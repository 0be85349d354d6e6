"""Folders of a store, page by page: folders first, names in the order in which people count."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from assay.artifacts.base import ArtifactInfo, ArtifactStore
from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import ArtifactPath
from assay.errors import InvalidInput
from assay.server.files.kept import Kept
from assay.server.files.order import Order, Ordered, SortBy, ordered, token_after, window

PAGE = 1_000
MAX_WALKED = 200_000
"""Entries that a search looks at."""
_KEPT_BYTES = 64 << 20
_ENTRY_BYTES = 200
"""About what an entry weighs beside its path."""
_SETTLED_S = 2
"""The clocks of file systems are coarse: a folder that changed just now may change again at, by
them, the same time."""
_NAMES = Order()

_orders: Kept[Ordered] = Kept(_KEPT_BYTES)


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
    total: int = 0
    """Entries of the folder, or files found, on all pages."""


def list_folder(
    store: ArtifactStore, folder: ArtifactPath, *, token: str = "", order: Order = _NAMES
) -> Listing:
    """A page of what lies directly in a folder.

    Raises:
        ArtifactNotFound: no such folder.
        InvalidInput: it is a file.
        InvalidPageToken: a token that no page of this order gave out.
    """
    found = _ordered_folder(store, folder, order.by)
    if not found.total and folder and not store.info(folder).is_dir:
        raise InvalidInput(f"Artifact path refers to a file, not a directory: {folder!r}.")
    return _page(found, store.uri, token=token, order=order)


def search(
    store: ArtifactStore,
    folder: ArtifactPath,
    text: str,
    *,
    token: str = "",
    order: Order = _NAMES,
    most: int = MAX_WALKED,
) -> Listing:
    """A page of the files at or below a folder whose path holds ``text``, in any case.

    Raises:
        InvalidPageToken: a token that no page of this order gave out.
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
    page = _page(ordered(hits, order.by), store.uri, token=token, order=order)
    return msgspec.structs.replace(page, truncated=truncated)


def _ordered_folder(store: ArtifactStore, folder: ArtifactPath, by: SortBy) -> Ordered:
    """What lies in a folder; that of a local one is kept until something in it changes."""
    changed = store.changed_ns(folder) if isinstance(store, LocalArtifactStore) else None
    if changed is None or time.time_ns() - changed < _SETTLED_S * 1_000_000_000:
        return ordered(store.list(folder), by)

    def make() -> tuple[Ordered, int]:
        found = ordered(store.list(folder), by)
        weight = sum(len(info.path) for part in found for info in part)
        return found, weight + _ENTRY_BYTES * found.total

    return _orders.get((store.uri, folder, changed, by), make)


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


def _page(found: Ordered, root: str, *, token: str, order: Order) -> Listing:
    # One more than the page tells whether there is another.
    infos = window(found, order, token=token, most=PAGE + 1)
    entries = [Entry(info.path, info.is_dir, info.file_size) for info in infos[:PAGE]]
    more = token_after(infos[PAGE - 1], order) if len(infos) > PAGE else None
    return Listing(entries, root, token=more, total=found.total)

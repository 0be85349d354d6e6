"""Orders of a folder: by name and size, from either end, page by page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.artifacts.base import ArtifactInfo
from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import ArtifactPath
from assay.errors import InvalidPageToken
from assay.server.files import tree
from assay.server.files.order import Order, SortBy

ROOT = ArtifactPath("")


def _listed(store: LocalArtifactStore, order: Order) -> Iterator[str]:
    token = ""
    while True:
        page = tree.list_folder(store, ROOT, token=token, order=order)
        yield from (entry.path for entry in page.entries)
        if page.token is None:
            return
        token = page.token


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalArtifactStore:
    monkeypatch.setattr(tree, "PAGE", 3)
    store = LocalArtifactStore(tmp_path / "root")
    for name, size in (("f2", 30), ("f10", 10), ("f1", 20), ("f3", 20), ("b/x", 1), ("a/x", 1)):
        store.write(ArtifactPath(name), [b"x" * size])
    return store


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (Order(), "a b f1 f2 f3 f10"),
        (Order(SortBy.NAME, descending=True), "b a f10 f3 f2 f1"),
        (Order(SortBy.SIZE), "a b f10 f1 f3 f2"),
        (Order(SortBy.SIZE, descending=True), "a b f2 f3 f1 f10"),
    ],
)
def test_each_order_shows_each_entry_once_over_pages(
    store: LocalArtifactStore, order: Order, names: str
) -> None:
    assert " ".join(_listed(store, order)) == names


def test_what_a_search_found_is_ordered_and_counted(store: LocalArtifactStore) -> None:
    page = tree.search(store, ROOT, "F", order=Order(SortBy.SIZE, descending=True))
    assert [entry.path for entry in page.entries] == ["f2", "f3", "f1"]
    assert page.total == 4
    rest = tree.search(
        store, ROOT, "F", token=page.token or "", order=Order(SortBy.SIZE, descending=True)
    )
    assert [entry.path for entry in rest.entries] == ["f10"]


def test_token_of_another_order_is_refused(store: LocalArtifactStore) -> None:
    token = tree.list_folder(store, ROOT).token or ""
    assert token == "f:f1"
    with pytest.raises(InvalidPageToken):
        tree.list_folder(store, ROOT, token=token, order=Order(SortBy.SIZE))
    with pytest.raises(InvalidPageToken):
        tree.list_folder(store, ROOT, token="f" + "9" * 40 + ":f1", order=Order(SortBy.SIZE))


def test_a_kept_order_is_forgotten_when_the_folder_changes(
    store: LocalArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def age(seconds: int) -> None:
        then = os.stat(store.root).st_mtime - seconds
        os.utime(store.root, (then, then))

    calls: list[str] = []
    real = LocalArtifactStore.list

    def counted(self: LocalArtifactStore, path: ArtifactPath) -> list[ArtifactInfo]:
        calls.append(path)
        return real(self, path)

    monkeypatch.setattr(LocalArtifactStore, "list", counted)
    age(100)
    assert len(list(_listed(store, Order()))) == 6
    assert len(calls) == 1
    store.write(ArtifactPath("f0"), [b""])
    assert "f0" in _listed(store, Order())
    age(50)
    assert "f0" in _listed(store, Order())

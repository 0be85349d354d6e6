"""One page of a search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Items in order, and the token of the next page; a sequence, as MLflow's ``PagedList``."""

    items: list[T]
    token: str | None = None
    """What to pass as ``page_token`` for the next page; ``None`` on the last."""

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> T:
        return self.items[index]

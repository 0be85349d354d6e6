"""Rows: the common face of tables, whatever file they are in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from assay.server.files.cells import Column

MAX_COLUMNS = 1_000
"""Columns that are shown of a table."""
SAMPLED_ROWS = 1_000
"""Rows that tell the types of columns where the file doesn't."""


class Rows(Protocol):
    """A table that is read piece by piece."""

    @property
    def columns(self) -> Sequence[Column]:
        """Its columns, in their order: at most ``MAX_COLUMNS``."""

    @property
    def is_cut(self) -> bool:
        """Whether there are more columns."""

    @property
    def total(self) -> int:
        """How many rows there are."""

    def page(self, offset: int, limit: int) -> Iterator[list[Any]]:
        """Rows from number ``offset`` on."""

    def pick(self, numbers: Sequence[int]) -> dict[int, list[Any]]:
        """Rows by their numbers."""

    def column(self, place: int) -> Iterator[Any]:
        """All cells of a column, first row to last; those of text files as they are spelled."""

"""Orders: the columns that rows are sorted by, and the condition that starts a page behind a row.

Numbers come first, NaN after them, missing values last, in both directions; so each nullable
column sorts by a class (0, 1, 2) and then by its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Integer,
    Text,
    and_,
    case,
    false,
    literal,
    null,
    or_,
)

from assay.search.page_token import Position

VALUE: Final = 0
NAN: Final = 1
MISSING: Final = 2

_SQL_TYPES: Final[dict[type, Any]] = {int: BigInteger, float: Double, str: Text}


class OrderColumn(msgspec.Struct, frozen=True):
    """One column of an order."""

    value: ColumnElement[Any]
    type: type
    """``int``, ``float`` or ``str``."""
    descending: bool = False
    nullable: bool = False
    present: ColumnElement[bool] | None = None
    """Of metrics: whether there is one, so that NULL means NaN."""
    fixed: int | None = None
    """The class that all rows of the statement have, where it is known."""

    def rank(self) -> ColumnElement[int]:
        """The class of a row."""
        if self.fixed is not None:
            return literal(self.fixed, Integer)
        if not self.nullable:
            return literal(VALUE, Integer)
        branches: list[tuple[ColumnElement[bool], int]] = [(self.value.is_not(None), VALUE)]
        if self.present is not None:
            branches.append((self.present, NAN))
        return case(*branches, else_=MISSING)

    @property
    def is_ranked(self) -> bool:
        """Whether rows differ in class."""
        return self.nullable and self.fixed is None

    def selected(self) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """What a statement selects of it: value and class."""
        value = null() if self.fixed in (NAN, MISSING) else self.value
        return value, self.rank()

    def clauses(self) -> list[ColumnElement[Any]]:
        """Its part of ``ORDER BY``."""
        clauses: list[ColumnElement[Any]] = [self.rank()] if self.is_ranked else []
        if self.fixed in (NAN, MISSING):
            return []
        return [*clauses, self.value.desc() if self.descending else self.value.asc()]

    def position(self, value: Any, rank: int) -> Position:
        """Where a row stands, as a page token keeps it."""
        return Position(value if rank == VALUE else None, is_nan=rank == NAN)

    def equal(self, position: Position) -> ColumnElement[bool]:
        """Rows that stand where ``position`` is."""
        rank = rank_of(position)
        if rank == VALUE:
            return self.value == self._literal(position)
        return self.rank() == rank

    def beyond(self, position: Position) -> ColumnElement[bool]:
        """Rows that stand behind ``position``."""
        rank = rank_of(position)
        later = self.rank() > rank if self.is_ranked else false()
        if rank != VALUE:
            return later
        mark = self._literal(position)
        further = self.value < mark if self.descending else self.value > mark
        return or_(further, later) if self.is_ranked else further

    def from_here(self, position: Position) -> ColumnElement[bool]:
        """Rows at or behind ``position`` among those with a value: what lets an index seek."""
        mark = self._literal(position)
        return self.value <= mark if self.descending else self.value >= mark

    def _literal(self, position: Position) -> ColumnElement[Any]:
        return literal(position.value, _SQL_TYPES[self.type])


def rank_of(position: Position) -> int:
    """The class that a position of a token is in."""
    if position.value is not None:
        return VALUE
    return NAN if position.is_nan else MISSING


def behind(columns: Sequence[OrderColumn], positions: Sequence[Position]) -> ColumnElement[bool]:
    """Rows behind the row at ``positions`` in the order of ``columns``."""
    alternatives: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for column, position in zip(columns, positions, strict=True):
        alternatives.append(and_(*equal, column.beyond(position)))
        equal.append(column.equal(position))
    return or_(*alternatives)

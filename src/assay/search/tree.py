"""The tree of a search: what a filter and an order mean, free of text and of SQL.

Trees are values, and say nothing of how they were written. The parser makes them, ``evaluate``
gives them their meaning, the SQL store compiles them.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class FieldKind(StrEnum):
    """Where a field of a search lives."""

    ATTRIBUTE = "attribute"
    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"
    DATASET = "dataset"


class Figure(StrEnum):
    """Which figure of a metric is meant; ``metric_summaries`` has a column named like each."""

    LAST = "last"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    FIRST = "first"
    COUNT = "count"


class Comparator(StrEnum):
    """How a field is compared."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


class Field(msgspec.Struct, frozen=True):
    """One searchable value of an entity."""

    kind: FieldKind
    key: str
    figure: Figure = Figure.LAST
    """For metrics only."""
    dotted: bool = False
    """Written ``key.figure`` without quotes: in a run with a metric of that whole key, it wins."""

    @property
    def literal_key(self) -> str:
        """The whole key as written, where ``dotted``."""
        return f"{self.key}.{self.figure}"


class Moment(msgspec.Struct, frozen=True):
    """A time relative to when the search began: ``now - 7d``."""

    offset_ms: int = 0


Value = str | int | float | tuple[str, ...] | Moment | None


class Comparison(msgspec.Struct, frozen=True, tag="comparison"):
    """A field against a value.

    Text compares with text; a number as ``value`` of a param compares the param as a number.
    ``value`` is a tuple for ``IN`` and ``NOT IN``, and ``None`` for ``IS NULL`` and ``IS NOT
    NULL``.
    """

    field: Field
    comparator: Comparator
    value: Value = None
    escape: str = ""
    """For ``LIKE`` and ``ILIKE``: makes the next character mean itself; empty for none."""


class And(msgspec.Struct, frozen=True, tag="and"):
    """All terms hold. No terms: everything matches."""

    terms: tuple[Node, ...]


class Or(msgspec.Struct, frozen=True, tag="or"):
    """At least one term holds."""

    terms: tuple[Node, ...]


class Not(msgspec.Struct, frozen=True, tag="not"):
    """The term doesn't hold; a missing key makes a comparison false, and so its negation true."""

    term: Node


Node = Comparison | And | Or | Not

EVERYTHING = And(())


class OrderTerm(msgspec.Struct, frozen=True):
    """One term of an order: numbers, then NaN, then missing values, in both directions."""

    field: Field
    descending: bool = False

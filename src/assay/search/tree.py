"""The tree of a search: what a filter and an order mean, free of text and of SQL.

Trees are values, and say nothing of how they were written. The parser makes them, ``evaluate``
gives them their meaning, the SQL store compiles them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class FieldKind(StrEnum):
    """Where a field of a search lives."""

    ATTRIBUTE = "attribute"
    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"
    DATASET = "dataset"


class Figure(StrEnum):
    """Which figure of a metric is meant."""

    LAST = "last"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    FIRST = "first"
    COUNT = "count"
    MEAN_LAST = "mean_last"
    """The mean of the last so many points, without NaN."""
    AT_STEP = "at_step"
    """The value logged at the largest step up to a given one."""


POINT_FIGURES: Final = (Figure.MEAN_LAST, Figure.AT_STEP)
"""Figures that take a number, written ``at_step:1000``, and are read from the points."""
SUMMARY_FIGURES: Final = tuple(figure for figure in Figure if figure not in POINT_FIGURES)
"""Figures that are kept: ``metric_summaries`` has a column named like each."""
MAX_MEAN_LAST: Final = 10_000
"""Points that a mean is made of: they lie in the last few blocks of a series."""


def figure_problem(figure: Figure, of: int | None) -> str | None:
    """Why there is no such figure with this number; ``None`` if there is."""
    if figure not in POINT_FIGURES:
        return None if of is None else f"{figure} takes no number"
    if of is None:
        return (
            f"{figure} takes a number, as in {figure}:{10 if figure is Figure.MEAN_LAST else 1_000}"
        )
    if figure is Figure.MEAN_LAST and not 1 <= of <= MAX_MEAN_LAST:
        return f"it must be within 1 and {MAX_MEAN_LAST:,} points, got {of}"
    if not -(2**63) <= of < 2**63:
        return f"a step fits 64 bits, got {of}"
    return None


def figure_text(figure: Figure, of: int | None) -> str:
    """A figure as filters and orders have it: ``min``, ``at_step:1000``."""
    return str(figure) if of is None else f"{figure}:{of}"


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
    of: int | None = None
    """The number of a figure that takes one: points, or a step."""
    dotted: bool = False
    """Written ``key.figure`` without quotes: in a run with a metric of that whole key, it wins."""

    @property
    def literal_key(self) -> str:
        """The whole key as written, where ``dotted``."""
        return f"{self.key}.{figure_text(self.figure, self.of)}"

    @property
    def is_of_points(self) -> bool:
        """Whether its values are read from the points."""
        return self.kind is FieldKind.METRIC and self.figure in POINT_FIGURES


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

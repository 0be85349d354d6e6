"""Conditions: a tree of ``assay.search`` as SQL, with every value a bound parameter.

``not`` is pushed down to the comparisons, whose SQL is made true or false but never NULL where it
is negated; so the answer is that of ``assay.search.evaluate``.
"""

from __future__ import annotations

import operator
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Table,
    Text,
    and_,
    any_,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import TypeEngine

from assay.entities.ids import RunId
from assay.entities.tags import DATASET_CONTEXT
from assay.search.patterns import Wildcard, fold_case, parse_pattern
from assay.search.tree import (
    And,
    Comparator,
    Comparison,
    Field,
    FieldKind,
    Figure,
    Moment,
    Node,
    Not,
)
from assay.store.sql import tables

Condition = ColumnElement[bool]
Dialect = Literal["sqlite", "postgresql"]

_OPERATORS: Final[dict[Comparator, Callable[[Any, Any], Any]]] = {
    Comparator.EQ: operator.eq,
    Comparator.NE: operator.ne,
    Comparator.LT: operator.lt,
    Comparator.LE: operator.le,
    Comparator.GT: operator.gt,
    Comparator.GE: operator.ge,
}
_GLOB_SPECIAL: Final = frozenset("*?[")
_GLOB: Final = {Wildcard.ANY: "*", Wildcard.ONE: "?"}
_LIKE_ESCAPE: Final = "!"
_LIKE_SPECIAL: Final = frozenset("%_!")


class Source(msgspec.Struct, frozen=True):
    """Where the values of one entity are found in a statement."""

    dialect: Dialect
    owner: ColumnElement[str]
    """The entity's id; rows of params, tags and metrics are matched with it."""
    attributes: Mapping[str, ColumnElement[Any]]
    params: Table | None
    tags: Table
    owner_column: str
    """The name of the id in ``params`` and ``tags``."""
    metric_rows: Callable[[FromClause], Condition] | None
    """Which rows of ``metric_summaries`` belong to the entity and are seen."""
    now_ms: int
    several: Mapping[str, Several] = {}
    """Attributes that an entity may have any number of."""
    points: Mapping[Field, Mapping[RunId, float]] = {}
    """Figures that were read from points, of the runs that have them."""
    walks: bool = False
    """Whether tags are looked up row by row along the order, never collected first: PostgreSQL,
    which can't know how many rows have a value, takes the slower way more often than not.
    """


class Several(msgspec.Struct, frozen=True):
    """Where the values of an attribute are, of which an entity may have several."""

    value: ColumnElement[Any]
    of_owner: Condition
    """Which rows of its table are the entity's."""


def compile_tree(tree: Node, source: Source, *, negated: bool = False) -> Condition:
    """The tree as a condition on ``source``."""
    if isinstance(tree, Not):
        return compile_tree(tree.term, source, negated=not negated)
    if isinstance(tree, Comparison):
        return _comparison(tree, source, negated=negated)
    terms = [compile_tree(term, source, negated=negated) for term in tree.terms]
    if isinstance(tree, And) != negated:
        return and_(true(), *terms)
    return or_(false(), *terms)


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column, so written that no index on it is used; numbers only on PostgreSQL.

    SQLite without statistics prefers ``key = ? AND last > ?``, which scans all runs, to the
    primary key.
    """
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def dialect_of(conn: Connection) -> Dialect:
    """Which SQL the connection speaks."""
    return "postgresql" if conn.dialect.name == "postgresql" else "sqlite"


@lru_cache(maxsize=256)
def alias(table: Table, name: str) -> FromClause:
    """The table under another name; kept, because making one copies its columns (0.1 ms)."""
    return table.alias(name)


def sorted_text(column: ColumnElement[str], dialect: Dialect) -> ColumnElement[str]:
    """The column so that it compares by code point, as SQLite's and Python's text does."""
    return column.collate("C") if dialect == "postgresql" else column


def one_of(column: ColumnElement[str], items: Sequence[str], dialect: Dialect) -> Condition:
    """``column IN items`` with one bound parameter, however many items there are."""
    if len(items) == 1:
        return column == items[0]
    if dialect == "postgresql":
        return column == any_(literal(list(items), ARRAY(Text)))
    packed = msgspec.json.encode(list(items)).decode()
    return column.in_(func.json_each(packed).table_valued("value").select())


def _comparison(comparison: Comparison, source: Source, *, negated: bool) -> Condition:
    field = comparison.field
    if field.kind is FieldKind.ATTRIBUTE and field.key in source.several:
        found = _several_condition(comparison, source)
        return not_(found) if negated else found
    if field.kind is FieldKind.ATTRIBUTE:
        found = _value_condition(comparison, source.attributes[field.key], source)
        return not_(func.coalesce(found, false())) if negated else found
    if comparison.comparator is Comparator.IS_NULL:
        found = not_(_keyed_rows(comparison, source, any_value=True))
    elif comparison.comparator is Comparator.IS_NOT_NULL:
        found = _keyed_rows(comparison, source, any_value=True)
    elif field.kind is FieldKind.METRIC:
        found = _metric_condition(comparison, source)
    elif field.kind is FieldKind.DATASET:
        found = _dataset_condition(comparison, source)
    else:
        found = _keyed_rows(comparison, source)
    return not_(found) if negated else found


def _several_condition(comparison: Comparison, source: Source) -> Condition:
    several = source.several[comparison.field.key]
    if comparison.comparator is Comparator.IS_NULL:
        return not_(exists().where(several.of_owner))
    if comparison.comparator is Comparator.IS_NOT_NULL:
        return exists().where(several.of_owner)
    holds = _value_condition(comparison, several.value, source)
    return exists().where(several.of_owner, holds)


def _keyed_rows(comparison: Comparison, source: Source, *, any_value: bool = False) -> Condition:
    field = comparison.field
    table = source.params if field.kind is FieldKind.PARAM else source.tags
    assert table is not None
    rows = alias(table, "f")
    condition = and_(rows.c[source.owner_column] == source.owner, rows.c.key == field.key)
    if not any_value:
        numeric = field.kind is FieldKind.PARAM and isinstance(comparison.value, (int, float))
        if numeric:
            condition = and_(condition, _value_condition(comparison, rows.c.number, source))
        else:
            condition = and_(condition, _value_condition(comparison, rows.c.value, source))
    if source.walks and source.dialect == "postgresql":
        return select(literal(1)).where(condition).offset(0).exists()
    return exists().where(condition)


def _metric_condition(comparison: Comparison, source: Source) -> Condition:
    field = comparison.field
    if field.is_of_points:
        read = source.points[field]
        value = typing.cast(float, comparison.value)
        holds = _OPERATORS[comparison.comparator]
        return one_of(source.owner, [i for i, v in read.items() if holds(v, value)], source.dialect)

    def rows_where(key: str, figure: Figure | None) -> Condition:
        rows = alias(tables.metric_summaries, "f")
        assert source.metric_rows is not None
        condition = and_(source.metric_rows(rows), rows.c.key == key)
        if figure is not None:
            value = unindexed(rows.c[figure])
            holds = _value_condition(comparison, value, source)
            if comparison.comparator is Comparator.NE:  # NULL stands for NaN
                holds = or_(holds, value.is_(None))
            condition = and_(condition, holds)
        return exists().where(condition)

    found = rows_where(field.key, field.figure)
    if not field.dotted:
        return found
    literal_key = field.literal_key
    return or_(
        rows_where(literal_key, Figure.LAST), and_(not_(rows_where(literal_key, None)), found)
    )


def _dataset_condition(comparison: Comparison, source: Source) -> Condition:
    used, datasets = alias(tables.dataset_inputs, "u"), alias(tables.datasets, "d")
    condition = used.c.run_id == source.owner
    if comparison.field.key == "context":
        value = json_text(used.c.tags, DATASET_CONTEXT, source.dialect)
    else:
        condition = and_(condition, datasets.c.dataset_id == used.c.dataset_id)
        value = datasets.c[comparison.field.key]
    return exists().where(and_(condition, _value_condition(comparison, value, source)))


def json_text(column: ColumnElement[str], key: str, dialect: Dialect) -> ColumnElement[str]:
    """The text of a key in a column of JSON objects; NULL if it has no such key."""
    if dialect == "postgresql":
        return func.json_extract_path_text(cast(column, JSON), key)
    return func.json_extract(column, f'$."{key}"')


def _value_condition(
    comparison: Comparison, column: ColumnElement[Any], source: Source
) -> Condition:
    comparator, value = comparison.comparator, comparison.value
    if isinstance(value, Moment):
        value = source.now_ms + value.offset_ms
    if isinstance(value, tuple):
        found = one_of(column, value, source.dialect)
        return not_(found) if comparator is Comparator.NOT_IN else found
    if isinstance(value, str):
        if comparator in (Comparator.LIKE, Comparator.ILIKE):
            return _pattern(comparison, column, source)
        return _OPERATORS[comparator](column, literal(value, Text))  # type: ignore[no-any-return]
    return _number_condition(comparator, column, value)


def compare_number(comparison: Comparison, column: ColumnElement[float]) -> Condition:
    """The comparison of a metric's column with its value; an index on the column may be used."""
    return _number_condition(comparison.comparator, column, typing.cast(float, comparison.value))


def _number_condition(
    comparator: Comparator, column: ColumnElement[Any], value: float | None
) -> Condition:
    # The literal's own type keeps the driver from casting 1.5 to the column's integer.
    kind: TypeEngine[Any] = BigInteger() if isinstance(value, int) else Double()
    return _OPERATORS[comparator](column, literal(value, kind))  # type: ignore[no-any-return]


def _pattern(comparison: Comparison, column: ColumnElement[str], source: Source) -> Condition:
    parts = parse_pattern(str(comparison.value), comparison.escape)
    if comparison.comparator is Comparator.ILIKE:
        parts = [fold_case(part) if isinstance(part, str) else part for part in parts]
    if source.dialect == "sqlite":
        # GLOB tells upper from lower case whatever PRAGMA case_sensitive_like says.
        if comparison.comparator is Comparator.ILIKE:
            column = func.lower(column)
        text = "".join(
            _GLOB[part]
            if isinstance(part, Wildcard)
            else f"[{part}]"
            if part in _GLOB_SPECIAL
            else part
            for part in parts
        )
        return column.op("GLOB", is_comparison=True)(text)
    column = column.collate("C")  # in which lower() touches ASCII only, as in SQLite
    if comparison.comparator is Comparator.ILIKE:
        column = func.lower(column)
    text = "".join(
        part.value
        if isinstance(part, Wildcard)
        else _LIKE_ESCAPE + part
        if part in _LIKE_SPECIAL
        else part
        for part in parts
    )
    return column.like(text, escape=_LIKE_ESCAPE)


def names_metrics(tree: Node) -> bool:
    """Whether any comparison of the tree is about a metric."""
    if isinstance(tree, Comparison):
        return tree.field.kind is FieldKind.METRIC
    terms = (tree.term,) if isinstance(tree, Not) else tree.terms
    return any(map(names_metrics, terms))

"""Search for experiments: by default the latest made first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection, FromClause, func
from sqlalchemy.sql.elements import ColumnElement

from assay.entities.ids import ExperimentId
from assay.entities.lifecycle import LifecycleStage, ViewType
from assay.search.parse import parse_filter, parse_order_by
from assay.search.tree import Field, FieldKind, OrderTerm
from assay.search.vocabulary import EXPERIMENTS, ValueType
from assay.store.base import Query
from assay.store.sql import tables
from assay.store.sql.search.conditions import (
    Condition,
    Dialect,
    Source,
    alias,
    compile_tree,
    sorted_text,
)
from assay.store.sql.search.order import OrderColumn
from assay.store.sql.search.pages import Phase, check_max_results, open_start, read_page

_ID = Field(FieldKind.ATTRIBUTE, "experiment_id")
_DEFAULT = (
    OrderTerm(Field(FieldKind.ATTRIBUTE, "creation_time"), descending=True),
    OrderTerm(_ID),
)


def search_experiments(conn: Connection, query: Query) -> tuple[list[ExperimentId], str | None]:
    """Ids of the experiments that match, in order, and the token of the next page.

    Raises:
        InvalidFilter: filter or order don't parse.
        InvalidPageToken: the token is damaged or of another query.
        InvalidInput: ``max_results`` is out of range.
    """
    check_max_results(query.max_results)
    tree = parse_filter(query.filter, EXPERIMENTS)
    order = parse_order_by(query.order_by, EXPERIMENTS) or _DEFAULT
    if all(term.field != _ID for term in order):
        order = (*order, OrderTerm(_ID, descending=True))
    rows = alias(tables.experiments, "e")
    dialect = cast(Dialect, conn.dialect.name)
    columns = [column for term in order for column in _columns(term, rows, dialect)]
    start = open_start(query, entity="experiments", scope=None, types=[c.type for c in columns])
    source = Source(
        dialect=dialect,
        owner=rows.c.experiment_id,
        attributes={name: rows.c[name] for name in EXPERIMENTS.attributes},
        params=None,
        tags=tables.experiment_tags,
        owner_column="experiment_id",
        metric_rows=None,
        now_ms=start.now_ms,
    )
    conditions: list[Condition] = [compile_tree(tree, source)]
    if query.view is not ViewType.ALL:
        active = query.view is ViewType.ACTIVE_ONLY
        stage = LifecycleStage.ACTIVE if active else LifecycleStage.DELETED
        conditions.append(rows.c.lifecycle_stage == stage)
    phase = Phase(ident=rows.c.experiment_id, tables=rows, conditions=conditions, columns=columns)
    ids, token = read_page(conn, [phase], start=start, max_results=query.max_results)
    return cast("list[ExperimentId]", ids), token


def _columns(term: OrderTerm, rows: FromClause, dialect: Dialect) -> Sequence[OrderColumn]:
    name, descending = term.field.key, term.descending
    column: ColumnElement[Any] = rows.c[name]
    if EXPERIMENTS.attributes[name].type is not ValueType.TEXT:
        return [OrderColumn(column, int, descending=descending)]
    text = OrderColumn(sorted_text(column, dialect), str, descending=descending)
    if term.field != _ID:
        return [text]
    # Ids are decimal numbers kept as text: the shorter one is the smaller.
    return [OrderColumn(func.length(column), int, descending=descending), text]

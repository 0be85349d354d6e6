"""Search for registered models: by default by name."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Connection, FromClause
from sqlalchemy.sql.elements import ColumnElement

from assay.search.parse import parse_filter, parse_order_by
from assay.search.tree import Field, FieldKind, OrderTerm
from assay.search.vocabulary import REGISTERED_MODELS, ValueType
from assay.store.base import Query
from assay.store.sql import registry_tables as tables
from assay.store.sql.search.conditions import (
    Condition,
    Dialect,
    Several,
    Source,
    alias,
    compile_tree,
    sorted_text,
)
from assay.store.sql.search.order import VALUE, OrderColumn
from assay.store.sql.search.pages import Phase, check_max_results, open_start, read_page
from assay.store.sql.search.prompts import read_prompt_terms, without_prompts
from assay.store.sql.search.tagged import rare_tag

_NAME = Field(FieldKind.ATTRIBUTE, "name")


def search_registered(conn: Connection, query: Query) -> tuple[list[int], str | None]:
    """Numbers of the models that match, in order, and the token of the next page.

    Raises:
        InvalidFilter: filter or order don't parse.
        InvalidPageToken: the token is damaged or of another query.
        InvalidInput: ``max_results`` is out of range.
    """
    check_max_results(query.max_results)
    tree = read_prompt_terms(parse_filter(query.filter, REGISTERED_MODELS))
    order = parse_order_by(query.order_by, REGISTERED_MODELS)
    if all(term.field != _NAME for term in order):
        order = (*order, OrderTerm(_NAME))
    rows = alias(tables.registered_models, "m")
    dialect = cast(Dialect, conn.dialect.name)
    columns = [_column(term, rows, dialect) for term in order]
    start = open_start(
        query, entity="registered models", scope=None, types=[c.type for c in columns]
    )
    tags, owner = tables.registered_model_tags, rows.c.registered_id
    conditions: list[Condition] = [
        compile_tree(tree, _source(rows, dialect, start.now_ms)),
        without_prompts(tree, tags=tags, owner=owner),
    ]
    rare = rare_tag(conn, tree, tags=tags, owner="registered_id")
    if rare is not None:
        conditions.append(owner.in_(rare))
    phase = Phase(ident=owner, tables=rows, conditions=conditions, columns=columns)
    ids, token = read_page(conn, [phase], start=start, max_results=query.max_results)
    return cast("list[int]", ids), token


def _source(rows: FromClause, dialect: Dialect, now_ms: int) -> Source:
    aliases = alias(tables.registered_model_aliases, "a")
    owner = rows.c.registered_id
    return Source(
        dialect=dialect,
        owner=owner,
        attributes={
            name: rows.c[name]
            for name, attribute in REGISTERED_MODELS.attributes.items()
            if not attribute.several
        },
        several={"alias": Several(aliases.c.alias, aliases.c.registered_id == owner)},
        params=None,
        tags=tables.registered_model_tags,
        owner_column="registered_id",
        metric_rows=None,
        now_ms=now_ms,
        walks=True,
    )


def _column(term: OrderTerm, rows: FromClause, dialect: Dialect) -> OrderColumn:
    column: ColumnElement[Any] = rows.c[term.field.key]
    if REGISTERED_MODELS.attributes[term.field.key].type is not ValueType.TEXT:
        return OrderColumn(column, int, descending=term.descending, fixed=VALUE)
    return OrderColumn(sorted_text(column, dialect), str, descending=term.descending, fixed=VALUE)

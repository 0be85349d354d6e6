"""Search for model versions: by default the latest changed first, ties by name and number."""

from __future__ import annotations

from typing import Any, Final, cast

from sqlalchemy import Connection, FromClause, and_
from sqlalchemy.sql.elements import ColumnElement

from assay.search.parse import parse_filter, parse_order_by
from assay.search.tree import Field, FieldKind, OrderTerm
from assay.search.vocabulary import MODEL_VERSIONS, ValueType
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

MAX_RESULTS: Final = 200_000
"""As MLflow's ``SEARCH_MODEL_VERSION_MAX_RESULTS_THRESHOLD``."""

_NAME = OrderTerm(Field(FieldKind.ATTRIBUTE, "name"))
_NUMBER = OrderTerm(Field(FieldKind.ATTRIBUTE, "version_number"), descending=True)
_DEFAULT = (OrderTerm(Field(FieldKind.ATTRIBUTE, "last_updated_timestamp"), descending=True),)
_COLUMNS = {"version_number": "version", "source_path": "source"}
"""Names of columns that differ from those of attributes."""
_NULLABLE = frozenset({"run_id", "model_id"})


def search_versions(conn: Connection, query: Query) -> tuple[list[int], str | None]:
    """Ids of the versions that match, in order, and the token of the next page.

    Raises:
        InvalidFilter: filter or order don't parse.
        InvalidPageToken: the token is damaged or of another query.
        InvalidInput: ``max_results`` is out of range.
    """
    check_max_results(query.max_results, most=MAX_RESULTS)
    tree = read_prompt_terms(parse_filter(query.filter, MODEL_VERSIONS))
    order = parse_order_by(query.order_by, MODEL_VERSIONS) or _DEFAULT
    named = {term.field for term in order}
    order = (*order, *(term for term in (_NAME, _NUMBER) if term.field not in named))
    versions = alias(tables.model_versions, "v")
    models = alias(tables.registered_models, "m")
    dialect = cast(Dialect, conn.dialect.name)
    columns = [_order_column(term, versions, models, dialect) for term in order]
    start = open_start(query, entity="model versions", scope=None, types=[c.type for c in columns])
    tags, owner = tables.model_version_tags, versions.c.version_id
    conditions: list[Condition] = [
        compile_tree(tree, _source(versions, models, dialect, start.now_ms)),
        without_prompts(tree, tags=tags, owner=owner),
    ]
    rare = rare_tag(conn, tree, tags=tags, owner="version_id")
    if rare is not None:
        conditions.append(owner.in_(rare))
    phase = Phase(
        ident=owner,
        tables=versions.join(models, models.c.registered_id == versions.c.registered_id),
        conditions=conditions,
        columns=columns,
    )
    ids, token = read_page(conn, [phase], start=start, max_results=query.max_results)
    return cast("list[int]", ids), token


def _source(versions: FromClause, models: FromClause, dialect: Dialect, now_ms: int) -> Source:
    aliases = alias(tables.registered_model_aliases, "a")
    of_version = and_(
        aliases.c.registered_id == versions.c.registered_id,
        aliases.c.version == versions.c.version,
    )
    return Source(
        dialect=dialect,
        owner=versions.c.version_id,
        attributes={
            name: _value(name, versions, models)
            for name, attribute in MODEL_VERSIONS.attributes.items()
            if not attribute.several
        },
        several={"alias": Several(aliases.c.alias, of_version)},
        params=None,
        tags=tables.model_version_tags,
        owner_column="version_id",
        metric_rows=None,
        now_ms=now_ms,
        walks=True,
    )


def _value(name: str, versions: FromClause, models: FromClause) -> ColumnElement[Any]:
    if name == "name":
        return models.c.name
    return versions.c[_COLUMNS.get(name, name)]


def _order_column(
    term: OrderTerm, versions: FromClause, models: FromClause, dialect: Dialect
) -> OrderColumn:
    name, descending = term.field.key, term.descending
    column = _value(name, versions, models)
    if MODEL_VERSIONS.attributes[name].type is not ValueType.TEXT:
        return OrderColumn(column, int, descending=descending, fixed=VALUE)
    text = sorted_text(column, dialect)
    if name in _NULLABLE:
        return OrderColumn(text, str, descending=descending, nullable=True)
    return OrderColumn(text, str, descending=descending, fixed=VALUE)

"""Windows: the runs from any place of an order, and all that match.

The first rows, and those behind a token, walk an index where there is one. A jump into the middle
sorts what matches: 20 ms for 10,000 runs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, Select, func, select

from assay.entities.ids import RunId
from assay.entities.lifecycle import ViewType
from assay.entities.tags import PARENT_RUN_ID
from assay.search.parse import parse_filter, parse_order_by
from assay.search.tree import And, Comparator, Comparison, Field, FieldKind, Node, Not
from assay.search.vocabulary import RUNS
from assay.store.query import Query
from assay.store.run_views import ColumnKind, GroupKey, RowsQuery
from assay.store.sql.search.conditions import dialect_of
from assay.store.sql.search.pages import Start, open_start, read_page, token_behind
from assay.store.sql.search.runs import RunPlan, complete_order, type_of

_KINDS = {
    ColumnKind.PARAM: FieldKind.PARAM,
    ColumnKind.TAG: FieldKind.TAG,
    ColumnKind.ATTRIBUTE: FieldKind.ATTRIBUTE,
    ColumnKind.DATASET: FieldKind.DATASET,
}


class Window(msgspec.Struct, frozen=True):
    """Ids of a window in order, the token of the next one, and how many runs match in all."""

    ids: list[RunId]
    token: str | None
    total: int


def matching_runs(
    conn: Connection, experiment_ids: Sequence[str], *, filter_text: str, view: str
) -> Select[Any]:
    """A statement of the ids of all runs that match.

    Raises:
        InvalidFilter: the filter doesn't parse.
    """
    plan = RunPlan(
        dialect=dialect_of(conn),
        experiment_ids=sorted(set(experiment_ids)),
        view=ViewType[view],
        tree=parse_filter(filter_text, RUNS),
        order=(),
        now_ms=time.time_ns() // 1_000_000,
    )
    return plan.prepared(conn).matching(conn)


def count_rows(conn: Connection, statement: Select[Any]) -> int:
    """How many rows the statement has."""
    counted: int = conn.execute(select(func.count()).select_from(statement.subquery())).scalar_one()
    return counted


def read_window(conn: Connection, query: RowsQuery) -> Window:
    """The window that ``query`` asks for; its numbers were checked.

    Raises:
        InvalidFilter: filter or order don't parse.
        InvalidPageToken: the token is damaged or of another query.
    """
    tree = parse_filter(query.filter, RUNS)
    order = complete_order(parse_order_by(query.order_by, RUNS))
    scope = sorted(set(query.experiment_ids))
    limits = [query.parent, query.roots, msgspec.to_builtins(query.group), query.except_run_ids]
    start = open_start(
        Query(query.filter, query.order_by, ViewType[query.view], page_token=query.page_token),
        entity="rows",
        scope=[scope, limits],
        types=[type_of(term.field) for term in order],
    )
    if not scope:
        return Window([], None, 0)
    plan = RunPlan(
        dialect=dialect_of(conn),
        experiment_ids=scope,
        view=ViewType[query.view],
        tree=_narrowed(tree, query),
        order=order,
        now_ms=start.now_ms,
    ).prepared(conn)
    total = count_rows(conn, plan.matching(conn))
    if query.page_token or not query.offset:
        ids, token = read_page(conn, plan.phases(conn), start=start, max_results=query.limit)
    else:
        ids, token = _jump(conn, plan, start, query)
    return Window(cast("list[RunId]", ids), token, total)


def _jump(
    conn: Connection, plan: RunPlan, start: Start, query: RowsQuery
) -> tuple[list[str], str | None]:
    phase = plan.whole()
    statement = phase.statement((), query.limit + 1)
    assert statement is not None
    rows = [tuple(row) for row in conn.execute(statement.offset(query.offset))]
    token = None
    if len(rows) > query.limit:
        del rows[query.limit :]
        token = token_behind(phase.columns, rows[-1], start)
    return [row[0] for row in rows], token


def _narrowed(tree: Node, query: RowsQuery) -> Node:
    """The filter and what else the query asks of its runs, as one list of terms."""
    parent = Field(FieldKind.TAG, PARENT_RUN_ID)
    found = list(tree.terms) if isinstance(tree, And) else [tree]
    if query.parent is not None:
        found.append(Comparison(parent, Comparator.EQ, query.parent))
    if query.roots:
        found.append(Comparison(parent, Comparator.IS_NULL))
    if query.except_run_ids:
        ident = Field(FieldKind.ATTRIBUTE, "run_id")
        found.append(Comparison(ident, Comparator.NOT_IN, tuple(query.except_run_ids)))
    if query.group is not None:
        found += _members(query.group)
    return And(tuple(found))


def _members(group: GroupKey) -> list[Node]:
    """What is true of the runs of a group."""
    terms: list[Node] = []
    for column, value in zip(group.by, group.key, strict=True):
        field = Field(_KINDS[column.kind], column.key)
        if value is not None:
            terms.append(Comparison(field, Comparator.EQ, value))
        elif column.kind is ColumnKind.DATASET:
            terms.append(Not(Comparison(field, Comparator.LIKE, "%")))
        elif column.kind is ColumnKind.ATTRIBUTE:
            terms.append(Not(And(())))
        else:
            terms.append(Comparison(field, Comparator.IS_NULL))
    return terms

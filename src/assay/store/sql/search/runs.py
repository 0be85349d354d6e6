"""Search for runs: by default the latest started first, ties by run id.

Searches ordered by start or by a metric walk an index; all others read the matching runs and sort
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    exists,
    func,
    not_,
    or_,
    select,
    union_all,
)

from assay.entities.ids import ExperimentId, RunId
from assay.entities.lifecycle import LifecycleStage, ViewType
from assay.errors import LimitExceeded
from assay.search.parse import parse_filter, parse_order_by
from assay.search.tree import (
    And,
    Comparator,
    Comparison,
    Field,
    FieldKind,
    Figure,
    Node,
    OrderTerm,
)
from assay.search.vocabulary import RUNS, ValueType
from assay.store.base import Query
from assay.store.importing import IMPORTING
from assay.store.run_views import MAX_POINT_FIGURES
from assay.store.sql import tables
from assay.store.sql.search.conditions import (
    Condition,
    Dialect,
    Source,
    alias,
    compare_number,
    compile_tree,
    one_of,
    sorted_text,
    unindexed,
)
from assay.store.sql.search.order import MISSING, NAN, VALUE, OrderColumn
from assay.store.sql.search.pages import Phase, check_max_results, open_start, read_page
from assay.store.sql.search.point_order import fields_of_points, value_rows

_START = Field(FieldKind.ATTRIBUTE, "start_time")
FEW = 1_000
"""Runs that are looked up and sorted one by one faster than an index is walked for them (3 ms)."""
_RUN_ID = Field(FieldKind.ATTRIBUTE, "run_id")


def search_runs(
    conn: Connection, experiment_ids: Sequence[ExperimentId], query: Query
) -> tuple[list[RunId], str | None]:
    """Ids of the runs of these experiments that match, in order, and the token of the next page.

    Raises:
        InvalidFilter: filter or order don't parse.
        InvalidPageToken: the token is damaged or of another query.
        InvalidInput: ``max_results`` is out of range.
    """
    check_max_results(query.max_results)
    tree = parse_filter(query.filter, RUNS)
    order = complete_order(parse_order_by(query.order_by, RUNS))
    scope = sorted(set(experiment_ids))
    types = [type_of(term.field) for term in order]
    start = open_start(query, entity="runs", scope=scope, types=types)
    if not scope:
        return [], None
    plan = RunPlan(
        dialect=cast(Dialect, conn.dialect.name),
        experiment_ids=scope,
        view=query.view,
        tree=tree,
        order=order,
        now_ms=start.now_ms,
    ).prepared(conn)
    ids, token = read_page(conn, plan.phases(conn), start=start, max_results=query.max_results)
    return cast("list[RunId]", ids), token


def complete_order(order: Sequence[OrderTerm]) -> list[OrderTerm]:
    """The order with what breaks its ties: the latest started first, then by run id."""
    terms = list(order)
    named = {term.field for term in terms}
    if _START not in named:
        terms.append(OrderTerm(_START, descending=True))
    if _RUN_ID not in named:
        terms.append(OrderTerm(_RUN_ID))
    return terms


def type_of(field: Field) -> type:
    """What an order by the field compares: ``int``, ``float`` or ``str``."""
    if field.kind is FieldKind.METRIC:
        if field.is_of_points:
            return int  # see point_order
        return int if field.figure is Figure.COUNT and not field.dotted else float
    if field.kind is not FieldKind.ATTRIBUTE:
        return str
    return str if RUNS.attributes[field.key].type is ValueType.TEXT else int


class RunPlan(msgspec.Struct, frozen=True):
    """One search: how its phases are made."""

    dialect: Dialect
    experiment_ids: Sequence[str]
    view: ViewType
    tree: Node
    order: Sequence[OrderTerm]
    now_ms: int
    points: Mapping[Field, Mapping[RunId, float]] = {}
    """Figures that are read from points, of the runs that may match."""

    def prepared(self, conn: Connection) -> RunPlan:
        """The plan with the figures that it needs from points, which it can't do without.

        Raises:
            LimitExceeded: it names too many, or of too many runs.
        """
        fields = fields_of_points(self.tree, self.order)
        if not fields:
            return self
        if len(fields) > MAX_POINT_FIGURES:
            raise LimitExceeded(
                "The number of figures of points", limit=MAX_POINT_FIGURES, got=len(fields)
            )
        # NumPy, 80 ms that only points need.
        with IMPORTING:
            from assay.store.sql.search.point_figures import read_figures

        terms = self.tree.terms if isinstance(self.tree, And) else (self.tree,)
        known = And(tuple(term for term in terms if not fields_of_points(term)))
        runs = msgspec.structs.replace(self, tree=known).matching(conn).subquery("s")
        found = {field: read_figures(conn, runs, field) for field in fields}
        return msgspec.structs.replace(self, points=found)

    def phases(self, conn: Connection) -> Iterator[Phase]:
        """The statements of the search, in order, each made when it is asked for."""
        first = self.order[0].field
        few = self._find_few(conn)
        if few is not None:
            runs = alias(tables.runs, "r")
            joined, columns = self._columns(self.order, runs, runs)
            yield self._phase(runs, joined, columns, [runs.c.run_id.in_(few)], by_id=True)
        elif first == _START:
            yield self._by_start(VALUE)
            yield self._by_start(MISSING)
        elif first.kind is FieldKind.METRIC and first.figure is Figure.LAST and not first.dotted:
            yield self._by_metric(VALUE)
            yield self._by_metric(NAN)
            yield self._without_metric()
        else:
            yield self.whole()

    def whole(self) -> Phase:
        """All rows in one statement, which sorts them."""
        runs = alias(tables.runs, "r")
        joined, columns = self._columns(self.order, runs, runs)
        return self._phase(runs, joined, columns, [])

    def matching(self, conn: Connection) -> Select[Any]:
        """The ids of all runs that match, in no order."""
        runs = alias(tables.runs, "r")
        few = self._find_few(conn)
        found = [] if few is None else [runs.c.run_id.in_(few)]
        phase = self._phase(runs, runs, [], found, by_id=few is not None)
        return select(phase.ident.label("run_id")).where(*phase.conditions)

    def _find_few(self, conn: Connection) -> CompoundSelect[Any] | None:
        """The ids that a comparison of the filter leaves, if an index tells that they are few."""
        terms = self.tree.terms if isinstance(self.tree, And) else (self.tree,)
        for term in terms:
            if not isinstance(term, Comparison) or term.comparator is Comparator.NE:
                continue
            field = term.field
            if (
                field.kind is not FieldKind.METRIC
                or field.figure is not Figure.LAST
                or field.dotted
            ):
                continue
            rows = alias(tables.metric_summaries, "w")
            matches = and_(rows.c.key == field.key, compare_number(term, rows.c.last))
            ids = union_all(
                *(select(rows.c.run_id).where(matches, state) for state in _states(rows))
            )
            sample = ids.limit(FEW + 1).subquery()
            if conn.execute(select(func.count()).select_from(sample)).scalar_one() <= FEW:
                return ids
        return None

    def _by_start(self, rank: int) -> Phase:
        """Runs with, or without, a start."""
        runs = alias(tables.runs, "r")
        joined, rest = self._columns(self.order[1:], runs, runs)
        column = OrderColumn(
            runs.c.start_time, int, descending=self.order[0].descending, fixed=rank
        )
        has_start = runs.c.start_time.is_not(None)
        return self._phase(
            runs, joined, [column, *rest], [has_start if rank == VALUE else not_(has_start)]
        )

    def _by_metric(self, rank: int) -> Phase:
        """Runs with a number, or NaN, as the latest value of the first metric."""
        runs = alias(tables.runs, "r")
        walked = alias(tables.metric_summaries, "w")
        both = walked.join(runs, runs.c.run_id == walked.c.run_id)
        joined, rest = self._columns(self.order[1:], both, runs)
        last = walked.c.last
        column = OrderColumn(last, float, descending=self.order[0].descending, fixed=rank)
        conditions = [
            walked.c.key == self.order[0].field.key,
            last.is_not(None) if rank == VALUE else last.is_(None),
        ]
        resting, growing = (
            self._phase(runs, joined, [column, *rest], [*conditions, state], walked=walked)
            for state in _states(walked)
        )
        return msgspec.structs.replace(resting, beside=growing)

    def _without_metric(self) -> Phase:
        """Runs that lack the first metric."""
        runs = alias(tables.runs, "r")
        joined, rest = self._columns(self.order[1:], runs, runs)
        lacking = alias(tables.metric_summaries, "x")
        has_metric = exists().where(
            lacking.c.run_id == runs.c.run_id, lacking.c.key == self.order[0].field.key
        )
        column = OrderColumn(runs.c.start_time, float, fixed=MISSING)
        return self._phase(runs, joined, [column, *rest], [not_(has_metric)])

    def _phase(
        self,
        runs: FromClause,
        joined: FromClause,
        columns: Sequence[OrderColumn],
        conditions: Sequence[Condition],
        *,
        walked: FromClause | None = None,
        by_id: bool = False,
    ) -> Phase:
        # The filter hangs on the walked index, not on the runs, so that runs are looked up for
        # matches only.
        owner = runs.c.run_id if walked is None else walked.c.run_id
        source = self._source(runs, owner)
        stage: ColumnElement[str] = runs.c.lifecycle_stage
        experiment: ColumnElement[str] = runs.c.experiment_id
        if (by_id or walked is not None) and self.dialect == "sqlite":
            stage, experiment = unindexed(stage), unindexed(experiment)
        seen: list[Condition] = [one_of(experiment, self.experiment_ids, self.dialect)]
        if self.view is not ViewType.ALL:
            active = self.view is ViewType.ACTIVE_ONLY
            seen.append(stage == (LifecycleStage.ACTIVE if active else LifecycleStage.DELETED))
        return Phase(
            ident=owner,
            tables=joined,
            conditions=[*conditions, *seen, compile_tree(self.tree, source)],
            columns=columns,
        )

    def _source(self, runs: FromClause, owner: Any) -> Source:
        return Source(
            dialect=self.dialect,
            owner=owner,
            attributes={name: _attribute(runs, name) for name in RUNS.attributes},
            params=tables.params,
            tags=tables.tags,
            owner_column="run_id",
            metric_rows=lambda rows: and_(rows.c.run_id == owner, rows.c.is_latest),
            now_ms=self.now_ms,
            points=self.points,
        )

    def _columns(
        self, order: Sequence[OrderTerm], joined: FromClause, runs: FromClause
    ) -> tuple[FromClause, list[OrderColumn]]:
        """The columns of these terms, and the tables with what they need joined to them."""
        columns: list[OrderColumn] = []
        for number, term in enumerate(order):
            joined, column = self._column(term, joined, runs, number=number)
            columns.append(column)
        return joined, columns

    def _column(
        self, term: OrderTerm, joined: FromClause, runs: FromClause, *, number: int
    ) -> tuple[FromClause, OrderColumn]:
        field, descending = term.field, term.descending
        if field.kind is FieldKind.METRIC:
            return self._metric_column(term, joined, runs, number=number)
        if field.kind is FieldKind.ATTRIBUTE:
            value = _attribute(runs, field.key)
            if RUNS.attributes[field.key].type is not ValueType.TEXT:
                return joined, OrderColumn(value, int, descending=descending, nullable=True)
            return joined, OrderColumn(sorted_text(value, self.dialect), str, descending=descending)
        table = tables.params if field.kind is FieldKind.PARAM else tables.tags
        rows = alias(table, f"o{number}")
        joined = joined.outerjoin(
            rows, and_(rows.c.run_id == runs.c.run_id, rows.c.key == field.key)
        )
        value = sorted_text(rows.c.value, self.dialect)
        return joined, OrderColumn(value, str, descending=descending, nullable=True)

    def _metric_column(
        self, term: OrderTerm, joined: FromClause, runs: FromClause, *, number: int
    ) -> tuple[FromClause, OrderColumn]:
        field = term.field
        if field.is_of_points:
            read = value_rows(self.points[field], dialect=self.dialect, name=f"o{number}")
            joined = joined.outerjoin(read, read.c.run_id == runs.c.run_id)
            return joined, OrderColumn(
                read.c.value,
                int,
                descending=term.descending,
                nullable=True,
                present=read.c.run_id.is_not(None),
            )

        def rows_of(key: str, name: str) -> FromClause:
            nonlocal joined
            rows = alias(tables.metric_summaries, name)
            joined = joined.outerjoin(
                rows,
                and_(rows.c.run_id == runs.c.run_id, rows.c.key == key, rows.c.is_latest),
            )
            return rows

        rows = rows_of(field.key, f"o{number}")
        value: ColumnElement[Any] = rows.c[field.figure]
        present: Condition = rows.c.run_id.is_not(None)
        if field.dotted:
            whole = rows_of(field.literal_key, f"whole{number}")
            is_whole = whole.c.run_id.is_not(None)
            value = case((is_whole, whole.c.last), else_=value)
            present = or_(is_whole, present)
        return joined, OrderColumn(
            value, type_of(field), descending=term.descending, nullable=True, present=present
        )


def _states(rows: FromClause) -> tuple[Condition, Condition]:
    """Two conditions that share out the rows with the latest value of their key.

    Values at rest lie in an index in their order, those of growing series in one by run.
    """
    return rows.c.is_ranked, and_(rows.c.is_latest, not_(rows.c.is_ranked))


def _attribute(runs: FromClause, name: str) -> Any:
    if name == "duration":
        return runs.c.end_time - runs.c.start_time
    return runs.c[name]

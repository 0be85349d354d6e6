"""Rows of the table of runs: a window, with the columns that are asked for and no others.

A statement for the runs, one for each kind of column, and two for the tree of parents, however
many rows the window has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    Text,
    and_,
    cast,
    func,
    select,
)

from assay.entities.ids import ExperimentId, RunId
from assay.entities.tags import PARENT_RUN_ID
from assay.search.tree import POINT_FIGURES, Figure
from assay.store.run_views import (
    Cell,
    Column,
    ColumnKind,
    RowsQuery,
    RunColumns,
    RunRows,
    field_of,
)
from assay.store.sql import tables
from assay.store.sql.run_facets import default_columns
from assay.store.sql.run_view_checks import check_rows
from assay.store.sql.search.conditions import (
    dialect_of,
    one_of,
    unindexed,
)
from assay.store.sql.search.pages import read_rows
from assay.store.sql.search.point_figures import read_figures
from assay.store.sql.search.run_table import first_position, numbered
from assay.store.sql.search.run_windows import Window, read_window

_ZERO_BITS: Final = {Figure.FIRST: 1, Figure.LAST: 2, Figure.MIN: 4, Figure.MAX: 8}
"""Bits of ``metric_summaries.negative_zeros``."""
_SAMPLE: Final = 8
"""Runs whose rows are counted, to tell how many a run has."""
_SCAN: Final = 4
"""Reading a row in order costs a quarter of finding one by its key."""
_FACTS: Final = (
    "run_id",
    "run_name",
    "experiment_id",
    "status",
    "start_time",
    "end_time",
    "user_id",
    "lifecycle_stage",
    "artifact_uri",
)
_decode = msgspec.json.Decoder(dict[str, str]).decode


def run_rows(conn: Connection, query: RowsQuery) -> RunRows:
    """The window that ``query`` asks for."""
    check_rows(query)
    window = _named(conn, query) if query.run_ids is not None else read_window(conn, query)
    columns = default_columns(conn, query) if query.columns == "default" else query.columns
    columns = [*columns, *query.also]
    facts = _facts(conn, window.ids)
    parents = _texts(conn, window.ids, tables.tags, [PARENT_RUN_ID])[PARENT_RUN_ID]
    return RunRows(
        total=window.total,
        offset=query.offset,
        token=window.token,
        runs=RunColumns(
            run_id=facts["run_id"],
            run_name=facts["run_name"],
            experiment_id=facts["experiment_id"],
            status=facts["status"],
            start_time=facts["start_time"],
            end_time=facts["end_time"],
            user_id=facts["user_id"],
            lifecycle_stage=facts["lifecycle_stage"],
            parent=parents,
            children=_children(conn, window.ids, query, facts["experiment_id"]),
        ),
        chosen=columns,
        columns=read_columns(conn, window.ids, columns, facts=facts),
    )


def read_columns(
    conn: Connection,
    run_ids: Sequence[RunId],
    columns: Sequence[Column],
    *,
    facts: dict[str, list[Any]],
) -> list[list[Cell]]:
    """The cells of each column, in the order of ``run_ids``; ``facts`` has the attributes."""

    def keys_of(kind: ColumnKind) -> list[str]:
        return sorted({column.key for column in columns if column.kind is kind})

    metrics = _metrics(conn, run_ids, [c for c in columns if c.kind is ColumnKind.METRIC])
    params = _texts(conn, run_ids, tables.params, keys_of(ColumnKind.PARAM))
    tags = _texts(conn, run_ids, tables.tags, keys_of(ColumnKind.TAG))
    found: list[list[Cell]] = []
    for column in columns:
        if column.kind is ColumnKind.METRIC:
            found.append(metrics[column])
        elif column.kind is ColumnKind.PARAM:
            found.append(list(params[column.key]))
        elif column.kind is ColumnKind.TAG:
            found.append(list(tags[column.key]))
        else:
            found.append(facts[column.key])
    return found


def _named(conn: Connection, query: RowsQuery) -> Window:
    """The runs that are named and exist, in the order of their names."""
    assert query.run_ids is not None
    ids = list(dict.fromkeys(query.run_ids))
    if not ids:
        return Window([], None, 0)
    wanted, runs = numbered(conn, ids), tables.runs
    statement = select(runs.c.run_id).select_from(
        wanted.join(runs, runs.c.run_id == wanted.c.run_id)
    )
    if query.experiment_ids:
        of_them = one_of(runs.c.experiment_id, query.experiment_ids, dialect_of(conn))
        statement = statement.where(of_them)
    found = [row[0] for row in read_rows(conn, statement.order_by(wanted.c.position))]
    return Window(found, None, len(found))


def _facts(conn: Connection, run_ids: Sequence[RunId]) -> dict[str, list[Any]]:
    names = (*_FACTS, "duration")
    if not run_ids:
        return {name: [] for name in names}
    wanted, runs = numbered(conn, run_ids), tables.runs
    duration = (runs.c.end_time - runs.c.start_time).label("duration")
    rows = read_rows(
        conn,
        select(*(runs.c[name] for name in _FACTS), duration)
        .select_from(wanted.join(runs, runs.c.run_id == wanted.c.run_id))
        .order_by(wanted.c.position),
    )
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _texts(
    conn: Connection, run_ids: Sequence[RunId], table: Table, keys: Sequence[str]
) -> dict[str, list[str | None]]:
    if not keys or not run_ids:
        return {key: [] for key in keys}
    wanted = numbered(conn, run_ids)
    postgres = conn.dialect.name == "postgresql"
    aggregate = (
        cast(func.json_object_agg(table.c.key, table.c.value), Text)
        if postgres
        else func.json_group_object(table.c.key, table.c.value)
    )
    of_run = [table.c.run_id == wanted.c.run_id]
    if _wants_most(conn, table, run_ids, keys):
        of_run.append(_around(table, keys))
    else:
        of_run.append(one_of(table.c.key, keys, dialect_of(conn)))
    packed = select(aggregate).where(*of_run).scalar_subquery()
    base = first_position(conn)
    objects: list[dict[str, str]] = [{}] * len(run_ids)
    for position, text in read_rows(conn, select(wanted.c.position, packed)):
        if text is not None:
            objects[position - base] = _decode(text)
    return {key: [found.get(key) for found in objects] for key in keys}


def _metrics(
    conn: Connection, run_ids: Sequence[RunId], columns: Sequence[Column]
) -> dict[Column, list[Cell]]:
    cells: dict[Column, list[Cell]] = {column: [None] * len(run_ids) for column in columns}
    if not run_ids:
        return cells
    kept = [column for column in columns if column.stat not in POINT_FIGURES]
    for column in columns:
        if column.stat in POINT_FIGURES:
            read = read_figures(conn, numbered(conn, run_ids), field_of(column))
            cells[column] = [read.get(run_id) for run_id in run_ids]
    if not kept:
        return cells
    stats = sorted({column.stat for column in kept})
    by_key: dict[str, list[tuple[int, int, list[Cell]]]] = {}
    for column in kept:
        found = cells[column]
        place = stats.index(column.stat)
        by_key.setdefault(column.key, []).append((place, _ZERO_BITS.get(column.stat, 0), found))
    base = first_position(conn)
    for position, key, zeros, *figures in _figures(conn, run_ids, stats, sorted(by_key)):
        for place, bit, found in by_key[key]:
            value = figures[place]
            if value is None:
                value = math.nan
            elif zeros & bit and value == 0.0:
                value = -0.0  # SQLite drops the sign of zero
            found[position - base] = value
    return cells


def _figures(
    conn: Connection, run_ids: Sequence[RunId], stats: Sequence[Figure], keys: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Position of the run, key, which zeros are negative, and the figures (``None`` is NaN).

    One statement for all figures, since finding the rows takes most of its time.
    """
    wanted, rows = numbered(conn, run_ids), tables.metric_summaries
    statement = select(
        wanted.c.position, rows.c.key, rows.c.negative_zeros, *(rows.c[stat] for stat in stats)
    ).select_from(wanted.join(rows, and_(rows.c.run_id == wanted.c.run_id, rows.c.is_latest)))
    key: ColumnElement[Any] = rows.c.key
    if _wants_most(conn, rows, run_ids, keys):
        statement = statement.where(_around(rows, keys))
        key = unindexed(key)
    return read_rows(conn, statement.where(one_of(key, keys, dialect_of(conn))))


def _wants_most(
    conn: Connection, table: Table, run_ids: Sequence[RunId], keys: Sequence[str]
) -> bool:
    """Whether SQLite is quicker to read all rows around the keys than to find each by its key."""
    if conn.dialect.name != "sqlite" or len(keys) == 1:
        return False
    sample = list(run_ids[:: len(run_ids) // _SAMPLE + 1])
    of_sample = one_of(table.c.run_id, sample, "sqlite")
    counted = select(func.count()).where(of_sample, _around(table, keys))
    rows: int = conn.execute(counted).scalar_one()
    return rows <= _SCAN * len(keys) * len(sample)


def _around(table: Table, keys: Sequence[str]) -> ColumnElement[bool]:
    """Rows from the first to the last of the keys, which are sorted: often few of a run's."""
    return table.c.key.between(keys[0], keys[-1])


def _children(
    conn: Connection,
    run_ids: Sequence[RunId],
    query: RowsQuery,
    experiment_ids: Sequence[ExperimentId],
) -> list[int]:
    if not run_ids:
        return []
    dialect = dialect_of(conn)
    runs, named = tables.runs, tables.tags
    scope = query.experiment_ids or sorted(set(experiment_ids))
    seen = [one_of(runs.c.experiment_id, scope, dialect)]
    if query.view != "ALL":
        stage = "active" if query.view == "ACTIVE_ONLY" else "deleted"
        seen.append(runs.c.lifecycle_stage == stage)
    owner: FromClause = runs.join(
        named, and_(named.c.run_id == runs.c.run_id, named.c.key == PARENT_RUN_ID)
    )
    counted = dict(
        read_rows(
            conn,
            select(named.c.value, func.count())
            .select_from(owner)
            .where(*seen, one_of(named.c.value, run_ids, dialect))
            .group_by(named.c.value),
        )
    )
    return [counted.get(run_id, 0) for run_id in run_ids]

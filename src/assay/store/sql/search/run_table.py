"""Run tables: a search in columns, read in four statements whatever the number of runs.

Params and tags come as one JSON object a run, made by the database: a fifth of the cost of a row
a value. Metrics come as rows, because SQLite's JSON rounds numbers to 15 digits.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ARRAY, Connection, FromClause, Text, and_, cast, func, literal, select

from assay.entities.ids import ExperimentId
from assay.entities.lifecycle import LifecycleStage
from assay.entities.runs import RunInfo, RunStatus
from assay.store.base import Query, RunTable
from assay.store.sql import tables
from assay.store.sql.search.pages import read_rows
from assay.store.sql.search.runs import search_runs

_LAST_IS_NEGATIVE_ZERO = 2
"""Bit of ``metric_summaries.negative_zeros``."""
_ROWS_AT_ONCE = 500
"""Fewer than make the garbage collector run: with all 100,000 at once it takes a third of the
time.
"""
_STATUS = {str(status): status for status in RunStatus}
_STAGE = {str(stage): stage for stage in LifecycleStage}
_decode = msgspec.json.Decoder(dict[str, str]).decode


def run_table(conn: Connection, experiment_ids: Sequence[ExperimentId], query: Query) -> RunTable:
    """The runs of ``search_runs`` in columns. Raises what that raises."""
    ids, token = search_runs(conn, experiment_ids, query)
    if not ids:
        return RunTable(infos=[], metrics={}, params={}, tags={}, token=token)
    wanted = numbered(conn, ids)
    return RunTable(
        infos=_infos(conn, wanted),
        metrics=_metrics(conn, wanted, count=len(ids)),
        params=_texts(conn, wanted, tables.params, count=len(ids)),
        tags=_texts(conn, wanted, tables.tags, count=len(ids)),
        token=token,
    )


def numbered(conn: Connection, ids: Sequence[str]) -> FromClause:
    """The ids as a table of ``position``, which counts from ``first_position``, and ``run_id``."""
    if conn.dialect.name == "postgresql":
        return (
            func.unnest(literal(list(ids), ARRAY(Text)))
            .table_valued("run_id", with_ordinality="position")
            .render_derived()
        )
    packed = msgspec.json.encode(ids).decode()
    items = func.json_each(packed).table_valued("key", "value", name="items")
    return select(items.c.key.label("position"), items.c.value.label("run_id")).subquery("w")


def _infos(conn: Connection, wanted: FromClause) -> list[RunInfo]:
    runs = tables.runs
    rows = read_rows(
        conn,
        select(
            runs.c.run_id,
            runs.c.experiment_id,
            runs.c.run_name,
            runs.c.status,
            runs.c.start_time,
            runs.c.artifact_uri,
            runs.c.end_time,
            runs.c.user_id,
            runs.c.lifecycle_stage,
        )
        .select_from(wanted.join(runs, runs.c.run_id == wanted.c.run_id))
        .order_by(wanted.c.position),
    )
    status, stage = _STATUS, _STAGE
    return [
        RunInfo(run_id, experiment_id, name, status[state], start, uri, end, user, stage[life])
        for run_id, experiment_id, name, state, start, uri, end, user, life in rows
    ]


def _metrics(conn: Connection, wanted: FromClause, *, count: int) -> dict[str, NDArray[np.float64]]:
    summaries = tables.metric_summaries
    result = conn.execute(
        select(
            wanted.c.position,
            summaries.c.key,
            summaries.c.last,
            summaries.c.negative_zeros.op("&")(_LAST_IS_NEGATIVE_ZERO),
        ).select_from(
            wanted.join(
                summaries, and_(summaries.c.run_id == wanted.c.run_id, summaries.c.is_latest)
            )
        )
    )
    positions: list[int] = []
    keys: list[str] = []
    values: list[float | None] = []
    negative: list[int] = []
    while rows := result.cursor.fetchmany(_ROWS_AT_ONCE):
        some_positions, some_keys, some_values, some_negative = zip(*rows, strict=True)
        positions += some_positions
        keys += some_keys
        values += some_values
        negative += some_negative
    result.close()
    if not keys:
        return {}
    names = sorted(set(keys))
    index = {name: i for i, name in enumerate(names)}
    numbers = np.array(values, np.float64)  # NULL, which stands for NaN, becomes NaN
    numbers[np.array(negative, bool)] = -0.0
    columns = np.full((len(names), count), np.nan)
    columns[[index[key] for key in keys], np.array(positions) - first_position(conn)] = numbers
    return dict(zip(names, columns, strict=True))


def _texts(
    conn: Connection, wanted: FromClause, table: FromClause, *, count: int
) -> dict[str, list[str | None]]:
    aggregate = (
        cast(func.json_object_agg(table.c.key, table.c.value), Text)
        if conn.dialect.name == "postgresql"
        else func.json_group_object(table.c.key, table.c.value)
    )
    # A subquery per run: half the cost of a join that is grouped afterwards.
    packed = select(aggregate).where(table.c.run_id == wanted.c.run_id).scalar_subquery()
    statement = select(wanted.c.position, packed)
    base = first_position(conn)
    objects: list[dict[str, str]] = [{}] * count
    for position, text in read_rows(conn, statement):
        if text is not None:
            objects[position - base] = _decode(text)
    names = sorted(set().union(*objects))
    return {name: [found.get(name) for found in objects] for name in names}


def first_position(conn: Connection) -> int:
    """Where ``numbered`` begins to count."""
    return 1 if conn.dialect.name == "postgresql" else 0

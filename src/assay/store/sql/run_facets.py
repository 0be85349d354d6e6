"""Facets of runs: which keys they have, which of them tell runs apart, and which values there are.

SQLite groups a million rows in a second, because it sorts them; it packs the keys of each run into
one text in a fifth of that, and most runs of an experiment give the same text. So keys are counted
by text. Whether values differ is asked of the latest runs first: only what is the same in those is
looked up in all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    Text,
    and_,
    func,
    select,
    true,
)
from sqlalchemy import cast as sql_cast

from assay.entities.ids import RunId
from assay.store.run_views import (
    ColumnKind,
    DatasetFacet,
    KeyFacet,
    KeysQuery,
    RunKeys,
    RunValues,
    ValueFacet,
    ValuesQuery,
)
from assay.store.sql import tables
from assay.store.sql.run_view_checks import check_texts, check_values
from assay.store.sql.search.conditions import (
    Condition,
    alias,
    dialect_of,
    one_of,
    sorted_text,
)
from assay.store.sql.search.pages import read_rows
from assay.store.sql.search.run_table import numbered
from assay.store.sql.search.run_windows import matching_runs

SAMPLE: Final = 100
"""Latest started runs that are asked first."""
_MAX_DATASETS: Final = 1_000
_TABLES: Final = {ColumnKind.PARAM: tables.params, ColumnKind.TAG: tables.tags}
_keys_of = msgspec.json.Decoder(list[str]).decode
_object_of = msgspec.json.Decoder(dict[str, str]).decode


def run_keys(conn: Connection, query: KeysQuery) -> RunKeys:
    """The keys that the runs have."""
    check_texts("experiment id", query.experiment_ids)
    statement = matching_runs(
        conn, query.experiment_ids, filter_text=query.filter, view=query.view
    ).order_by(alias(tables.runs, "r").c.start_time.desc())
    ids: list[RunId] = [row[0] for row in read_rows(conn, statement)]
    if not ids:
        return RunKeys(runs=0, metrics=[], params=[], tags=[], datasets=[])
    return RunKeys(
        runs=len(ids),
        metrics=_metrics(conn, ids),
        params=_texts(conn, ids, tables.params),
        tags=_texts(conn, ids, tables.tags),
        datasets=_datasets(conn, ids),
    )


def run_values(conn: Connection, query: ValuesQuery) -> RunValues:
    """The values of a param, tag or attribute that active runs have, the most frequent first."""
    check_values(query)
    runs, dialect = tables.runs, dialect_of(conn)
    table = _TABLES.get(query.kind)
    source: FromClause = runs
    value: ColumnElement[str] = runs.c[query.key] if table is None else table.c.value
    conditions = [
        one_of(runs.c.experiment_id, query.experiment_ids, dialect),
        runs.c.lifecycle_stage == "active",
    ]
    if table is not None:
        source = runs.join(table, and_(table.c.run_id == runs.c.run_id, table.c.key == query.key))
    if query.prefix:
        conditions.append(func.substr(value, 1, len(query.prefix)) == query.prefix)
    number = func.count().label("number")
    rows = read_rows(
        conn,
        select(value, number)
        .select_from(source)
        .where(*conditions)
        .group_by(value)
        .order_by(number.desc(), sorted_text(value, dialect))
        .limit(query.limit),
    )
    return RunValues([ValueFacet(text, count) for text, count in rows])


def _metrics(conn: Connection, ids: Sequence[RunId]) -> list[KeyFacet]:
    rows = tables.metric_summaries
    counts = _counts(conn, ids, rows, seen=rows.c.is_latest)
    sample = ids[:SAMPLE]
    constant = _constant_metrics(conn, sample, sorted(counts))
    left = sorted(key for key in constant if counts[key] == len(ids))
    if len(ids) > SAMPLE and left:
        constant = _constant_metrics(conn, ids, left)
    statement = select(rows.c.key, func.sum(rows.c.count)).where(
        one_of(rows.c.run_id, sample, dialect_of(conn))
    )
    points = {key: int(total) for key, total in read_rows(conn, statement.group_by(rows.c.key))}
    found = [
        KeyFacet(key, runs, varies=runs < len(ids) or key not in constant)
        for key, runs in counts.items()
    ]
    return sorted(found, key=lambda one: (-one.runs, -points.get(one.key, 0), one.key))


def _texts(conn: Connection, ids: Sequence[RunId], table: Table) -> list[KeyFacet]:
    counts = _counts(conn, ids, table, seen=true())
    constant = _constant_texts(conn, ids[:SAMPLE], table, sorted(counts))
    left = sorted(key for key in constant if counts[key] == len(ids))
    if len(ids) > SAMPLE and left:
        constant = _constant_texts(conn, ids, table, left)
    found = [
        KeyFacet(key, runs, varies=runs < len(ids) or key not in constant)
        for key, runs in counts.items()
    ]
    return sorted(found, key=lambda one: (-one.runs, one.key))


def _counts(
    conn: Connection, ids: Sequence[RunId], table: Table, *, seen: Condition
) -> dict[str, int]:
    """How many of the runs have each key."""
    wanted = numbered(conn, ids)
    of_run = and_(table.c.run_id == wanted.c.run_id, seen)
    if conn.dialect.name == "postgresql":
        grouped = select(table.c.key, func.count()).select_from(wanted.join(table, of_run))
        return dict(read_rows(conn, grouped.group_by(table.c.key)))
    packed = select(func.json_group_array(table.c.key)).where(of_run).scalar_subquery()
    texts = Counter(row[0] for row in read_rows(conn, select(packed).select_from(wanted)))
    counts: Counter[str] = Counter()
    for text, runs in texts.items():
        keys = _keys_of(text)
        if runs == 1:
            counts.update(keys)  # counted in C
        else:
            for key in keys:
                counts[key] += runs
    return counts


def _constant_metrics(conn: Connection, ids: Sequence[RunId], keys: Sequence[str]) -> set[str]:
    """Which of the keys have one latest value only in those of the runs that have them."""
    rows, dialect = tables.metric_summaries, dialect_of(conn)
    wanted = numbered(conn, ids)
    last = rows.c.last
    statement = (
        select(rows.c.key, func.min(last), func.max(last), func.count(last), func.count())
        .select_from(
            wanted.join(rows, and_(rows.c.run_id == wanted.c.run_id, rows.c.is_latest))
        )
        .where(one_of(rows.c.key, keys, dialect))
        .group_by(rows.c.key)
    )
    return {
        key
        for key, least, most, numbers, all_ in read_rows(conn, statement)
        if least == most and numbers in (0, all_)  # without a number it is NaN in all
    }


def _constant_texts(
    conn: Connection, ids: Sequence[RunId], table: Table, keys: Sequence[str]
) -> set[str]:
    """Which of the keys have one value only in those of the runs that have them."""
    wanted, dialect = numbered(conn, ids), dialect_of(conn)
    of_run = and_(table.c.run_id == wanted.c.run_id, one_of(table.c.key, keys, dialect))
    if dialect == "postgresql":
        return _grouped_constants(conn, wanted, table, of_run)
    packed = (
        select(func.json_group_object(table.c.key, table.c.value)).where(of_run).scalar_subquery()
    )
    texts = {row[0] for row in read_rows(conn, select(packed).select_from(wanted))}
    first: dict[str, str] = {}
    constant = set(keys)
    for text in texts:
        found = _object_of(text)
        constant -= {
            key for key in constant if key in found and first.setdefault(key, found[key]) != found[key]
        }
    return constant


def _grouped_constants(
    conn: Connection, wanted: FromClause, table: Table, of_run: Condition
) -> set[str]:
    value = sorted_text(table.c.value, "postgresql")
    statement: Select[Any] = (
        select(table.c.key)
        .select_from(wanted.join(table, of_run))
        .group_by(table.c.key)
        .having(sql_cast(func.min(value), Text) == sql_cast(func.max(value), Text))
    )
    return {row[0] for row in read_rows(conn, statement)}


def _datasets(conn: Connection, ids: Sequence[RunId]) -> list[DatasetFacet]:
    wanted, used, datasets = numbered(conn, ids), tables.dataset_inputs, tables.datasets
    number = func.count(used.c.run_id.distinct()).label("number")
    joined = wanted.join(used, used.c.run_id == wanted.c.run_id).join(
        datasets, datasets.c.dataset_id == used.c.dataset_id
    )
    rows = read_rows(
        conn,
        select(datasets.c.name, datasets.c.digest, number)
        .select_from(joined)
        .group_by(datasets.c.name, datasets.c.digest)
        .order_by(number.desc(), datasets.c.name, datasets.c.digest)
        .limit(_MAX_DATASETS),
    )
    return [DatasetFacet(name, digest, runs) for name, digest, runs in rows]

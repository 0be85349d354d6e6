"""Facets of runs: which keys they have, which of them tell runs apart, and which values there are.

SQLite groups a million rows in a second, because it sorts them; it packs those of each run into one
text in a fifth of that, and Python counts what is in the texts. Whether a metric's values differ is
asked of the latest runs first: only what is the same in those is looked up in all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    and_,
    func,
    select,
)

from assay.entities.ids import RunId
from assay.store.run_views import (
    Column,
    ColumnKind,
    DatasetFacet,
    KeyFacet,
    KeysQuery,
    RowsQuery,
    RunKeys,
    RunValues,
    ValueFacet,
    ValuesQuery,
)
from assay.store.sql import tables
from assay.store.sql.run_view_checks import check_texts, check_values
from assay.store.sql.search.conditions import (
    alias,
    dialect_of,
    one_of,
    sorted_text,
)
from assay.store.sql.search.pages import read_rows
from assay.store.sql.search.run_table import numbered
from assay.store.sql.search.run_windows import matching_runs

SAMPLE: Final = 100
"""Latest started runs that are asked first, and whose points are counted."""
_MAX_DATASETS: Final = 1_000
_MOST_SHAPES: Final = 2_000
"""Sets of keys that are remembered: some megabytes."""
_DEFAULT_METRICS: Final = 3
_DEFAULT_PARAMS: Final = 8
_OF_MACHINE: Final = "system/"
"""Metrics of the machine are logged by every run, and tell no run from another."""
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


def default_columns(conn: Connection, query: RowsQuery) -> list[Column]:
    """Columns worth seeing first: the metrics most logged, and the params that vary."""
    latest = (
        matching_runs(conn, query.experiment_ids, filter_text="", view=query.view)
        .order_by(alias(tables.runs, "r").c.start_time.desc())
        .limit(SAMPLE)
    )
    ids: list[RunId] = [row[0] for row in read_rows(conn, latest)]
    if not ids:
        return []
    metrics = [one.key for one in _metrics(conn, ids) if not one.key.startswith(_OF_MACHINE)]
    params = _texts(conn, ids, tables.params)
    some = [one for one in params if one.varies] or params[:_DEFAULT_METRICS]
    return [
        *(Column(ColumnKind.METRIC, key) for key in metrics[:_DEFAULT_METRICS]),
        *(Column(ColumnKind.PARAM, one.key) for one in some[:_DEFAULT_PARAMS]),
    ]


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


class _Figures(NamedTuple):
    """What is told of one key."""

    runs: int
    is_constant: bool
    """Whether all runs that have it have the same value."""
    points: int = 0


def _metrics(conn: Connection, ids: Sequence[RunId]) -> list[KeyFacet]:
    latest = _metric_figures(conn, ids[:SAMPLE])
    if len(ids) <= SAMPLE:
        runs: Mapping[str, int] = {key: figures.runs for key, figures in latest.items()}
        constant = {key for key, figures in latest.items() if figures.is_constant}
    else:
        runs = _count_metrics(conn, ids)
        left = [key for key, found in latest.items() if found.is_constant and runs[key] == len(ids)]
        whole = _metric_figures(conn, ids, left) if left else {}
        constant = {key for key, figures in whole.items() if figures.is_constant}
    found = _facets(runs, constant, len(ids))
    points = {key: figures.points for key, figures in latest.items()}
    return sorted(found, key=lambda one: (-one.runs, -points.get(one.key, 0), one.key))


def _metric_figures(
    conn: Connection, ids: Sequence[RunId], keys: Sequence[str] | None = None
) -> dict[str, _Figures]:
    rows, wanted = tables.metric_summaries, numbered(conn, ids)
    last = rows.c.last
    numbers = (func.count(), func.count(last), func.min(last), func.max(last))
    statement = (
        select(rows.c.key, *numbers, func.sum(rows.c.count))
        .select_from(wanted.join(rows, and_(rows.c.run_id == wanted.c.run_id, rows.c.is_latest)))
        .group_by(rows.c.key)
    )
    if keys is not None:
        statement = statement.where(one_of(rows.c.key, keys, dialect_of(conn)))
    return {
        # Where none has a number, all have NaN.
        key: _Figures(runs, least == most and numbers in (0, runs), int(points))
        for key, runs, numbers, least, most, points in read_rows(conn, statement)
    }


def _count_metrics(conn: Connection, ids: Sequence[RunId]) -> Mapping[str, int]:
    rows, wanted = tables.metric_summaries, numbered(conn, ids)
    of_run = and_(rows.c.run_id == wanted.c.run_id, rows.c.is_latest)
    if conn.dialect.name == "postgresql":
        joined = select(rows.c.key, func.count()).select_from(wanted.join(rows, of_run))
        return dict(read_rows(conn, joined.group_by(rows.c.key)))
    packed = select(func.json_group_array(rows.c.key)).where(of_run).scalar_subquery()
    found = read_rows(conn, select(packed).select_from(wanted))
    return _count_keys(Counter(text for (text,) in found))


def _texts(conn: Connection, ids: Sequence[RunId], table: Table) -> list[KeyFacet]:
    postgres = conn.dialect.name == "postgresql"
    figures = (_grouped if postgres else _packed)(conn, ids, table)
    constant = {key for key, found in figures.items() if found.is_constant}
    facets = _facets({key: found.runs for key, found in figures.items()}, constant, len(ids))
    return sorted(facets, key=lambda one: (-one.runs, one.key))


def _grouped(conn: Connection, ids: Sequence[RunId], table: Table) -> dict[str, _Figures]:
    """Params or tags, as PostgreSQL counts them: by hashing."""
    wanted, value = numbered(conn, ids), sorted_text(table.c.value, "postgresql")
    statement = (
        select(table.c.key, func.count(), func.min(value) == func.max(value))
        .select_from(wanted.join(table, table.c.run_id == wanted.c.run_id))
        .group_by(table.c.key)
    )
    return {key: _Figures(runs, same) for key, runs, same in read_rows(conn, statement)}


def _packed(conn: Connection, ids: Sequence[RunId], table: Table) -> dict[str, _Figures]:
    """Params or tags, as SQLite packs them: one object per run."""
    wanted = numbered(conn, ids)
    packed = (
        select(func.json_group_object(table.c.key, table.c.value))
        .where(table.c.run_id == wanted.c.run_id)
        .scalar_subquery()
    )
    seen = _Seen()
    result = conn.execute(select(packed).select_from(wanted))
    # A thousand at once: all of them decoded take a hundred times what they are packed in.
    while texts := result.cursor.fetchmany(1_000):
        for (text,) in texts:
            seen.look_at(_object_of(text))
    result.close()
    return seen.figures()


class _Seen:
    """How many runs have each key, and which keys have one value wherever they are.

    Most runs have the keys of another one before, and the same values of what is the same in all
    so far: for those, all is done in C.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._shapes: dict[tuple[str, ...], int] = {}
        """Runs that have just these keys, beside those that are counted."""
        self._same: set[str] = set()
        self._first: dict[str, str] = {}
        self._compare: Callable[[Mapping[str, str]], Any] = _nothing
        self._expected: Any = None

    def look_at(self, found: Mapping[str, str]) -> None:
        """Take one more run into account."""
        shape = tuple(found)
        runs = self._shapes.get(shape, 0)
        self._shapes[shape] = runs + 1
        if runs:
            try:
                if self._compare(found) == self._expected:
                    return
            except KeyError:
                pass
        elif len(self._shapes) > _MOST_SHAPES:
            self._count()
        self._compare_each(found)

    def _compare_each(self, found: Mapping[str, str]) -> None:
        first = self._first
        for key, value in found.items():
            if key not in first:
                first[key] = value
                self._same.add(key)
            elif first[key] != value:
                self._same.discard(key)
        names = sorted(self._same)
        self._compare = itemgetter(*names) if names else _nothing
        self._expected = self._compare(first)

    def _count(self) -> None:
        for shape, runs in self._shapes.items():
            if runs == 1:
                self._counts.update(shape)  # counted in C
            else:
                for key in shape:
                    self._counts[key] += runs
        self._shapes.clear()

    def figures(self) -> dict[str, _Figures]:
        """What is told of each key."""
        self._count()
        return {key: _Figures(count, key in self._same) for key, count in self._counts.items()}


def _nothing(_found: Mapping[str, str]) -> Any:
    return None


def _count_keys(shapes: Mapping[str, int]) -> Counter[str]:
    """How many runs have each key; a shape is the JSON list of the keys of so many runs."""
    counts: Counter[str] = Counter()
    for shape, runs in shapes.items():
        keys = _keys_of(shape)
        if runs == 1:
            counts.update(keys)  # counted in C
        else:
            for key in keys:
                counts[key] += runs
    return counts


def _facets(runs: Mapping[str, int], constant: Set[str], total: int) -> list[KeyFacet]:
    return [
        KeyFacet(key, count, varies=count < total or key not in constant)
        for key, count in runs.items()
    ]


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

"""Groups of runs: runs with equal values of some columns, and figures of their metrics.

The database gives one row per run, the groups are made of arrays: a sample's deviation needs its
mean first, and groups may be ordered by any figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, select

from assay import errors
from assay.search.tree import POINT_FIGURES
from assay.store.run_views import (
    Column,
    ColumnKind,
    GroupFigures,
    GroupOrder,
    GroupsQuery,
    RunGroup,
    RunGroups,
    field_of,
)
from assay.store.sql import tables
from assay.store.sql.run_view_checks import check_groups
from assay.store.sql.search.conditions import alias, dialect_of
from assay.store.sql.search.pages import read_rows
from assay.store.sql.search.point_figures import read_figures
from assay.store.sql.search.point_order import numbers_of_keys, value_rows
from assay.store.sql.search.run_windows import matching_runs

MAX_ROWS: Final = 500_000
"""Runs that are grouped at once: half a gigabyte, and some seconds."""

Key = tuple[str | None, ...]


def run_groups(conn: Connection, query: GroupsQuery) -> RunGroups:
    """A page of the groups that ``query`` asks for.

    Raises:
        LimitExceeded: more runs match than are grouped at once.
    """
    check_groups(query)
    rows = read_rows(conn, _statement(conn, query).limit(MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise errors.LimitExceeded("The number of runs in groups", limit=MAX_ROWS, got=len(rows))
    width = len(query.by)
    places: dict[Key, int] = {}
    codes = np.fromiter(
        (places.setdefault(row[:width], len(places)) for row in rows), np.int64, len(rows)
    )
    keys = list(places)
    sizes = np.bincount(codes, minlength=len(keys)).tolist()
    figures = [
        _figures(_numbers(column, [row[width + i] for row in rows]), codes, len(keys))
        for i, column in enumerate(query.columns)
    ]
    order = sorted(range(len(keys)), key=lambda g: (-sizes[g], _by_text(keys[g])))
    if query.order_by is not None:
        order = _reordered(order, figures[query.order_by.column], query.order_by)
    page = order[query.offset : query.offset + query.limit]
    groups = [
        RunGroup(list(keys[group]), sizes[group], [column[group] for column in figures])
        for group in page
    ]
    return RunGroups(len(keys), groups)


def _statement(conn: Connection, query: GroupsQuery) -> Select[Any]:
    """A row per run: the values that make its group, then the figures of its metrics."""
    wanted = matching_runs(
        conn, query.experiment_ids, filter_text=query.filter, view=query.view
    ).subquery("m")
    joined: FromClause = wanted
    selected: list[ColumnElement[Any]] = []
    sets = None
    if any(column.kind is ColumnKind.DATASET for column in query.by):
        sets = _datasets_of_runs(query.by)
        joined = joined.outerjoin(sets, sets.c.run_id == wanted.c.run_id)
    if any(column.kind is ColumnKind.ATTRIBUTE for column in query.by):
        runs = alias(tables.runs, "a")
        joined = joined.join(runs, runs.c.run_id == wanted.c.run_id)
    for number, column in enumerate(query.by):
        if column.kind is ColumnKind.DATASET:
            assert sets is not None
            selected.append(sets.c[column.key])
        elif column.kind is ColumnKind.ATTRIBUTE:
            selected.append(alias(tables.runs, "a").c[column.key])
        else:
            table = tables.params if column.kind is ColumnKind.PARAM else tables.tags
            rows = alias(table, f"g{number}")
            of_run = and_(rows.c.run_id == wanted.c.run_id, rows.c.key == column.key)
            joined = joined.outerjoin(rows, of_run)
            selected.append(rows.c.value)
    for number, column in enumerate(query.columns):
        if column.stat in POINT_FIGURES:
            read = read_figures(conn, wanted, field_of(column))
            values = value_rows(read, dialect=dialect_of(conn), name=f"v{number}")
            joined = joined.outerjoin(values, values.c.run_id == wanted.c.run_id)
            selected.append(values.c.value.label(f"n{number}"))
            continue
        rows = alias(tables.metric_summaries, f"v{number}")
        of_run = and_(rows.c.run_id == wanted.c.run_id, rows.c.key == column.key, rows.c.is_latest)
        joined = joined.outerjoin(rows, of_run)
        selected.append(rows.c[column.stat].label(f"n{number}"))
    return select(*selected).select_from(joined)


def _numbers(column: Column, cells: Sequence[Any]) -> NDArray[np.float64]:
    """Cells of a metric as numbers; NaN where a run has none."""
    return numbers_of_keys(cells) if column.stat in POINT_FIGURES else np.array(cells, np.float64)


def _datasets_of_runs(by: Sequence[Column]) -> FromClause:
    """Each run with the names or digests of its data sets, each once."""
    used, datasets = tables.dataset_inputs, tables.datasets
    keys = sorted({column.key for column in by if column.kind is ColumnKind.DATASET})
    return (
        select(used.c.run_id, *(datasets.c[key] for key in keys))
        .select_from(used.join(datasets, datasets.c.dataset_id == used.c.dataset_id))
        .distinct()
        .subquery("d")
    )


def _figures(
    values: NDArray[np.float64], codes: NDArray[np.int64], groups: int
) -> list[GroupFigures]:
    """The figures of each group; NaN, which is what a run without the metric has, is left out."""
    there = ~np.isnan(values)
    values, codes = values[there], codes[there]
    counts = np.bincount(codes, minlength=groups)
    least, most = np.full(groups, np.inf), np.full(groups, -np.inf)
    np.minimum.at(least, codes, values)
    np.maximum.at(most, codes, values)
    with np.errstate(all="ignore"):  # of infinities, and of groups without a value
        means = np.bincount(codes, values, minlength=groups) / counts
        squares = np.bincount(codes, (values - means[codes]) ** 2, minlength=groups)
        deviations = np.sqrt(squares / (counts - 1))
    return [
        GroupFigures(
            count=count,
            mean=mean if count else None,
            sd=deviation if count > 1 else None,
            min=low if count else None,
            max=high if count else None,
        )
        for count, mean, deviation, low, high in zip(
            counts.tolist(),
            means.tolist(),
            deviations.tolist(),
            least.tolist(),
            most.tolist(),
            strict=True,
        )
    ]


def _by_text(key: Key) -> tuple[tuple[bool, str], ...]:
    """Sorts by text, ``None`` last."""
    return tuple((text is None, text or "") for text in key)


def _reordered(order: list[int], figures: Sequence[GroupFigures], by: GroupOrder) -> list[int]:
    """Groups by a figure: numbers, then NaN, then those without one, in both directions."""

    def place(group: int) -> tuple[int, float]:
        value: float | None = getattr(figures[group], by.figure)
        if value is None:
            return 2, 0.0
        if value != value:  # noqa: PLR0124 - NaN
            return 1, 0.0
        return 0, -value if by.descending else value

    return sorted(order, key=place)

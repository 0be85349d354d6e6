"""What a view of runs may ask for: numbers in range, columns there are, text that can be stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from assay import errors
from assay.entities.names import check_value
from assay.search.tree import POINT_FIGURES, figure_problem
from assay.store import run_views as views
from assay.store.run_views import Column, ColumnKind

ATTRIBUTES: Final = (
    "run_id",
    "run_name",
    "experiment_id",
    "status",
    "start_time",
    "end_time",
    "duration",
    "user_id",
    "lifecycle_stage",
    "artifact_uri",
)
TEXT_ATTRIBUTES: Final = ("status", "user_id", "run_name")
"""Attributes that runs can be grouped by, and whose values are listed."""
_DATASET_KEYS: Final = ("name", "digest")
_CELLS: Final = (ColumnKind.METRIC, ColumnKind.PARAM, ColumnKind.TAG, ColumnKind.ATTRIBUTE)
_GROUPS: Final = (ColumnKind.PARAM, ColumnKind.TAG, ColumnKind.ATTRIBUTE, ColumnKind.DATASET)


def check_rows(query: views.RowsQuery) -> None:
    """Refuse a window that can't be.

    Raises:
        InvalidInput: a number is out of range, a column doesn't exist, or there are too many.
    """
    check_range("limit", query.limit, least=1, most=views.MAX_WINDOW)
    check_range("offset", query.offset, least=0, most=views.MAX_OFFSET)
    check_texts("experiment id", query.experiment_ids)
    check_texts("run id", query.run_ids or ())
    check_texts("run id", query.except_run_ids)
    check_length("except_run_ids", query.except_run_ids, most=views.MAX_BULK_RUNS)
    check_length("run_ids", query.run_ids or (), most=views.MAX_WINDOW)
    if query.parent is not None:
        check_value("run id", query.parent)
    named = [*(query.columns if query.columns != "default" else ()), *query.also]
    check_length("columns", named, most=views.MAX_COLUMNS)
    for column in named:
        check_column(column, kinds=_CELLS, attributes=ATTRIBUTES)
    check_length("columns of points", _of_points(named), most=views.MAX_POINT_COLUMNS)
    if query.group is not None:
        check_by(query.group.by)
        if len(query.group.key) != len(query.group.by):
            raise errors.InvalidInput("A group has as many values as columns.")
        check_texts("value", [value for value in query.group.key if value is not None])


def check_groups(query: views.GroupsQuery) -> None:
    """Refuse groups that can't be. Raises ``InvalidInput``."""
    check_range("limit", query.limit, least=1, most=views.MAX_GROUPS)
    check_range("offset", query.offset, least=0, most=views.MAX_OFFSET)
    check_texts("experiment id", query.experiment_ids)
    check_by(query.by)
    check_length("columns", query.columns, most=views.MAX_GROUPS)
    for column in query.columns:
        check_column(column, kinds=(ColumnKind.METRIC,), attributes=())
    check_length("columns of points", _of_points(query.columns), most=views.MAX_POINT_FIGURES)
    if query.order_by is not None and not 0 <= query.order_by.column < len(query.columns):
        raise errors.InvalidInput(
            f"Groups are ordered by one of the {len(query.columns)} columns, counted from 0,"
            f" not by {query.order_by.column}."
        )


def _of_points(columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if column.stat in POINT_FIGURES]


def check_values(query: views.ValuesQuery) -> None:
    """Refuse a list of values that can't be. Raises ``InvalidInput``."""
    check_range("limit", query.limit, least=1, most=views.MAX_VALUES)
    check_texts("experiment id", query.experiment_ids)
    check_value("prefix", query.prefix)
    column = Column(query.kind, query.key)
    check_column(column, kinds=_GROUPS[:3], attributes=TEXT_ATTRIBUTES)


def check_by(by: Sequence[Column]) -> None:
    """Refuse what runs can't be grouped by. Raises ``InvalidInput``."""
    if not 1 <= len(by) <= views.MAX_GROUP_COLUMNS:
        raise errors.InvalidInput(
            f"Runs are grouped by 1 to {views.MAX_GROUP_COLUMNS} columns, not by {len(by)}."
        )
    for column in by:
        check_column(column, kinds=_GROUPS, attributes=TEXT_ATTRIBUTES)


def check_column(column: Column, *, kinds: Sequence[ColumnKind], attributes: Sequence[str]) -> None:
    """Refuse a column of another kind, or an attribute there isn't. Raises ``InvalidInput``."""
    check_value("column key", column.key)
    if column.kind not in kinds:
        known = ", ".join(kinds)
        raise errors.InvalidInput(f"A column here is of kind {known}, not {column.kind}.")
    problem = figure_problem(column.stat, column.of)
    if problem is not None:
        raise errors.InvalidInput(f"Invalid value for parameter 'of' of a column: {problem}.")
    known_keys: Sequence[str] = ()
    if column.kind is ColumnKind.ATTRIBUTE:
        known_keys = attributes
    elif column.kind is ColumnKind.DATASET:
        known_keys = _DATASET_KEYS
    if known_keys and column.key not in known_keys:
        raise errors.InvalidInput(
            f"There is no {column.kind} column {column.key[:80]!r} here, only"
            f" {', '.join(known_keys)}."
        )


def check_range(name: str, value: int, *, least: int, most: int) -> None:
    """Refuse a number outside of a closed range. Raises ``InvalidInput``."""
    if not least <= value <= most:
        raise errors.InvalidInput(
            f"Invalid value for parameter {name!r}: it must be within {least:,} and {most:,}, got"
            f" {value}."
        )


def check_length(name: str, items: Sequence[object], *, most: int) -> None:
    """Refuse a list that is too long. Raises ``LimitExceeded``."""
    if len(items) > most:
        raise errors.LimitExceeded(f"The number of {name}", limit=most, got=len(items))


def check_texts(kind: str, texts: Sequence[str]) -> None:
    """Refuse text that no store holds. Raises ``InvalidName``."""
    for text in texts:
        check_value(kind, text)

"""Pages of tables: a window of rows, sorted and filtered on demand, never the whole file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput, LimitExceeded
from assay.server.files.cells import MAX_PAGE_BYTES, Cells, Column, number_of, text_of
from assay.server.files.json_rows import JsonRows
from assay.server.files.kept import Kept
from assay.server.files.opened import OpenedArtifact
from assay.server.files.parquet_rows import ParquetRows
from assay.server.files.rows import Rows
from assay.server.files.text_rows import TextRows

MAX_ROWS = 1_000
MAX_ORDERED_ROWS = 1_000_000
"""Rows that are sorted or filtered; a larger table is a case for a program."""
_KEPT_BYTES = 64 << 20


class Sort(msgspec.Struct, frozen=True):
    """By which column."""

    column: str
    descending: bool = False


class Filter(msgspec.Struct, frozen=True):
    """Which rows: those whose cell holds a text, in any case, or lies between two numbers, both
    included.
    """

    column: str
    contains: str = ""
    min: float | None = None
    max: float | None = None


class TablePage(msgspec.Struct, frozen=True):
    """A window of a table."""

    columns: list[Column]
    total: int | None
    """Rows in all; with a filter, those that match."""
    rows: list[list[Any]]
    truncated: bool
    """Cells, columns or rows were left out because they are too large or too many."""


_orders: Kept[NDArray[np.int32]] = Kept(_KEPT_BYTES)


def table_page(
    opened: OpenedArtifact,
    *,
    offset: int = 0,
    limit: int = 200,
    sort: Sort | None = None,
    filtered: Filter | None = None,
) -> TablePage:
    """A window of the table in a file.

    Raises:
        InvalidInput: no table, or no such column.
        LimitExceeded: the file is too large for what is asked.
        MissingExtra: Parquet without pyarrow.
    """
    rows = open_rows(opened)
    if sort is None and filtered is None:
        return _page(rows, rows.page(offset, limit), total=rows.total)
    if rows.total > MAX_ORDERED_ROWS:
        raise LimitExceeded(
            "The number of rows that are sorted or filtered here",
            limit=MAX_ORDERED_ROWS,
            got=rows.total,
        )
    order = _order(opened, rows, sort, filtered)
    wanted = [int(number) for number in order[offset : offset + limit]]
    found = rows.pick(wanted)
    return _page(rows, iter([found[number] for number in wanted]), total=len(order))


def open_rows(opened: OpenedArtifact) -> Rows:
    """The rows of a file, by the ending of its name.

    Raises:
        InvalidInput: no kind of file that holds tables.
    """
    match opened.suffix:
        case ".csv" | ".tsv":
            return TextRows(opened, separated=True)
        case ".jsonl" | ".ndjson":
            return TextRows(opened, separated=False)
        case ".json":
            return JsonRows(opened)
        case ".parquet" | ".pq":
            return ParquetRows(opened)
    raise InvalidInput(
        f"{opened.name!r} is shown as no table: that is done for .csv, .tsv, .json, .jsonl,"
        " .ndjson, .parquet and .pq."
    )


def _page(rows: Rows, found: Iterator[list[Any]], *, total: int) -> TablePage:
    cells = Cells()
    shown: list[list[Any]] = []
    for row in found:
        if cells.size > MAX_PAGE_BYTES:
            cells.cut = True
            break
        shown.append([cells.plain(value) for value in row])
    columns = [Column(cells.plain(column.name), column.type) for column in rows.columns]
    return TablePage(columns, total, shown, truncated=cells.cut or rows.is_cut)


def _order(
    opened: OpenedArtifact, rows: Rows, sort: Sort | None, filtered: Filter | None
) -> NDArray[np.int32]:
    def make() -> tuple[NDArray[np.int32], int]:
        numbers = np.arange(rows.total, dtype=np.int32)
        if filtered is not None:
            mask = matching(rows.column(_place(rows, filtered.column)), filtered, rows.total)
            numbers = numbers[mask]
        if sort is not None:
            values = list(rows.column(_place(rows, sort.column)))
            kept = [values[number] for number in numbers.tolist()]
            numbers = numbers[sorted_places(kept, descending=sort.descending)]
        return numbers, numbers.nbytes + 1_024

    if not opened.etag:
        return make()[0]
    return _orders.get((opened.etag, opened.suffix, sort, filtered), make)


def _place(rows: Rows, name: str) -> int:
    for place, column in enumerate(rows.columns):
        if column.name == name:
            return place
    raise InvalidInput(f"The table has no column {name[:200]!r}.")


def matching(values: Iterator[Any], wanted: Filter, total: int) -> NDArray[np.bool_]:
    """Which of ``total`` cells a filter lets pass."""
    text = wanted.contains.casefold()
    mask = np.ones(total, np.bool_)
    for number, value in enumerate(values):
        if text and text not in text_of(value).casefold():
            mask[number] = False
        elif wanted.min is not None or wanted.max is not None:
            amount = number_of(value)
            low = -np.inf if wanted.min is None else wanted.min
            high = np.inf if wanted.max is None else wanted.max
            mask[number] = low <= amount <= high
    return mask


def sorted_places(values: list[Any], *, descending: bool) -> NDArray[np.int64]:
    """The order of cells: numbers, then texts; empty ones last, whichever the direction. Equal
    ones keep their order.
    """
    amounts = np.fromiter((number_of(value) for value in values), np.float64, len(values))
    is_number = ~np.isnan(amounts)
    numeric = np.flatnonzero(is_number)
    keyed = amounts[numeric]
    numeric = numeric[np.argsort(-keyed if descending else keyed, kind="stable")]
    others = np.flatnonzero(~is_number).tolist()
    texts = {place: text_of(values[place]).casefold() for place in others if _says(values[place])}
    ordered = sorted(texts, key=texts.__getitem__, reverse=descending)
    empty = [place for place in others if place not in texts]
    parts: list[Any] = [ordered, numeric] if descending else [numeric, ordered]
    whole: list[NDArray[np.int64]] = [np.asarray(part, np.int64) for part in (*parts, empty)]
    return np.concatenate(whole)


def _says(value: Any) -> bool:
    if isinstance(value, str):
        return value != "" and value.lower() != "nan"
    return value is not None and not isinstance(value, float)

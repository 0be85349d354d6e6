"""Tables of several runs joined by a column: equal keys stand in one row, page by page.

An index tells for each key in which row of each table it is, and whether the tables differ there;
it is made by reading each table once, and kept. A page then reads its own rows only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.comparison.meaning import NOTHING, key_text, meaning
from assay.errors import InvalidInput, LimitExceeded
from assay.server.files.cells import MAX_PAGE_BYTES, Cells, Column, text_of
from assay.server.files.kept import Kept
from assay.server.files.rows import Rows
from assay.server.files.tables import sorted_places

MAX_TABLES = 8
MAX_CELLS = 4_000_000
"""Cells that are read to join tables; more is a case for a program."""
_KEPT_BYTES = 64 << 20
_KEY_BYTES = 60
_KEYLIKE = re.compile(r"(^|_)(id|key|name|index)$", re.IGNORECASE)
_BETWEEN = "\x1f"


class JoinSort(msgspec.Struct, frozen=True):
    """By a column of one of the tables, or by the key."""

    column: str | None = None
    table: int = 0
    descending: bool = False


class JoinedRow(msgspec.Struct, frozen=True):
    """What each table says about a key."""

    key: str
    cells: list[list[Any] | None]
    """In the order of ``columns``; ``null`` for a table without such a row."""
    differs: bool


class JoinedPage(msgspec.Struct, frozen=True):
    """A window of joined tables."""

    columns: list[Column]
    """Of all tables, the key's too."""
    key: str | None
    """The column by which they are joined; ``null``: by the number of the row."""
    total: int
    """Keys in all."""
    found: int
    """Those that were asked for."""
    repeated: int
    """Rows left out because their key came before in their table."""
    rows: list[JoinedRow]
    problems: list[str | None]
    """Of each table, why it could not be read."""
    truncated: bool
    """Cells, columns or rows were left out because they are too large or too many."""


class Wanted(NamedTuple):
    """Which rows of a join."""

    key: str | None = ""
    """``""``: a column that is called like one; ``None``: the number of the row."""
    only_different: bool = False
    search: str = ""
    sort: JoinSort | None = None
    offset: int = 0
    limit: int = 200


class _Index(NamedTuple):
    keys: list[str]
    places: NDArray[np.int32]
    """Of each key and table the row's number, or -1."""
    differs: NDArray[np.bool_]
    repeated: int


_indexes: Kept[_Index] = Kept(_KEPT_BYTES)
_orders: Kept[NDArray[np.int32]] = Kept(_KEPT_BYTES)


def joined_page(
    tables: Sequence[Rows | None],
    problems: Sequence[str | None],
    wanted: Wanted,
    *,
    etags: Sequence[str],
) -> JoinedPage:
    """A window of the join of some tables; those that can't be read are ``None``.

    Args:
        tables: what is joined.
        problems: why those that are ``None`` can't be read.
        wanted: which rows.
        etags: of the files; where all have one, what is computed is kept.

    Raises:
        InvalidInput: no such column.
        LimitExceeded: the tables are too large.
    """
    columns = _columns(tables)
    names = [column.name for column in columns]
    key = _key(names, wanted.key)
    _check_size(tables)
    known = (*etags, key) if all(etags) else None
    index = _kept_index(known, tables, columns, key)
    order = _kept_order(known, tables, index, wanted)
    numbers = order[wanted.offset : wanted.offset + wanted.limit]
    cells = Cells()
    rows = list(_rows(tables, names, index, numbers, cells))
    is_cut = any(table is not None and table.is_cut for table in tables)
    return JoinedPage(
        [Column(cells.plain(column.name), column.type) for column in columns],
        key,
        len(index.keys),
        len(order),
        index.repeated,
        rows,
        list(problems),
        truncated=cells.cut or is_cut,
    )


def _columns(tables: Iterable[Rows | None]) -> list[Column]:
    types: dict[str, str] = {}
    for table in tables:
        for column in () if table is None else table.columns:
            before = types.setdefault(column.name, column.type)
            if before != column.type:
                both = {before, column.type}
                types[column.name] = "number" if both == {"integer", "number"} else "mixed"
    return [Column(name, kind) for name, kind in types.items()]


def _key(names: list[str], wanted: str | None) -> str | None:
    if wanted == "":
        return next((name for name in names if _KEYLIKE.search(name)), None)
    if wanted is not None and wanted not in names:
        raise InvalidInput(f"None of the tables has a column {wanted[:200]!r}.")
    return wanted


def _check_size(tables: Iterable[Rows | None]) -> None:
    cells = sum(table.total * len(table.columns) for table in tables if table is not None)
    if cells > MAX_CELLS:
        raise LimitExceeded("The number of cells that are joined here", limit=MAX_CELLS, got=cells)


def _kept_index(
    known: tuple[Any, ...] | None,
    tables: Sequence[Rows | None],
    columns: Sequence[Column],
    key: str | None,
) -> _Index:
    def make() -> tuple[_Index, int]:
        index = _make_index(tables, columns, key)
        weight = sum(map(len, index.keys)) + _KEY_BYTES * len(index.keys)
        return index, weight + index.places.nbytes + index.differs.nbytes

    return make()[0] if known is None else _indexes.get(known, make)


def _make_index(
    tables: Sequence[Rows | None], columns: Sequence[Column], key: str | None
) -> _Index:
    # Pictures of a table are files with names made up for each run: they tell no difference.
    compared = [one.name for one in columns if one.name != key and one.type != "image"]
    found: dict[str, int] = {}
    read: list[tuple[list[int], list[int], list[int]] | None] = []
    repeated = 0
    for table in tables:
        if table is None or (key is not None and _place(table, key) is None):
            read.append(None)
            continue
        places, numbers, signs = [], [], []
        seen: set[int] = set()
        at = None if key is None else _place(table, key)
        taken = [_place(table, name) for name in compared]
        for number, row in enumerate(table.page(0, table.total)):
            name = str(number + 1) if at is None else key_text(_cell(row, at))
            place = found.setdefault(name, len(found))
            if place in seen:
                repeated += 1
                continue
            seen.add(place)
            places.append(place)
            numbers.append(number)
            signs.append(_sign(_cell(row, one) for one in taken))
        read.append((places, numbers, signs))
    return _assembled(list(found), read, nothing=_sign(None for _ in compared), repeated=repeated)


def _assembled(
    keys: list[str],
    read: Sequence[tuple[list[int], list[int], list[int]] | None],
    *,
    nothing: int,
    repeated: int,
) -> _Index:
    places = np.full((len(keys), len(read)), -1, np.int32)
    signs = np.full((len(keys), len(read)), nothing, np.int64)
    for table, part in enumerate(read):
        if part is not None:
            places[part[0], table] = part[1]
            signs[part[0], table] = part[2]
    told = [table for table, part in enumerate(read) if part is not None]
    differs = np.zeros(len(keys), np.bool_)
    if told:
        differs = (signs[:, told] != signs[:, told[:1]]).any(axis=1)
    return _Index(keys, places, differs, repeated)


def _sign(cells: Iterable[Any]) -> int:
    """A number that is equal for cells of the same meaning."""
    return hash(_BETWEEN.join(NOTHING if cell is None else meaning(cell) for cell in cells))


def _place(table: Rows, name: str) -> int | None:
    return next((at for at, column in enumerate(table.columns) if column.name == name), None)


def _cell(row: list[Any], place: int | None) -> Any:
    return row[place] if place is not None and place < len(row) else None


def _kept_order(
    known: tuple[Any, ...] | None,
    tables: Sequence[Rows | None],
    index: _Index,
    wanted: Wanted,
) -> NDArray[np.int32]:
    def make() -> tuple[NDArray[np.int32], int]:
        order = _make_order(tables, index, wanted)
        return order, order.nbytes + 1_024

    if known is None:
        return make()[0]
    asked = (wanted.only_different, wanted.search, wanted.sort)
    return _orders.get((*known, *asked), make)


def _make_order(tables: Sequence[Rows | None], index: _Index, wanted: Wanted) -> NDArray[np.int32]:
    mask = index.differs if wanted.only_different else np.ones(len(index.keys), np.bool_)
    if wanted.search:
        mask = mask & _holding(tables, index, wanted.search.casefold())
    numbers = np.flatnonzero(mask).astype(np.int32)
    if wanted.sort is None:
        return numbers
    values = _sorted_values(tables, index, wanted.sort)
    places = sorted_places(
        [values[number] for number in numbers.tolist()], descending=wanted.sort.descending
    )
    return numbers[places]


def _holding(tables: Sequence[Rows | None], index: _Index, text: str) -> NDArray[np.bool_]:
    mask = np.fromiter((text in key.casefold() for key in index.keys), np.bool_, len(index.keys))
    for at, table in enumerate(tables):
        if table is None:
            continue
        hits = np.fromiter(
            (
                any(text in text_of(cell).casefold() for cell in row)
                for row in table.page(0, table.total)
            ),
            np.bool_,
        )
        places = index.places[:, at]
        there = places >= 0
        mask[there] |= hits[places[there]]
    return mask


def _sorted_values(tables: Sequence[Rows | None], index: _Index, sort: JoinSort) -> list[Any]:
    if sort.column is None:
        return list(index.keys)
    table = tables[sort.table] if 0 <= sort.table < len(tables) else None
    place = None if table is None else _place(table, sort.column)
    if table is None or place is None:
        raise InvalidInput(f"The table has no column {sort.column[:200]!r}.")
    cells = list(table.column(place))
    return [cells[at] if at >= 0 else None for at in index.places[:, sort.table].tolist()]


def _rows(
    tables: Sequence[Rows | None],
    names: list[str],
    index: _Index,
    numbers: NDArray[np.int32],
    cells: Cells,
) -> Iterator[JoinedRow]:
    places = index.places[numbers]
    read = [
        {} if table is None else table.pick([int(at) for at in places[:, t] if at >= 0])
        for t, table in enumerate(tables)
    ]
    taken = [[] if table is None else [_place(table, name) for name in names] for table in tables]
    for row, number in enumerate(numbers.tolist()):
        if cells.size > MAX_PAGE_BYTES:
            cells.cut = True
            return
        told: list[list[Any] | None] = []
        for t in range(len(tables)):
            found = read[t].get(int(places[row, t]))
            told.append(
                None if found is None else [cells.plain(_cell(found, at)) for at in taken[t]]
            )
        yield JoinedRow(cells.plain(index.keys[number]), told, differs=bool(index.differs[number]))

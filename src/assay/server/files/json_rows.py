"""Rows of a JSON file: a table as MLflow's ``log_table`` writes it, or a list of objects."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from assay.errors import InvalidInput, LimitExceeded
from assay.server.files.cells import Column, type_of_values
from assay.server.files.json_text import read_json
from assay.server.files.kept import Kept
from assay.server.files.opened import OpenedArtifact
from assay.server.files.rows import MAX_COLUMNS, SAMPLED_ROWS

MAX_JSON_BYTES = 64 << 20
_KEPT_BYTES = 96 << 20
"""Of text; the values take some times as much."""


class _Table(NamedTuple):
    columns: list[Column]
    is_cut: bool
    rows: list[list[Any]]


_known: Kept[_Table] = Kept(_KEPT_BYTES)


class JsonRows:
    """See ``Rows``."""

    def __init__(self, opened: OpenedArtifact) -> None:
        if opened.size > MAX_JSON_BYTES:
            raise LimitExceeded(
                "The size in bytes of a table in one JSON value",
                limit=MAX_JSON_BYTES,
                got=opened.size,
            )
        table = (
            _known.get(("json", opened.etag), lambda: (_read(opened), opened.size + 4_096))
            if opened.etag
            else _read(opened)
        )
        self._rows = table.rows
        self.columns: Sequence[Column] = table.columns
        self.is_cut = table.is_cut
        self.total = len(table.rows)

    def page(self, offset: int, limit: int) -> Iterator[list[Any]]:
        """See ``Rows``."""
        return (self._cells(row) for row in self._rows[offset : offset + limit])

    def pick(self, numbers: Sequence[int]) -> dict[int, list[Any]]:
        """See ``Rows``."""
        return {number: self._cells(self._rows[number]) for number in numbers}

    def column(self, place: int) -> Iterator[Any]:
        """See ``Rows``."""
        return (row[place] if place < len(row) else None for row in self._rows)

    def _cells(self, row: list[Any]) -> list[Any]:
        count = len(self.columns)
        return row[:count] if len(row) >= count else row + [None] * (count - len(row))


def _read(opened: OpenedArtifact) -> _Table:
    try:
        value = read_json(opened.read(0, opened.size))
    except InvalidInput as error:
        raise InvalidInput(f"{opened.name!r} is no JSON: {error.message}.") from None
    names, rows = _names_and_rows(value, opened.name)
    sample = rows[:SAMPLED_ROWS]
    columns = [
        Column(name, type_of_values(row[place] for row in sample if place < len(row)))
        for place, name in enumerate(names[:MAX_COLUMNS])
    ]
    return _Table(columns, len(names) > MAX_COLUMNS, rows)


def _names_and_rows(value: Any, name: str) -> tuple[list[str], list[list[Any]]]:
    if isinstance(value, dict):
        names, rows = value.get("columns"), value.get("data")
        if (
            isinstance(names, list)
            and isinstance(rows, list)
            and all(isinstance(row, list) for row in rows)
        ):
            return [text if isinstance(text, str) else str(text)[:200] for text in names], rows
    elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        keys = list(dict.fromkeys(itertools.chain.from_iterable(value)))
        shown = keys[: MAX_COLUMNS + 1]
        return keys, [[row.get(key) for key in shown] for row in value]
    raise InvalidInput(
        f"{name!r} holds no table: neither {{'columns': […], 'data': [[…]]}} nor a list of objects."
    )

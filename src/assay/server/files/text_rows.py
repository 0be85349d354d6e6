"""Rows of text files: CSV, TSV, and JSON by lines.

An index of where every 64th row starts is made in one pass over the file and kept by its content;
with it, a page costs what its own rows cost, wherever it lies.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput, LimitExceeded
from assay.server.files.cells import Column, type_of_texts, type_of_values, value_of_text
from assay.server.files.json_text import read_json
from assay.server.files.kept import Kept
from assay.server.files.opened import CHUNK_BYTES, OpenedArtifact
from assay.server.files.rows import MAX_COLUMNS, SAMPLED_ROWS

MAX_INDEXED_BYTES = 8 << 30
MAX_ROW_BYTES = 16 << 20
_EVERY = 64
_DELIMITERS = ",;\t|"
_NEWLINE, _RETURN = 10, 13
_KEPT_BYTES = 64 << 20

# The limit is the process's own: the library's default refuses cells over 128 kB, such as a
# picture in base64.
csv.field_size_limit(MAX_ROW_BYTES)


class TextTable(NamedTuple):
    """What is known of a text file with rows."""

    starts: NDArray[np.int64]
    """Where every 64th row starts, a head included."""
    total: int
    """Rows, a head included."""
    columns: list[Column]
    is_cut: bool
    delimiter: str
    """``""``: JSON by lines."""


_known: Kept[TextTable] = Kept(_KEPT_BYTES)


class TextRows:
    """See ``Rows``."""

    def __init__(self, opened: OpenedArtifact, *, separated: bool) -> None:
        self._opened = opened
        key = ("text", opened.etag, separated, opened.suffix == ".tsv")
        self._table = (
            _known.get(key, lambda: _weighed(_examined(opened, separated=separated)))
            if opened.etag
            else _examined(opened, separated=separated)
        )
        self.columns: Sequence[Column] = self._table.columns
        self.is_cut = self._table.is_cut
        self._head = 1 if separated else 0
        self.total = max(0, self._table.total - self._head)
        self._cells = _cells_of(self._table)

    def page(self, offset: int, limit: int) -> Iterator[list[Any]]:
        """See ``Rows``."""
        first = offset + self._head
        if offset >= self.total:
            return
        found = self._from_group(first // _EVERY)
        for row in itertools.islice(found, first % _EVERY, first % _EVERY + limit):
            yield self._cells(row)

    def pick(self, numbers: Sequence[int]) -> dict[int, list[Any]]:
        """See ``Rows``."""
        wanted: dict[int, list[int]] = {}
        for number in numbers:
            group, place = divmod(number + self._head, _EVERY)
            wanted.setdefault(group, []).append(place)
        found: dict[int, list[Any]] = {}
        for group, places in sorted(wanted.items()):
            last = max(places)
            for place, row in enumerate(itertools.islice(self._from_group(group), last + 1)):
                if place in places:
                    found[group * _EVERY + place - self._head] = self._cells(row)
        return found

    def column(self, place: int) -> Iterator[Any]:
        """See ``Rows``."""
        name = self.columns[place].name
        rows = itertools.islice(self._from_group(0), self._head, None)
        if self._head:
            for row in rows:
                yield row[place] if place < len(row) else ""
            return
        for row in rows:
            if isinstance(row, dict):
                yield row.get(name)
            else:
                yield None if place else row

    def _from_group(self, group: int) -> Iterator[Any]:
        if group >= len(self._table.starts):
            return iter(())
        file = self._opened.file()
        start = int(self._table.starts[group])
        file.seek(start)
        # Lines were measured when the index was made: none is longer than allowed.
        encoding = "utf-8" if start else "utf-8-sig"
        lines = io.TextIOWrapper(file, encoding, errors="replace", newline="\n")
        return _parsed(lines, self._table.delimiter)


class _Lines:
    """Lines of a file from some place on; ``position`` is behind the last one given."""

    def __init__(self, opened: OpenedArtifact, start: int) -> None:
        self._file = opened.file()
        self._file.seek(start)
        self.position = start

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_ROW_BYTES + 1)
        if not line:
            raise StopIteration
        if len(line) > MAX_ROW_BYTES:
            raise _too_long()
        first = self.position == 0
        self.position += len(line)
        if first:
            line = line.removeprefix(b"\xef\xbb\xbf")
        return line.decode("utf-8", "replace")


def _too_long() -> LimitExceeded:
    return LimitExceeded("The length of a row in bytes", limit=MAX_ROW_BYTES, got=MAX_ROW_BYTES + 1)


def _parsed(lines: Iterable[str], delimiter: str) -> Iterator[Any]:
    """Rows, blank lines left out."""
    if not delimiter:
        for line in lines:
            if line.strip("\r\n"):
                yield _json_line(line)
        return
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if row:
                yield row
    except csv.Error as error:
        raise InvalidInput(f"The table can't be read: {error}.") from None


def _json_line(line: str) -> Any:
    try:
        return read_json(line.encode())
    except InvalidInput as error:
        raise InvalidInput(f"A line is no JSON ({error.message}): {line[:80]!r}.") from None


def _weighed(table: TextTable) -> tuple[TextTable, int]:
    return table, table.starts.nbytes + 4_096


def _examined(opened: OpenedArtifact, *, separated: bool) -> TextTable:
    if opened.size > MAX_INDEXED_BYTES:
        raise LimitExceeded(
            "The size of a table in bytes", limit=MAX_INDEXED_BYTES, got=opened.size
        )
    if b"\0" in opened.read(0, 8_192):
        raise InvalidInput(f"{opened.name!r} is no text file in UTF-8, so no table can be read.")
    delimiter = _delimiter(opened) if separated else ""
    sample = list(itertools.islice(_parsed(_Lines(opened, 0), delimiter), SAMPLED_ROWS))
    columns = _named(sample) if separated else _keys(sample)
    starts, total = _index(opened, delimiter)
    return TextTable(starts, total, columns[:MAX_COLUMNS], len(columns) > MAX_COLUMNS, delimiter)


def _delimiter(opened: OpenedArtifact) -> str:
    if opened.suffix == ".tsv":
        return "\t"
    head = opened.read(0, 1 << 16).decode("utf-8", "replace").partition("\n")[0]
    unquoted = "".join(head.split('"')[::2])
    return max(_DELIMITERS, key=unquoted.count)


def _named(sample: list[list[str]]) -> list[Column]:
    if not sample:
        return []
    return [
        Column(name, type_of_texts(row[place] for row in sample[1:] if place < len(row)))
        for place, name in enumerate(sample[0])
    ]


def _keys(sample: list[Any]) -> list[Column]:
    objects = [row for row in sample if isinstance(row, dict)]
    if not objects and sample:
        return [Column("value", type_of_values(sample))]
    names = dict.fromkeys(itertools.chain.from_iterable(objects))
    return [Column(name, type_of_values(row.get(name) for row in objects)) for name in names]


def _cells_of(table: TextTable) -> Callable[[Any], list[Any]]:
    names = [column.name for column in table.columns]
    kinds = [column.type for column in table.columns]
    count = len(kinds)

    def separated(row: list[str]) -> list[Any]:
        padded = row if len(row) >= count else row + [""] * (count - len(row))
        return [value_of_text(text, kind) for text, kind in zip(padded, kinds, strict=False)]

    def by_key(row: Any) -> list[Any]:
        if isinstance(row, dict):
            return [row.get(name) for name in names]
        return [row, *[None] * (count - 1)] if count else []

    return separated if table.delimiter else by_key


def _index(opened: OpenedArtifact, delimiter: str) -> tuple[NDArray[np.int64], int]:
    """Where every 64th row starts, and how many there are.

    As long as no quote is seen, rows are lines, found by NumPy; behind the first one the CSV
    reader itself tells where a row ends.
    """
    found = _RowStarts()
    line_start = position = 0
    for chunk in opened.chunks():
        if delimiter and b'"' in chunk:
            _read_starts(opened, line_start, found, delimiter=delimiter)
            return found.result()
        line_start = _add_lines(opened, chunk, found, position=position, line_start=line_start)
        position += len(chunk)
        if position - line_start > MAX_ROW_BYTES:
            raise _too_long()
    if opened.read(line_start, 2).strip(b"\r\n"):
        found.add(np.array([line_start]))
    return found.result()


class _RowStarts:
    def __init__(self) -> None:
        self.count = 0
        self._sampled: list[NDArray[np.int64]] = []

    def add(self, starts: NDArray[np.int64]) -> None:
        self._sampled.append(starts[-self.count % _EVERY :: _EVERY].astype(np.int64))
        self.count += len(starts)

    def result(self) -> tuple[NDArray[np.int64], int]:
        empty: NDArray[np.int64] = np.empty(0, np.int64)
        return np.concatenate([empty, *self._sampled]), self.count


def _add_lines(
    opened: OpenedArtifact, chunk: bytes, found: _RowStarts, *, position: int, line_start: int
) -> int:
    """Note the lines that end in a chunk; returns where the next one starts."""
    content = np.frombuffer(chunk, np.uint8)
    ends = np.flatnonzero(content == _NEWLINE)
    if not len(ends):
        return line_start
    starts = np.concatenate([[line_start - position], ends[:-1] + 1])
    lengths = ends - starts
    blank = lengths == 0
    short = np.flatnonzero(lengths == 1)
    if len(short):
        # A line of the carriage return only; the first may have begun in the chunk before.
        blank[short] = content[ends[short] - 1] == _RETURN
        if short[0] == 0 and ends[0] == 0:
            blank[0] = opened.read(line_start, 1) == b"\r"
    found.add(starts[~blank] + position)
    return int(ends[-1]) + 1 + position


def _read_starts(opened: OpenedArtifact, start: int, found: _RowStarts, *, delimiter: str) -> None:
    lines = _Lines(opened, start)
    row_start = start
    waiting: list[int] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if row:
                waiting.append(row_start)
                if len(waiting) == CHUNK_BYTES:
                    found.add(np.array(waiting))
                    waiting.clear()
            row_start = lines.position
    except csv.Error as error:
        raise InvalidInput(f"The table can't be read: {error}.") from None
    found.add(np.array(waiting, np.int64))

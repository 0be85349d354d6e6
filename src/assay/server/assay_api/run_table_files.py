"""Files of the run table: columns of cells as CSV, JSON or Parquet, written as they come.

Cells of CSV that a spreadsheet would take for a formula get an apostrophe in front, unless they are
numbers: a param named by somebody else must not run when its table is opened.
"""

from __future__ import annotations

import csv
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from assay.errors import MissingExtra
from assay.search.tree import Figure, figure_text
from assay.server.assay_api.run_rows import json_cells
from assay.store.run_views import Cell, Column, ColumnKind, RunRows

_TIMES: Final = ("start_time", "end_time")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_encode = msgspec.json.Encoder().encode


class FileColumn(msgspec.Struct, frozen=True):
    """A column of a file: its heading, and what it holds."""

    name: str
    type: type
    """``float``, ``int``, ``str`` or ``datetime``."""


Windows = Iterator[Sequence[RunRows]]


class RunFile(ABC):
    """A file format."""

    content_type: bytes

    @abstractmethod
    def write(self, columns: Sequence[FileColumn], windows: Windows) -> Iterator[bytes]:
        """The file in pieces; a window's answers stand side by side."""


def file_columns(columns: Sequence[Column]) -> list[FileColumn]:
    """The columns as a file has them: ``metrics.loss``, ``metrics.loss.min``, ``status``."""
    names: dict[str, int] = {}
    found = []
    for column in columns:
        name = _name(column)
        times = names[name] = names.get(name, 0) + 1
        # ``loss.min`` may be a key, and a figure of ``loss``.
        found.append(FileColumn(name if times == 1 else f"{name} ({times})", _type(column)))
    return found


def _name(column: Column) -> str:
    if column.kind is ColumnKind.ATTRIBUTE:
        return column.key
    figure = "" if column.stat is Figure.LAST else f".{figure_text(column.stat, column.of)}"
    return f"{column.kind}s.{column.key}{figure if column.kind is ColumnKind.METRIC else ''}"


def _type(column: Column) -> type:
    if column.kind is ColumnKind.METRIC:
        return int if column.stat is Figure.COUNT else float
    if column.kind is ColumnKind.ATTRIBUTE and column.key in _TIMES:
        return datetime
    if column.kind is ColumnKind.ATTRIBUTE and column.key == "duration":
        return int
    return str


def _cells(window: Sequence[RunRows]) -> list[list[Cell]]:
    return [column for part in window for column in part.columns]


class _Csv(RunFile):
    content_type = b"text/csv; charset=utf-8"

    def write(self, columns: Sequence[FileColumn], windows: Windows) -> Iterator[bytes]:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow([safe_cell(column.name) for column in columns])
        for window in windows:
            shown = [
                [_shown(cell, column.type) for cell in cells]
                for column, cells in zip(columns, _cells(window), strict=True)
            ]
            writer.writerows(zip(*shown, strict=True))
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()


def _shown(cell: Cell, kind: type) -> Cell:
    if cell is None:
        return ""
    if kind is datetime:
        return _moment(cell)
    return safe_cell(cell) if isinstance(cell, str) else cell


def _moment(cell: Cell) -> str:
    assert isinstance(cell, int)
    try:
        return (_EPOCH + timedelta(milliseconds=cell)).isoformat(timespec="milliseconds")
    except OverflowError:  # a time may be any 64-bit number
        return str(cell)


def safe_cell(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula; numbers stay as they are."""
    if text.startswith(_FORMULA) and not _NUMBER.match(text):
        return "'" + text
    return text


class _Json(RunFile):
    content_type = b"application/json"

    def write(self, columns: Sequence[FileColumn], windows: Windows) -> Iterator[bytes]:
        names = [column.name for column in columns]
        before = b"[\n"
        for window in windows:
            cells = [json_cells(column) for column in _cells(window)]
            lines = [
                _encode(dict(zip(names, row, strict=True))) for row in zip(*cells, strict=True)
            ]
            if lines:
                yield before + b",\n".join(lines)
                before = b",\n"
        yield (b"" if before == b",\n" else before) + b"\n]\n"


class _Parquet(RunFile):
    content_type = b"application/vnd.apache.parquet"

    def write(self, columns: Sequence[FileColumn], windows: Windows) -> Iterator[bytes]:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise MissingExtra(
                "pyarrow", extra="parquet", purpose="Exporting runs as Parquet"
            ) from None
        types: dict[type, Any] = {
            float: pyarrow.float64(),
            int: pyarrow.int64(),
            str: pyarrow.string(),
            datetime: pyarrow.timestamp("ms", "UTC"),
        }
        schema = pyarrow.schema([(column.name, types[column.type]) for column in columns])
        sink = io.BytesIO()
        with parquet.ParquetWriter(_Forward(sink), schema) as writer:
            for window in windows:
                arrays = [
                    pyarrow.array(cells, field.type)
                    for cells, field in zip(_cells(window), schema, strict=True)
                ]
                writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
                yield _drained(sink)
        yield _drained(sink)


class _Forward(io.RawIOBase):
    """What is written, kept until it is drained, while positions count on."""

    def __init__(self, sink: io.BytesIO) -> None:
        super().__init__()
        self._sink, self._at = sink, 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        count = self._sink.write(data)
        self._at += count
        return count


def _drained(sink: io.BytesIO) -> bytes:
    written = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return written


FORMATS: Final[dict[str, RunFile]] = {"csv": _Csv(), "json": _Json(), "parquet": _Parquet()}

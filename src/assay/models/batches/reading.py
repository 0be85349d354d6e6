"""Rows of a file, chunk by chunk, as Arrow tables: Parquet, CSV, JSON lines and JSON arrays.

Whatever the size of the file, only a chunk and what the reader is ahead of it is in memory. Types
follow the model's signature where it has columns, else what the file says or looks like.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from assay.errors import ArtifactNotFound, InvalidInput, MissingExtra
from assay.models.signatures.data_types import DataType
from assay.models.signatures.schema import Schema
from assay.models.signatures.specs import ColSpec

ENDINGS: Final = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
"""Form of a file by its ending."""
_CSV_BLOCK_BYTES: Final = 4 << 20
"""Types of columns that the signature doesn't tell are guessed from so much of the file."""
_READ_BYTES: Final = 1 << 20
MAX_RECORD_BYTES: Final = 64 << 20
"""Of one record of JSON; more than that is no row."""
_SPACE = re.compile(r"\s*")
_ARROW_TYPES: Final = {
    DataType.boolean: "bool",
    DataType.integer: "int32",
    DataType.long: "int64",
    DataType.float: "float32",
    DataType.double: "float64",
    DataType.string: "string",
    DataType.binary: "binary",
    DataType.datetime: "timestamp[us]",
}


class Source(Protocol):
    """An open file of rows."""

    names: list[str] | None
    """Columns of the file; ``None`` if only its rows tell."""
    total_rows: int | None
    """How many rows there are, where the file says so."""

    def chunks(self, rows: int, columns: Sequence[str] | None) -> Iterator[Any]:
        """Arrow tables of at most ``rows`` rows, with these columns, or all of them."""

    def fraction(self) -> float:
        """How much of the file was read, from 0 to 1."""


def pyarrow() -> Any:
    """The module.

    Raises:
        MissingExtra: it isn't installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtra("pyarrow", extra="parquet", purpose="Predicting files") from None
    return pa


def form_of(path: Path) -> str:
    """``parquet``, ``csv``, ``json`` or ``jsonl``.

    Raises:
        InvalidInput: the ending is of none of them.
    """
    form = ENDINGS.get(path.suffix.lower())
    if form is None:
        raise InvalidInput(
            f"{path.name!r} has none of the endings that are understood: {', '.join(ENDINGS)}."
        )
    return form


def open_source(path: Path, schema: Schema | None = None) -> Source:
    """Open a file of rows; ``schema`` is that of the model's inputs.

    Raises:
        ArtifactNotFound: there is no such file.
        InvalidInput: its ending or its content isn't understood.
        MissingExtra: pyarrow isn't installed.
    """
    form = form_of(path)
    if not path.is_file():
        raise ArtifactNotFound(str(path))
    types = _types(schema)
    if form == "parquet":
        return _Parquet(path)
    if form == "csv":
        return _Csv(path, types)
    return _Json(path, types, lines=form == "jsonl")


def _types(schema: Schema | None) -> dict[str, DataType]:
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return {}
    return {
        str(spec.name): spec.type
        for spec in schema
        if isinstance(spec, ColSpec) and isinstance(spec.type, DataType)
    }


def _arrow_type(kind: DataType) -> Any:
    pa = pyarrow()
    name = _ARROW_TYPES[kind]
    return pa.timestamp("us") if name.startswith("timestamp") else pa.type_for_alias(name)


class _Parquet:
    def __init__(self, path: Path) -> None:
        self._path = path
        pa = pyarrow()
        from pyarrow import parquet

        try:
            # Buffered, not pre-read: a column of a whole row group may be larger than memory.
            self._file = parquet.ParquetFile(path, buffer_size=_READ_BYTES, pre_buffer=False)
        except pa.ArrowInvalid as error:
            raise InvalidInput(f"{path} can't be read as Parquet: {error}") from None
        self.names: list[str] | None = list(self._file.schema_arrow.names)
        self.total_rows: int | None = self._file.metadata.num_rows
        self._rows = 0

    def chunks(self, rows: int, columns: Sequence[str] | None) -> Iterator[Any]:
        pa = pyarrow()
        wanted = None if columns is None else list(columns)
        try:
            with self._file:
                for batch in self._file.iter_batches(rows, columns=wanted):
                    self._rows += batch.num_rows
                    yield pa.Table.from_batches([batch])
        except (pa.ArrowInvalid, OSError) as error:
            raise InvalidInput(f"{self._path} is damaged: {error}.") from error

    def fraction(self) -> float:
        return self._rows / self.total_rows if self.total_rows else 1.0


class _Csv:
    def __init__(self, path: Path, types: Mapping[str, DataType]) -> None:
        self._path = path
        self._types = {
            name: _arrow_type(kind) for name, kind in types.items() if kind is not DataType.binary
        }
        self._size = path.stat().st_size or 1
        self._stream: Any = None
        with self._open(None) as reader:
            names = list(reader.schema.names)
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise InvalidInput(f"{path} has the column {twice[0]!r} more than once.")
        self.names: list[str] | None = names
        self.total_rows: int | None = None

    def chunks(self, rows: int, columns: Sequence[str] | None) -> Iterator[Any]:
        pa = pyarrow()
        try:
            with self._open(columns) as reader:
                yield from _of_size(reader, rows)
        except pa.ArrowInvalid as error:
            raise InvalidInput(
                f"{self._path}: {error}. Types of columns come from the model's signature, else"
                " from the first rows."
            ) from None
        finally:
            self._stream = None

    def _open(self, columns: Sequence[str] | None) -> Any:
        pa = pyarrow()
        from pyarrow import csv

        convert = csv.ConvertOptions(
            column_types=self._types,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            include_columns=None if columns is None else list(columns),
        )
        read = csv.ReadOptions(block_size=_CSV_BLOCK_BYTES)
        parse = csv.ParseOptions(newlines_in_values=True)
        self._stream = pa.OSFile(str(self._path))
        try:
            return csv.open_csv(
                self._stream, read_options=read, parse_options=parse, convert_options=convert
            )
        except pa.ArrowInvalid as error:
            raise InvalidInput(f"{self._path} can't be read as CSV: {error}.") from None

    def fraction(self) -> float:
        return 1.0 if self._stream is None else min(1.0, self._stream.tell() / self._size)


def _of_size(batches: Any, rows: int) -> Iterator[Any]:
    """Batches of any size as tables of ``rows`` rows; the last one may have fewer."""
    pa = pyarrow()
    held: list[Any] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= rows:
            table = pa.Table.from_batches(held)
            yield table.slice(0, rows)
            rest = table.slice(rows)
            held, count = rest.to_batches(), rest.num_rows
    if count:
        yield pa.Table.from_batches(held)


class _Json:
    """Records: one on each line, or all in one array."""

    def __init__(self, path: Path, types: Mapping[str, DataType], *, lines: bool) -> None:
        self._path = path
        self._types = types
        self._lines = lines
        self._size = path.stat().st_size or 1
        self._read = 0
        self.names: list[str] | None = None
        self.total_rows: int | None = None

    def fraction(self) -> float:
        return min(1.0, self._read / self._size)

    def chunks(self, rows: int, columns: Sequence[str] | None) -> Iterator[Any]:
        held: list[dict[str, Any]] = []
        for record in self._records():
            if not isinstance(record, dict):
                raise InvalidInput(f"{self._path} must hold records (objects) only.")
            held.append(record)
            if len(held) == rows:
                yield self._table(held, columns)
                held = []
        if held:
            yield self._table(held, columns)

    def _table(self, records: list[dict[str, Any]], columns: Sequence[str] | None) -> Any:
        pa = pyarrow()
        names = dict.fromkeys(name for record in records for name in record)
        made = {}
        for name in names if columns is None else [one for one in columns if one in names]:
            values = [record.get(name) for record in records]
            try:
                made[name] = self._column(values, self._types.get(name))
            except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, TypeError) as error:
                raise InvalidInput(f"{self._path}: column {name!r}: {error}.") from None
        return pa.table(made)

    def _column(self, values: list[Any], kind: DataType | None) -> Any:
        pa = pyarrow()
        if kind is DataType.binary:
            values = [base64.b64decode(one) if isinstance(one, str) else one for one in values]
        if kind is DataType.datetime and any(isinstance(one, str) for one in values):
            return pa.array(values, pa.string()).cast(_arrow_type(kind))
        return pa.array(values, None if kind is None else _arrow_type(kind))

    def _records(self) -> Iterator[Any]:
        yield from self._of_lines() if self._lines else self._of_array()

    def _of_lines(self) -> Iterator[Any]:
        decode = msgspec.json.Decoder().decode
        with self._path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_RECORD_BYTES + 1):
                number += 1
                self._read += len(line)
                if len(line) > MAX_RECORD_BYTES:
                    raise InvalidInput(
                        f"{self._path}: line {number} is over {MAX_RECORD_BYTES >> 20} MB."
                    )
                if not line.strip():
                    continue
                try:
                    yield decode(line)
                except msgspec.DecodeError:
                    yield self._lenient(line, f"line {number}")

    def _lenient(self, text: bytes, where: str) -> Any:
        try:
            # Python and MLflow write NaN and Infinity, which strict parsers refuse.
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{self._path}: {where} is no JSON: {error}.") from None

    def _of_array(self) -> Iterator[Any]:
        decode = json.JSONDecoder().raw_decode
        with self._path.open("rb") as raw, io.TextIOWrapper(raw, "utf-8") as file:
            text = file.read(_READ_BYTES).lstrip()
            if not text.startswith("["):
                raise InvalidInput(
                    f"{self._path} must hold an array of records. For the forms that a scoring"
                    " server takes (dataframe_split, …), leave out the target file."
                )
            at, first, done = 1, True, False
            while True:
                start = _end_of_space(text, at)
                if text[start : start + 1] == "]":
                    return
                if not first and start < len(text):
                    if text[start] != ",":
                        raise InvalidInput(f"{self._path}: a comma is missing between records.")
                    start = _end_of_space(text, start + 1)
                record, end = None, 0
                try:
                    record, end = decode(text, start)
                except (ValueError, RecursionError) as error:
                    if done or len(text) - at > MAX_RECORD_BYTES:
                        raise InvalidInput(f"{self._path} is no JSON: {error}.") from None
                # A number at the end of what was read may go on in what comes next.
                if end and (done or end < len(text)):
                    yield record
                    at, first = end, False
                    continue
                # As much again as there is: a long record is tried few times.
                more = file.read(max(_READ_BYTES, len(text) - at))
                self._read = raw.tell()
                text, at, done = text[at:] + more, 0, not more


def _end_of_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()

"""Files of predictions, written chunk by chunk: Parquet, CSV, JSON lines, or MLflow's JSON.

A file appears under its name when it is whole, or not at all.
"""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

import msgspec

from assay.errors import InvalidInput
from assay.models.batches.outputs import PREDICTION
from assay.models.batches.reading import form_of, pyarrow

_COMPRESSION: Final = "zstd"


class Sink(ABC):
    """A file that is being written. Used as a context, it is thrown away unless ``finish`` was
    called.

    Chunks after the first must have its columns; where types differ they are cast if no value
    changes.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._part = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Sink:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._part.open("xb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._abandon()
        finally:
            self._part.unlink(missing_ok=True)

    def finish(self) -> None:
        """Make the file appear."""
        assert self._file is not None
        self._close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._target)

    def _abandon(self) -> None:
        if self._file is not None:
            self._file.close()

    @abstractmethod
    def write(self, table: Any) -> None:
        """Add a chunk."""

    @abstractmethod
    def _close(self) -> None:
        """Write what comes after the last chunk."""


def open_sink(target: Path) -> Sink:
    """The sink for the ending of a file.

    Raises:
        InvalidInput: the ending isn't understood.
    """
    form = form_of(target)
    kinds: dict[str, type[Sink]] = {"parquet": _Parquet, "csv": _Csv, "jsonl": _Lines}
    return kinds.get(form, _Json)(target)


class _Arrow(Sink):
    """What Arrow has a writer for."""

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        self._writer: Any = None
        self._schema: Any = None

    def write(self, table: Any) -> None:
        if self._writer is None:
            self._schema = self._writable(table.schema)
            self._writer = self._open(self._schema)
        self._writer.write_table(_cast(table, self._schema))

    def _writable(self, schema: Any) -> Any:
        return schema

    @abstractmethod
    def _open(self, schema: Any) -> Any:
        """Arrow's writer."""

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _abandon(self) -> None:
        # Arrow's writers complete their file when they are collected.
        self._writer = None
        super()._abandon()


class _Parquet(_Arrow):
    def _open(self, schema: Any) -> Any:
        from pyarrow import parquet

        return parquet.ParquetWriter(self._file, schema, compression=_COMPRESSION)


class _Csv(_Arrow):
    def _writable(self, schema: Any) -> Any:
        pa = pyarrow()
        for field in schema:
            if pa.types.is_nested(field.type):
                raise InvalidInput(
                    f"CSV can't hold the column {field.name!r} of {field.type}: write Parquet or"
                    " JSON lines."
                )
        return schema

    def _open(self, schema: Any) -> Any:
        from pyarrow import csv

        return csv.CSVWriter(self._file, schema)


class _Lines(Sink):
    """A record on each line. JSON has no NaN and no infinity: they are null."""

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    def write(self, table: Any) -> None:
        assert self._file is not None
        self._file.write(self._encoder.encode_lines(table.to_pylist()))

    def _close(self) -> None:
        pass


class _Json(Sink):
    """``{"predictions": […]}``, as MLflow's tools answer: values, or records where there are
    several columns.
    """

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        self._encoder = msgspec.json.Encoder(enc_hook=str)
        self._begun = False

    def write(self, table: Any) -> None:
        assert self._file is not None
        if table.column_names == [PREDICTION]:
            rows = table[PREDICTION].to_pylist()
        else:
            rows = table.to_pylist()
        if rows:
            self._file.write(b", " if self._begun else b'{"predictions": [')
            self._file.write(self._encoder.encode(rows)[1:-1])
            self._begun = True

    def _close(self) -> None:
        assert self._file is not None
        self._file.write(b"]}" if self._begun else b'{"predictions": []}')


def _cast(table: Any, schema: Any) -> Any:
    if table.schema.equals(schema):
        return table
    if table.column_names != schema.names:
        raise InvalidInput(
            f"A chunk has the columns {', '.join(table.column_names)}, the first one had"
            f" {', '.join(schema.names)}."
        )
    pa = pyarrow()
    try:
        return table.cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidInput(
            f"A chunk has other types than the first one ({error}): write JSON lines, which takes"
            " them."
        ) from None

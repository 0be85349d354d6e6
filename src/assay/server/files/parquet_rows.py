"""Rows of a Parquet file: only the row groups that a page touches are read."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from assay.errors import InvalidInput, MissingExtra
from assay.server.files.cells import Column
from assay.server.files.opened import OpenedArtifact
from assay.server.files.rows import MAX_COLUMNS

_BATCH_ROWS = 1_000
_MAX_FOOTER_ITEMS = 1_000_000
"""Columns × row groups: the footer of a file is hostile too."""
_MAX_FOOTER_TEXT = 64 << 20


class ParquetRows:
    """See ``Rows``."""

    def __init__(self, opened: OpenedArtifact) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError:
            raise MissingExtra("pyarrow", extra="parquet", purpose="Showing Parquet") from None
        self._name = opened.name
        with self._errors():
            self._file: Any = parquet.ParquetFile(
                pa.PythonFile(opened.file(), mode="r"),
                thrift_string_size_limit=_MAX_FOOTER_TEXT,
                thrift_container_size_limit=_MAX_FOOTER_ITEMS,
            )
            schema = self._file.schema_arrow
            names = list(schema.names)
            self._shown = names[:MAX_COLUMNS]
            self.columns: Sequence[Column] = [
                Column(name, _type(pa, schema.field(place).type))
                for place, name in enumerate(self._shown)
            ]
            metadata = self._file.metadata
            self._sizes = [
                metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)
            ]
        if min(self._sizes, default=0) < 0:
            raise InvalidInput(
                f"{self._name!r} is no sound Parquet file: a negative count of rows."
            )
        self.is_cut = len(names) > MAX_COLUMNS
        self.total = sum(self._sizes)

    def page(self, offset: int, limit: int) -> Iterator[list[Any]]:
        """See ``Rows``."""
        groups: list[int] = []
        start = skip = 0
        for number, size in enumerate(self._sizes):
            if start + size > offset and start < offset + limit:
                skip = skip if groups else offset - start
                groups.append(number)
            start += size
        if not groups:
            return
        left = limit
        for batch in self._batches(groups, self._shown):
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                continue
            part = batch.slice(skip, left)
            skip = 0
            yield from _rows(part)
            left -= part.num_rows
            if left <= 0:
                return

    def pick(self, numbers: Sequence[int]) -> dict[int, list[Any]]:
        """See ``Rows``."""
        wanted = sorted(numbers)
        found: dict[int, list[Any]] = {}
        ends = list(itertools.accumulate(self._sizes))
        place = 0
        for group, end in enumerate(ends):
            start = end - self._sizes[group]
            first = place
            while place < len(wanted) and wanted[place] < end:
                place += 1
            if place > first:
                found.update(self._pick_of_group(group, wanted[first:place], start=start))
        return found

    def _pick_of_group(self, group: int, numbers: list[int], *, start: int) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {}
        place = 0
        for batch in self._batches([group], self._shown):
            end = start + batch.num_rows
            first = place
            while place < len(numbers) and numbers[place] < end:
                place += 1
            if place > first:
                mine = numbers[first:place]
                with self._errors():
                    part = batch.take([number - start for number in mine])
                found.update(zip(mine, _rows(part), strict=True))
            if place == len(numbers):
                break
            start = end
        return found

    def column(self, place: int) -> Iterator[Any]:
        """See ``Rows``."""
        for batch in self._batches(list(range(len(self._sizes))), [self._shown[place]]):
            for row in _rows(batch):
                yield row[0]

    def _batches(self, groups: list[int], columns: list[str]) -> Iterator[Any]:
        with self._errors():
            yield from self._file.iter_batches(
                batch_size=_BATCH_ROWS, row_groups=groups, columns=columns, use_threads=False
            )

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, InvalidInput):
                raise
            why = " ".join(str(error).split())[:200]
            raise InvalidInput(f"{self._name!r} is no sound Parquet file: {why}.") from None


def _type(pa: Any, kind: Any) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    checks = (
        ("boolean", pa.types.is_boolean),
        ("integer", pa.types.is_integer),
        ("number", pa.types.is_floating),
        ("number", pa.types.is_decimal),
        ("text", pa.types.is_string),
        ("text", pa.types.is_large_string),
        ("time", pa.types.is_temporal),
        ("binary", pa.types.is_binary),
        ("binary", pa.types.is_large_binary),
        ("binary", pa.types.is_fixed_size_binary),
        ("json", pa.types.is_nested),
    )
    return next((name for name, check in checks if check(kind)), "text")


def _rows(batch: Any) -> Iterator[list[Any]]:
    columns = [_values(batch.column(place)) for place in range(batch.num_columns)]
    return (list(row) for row in zip(*columns, strict=True))


def _values(column: Any) -> list[Any]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        # Nanoseconds have no type in Python, and decimals none in JSON.
        with contextlib.suppress(pa.ArrowException):
            column = column.cast(pa.string())
    values: list[Any] = column.to_pylist()
    return values

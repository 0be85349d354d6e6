"""Tables as artifacts, in the JSON form of MLflow's ``log_table``.

``{"columns": […], "data": [[…], …]}``, or Parquet where the name ends so. Logging to a name again
appends. Pictures in cells become files of their own, and the cell names them.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec

from assay.client.content import (
    Image,
    image_content,
    is_frame,
    is_pillow_image,
    thumbnail_content,
)
from assay.errors import InvalidInput, MissingExtra

TABLE_ENDINGS = (".json", ".parquet")


class Table(msgspec.Struct):
    """Rows under named columns."""

    columns: list[str]
    data: list[list[Any]]
    files: dict[str, bytes] = {}
    """Pictures of the cells by artifact path, to be logged beside the table."""

    def extend(self, other: Table) -> Table:
        """The rows of both; a column that one of them lacks is empty (``None``) there."""
        columns = [*self.columns, *(name for name in other.columns if name not in self.columns)]
        rows = [[*row, *[None] * (len(columns) - len(row))] for row in self.data]
        places = [other.columns.index(n) if n in other.columns else None for n in columns]
        rows += [[None if at is None else row[at] for at in places] for row in other.data]
        return Table(columns, rows, {**self.files, **other.files})

    def select(self, names: Sequence[str]) -> Table:
        """Only these columns."""
        places = [self.columns.index(name) for name in names]
        return Table(list(names), [[row[at] for at in places] for row in self.data])


def check_table_name(artifact_file: str) -> None:
    """Refuse a name whose ending is not one of a table."""
    if PurePosixPath(artifact_file).suffix not in TABLE_ENDINGS:
        raise InvalidInput(
            f"A table is kept as .json or .parquet, not as {artifact_file!r}: change the ending."
        )


def as_table(data: object, artifact_file: str) -> Table:
    """``data`` as a table: a mapping of names to columns (or single values), or a DataFrame.

    Raises:
        InvalidInput: another kind of object, or columns of different length.
    """
    check_table_name(artifact_file)
    columns = _columns(data)
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        shown = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
        raise InvalidInput(f"The columns of a table must have one length; these have: {shown}.")
    files: dict[str, bytes] = {}
    folder = str(PurePosixPath(artifact_file).with_suffix(""))
    cells = [
        [_cell(value, folder=folder, files=files) for value in column]
        for column in columns.values()
    ]
    return Table(list(columns), [list(row) for row in zip(*cells, strict=True)], files)


def _columns(data: Any) -> dict[str, list[Any]]:
    if is_frame(data):
        return {str(name): _column(data[name]) for name in data.columns}
    if not isinstance(data, Mapping):
        raise InvalidInput(
            f"A table is a dict of columns or a DataFrame, not {type(data).__name__}."
        )
    return {str(name): _column(values) for name, values in data.items()}


def _column(values: Any) -> list[Any]:
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__iter__"):
        return [values]
    if isinstance(values, Image) or is_pillow_image(values):
        return [values]
    to_list = getattr(values, "tolist", None) or getattr(values, "to_list", None)
    return list(to_list()) if to_list is not None else list(values)


def _cell(value: Any, *, folder: str, files: dict[str, bytes]) -> Any:
    if isinstance(value, Image) or is_pillow_image(value):
        name = f"{folder}/{uuid.uuid4()}"
        files[f"{name}.png"] = image_content(value, f"{name}.png")
        files[f"{name}-compressed.webp"] = thumbnail_content(value)
        return {
            "type": "image",
            "filepath": f"{name}.png",
            "compressed_filepath": f"{name}-compressed.webp",
        }
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - the one test of NaN without math
        return None
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "ndim", 1) == 0:
        return item()
    return value


def table_content(table: Table, artifact_file: str) -> bytes:
    """The table as its file."""
    if artifact_file.endswith(".parquet"):
        arrow, parquet = _parquet()
        buffer = io.BytesIO()
        columns = {name: [row[at] for row in table.data] for at, name in enumerate(table.columns)}
        parquet.write_table(arrow.table(columns), buffer)
        return buffer.getvalue()
    plain = {"columns": table.columns, "data": table.data}
    return msgspec.json.encode(plain, enc_hook=str)


class _JsonTable(msgspec.Struct):
    columns: list[str]
    data: list[list[Any]]


def read_table(content: bytes, artifact_file: str) -> Table:
    """A table from its file, ours or MLflow's.

    Raises:
        InvalidInput: the file holds no table.
    """
    if artifact_file.endswith(".parquet"):
        _, parquet = _parquet()
        columns = parquet.read_table(io.BytesIO(content)).to_pydict()
        return Table(list(columns), [list(row) for row in zip(*columns.values(), strict=True)])
    try:
        plain = msgspec.json.decode(content, type=_JsonTable)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"The artifact {artifact_file!r} holds no table: {error}.") from None
    return Table(plain.columns, plain.data)


def _parquet() -> tuple[Any, Any]:
    # Any: the modules of an optional library without type information.
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtra("pyarrow", extra="parquet", purpose="Parquet tables") from None
    return pyarrow, parquet


def logged_tables_tag(existing: str | None, artifact_file: str) -> str:
    """The value of the tag ``mlflow.loggedArtifacts`` with this table among its entries."""
    entries: list[dict[str, str]] = []
    if existing:
        try:
            entries = msgspec.json.decode(existing, type=list[dict[str, str]])
        except msgspec.DecodeError:
            entries = []
    entry = {"path": artifact_file, "type": "table"}
    if entry not in entries:
        entries.append(entry)
    return msgspec.json.encode(entries).decode()

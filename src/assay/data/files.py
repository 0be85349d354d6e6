"""Datasets of CSV and Parquet files, described without loading them into the program."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import os
from pathlib import Path
from typing import Any

from assay import entities
from assay.data.dataset import Dataset
from assay.data.digests import file_digest
from assay.data.sources import get_source, resolve_source
from assay.errors import ArtifactNotFound, InvalidInput, MissingExtra

_SAMPLE_ROWS = 1_000
"""Rows of a CSV file that its column types are guessed from."""


class FileDataset(Dataset):
    """A file on this machine; the digest is that of its bytes."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        file_format: str,
        targets: str | None = None,
        name: str | None = None,
        digest: str | None = None,
    ) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ArtifactNotFound(str(path))
        super().__init__(
            name=name or self.path.stem, digest=digest, source=resolve_source(os.fspath(path))
        )
        self.file_format = file_format
        self.targets = targets
        self._facts: tuple[list[dict[str, Any]], int] | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """MLflow's ``mlflow_colspec``."""
        return {"mlflow_colspec": self._read_facts()[0]}

    @property
    def profile(self) -> dict[str, int]:
        """Rows, values and bytes."""
        columns, rows = self._read_facts()
        return {
            "num_rows": rows,
            "num_elements": rows * len(columns),
            "num_bytes": self.path.stat().st_size,
        }

    def load(self) -> Any:
        """The data as a pandas DataFrame, or a Polars one where pandas is not installed."""
        return _read_frame(self.path, self.file_format)

    def _compute_digest(self) -> str:
        return file_digest(self.path)

    def _read_facts(self) -> tuple[list[dict[str, Any]], int]:
        if self._facts is None:
            read = _csv_facts if self.file_format == "csv" else _parquet_facts
            self._facts = read(self.path)
        return self._facts


def _csv_facts(path: Path) -> tuple[list[dict[str, Any]], int]:
    rows = 0
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        samples: list[list[str]] = [[] for _ in header]
        for row in reader:
            if rows < _SAMPLE_ROWS:
                for column, cell in zip(samples, row, strict=False):
                    column.append(cell)
            rows += bool(row)
    columns = [
        {"type": _text_type(cells), "name": name, "required": all(cells)}
        for name, cells in zip(header, samples, strict=True)
    ]
    return columns, rows


def _text_type(cells: list[str]) -> str:
    present = [cell.strip() for cell in cells if cell.strip()]
    for kind, reads in (("long", int), ("double", float)):
        try:
            for cell in present:
                reads(cell)
        except ValueError:
            continue
        return kind if present else "string"
    if all(cell.lower() in ("true", "false") for cell in present):
        return "boolean"
    return "string"


def _parquet_facts(path: Path) -> tuple[list[dict[str, Any]], int]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtra("pyarrow", extra="parquet", purpose="Describing Parquet files") from None
    with parquet.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    columns = [
        {"type": _arrow_type(str(field.type)), "name": field.name, "required": not field.nullable}
        for field in schema
    ]
    return columns, rows


def _arrow_type(kind: str) -> str:
    for prefix, words in (
        ("uint32", "long"),
        ("int64", "long"),
        ("uint64", "long"),
        ("int", "integer"),
        ("uint", "integer"),
        ("float", "float"),
        ("halffloat", "float"),
        ("double", "double"),
        ("decimal", "double"),
        ("bool", "boolean"),
        ("binary", "binary"),
        ("large_binary", "binary"),
        ("timestamp", "datetime"),
        ("date", "datetime"),
    ):
        if kind.startswith(prefix):
            return words
    return "string"


def from_csv(
    path: str | os.PathLike[str],
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> FileDataset:
    """A data set of a CSV file with a header line; types are guessed from its first 1,000 rows.

    Args:
        path: a file on this machine.
        targets: the column of labels.
        name: left out, the file's name without its ending.
        digest: left out, computed from the file's bytes.

    Raises:
        ArtifactNotFound: there is no such file (a ``FileNotFoundError``).
    """
    return FileDataset(path, file_format="csv", targets=targets, name=name, digest=digest)


def from_parquet(
    path: str | os.PathLike[str],
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> FileDataset:
    """A data set of a Parquet file, described from its footer; arguments as of ``from_csv``.

    Raises:
        ArtifactNotFound: there is no such file (a ``FileNotFoundError``).
    """
    return FileDataset(path, file_format="parquet", targets=targets, name=name, digest=digest)


def load(dataset: entities.Dataset | entities.DatasetInput | Dataset) -> Any:
    """The data of a data set as a DataFrame, read again from its file.

    Raises:
        InvalidInput: its source is not a CSV or Parquet file on this machine.
        ArtifactNotFound: the file is gone.
    """
    if isinstance(dataset, FileDataset):
        return dataset.load()
    source = get_source(dataset)
    place = source.uri
    suffix = Path(place).suffix.lower() if place else ""
    if place is None or source.source_type != "local" or suffix not in (".csv", ".parquet"):
        raise InvalidInput(
            f"The data set comes from {source.to_json()}; only CSV and Parquet files of this"
            " machine can be loaded again."
        )
    path = Path(place.removeprefix("file://"))
    if not path.is_file():
        raise ArtifactNotFound(place)
    return _read_frame(path, suffix[1:])


def _read_frame(path: Path, file_format: str) -> Any:
    for library in ("pandas", "polars"):
        if importlib.util.find_spec(library) is not None:
            module = importlib.import_module(library)
            read = module.read_csv if file_format == "csv" else module.read_parquet
            return read(path)
    raise MissingExtra("pandas", extra="pandas", purpose="Loading a data set")

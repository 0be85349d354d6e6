"""Datasets of pandas and Polars DataFrames."""

from __future__ import annotations

import os
from typing import Any

from assay.data.dataset import Dataset
from assay.data.digests import Digest
from assay.data.sources import DatasetSource, resolve_source
from assay.errors import InvalidInput

# Any stands for pandas' and Polars' frames: both are optional, and neither is imported before it is
# used.


class PandasDataset(Dataset):
    """A pandas DataFrame."""

    def __init__(
        self,
        df: Any,
        *,
        source: DatasetSource,
        targets: str | None = None,
        predictions: str | None = None,
        name: str | None = None,
        digest: str | None = None,
    ) -> None:
        super().__init__(name=name, digest=digest, source=source)
        _check_columns(list(df.columns), targets=targets, predictions=predictions)
        self.df = df
        self.targets = targets
        self.predictions = predictions

    @property
    def schema(self) -> dict[str, Any]:
        """MLflow's ``mlflow_colspec``: name, type and whether every row has a value."""
        return {"mlflow_colspec": [_pandas_column(self.df[name], name) for name in self.df.columns]}

    @property
    def profile(self) -> dict[str, int]:
        """Number of rows and of values."""
        return {"num_rows": len(self.df), "num_elements": int(self.df.size)}

    def _compute_digest(self) -> str:
        import pandas as pd

        digest = Digest()
        for name in self.df.columns:
            column = self.df[name]
            digest.text(str(name), str(column.dtype))
            digest.array(_row_hashes(pd, column))
        return digest.result()


def _row_hashes(pd: Any, column: Any) -> Any:
    try:
        return pd.util.hash_pandas_object(column, index=False).to_numpy()
    except TypeError:
        # Lists and dicts in cells can't be hashed by pandas; their text can.
        texts = pd.Series([repr(item) for item in column], dtype=object)
        return pd.util.hash_pandas_object(texts, index=False).to_numpy()


def _pandas_column(column: Any, name: object) -> dict[str, Any]:
    kind = column.dtype.kind
    if kind in "iu":
        # MLflow's "integer" is a signed 32-bit one: uint32 needs the next size.
        words = "integer" if column.dtype.itemsize < (8 if kind == "i" else 4) else "long"
    elif kind == "f":
        words = "float" if column.dtype.itemsize <= 4 else "double"
    else:
        words = {"b": "boolean", "M": "datetime", "S": "binary"}.get(kind, "string")
        if kind == "O" and len(column) and isinstance(column.iloc[0], bytes | bytearray):
            words = "binary"
    return {"type": words, "name": str(name), "required": not bool(column.isna().any())}


class PolarsDataset(Dataset):
    """A Polars DataFrame."""

    def __init__(
        self,
        df: Any,
        *,
        source: DatasetSource,
        targets: str | None = None,
        predictions: str | None = None,
        name: str | None = None,
        digest: str | None = None,
    ) -> None:
        super().__init__(name=name, digest=digest, source=source)
        _check_columns(list(df.columns), targets=targets, predictions=predictions)
        self.df = df
        self.targets = targets
        self.predictions = predictions

    @property
    def schema(self) -> dict[str, Any]:
        """MLflow's ``mlflow_colspec``: name, type and whether every row has a value."""
        nulls = self.df.null_count().row(0) if self.df.width else ()
        columns = zip(self.df.schema.items(), nulls, strict=True)
        return {
            "mlflow_colspec": [
                {"type": _POLARS_TYPES.get(kind.base_type().__name__, "string"), "name": name}
                | {"required": missing == 0}
                for (name, kind), missing in columns
            ]
        }

    @property
    def profile(self) -> dict[str, int]:
        """Number of rows and of values."""
        return {"num_rows": self.df.height, "num_elements": self.df.height * self.df.width}

    def _compute_digest(self) -> str:
        # The Arrow stream is a specified format: the digest does not depend on Polars' own hashing,
        # which may differ from release to release.
        digest = Digest()
        self.df.rechunk().write_ipc_stream(digest, compression="uncompressed")
        return digest.result()


_POLARS_TYPES = {
    "Int8": "integer",
    "Int16": "integer",
    "Int32": "integer",
    "UInt8": "integer",
    "UInt16": "integer",
    "Int64": "long",
    "UInt32": "long",
    "UInt64": "long",
    "Float32": "float",
    "Float64": "double",
    "Decimal": "double",
    "Boolean": "boolean",
    "Binary": "binary",
    "Date": "datetime",
    "Datetime": "datetime",
}


def _check_columns(columns: list[Any], **named: str | None) -> None:
    for role, column in named.items():
        if column is not None and column not in columns:
            raise InvalidInput(
                f"The data set has no column {column!r} to use as its {role}."
                f" Its columns are: {', '.join(map(str, columns))}."
            )


def from_pandas(
    df: Any,
    source: str | os.PathLike[str] | DatasetSource | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PandasDataset:
    """A data set of a pandas DataFrame.

    Args:
        df: the data; they are read, not copied.
        source: path or URL they came from; left out, the running program.
        targets: the column of labels.
        name: left out, ``dataset``.
        digest: left out, computed from the content of all rows.
        predictions: the column of a model's predictions.

    Raises:
        InvalidInput: ``targets`` or ``predictions`` is no column.
    """
    return PandasDataset(
        df,
        source=resolve_source(source),
        targets=targets,
        predictions=predictions,
        name=name,
        digest=digest,
    )


def from_polars(
    df: Any,
    source: str | os.PathLike[str] | DatasetSource | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PolarsDataset:
    """A data set of a Polars DataFrame; arguments as of ``from_pandas``."""
    return PolarsDataset(
        df,
        source=resolve_source(source),
        targets=targets,
        predictions=predictions,
        name=name,
        digest=digest,
    )

"""Data of many forms as one pandas frame, for a schema of columns.

Frames, series, arrays, sparse matrices, tensors, dicts, lists and single values come in; what they
mean depends on the schema: a list of lists is rows of several columns, or cells of one column of
arrays. Values aren't checked here, only the form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from assay.errors import InvalidInput, MissingExtra, SignatureMismatch
from assay.models.signatures.data_types import AnyType, Array, ColumnType, DataType, Map, Object
from assay.models.signatures.enforce_values import did_you_mean
from assay.models.signatures.recognise import (
    is_frame,
    is_polars,
    is_series,
    is_spark,
    is_sparse,
    is_tensor,
    made_by,
)
from assay.models.signatures.schema import Schema
from assay.models.signatures.specs import ColSpec, ColumnName

__all__ = ["as_table"]


def as_table(data: Any, schema: Schema) -> Any:
    """The data as a pandas DataFrame, with the schema's names where they have none of their own.

    Raises:
        SignatureMismatch: they have another number of columns, or records lack a required one.
        InvalidInput: they are of no kind that holds columns.
        MissingExtra: pandas isn't installed.
    """
    if is_frame(data):
        return data
    pd = _pandas()
    if is_spark(data):
        raise InvalidInput(
            "A Spark DataFrame lives in Spark: use spark_udf there, or its toPandas() here."
        )
    if is_series(data):
        return _one_column(data, schema)
    if is_polars(data):
        return _from_polars(data, schema)
    if is_sparse(data):
        frame = pd.DataFrame.sparse.from_spmatrix(data)
        frame.columns = _positional_names(schema, frame.shape[1], what=f"shape {data.shape}")
        return frame
    if made_by(data, "numpy", "ndarray") or is_tensor(data):
        return _from_array(data, schema)
    if isinstance(data, Mapping):
        return _from_dict(data, schema)
    if isinstance(data, list | tuple):
        return _from_list(list(data), schema)
    return _made(schema, {_only_name(schema, data): [data]})


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtra(
            "pandas", extra="pandas", purpose="A model whose signature has columns"
        ) from None
    return pd


def _only_name(schema: Schema, data: Any) -> ColumnName:
    names = schema.input_names()
    if len(names) == 1:
        return names[0]
    raise InvalidInput(
        f"The model takes {len(names)} columns, got {type(data).__name__}. Give a DataFrame, a"
        " dict of columns, or a list of dicts."
    )


def _kinds(schema: Schema) -> dict[ColumnName, ColumnType]:
    specs = zip(schema.input_names(), schema, strict=True)
    return {name: spec.type for name, spec in specs if isinstance(spec, ColSpec)}


def _made(schema: Schema, columns: Mapping[ColumnName, Any]) -> Any:
    """A frame of Python values: objects, so that ``1`` and ``None`` don't become ``1.0`` and NaN;
    texts get what pandas has for texts, as training data of files do.
    """
    pd = _pandas()
    kinds = _kinds(schema)
    made = {name: _column(values, kinds.get(name)) for name, values in columns.items()}
    frame = pd.DataFrame(made)
    frame.columns = list(made)
    return frame


def _column(values: Any, kind: ColumnType | None) -> Any:
    if hasattr(values, "dtype"):
        return values
    typed = _typed(values, kind)
    if typed is not None:
        return typed
    pd = _pandas()
    if kind is DataType.string:
        return pd.Series(values) if len(values) else pd.Series(values, dtype=object)
    return pd.Series(_cells(values), dtype=object)


_PLAIN: Final = {
    DataType.boolean: ({bool}, "bool"),
    DataType.long: ({int}, "int64"),
    DataType.double: ({float}, "float64"),
}


def _typed(values: Sequence[Any], kind: ColumnType | None) -> Any:
    """The array of values that are plainly of the type; ``None`` leaves them to a closer look."""
    if not isinstance(kind, DataType) or kind not in _PLAIN:
        return None
    import numpy as np

    classes, dtype = _PLAIN[kind]
    if set(map(type, values)) != classes:
        return None
    try:
        return np.array(values, dtype=dtype)
    except OverflowError:
        return None


def _cells(values: Sequence[Any]) -> Any:
    import numpy as np

    # NumPy would make lists of one length the axes of the column.
    cells = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        cells[row] = value
    return cells


def _one_column(series: Any, schema: Schema) -> Any:
    return series.to_frame(_only_name(schema, series))


def _positional_names(schema: Schema, width: int, *, what: str) -> list[ColumnName]:
    """Names for columns without: the schema's in their order."""
    names = schema.input_names()
    if schema.has_input_names():
        if width != len(names):
            raise SignatureMismatch(
                [f"Expected {len(names)} columns ({_listed(names)}), got {what}."]
            )
        return names
    return list(range(width))


def _listed(names: list[ColumnName]) -> str:
    text = ", ".join(repr(name) for name in names[:5])
    return text + (", …" if len(names) > 5 else "")


def _from_array(data: Any, schema: Schema) -> Any:
    import numpy as np

    array = np.asarray(data.detach().cpu() if hasattr(data, "detach") else data)
    kinds = list(_kinds(schema).values())
    if array.ndim == 0:
        return _made(schema, {_only_name(schema, array): [array.item()]})
    if array.ndim == 1 or (len(kinds) == 1 and isinstance(kinds[0], Array)):
        name = _only_name(schema, f"an array of shape {array.shape}")
        return _made(schema, {name: array if array.ndim == 1 else list(array)})
    if array.ndim > 2:
        raise SignatureMismatch(
            [f"Expected {len(kinds)} columns, got an array of shape {array.shape}."]
        )
    names = _positional_names(schema, array.shape[1], what=f"an array of shape {array.shape}")
    return _pandas().DataFrame(array, columns=names)


def _from_dict(data: Mapping[Any, Any], schema: Schema) -> Any:
    kinds = _kinds(schema)
    if not schema.has_input_names():
        if isinstance(next(iter(kinds.values())), Object | Map | AnyType):
            return _made(schema, {_only_name(schema, data): [data]})
        raise InvalidInput("The model's columns have no names: give a list or an array, no dict.")
    if _is_record(data, kinds):
        return _made(schema, {name: [value] for name, value in data.items()})
    columns = {name: value for name, value in data.items() if _is_listlike(value)}
    lengths = {name: len(value) for name, value in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} has {length}" for name, length in list(lengths.items())[:10])
        raise SignatureMismatch([f"Columns must be of one length: {told}."])
    return _made(schema, {name: _plain_column(value) for name, value in columns.items()})


def _plain_column(value: Any) -> Any:
    if is_series(value):
        return value.reset_index(drop=True)
    if made_by(value, "numpy", "ndarray") and value.ndim == 1:
        return value
    return list(value)


def _is_listlike(value: Any) -> bool:
    if isinstance(value, list | tuple) or is_series(value):
        return True
    return bool(getattr(value, "ndim", 0))


def _is_record(data: Mapping[Any, Any], kinds: Mapping[ColumnName, ColumnType]) -> bool:
    """Whether a dict is one row; otherwise it holds columns. Lists are cells only where the
    column is one of arrays, and not of more axes than those have.
    """
    known = [(value, kinds[name]) for name, value in data.items() if name in kinds]
    if any(not _is_listlike(value) for value, _ in known):
        return True
    if not all(isinstance(kind, Array) for _, kind in known):
        return False
    return all(_depth(value) <= _type_depth(kind) for value, kind in known)


def _depth(value: Any) -> int:
    depth = 0
    while _is_listlike(value):
        depth += 1
        value = next((item for item in value if item is not None), None)
    return depth


def _type_depth(kind: ColumnType) -> int:
    depth = 0
    while isinstance(kind, Array):
        depth, kind = depth + 1, kind.dtype
    return depth


def _from_list(data: list[Any], schema: Schema) -> Any:
    kinds = _kinds(schema)
    if data and all(isinstance(row, Mapping) for row in data) and schema.has_input_names():
        return _from_records(data, schema)
    if len(kinds) == 1:
        [(name, kind)] = kinds.items()
        return _made(schema, {name: _unwrapped(data, kind)})
    width = len(kinds)
    for row, values in enumerate(data):
        if not _is_listlike(values) or len(values) != width:
            got = f"{len(values)} values" if _is_listlike(values) else type(values).__name__
            raise SignatureMismatch([f"Row {row}: expected {width} values, got {got}."])
    names = schema.input_names()
    columns = zip(*data, strict=True) if data else [()] * width
    return _made(schema, {n: list(column) for n, column in zip(names, columns, strict=True)})


def _unwrapped(data: list[Any], kind: ColumnType) -> list[Any]:
    """The cells of one column, which may come as rows of one value each."""
    rows_of_one = bool(data) and all(_is_listlike(row) and len(row) == 1 for row in data)
    if rows_of_one and not isinstance(kind, Array | AnyType):
        return [row[0] for row in data]
    return data


def _from_records(records: list[Mapping[Any, Any]], schema: Schema) -> Any:
    columns: dict[ColumnName, list[Any]] = {}
    problems = []
    for name, spec in zip(schema.input_names(), schema, strict=True):
        lacking = next((i for i, record in enumerate(records) if name not in record), None)
        if lacking is not None and spec.required:
            hint = did_you_mean(
                name, [key for key in records[lacking] if key not in _kinds(schema)]
            )
            problems.append(f"Column {name!r} is required, but missing in row {lacking}{hint}.")
        if any(name in record for record in records):
            columns[name] = [record.get(name) for record in records]
    if problems:
        raise SignatureMismatch(problems)
    if not columns:
        return _pandas().DataFrame(index=range(len(records)))
    return _made(schema, columns)


def _from_polars(data: Any, schema: Schema) -> Any:
    if made_by(data, "polars", "LazyFrame"):
        data = data.collect()
    if made_by(data, "polars", "Series"):
        data = data.alias(str(_only_name(schema, data))).to_frame()
    frame = _pandas().DataFrame({name: _polars_column(data[name]) for name in data.columns})
    frame.columns = list(data.columns)
    return frame


def _polars_column(series: Any) -> Any:
    """A Polars Series for pandas. Its own ``to_pandas`` needs pyarrow, and makes floats of integers
    where a value is missing.
    """
    pd = _pandas()
    dtype = series.dtype
    has_nulls = series.null_count() > 0
    if has_nulls and (dtype.is_integer() or dtype.base_type().__name__ == "Boolean"):
        nullable = {"Boolean": "boolean"}.get(str(dtype), str(dtype))
        return pd.array(series.to_list(), dtype=nullable)
    if dtype.is_numeric() and not dtype.is_decimal():
        return series.to_numpy()
    if getattr(dtype, "time_zone", None):
        in_utc = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return pd.Series(in_utc.to_numpy()).dt.tz_localize("UTC").dt.tz_convert(dtype.time_zone)
    if dtype.is_temporal() or dtype.base_type().__name__ == "Boolean":
        return series.to_numpy()
    if dtype.base_type().__name__ in ("String", "Categorical", "Enum"):
        return pd.Series(series.to_list(), dtype=None if len(series) else object)
    return pd.Series(_cells(series.to_list()), dtype=object)

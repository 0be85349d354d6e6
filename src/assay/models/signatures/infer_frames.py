"""The columns of pandas, Polars and Spark frames as column specs.

A column that no type describes becomes ``Any`` with a logged warning that names it; the others keep
their types. (MLflow gives up the whole schema.)
"""

from __future__ import annotations

import logging
from typing import Any, Final

from assay.errors import InvalidInput
from assay.models.signatures.data_types import (
    AnyType,
    Array,
    ColumnType,
    DataType,
    Map,
    Object,
    Property,
    SparkMLVector,
)
from assay.models.signatures.infer_values import Unclear, type_of_dtype, type_of_items
from assay.models.signatures.specs import ColSpec, ColumnName

__all__ = ["or_any", "pandas_columns", "pandas_series", "polars_columns", "spark_columns"]

_logger = logging.getLogger(__name__)


def or_any(name: object, error: Unclear) -> AnyType:
    """``Any``, after the log has told why the column has no type."""
    _logger.warning(
        "The type of column %r can't be told: %s. The signature says Any, which checks nothing;"
        " give it a type with ColSpec to have it checked.",
        name,
        error,
    )
    return AnyType()


def pandas_columns(frame: Any) -> list[ColSpec]:
    """The columns of a pandas DataFrame."""
    if frame.columns.nlevels > 1:
        raise InvalidInput(
            "A signature names columns by one text or number each: flatten the frame's"
            f" {frame.columns.nlevels} levels of column names first."
        )
    if not frame.columns.is_unique:
        twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
        raise InvalidInput(f"The frame has several columns of the same name: {', '.join(twice)}.")
    return [
        pandas_series(frame.iloc[:, i], name=_plain_name(name))
        for i, name in enumerate(frame.columns)
    ]


def pandas_series(series: Any, *, name: ColumnName | None) -> ColSpec:
    """A pandas Series as a column; one without a name is required, as those always are."""
    required = name is None or not bool(series.isna().any())
    try:
        kind = _pandas_type(series)
    except Unclear as error:
        kind = or_any(name, error)
    return ColSpec(kind, name, required=required)


def _plain_name(name: Any) -> ColumnName:
    if isinstance(name, str):
        return name
    if hasattr(name, "__index__") and not isinstance(name, bool):
        return int(name)
    raise InvalidInput(f"Columns are named by texts or integers, got {name!r}: rename it first.")


def _pandas_type(series: Any) -> ColumnType:
    dtype = series.dtype
    if type(dtype).__name__ in ("StringDtype", "CategoricalDtype", "ArrowDtype", "IntervalDtype"):
        return _extension_type(series)
    if type(dtype).__name__ == "SparseDtype":
        return type_of_dtype(dtype.subtype)
    if dtype.kind == "O":
        return _objects_type(series.infer_objects())
    if dtype.kind == "u" and dtype.itemsize == 8 and _below_2_to_63(series):
        return DataType.long
    return type_of_dtype(dtype)


def _extension_type(series: Any) -> ColumnType:
    dtype = series.dtype
    if type(dtype).__name__ == "StringDtype":
        return DataType.string
    if type(dtype).__name__ == "CategoricalDtype":
        # Categories without a row belong to the column as much as those that have some.
        return _pandas_type(dtype.categories.to_series())
    if dtype.kind == "O":
        return _objects_type(series.astype(object))
    return type_of_dtype(dtype)


def _objects_type(series: Any) -> ColumnType:
    if series.dtype.kind != "O":
        return _pandas_type(series)
    # Without a value to tell more, a column of objects is one of texts.
    return type_of_items(series.tolist()) or DataType.string


def _below_2_to_63(series: Any) -> bool:
    present = series.dropna()
    return len(present) == 0 or int(present.max()) < 2**63


def polars_columns(frame: Any) -> list[ColSpec]:
    """The columns of a Polars DataFrame or LazyFrame."""
    if type(frame).__name__ == "LazyFrame":
        frame = frame.collect()
    return [polars_series(frame[name], name=name) for name in frame.columns]


def polars_series(series: Any, *, name: str | None) -> ColSpec:
    """A Polars Series as a column. NaN counts as missing, as it does in pandas."""
    missing = series.null_count() > 0 or (
        series.dtype.is_float() and bool(series.is_nan().any(ignore_nulls=True))
    )
    try:
        kind = _polars_type(series)
    except Unclear as error:
        kind = or_any(name, error)
    return ColSpec(kind, name, required=name is None or not missing)


_POLARS_TYPES: Final = {
    "Boolean": DataType.boolean,
    "Int8": DataType.integer,
    "Int16": DataType.integer,
    "Int32": DataType.integer,
    "UInt8": DataType.integer,
    "UInt16": DataType.integer,
    "Int64": DataType.long,
    "UInt32": DataType.long,
    "Float32": DataType.float,
    "Float64": DataType.double,
    "String": DataType.string,
    "Categorical": DataType.string,
    "Enum": DataType.string,
    "Binary": DataType.binary,
    "Date": DataType.datetime,
    "Datetime": DataType.datetime,
}


def _polars_type(series: Any) -> ColumnType:
    word = series.dtype.base_type().__name__
    if word in _POLARS_TYPES:
        return _POLARS_TYPES[word]
    if word == "UInt64" and (series.max() or 0) < 2**63:
        return DataType.long
    if word == "Null":
        return AnyType()
    if word in ("List", "Array"):
        return Array(_polars_type(series.drop_nulls().explode()))
    if word == "Struct" and series.dtype.fields:
        present = series.drop_nulls()
        fields = []
        for field in series.dtype.fields:
            inner = present.struct.field(field.name)
            required = inner.null_count() == 0
            fields.append(Property(field.name, _polars_type(inner), required=required))
        return Object(fields)
    raise Unclear(f"no type holds the values of Polars' {series.dtype}")


def spark_columns(frame: Any) -> list[ColSpec]:
    """The columns of a Spark DataFrame, all required as in MLflow: Spark takes every column for
    nullable. A map is a ``Map``; MLflow runs a job to list its keys.
    """
    columns = []
    for field in frame.schema.fields:
        try:
            kind = _spark_type(field.dataType)
        except Unclear as error:
            kind = or_any(field.name, error)
        columns.append(ColSpec(kind, field.name))
    return columns


_SPARK_TYPES: Final = {
    "BooleanType": DataType.boolean,
    "ByteType": DataType.integer,
    "ShortType": DataType.integer,
    "IntegerType": DataType.integer,
    "LongType": DataType.long,
    "FloatType": DataType.float,
    "DoubleType": DataType.double,
    "StringType": DataType.string,
    "BinaryType": DataType.binary,
    "DateType": DataType.datetime,
    "TimestampType": DataType.datetime,
    "TimestampNTZType": DataType.datetime,
}


def _spark_type(kind: Any) -> ColumnType:
    word = type(kind).__name__
    if word in _SPARK_TYPES:
        return _SPARK_TYPES[word]
    if word == "ArrayType":
        return Array(_spark_type(kind.elementType))
    if word == "MapType":
        return Map(_spark_type(kind.valueType))
    if word == "VectorUDT":
        return SparkMLVector()
    if word == "StructType" and kind.fields:
        return Object(
            [
                Property(f.name, _spark_type(f.dataType), required=not f.nullable)
                for f in kind.fields
            ]
        )
    raise Unclear(f"no type holds the values of Spark's {word}")

"""Predictions in the types of Spark: which type they get, and their values in it.

The rules are those of ``mlflow.pyfunc.spark_udf`` of MLflow 3, but for tensors: their first axis is
the rows, so that one of shape (-1,) is a column of numbers and not of lists of one number.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from assay.errors import InvalidInput
from assay.fluent.prediction_frames import as_frame
from assay.models.signatures.data_types import Array, DataType, Map, Object
from assay.models.signatures.schema import Schema
from assay.models.signatures.specs import ColSpec, TensorSpec

_NAMES: Final = {
    DataType.boolean: "BooleanType",
    DataType.integer: "IntegerType",
    DataType.long: "LongType",
    DataType.float: "FloatType",
    DataType.double: "DoubleType",
    DataType.string: "StringType",
    DataType.binary: "BinaryType",
    DataType.datetime: "TimestampType",
}
_INTEGERS: Final = {
    "ByteType": "int8",
    "ShortType": "int16",
    "IntegerType": "int32",
    "LongType": "int64",
}
_NUMBERS: Final = {"FloatType": "float32", "DoubleType": "float64"}
_PYTHON: Final = {**dict.fromkeys(_INTEGERS, int), **dict.fromkeys(_NUMBERS, float)} | {
    "StringType": str,
    "BooleanType": bool,
}


def parse_type(given: Any) -> Any:
    """A type of Spark from its DDL; a type itself stays.

    Raises:
        InvalidInput: it is neither.
    """
    types = import_module("pyspark.sql.types")
    if isinstance(given, types.DataType):
        return given
    if not isinstance(given, str):
        raise InvalidInput(f"result_type must be a type of Spark or its DDL, not {given!r}.")
    parse = getattr(types.DataType, "fromDDL", None) or types._parse_datatype_string
    try:
        return parse("boolean" if given == "bool" else given)
    except Exception as error:
        raise InvalidInput(f"result_type {given!r} is no type of Spark.") from error


def type_of_outputs(schema: Schema | None) -> Any:
    """The type of a model's predictions by its signature; ``double`` without one.

    Raises:
        InvalidInput: Spark has no type for an output.
    """
    types = import_module("pyspark.sql.types")
    if schema is None or not len(schema):
        return types.DoubleType()
    if len(schema) == 1:
        return _spec_type(schema.inputs[0], types)
    return types.StructType(
        [
            types.StructField(
                str(spec.name if spec.name is not None else at), _spec_type(spec, types)
            )
            for at, spec in enumerate(schema)
        ]
    )


def in_spark_type(output: Any, kind: Any, *, rows: Any) -> Any:
    """Predictions as Spark takes them from a pandas UDF: a Series, for a struct a DataFrame.

    Args:
        output: what the model gave.
        kind: the type of Spark.
        rows: the frame that it was given, for the number of rows.

    Raises:
        InvalidInput: nothing of the predictions fits the type, or there isn't one for each row.
    """
    import pandas as pd

    nested = type(getattr(kind, "elementType", None)).__name__ in ("ArrayType", "StructType")
    frame = as_frame(output, "prediction", wide=not nested).reset_index(drop=True)
    if len(frame) != len(rows):
        raise InvalidInput(f"The model gave {len(frame)} predictions for {len(rows)} rows.")
    name = type(kind).__name__
    if name == "StructType":
        return pd.DataFrame({field.name: _field(frame, field) for field in kind.fields})
    if name == "ArrayType":
        return _arrays(frame, kind)
    if name in _PYTHON:
        return _leftmost(frame, name)
    return frame.iloc[:, 0].map(lambda cell: _cast(cell, kind))


def _spec_type(spec: ColSpec | TensorSpec, types: Any) -> Any:
    if isinstance(spec, ColSpec):
        return _column_type(spec.type, types)
    scalar = DataType.from_numpy_type(spec.type)
    if scalar is None:
        raise InvalidInput(f"Spark has no type for tensors of {spec.type}: name a result_type.")
    found = _column_type(scalar, types)
    for _ in spec.shape[1:]:
        found = types.ArrayType(found)
    return found


def _column_type(kind: Any, types: Any) -> Any:
    if isinstance(kind, DataType):
        return getattr(types, _NAMES[kind])()
    if isinstance(kind, Array):
        return types.ArrayType(_column_type(kind.dtype, types))
    if isinstance(kind, Map):
        return types.MapType(types.StringType(), _column_type(kind.value_type, types))
    if isinstance(kind, Object):
        fields = [
            types.StructField(one.name, _column_type(one.dtype, types)) for one in kind.properties
        ]
        return types.StructType(fields)
    raise InvalidInput(f"Spark has no type for {kind!r}: name a result_type.")


def _fitting(frame: Any, name: str) -> list[Any]:
    """The columns whose values a scalar type can hold, cast to it, from left to right."""
    import numpy as np

    if name == "StringType":
        return [frame[column].map(str) for column in frame.columns]
    found = []
    for at in range(len(frame.columns)):
        series = frame.iloc[:, at].infer_objects()
        dtype = getattr(series.dtype, "numpy_dtype", series.dtype)
        numpy_kind = getattr(dtype, "kind", "O")
        if name == "BooleanType":
            fits = numpy_kind == "b"
        elif name in _INTEGERS:
            fits = numpy_kind in "iu" and np.can_cast(dtype, _INTEGERS[name], "safe")
        else:
            fits = numpy_kind in "iuf"
        if fits:
            found.append(series.astype({**_INTEGERS, **_NUMBERS}.get(name, "bool")))
    return found


def _leftmost(frame: Any, name: str) -> Any:
    found = _fitting(frame, name)
    if not found:
        raise InvalidInput(
            f"None of the model's predictions ({_described(frame)}) fits {name}: name another"
            " result_type, such as 'string'."
        )
    return found[0]


def _arrays(frame: Any, kind: Any) -> Any:
    import pandas as pd

    first = frame.iloc[0, 0] if frame.size else None
    if hasattr(first, "__iter__") and not isinstance(first, str | bytes | dict):
        return frame.iloc[:, 0].map(lambda cell: _cast(cell, kind))
    columns = _fitting(frame, type(kind.elementType).__name__)
    if not columns:
        raise InvalidInput(
            f"None of the model's predictions ({_described(frame)}) fits {kind.simpleString()}."
        )
    return pd.Series([list(row) for row in zip(*columns, strict=True)], dtype=object)


def _field(frame: Any, field: Any) -> Any:
    names = {str(column): column for column in frame.columns}
    if field.name not in names:
        raise InvalidInput(
            f"The predictions have no {field.name!r} for result_type; they are {_described(frame)}."
        )
    series = frame[names[field.name]]
    if type(field.dataType).__name__ in _PYTHON:
        return _leftmost(series.to_frame(), type(field.dataType).__name__)
    return series.map(lambda cell: _cast(cell, field.dataType))


def _cast(value: Any, kind: Any) -> Any:
    """A single value, nested as it may be."""
    name = type(kind).__name__
    if value is None:
        return None
    if name == "ArrayType":
        return [_cast(one, kind.elementType) for one in value]
    if name == "MapType":
        return {str(key): _cast(one, kind.valueType) for key, one in value.items()}
    if name == "StructType":
        return {field.name: _cast(value.get(field.name), field.dataType) for field in kind.fields}
    made = _PYTHON.get(name)
    return value if made is None else made(value)


def _described(frame: Any) -> str:
    return ", ".join(f"{name}: {frame[name].dtype}" for name in frame.columns[:10])

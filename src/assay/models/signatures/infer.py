"""``infer_signature``: the signature that data, predictions and params of a model tell.

Frames, series, lists, dicts and scalars give columns; arrays and tensors give tensor specs, whose
first axis is of any length. Results are those of MLflow's ``infer_signature``, except where MLflow
loses what can be told: a column that no type describes becomes ``Any`` by itself and leaves the
others their types.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from assay.errors import InvalidInput
from assay.models.signatures.data_types import AnyType, ColumnType, DataType, Object
from assay.models.signatures.infer_frames import (
    or_any,
    pandas_columns,
    pandas_series,
    polars_columns,
    polars_series,
    spark_columns,
)
from assay.models.signatures.infer_values import (
    Unclear,
    is_missing,
    type_of_dtype,
    type_of_items,
    type_of_value,
)
from assay.models.signatures.params import ParamSchema, ParamSpec
from assay.models.signatures.recognise import (
    is_frame,
    is_polars,
    is_series,
    is_spark,
    is_sparse,
    is_tensor,
    made_by,
)
from assay.models.signatures.schema import ColSpec, Schema, Signature, TensorSpec
from assay.models.signatures.type_hints import schema_of_dataclass

__all__ = ["infer_param_schema", "infer_schema", "infer_signature"]

_logger = logging.getLogger(__name__)


def infer_signature(
    model_input: Any = None,
    model_output: Any = None,
    params: Mapping[str, Any] | None = None,
) -> Signature:
    """The signature of a model.

    Args:
        model_input: data that the model takes, such as its training data: a pandas or Polars
            frame or series, a Spark frame, an array, a sparse matrix, a tensor, a dict of those,
            a list of dicts or of values, a value, or a dataclass.
        model_output: predictions for it, of the same kinds.
        params: the params that ``predict`` takes, with their defaults.

    Returns:
        The signature. Data of no known kind are ``Any``, and the log says so.

    Raises:
        InvalidInput: nothing was given, columns have no usable names, a param has no type, or
            the data are pydantic objects, whose class tells more than their values.
    """
    return Signature(
        None if model_input is None else _schema_or_any(model_input, "inputs"),
        None if model_output is None else _schema_or_any(model_output, "outputs"),
        infer_param_schema(params) if params else None,
    )


def _schema_or_any(data: Any, role: str) -> Schema:
    try:
        return infer_schema(data)
    except Unclear as error:
        _logger.warning(
            "The %s of the signature can't be told: %s. They are Any, which checks nothing.",
            role,
            error,
        )
        return Schema([ColSpec(AnyType())])


def infer_schema(data: Any) -> Schema:
    """The schema of data; kinds as of ``infer_signature``.

    Raises:
        Unclear: no schema describes them.
        InvalidInput: as ``infer_signature``.
    """
    if dataclasses.is_dataclass(data):
        return schema_of_dataclass(data if isinstance(data, type) else type(data))
    if is_frame(data):
        return _columns(pandas_columns(data))
    if is_series(data):
        name = data.name if isinstance(data.name, str | int) else None
        return Schema([pandas_series(data, name=name)])
    if is_polars(data):
        if made_by(data, "polars", "Series"):
            return Schema([polars_series(data, name=data.name or None)])
        return _columns(polars_columns(data))
    if is_spark(data):
        return _columns(spark_columns(data))
    if _is_array(data):
        return Schema([_tensor(data)])
    if isinstance(data, Mapping):
        return _schema_of_dict(data)
    if isinstance(data, list):
        return _schema_of_list(data)
    if hasattr(data, "model_dump") and hasattr(type(data), "model_fields"):
        raise InvalidInput(
            "The values of a pydantic object don't tell its signature, its class does: annotate"
            f" the model's predict with list[{type(data).__name__}], or give model_dump()'s dict."
        )
    return Schema([ColSpec(type_of_value(data) or AnyType())])


def _columns(specs: list[ColSpec]) -> Schema:
    if not specs:
        raise Unclear("the frame has no columns")
    return Schema(specs)


def _is_array(data: Any) -> bool:
    return made_by(data, "numpy", "ndarray") or is_sparse(data) or is_tensor(data)


def _tensor(data: Any, name: str | None = None) -> TensorSpec:
    # Shapes of TensorFlow hold None for what a graph leaves open.
    shape = tuple(data.shape)
    return TensorSpec(_numpy_name(data.dtype), (-1, *shape[1:]) if shape else (), name)


def _numpy_name(dtype: Any) -> Any:
    """A tensor's dtype in NumPy's words: PyTorch says ``torch.float32``."""
    import numpy as np

    if isinstance(dtype, np.dtype):
        return dtype
    word = str(getattr(dtype, "name", dtype)).rpartition(".")[2]
    # NumPy has no bfloat16; float32 holds each of its values. TensorFlow's texts are objects there.
    return {"bfloat16": "float32", "string": "object"}.get(word, word)


def _schema_of_dict(data: Mapping[Any, Any]) -> Schema:
    if not data:
        raise Unclear("the dict is empty")
    for name in data:
        if not isinstance(name, str):
            raise Unclear(f"the key {name!r} of the dict is no text")
    if all(_is_array(value) for value in data.values()):
        return Schema([_tensor(value, name) for name, value in data.items()])
    columns = []
    for name, value in data.items():
        try:
            kind = type_of_value(value)
            if kind is None:
                raise Unclear("its array is empty")
        except Unclear as error:
            kind = or_any(name, error)
        items = value if isinstance(value, list) else [value]
        columns.append(ColSpec(kind, name, required=not any(map(is_missing, items))))
    return Schema(columns)


def _schema_of_list(data: list[Any]) -> Schema:
    if not data:
        # As MLflow since its early versions.
        return Schema([ColSpec(DataType.string)])
    if all(isinstance(row, Mapping) for row in data):
        return _schema_of_rows(data)
    kind = type_of_items(data)
    if kind is None:
        raise Unclear("the list holds empty arrays only")
    return Schema([ColSpec(kind)])


def _schema_of_rows(rows: list[Mapping[Any, Any]]) -> Schema:
    columns = []
    for name in dict.fromkeys(name for row in rows for name in row):
        if not isinstance(name, str):
            raise Unclear(f"the key {name!r} of a dict is no text")
        kind: ColumnType
        try:
            kind = type_of_items(row[name] for row in rows if name in row) or AnyType()
        except Unclear as error:
            kind = or_any(name, error)
        required = all(row.get(name) is not None for row in rows)
        columns.append(ColSpec(kind, name, required=required))
    if not columns:
        raise Unclear("the dicts are empty")
    return Schema(columns)


def infer_param_schema(params: Mapping[str, Any]) -> ParamSchema:
    """The schema of params, whose values are the defaults.

    Raises:
        InvalidInput: a value has no type; all such are named.
    """
    if not isinstance(params, Mapping):
        raise InvalidInput(f"Params are a dict of names and values, got {type(params).__name__}.")
    specs, wrong = [], []
    for name, value in params.items():
        try:
            kind, shape = _param_type(value)
            specs.append(ParamSpec(str(name), kind, deepcopy(value), shape))
        except (Unclear, InvalidInput) as error:
            wrong.append(f"{name!r}: {error}")
    if wrong:
        raise InvalidInput("The type of these params can't be told: " + "; ".join(wrong) + ".")
    return ParamSchema(specs)


def _param_type(value: Any) -> tuple[DataType | Object, tuple[int, ...] | None]:
    import numpy as np

    if isinstance(value, Mapping):
        kind = type_of_value(value)
        if isinstance(kind, Object):
            return kind, None
        raise Unclear("the dict is empty")
    is_list = isinstance(value, list | tuple | np.ndarray)
    if is_list and len(value) and all(_type_or_none(item) is DataType.datetime for item in value):
        return DataType.datetime, (-1,)
    if not is_list and _type_or_none(value) is DataType.datetime:
        return DataType.datetime, None
    if value is None:
        raise Unclear("None has no type; give a ParamSpec for it")
    try:
        array = np.asarray(value)
    except ValueError:
        raise Unclear("lists inside it have several lengths") from None
    if array.ndim != int(is_list):
        raise Unclear(f"it must be a single value or a plain list, but has {array.ndim} axes")
    return type_of_dtype(array.dtype), (-1,) if is_list else None


def _type_or_none(value: Any) -> ColumnType | None:
    """The type of a value, ``None`` if it has none."""
    try:
        return type_of_value(value)
    except Unclear:
        return None

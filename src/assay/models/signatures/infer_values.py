"""The types of Python values: scalars, lists, dicts, and what several of them have in common.

Rules are those of MLflow 3.17 (mlflow/types/utils.py): ``None``, NaN and empty containers tell no
type and make a property optional; a property missing from some dicts is optional; a list holds one
type. Beyond it, tuples count as lists and all of NumPy's scalars are known.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

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
from assay.models.signatures.recognise import made_by

__all__ = [
    "Unclear",
    "common_type",
    "is_missing",
    "type_of_dtype",
    "type_of_items",
    "type_of_value",
]

_LONG_MAX: Final = 2**63
_SCALARS: Final[dict[type, DataType]] = {
    bool: DataType.boolean,
    int: DataType.long,
    float: DataType.double,
    str: DataType.string,
    bytes: DataType.binary,
    bytearray: DataType.binary,
}


class Unclear(Exception):
    """Values that no one type describes; the text tells which."""


def is_missing(value: Any) -> bool:
    """``None``, NaN, or pandas' NA and NaT."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return made_by(value, "pandas._libs.missing", "NAType") or (
        made_by(value, "pandas._libs.tslibs.nattype", "NaTType")
    )


def type_of_dtype(dtype: Any) -> DataType:
    """The scalar type that holds every value of a NumPy dtype, or of a pandas one.

    Raises:
        Unclear: none does.
    """
    # Those of pandas that hold objects have no size.
    kind, size = dtype.kind, getattr(dtype, "itemsize", 0)
    if kind in "iu":
        # An unsigned integer needs the next larger signed one.
        bits = size * 8 + (kind == "u")
        if bits <= 64:
            return DataType.integer if bits <= 32 else DataType.long
    elif kind == "f" and size <= 8:
        return DataType.float if size <= 4 else DataType.double
    elif kind in _KINDS:
        return _KINDS[kind]
    raise Unclear(f"no type holds the values of dtype {dtype}")


_KINDS: Final = {
    "b": DataType.boolean,
    "U": DataType.string,
    "T": DataType.string,
    "S": DataType.binary,
    "M": DataType.datetime,
}


def type_of_value(value: Any) -> ColumnType | None:
    """The type of one value; ``None`` for an empty array, which tells nothing.

    Raises:
        Unclear: it has none.
    """
    if type(value) is str:
        # By far the most common value of a column of objects.
        return DataType.string
    if is_missing(value) or (isinstance(value, list | tuple | Mapping) and not value):
        return AnyType()
    if isinstance(value, Mapping):
        return _type_of_dict(value)
    if isinstance(value, list | tuple) or made_by(value, "numpy", "ndarray"):
        inner = type_of_items(value)
        return None if inner is None else Array(inner)
    return _type_of_scalar(value)


def _type_of_dict(value: Mapping[Any, Any]) -> Object:
    properties = []
    for name, item in value.items():
        if not isinstance(name, str):
            raise Unclear(f"the key {name!r} of a dict is no text")
        kind = type_of_value(item)
        if kind is None:
            raise Unclear(f"the value of {name!r} is an empty array, which tells no type")
        properties.append(Property(name, kind, required=not isinstance(kind, AnyType)))
    return Object(properties)


def _type_of_scalar(value: Any) -> DataType:
    known = _SCALARS.get(type(value))
    if known is DataType.long and not -_LONG_MAX <= value < _LONG_MAX:
        raise Unclear(f"{str(value)[:40]} is beyond 64 bits")
    if known is not None:
        return known
    if isinstance(value, datetime.date) or made_by(value, "numpy", "datetime64"):
        return DataType.datetime
    if made_by(value, "numpy", "generic"):
        return type_of_dtype(value.dtype)
    for base, kind in _SCALARS.items():
        # Subclasses, such as members of a StrEnum.
        if isinstance(value, base):
            return kind
    raise Unclear(f"a value of the class {type(value).__qualname__} has no type of a column")


def type_of_items(values: Iterable[Any]) -> ColumnType | None:
    """The type that all items have; ``None`` if none of them tells any.

    Raises:
        Unclear: they differ.
    """
    found: ColumnType | None = None
    for value in values:
        kind = type_of_value(value)
        if kind is None:
            continue
        if found is None:
            found = kind
        elif not (isinstance(found, DataType) and found is kind):
            found = common_type(found, kind)
    return found


def common_type(one: ColumnType, other: ColumnType) -> ColumnType:
    """The type that describes values of both.

    Raises:
        Unclear: no type but ``Any`` does.
    """
    if isinstance(other, AnyType):
        return _loosened(one)
    if isinstance(one, AnyType):
        return _loosened(other)
    if one == other:
        return one
    if isinstance(one, Object) and isinstance(other, Object):
        return _common_object(one, other)
    if type(one) is type(other) and not isinstance(one, SparkMLVector):
        if isinstance(one, Array) and isinstance(other, Array):
            return Array(common_type(one.dtype, other.dtype))
        if isinstance(one, Map) and isinstance(other, Map):
            return Map(common_type(one.value_type, other.value_type))
    raise Unclear(f"some values are of type {one!r}, others of {other!r}")


def _loosened(kind: ColumnType) -> ColumnType:
    if isinstance(kind, Object):
        return Object([Property(p.name, p.dtype, required=False) for p in kind.properties])
    return kind


def _common_object(one: Object, other: Object) -> Object:
    left = {field.name: field for field in one.properties}
    right = {field.name: field for field in other.properties}
    fields = []
    for name in left.keys() | right.keys():
        if name in left and name in right:
            kind = common_type(left[name].dtype, right[name].dtype)
            fields.append(Property(name, kind, left[name].required and right[name].required))
        else:
            alone = left.get(name) or right[name]
            fields.append(Property(name, alone.dtype, required=False))
    return Object(fields)

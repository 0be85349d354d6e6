"""Single Python values against their types: the insides of lists, dicts and cells of objects.

A value that fits is given back as it is, the same object; casts are those that keep the value.
Inside lists ``None`` stands for a missing item, as examples with such are inferred.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from assay.models.signatures.casts import FLOATS, cast_exactly, dtype_words
from assay.models.signatures.data_types import (
    AnyType,
    Array,
    ColumnType,
    DataType,
    Map,
    Object,
    SparkMLVector,
)
from assay.models.signatures.infer_values import Unclear, is_missing, type_of_value
from assay.models.signatures.misfit import Misfit, shown
from assay.models.signatures.recognise import made_by

__all__ = ["ISO_MOMENT", "did_you_mean", "fit_value", "value_words"]

ISO_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?\Z"
)
"""ISO 8601 of whole dates: no other text becomes a datetime, since day and month could be mixed up.
"""
_BITS: Final = {DataType.integer: 31, DataType.long: 63}
_EXACT_UP_TO: Final = {DataType.float: 2**24, DataType.double: 2**53}


def fit_value(value: Any, kind: ColumnType, *, required: bool = True) -> Any:
    """The value if it is of the type, or cast to it without loss.

    Raises:
        Misfit: neither; its path names the place inside the value.
    """
    if isinstance(kind, AnyType):
        return value
    if is_missing(value):
        # NaN is a value of floats as much as it is a missing one.
        if required and not (kind in FLOATS and value is not None):
            raise Misfit("a missing value", shown(value))
        return value
    if isinstance(kind, DataType):
        return _fit_scalar(value, kind)
    if isinstance(kind, Array):
        return _fit_array(value, kind)
    if isinstance(kind, Map):
        return _fit_map(value, kind)
    return _fit_object(value, kind)


def value_words(value: Any) -> str:
    """The type of a value in a signature's words, or the name of its class."""
    try:
        kind = type_of_value(value)
    except Unclear:
        kind = None
    if isinstance(kind, Array):
        return "an array"
    if isinstance(kind, Object) or isinstance(value, Mapping):
        return "an object"
    return repr(kind) if isinstance(kind, DataType) else type(value).__name__


def did_you_mean(name: object, known: list[Any]) -> str:
    """A hint at the known name that is nearest; empty if none is near."""
    near = get_close_matches(str(name), [str(other) for other in known], n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _fit_scalar(value: Any, kind: DataType) -> Any:
    if kind is DataType.datetime:
        return _fit_moment(value)
    plain = value.item() if made_by(value, "numpy", "generic") else value
    if isinstance(plain, bool):
        fits = kind is DataType.boolean
    elif isinstance(plain, int):
        if kind in FLOATS and abs(plain) <= _EXACT_UP_TO[kind]:
            return float(plain)
        fits = kind in _BITS and -(2 ** _BITS[kind]) <= plain < 2 ** _BITS[kind]
    elif isinstance(plain, float):
        fits = kind in FLOATS
    elif isinstance(plain, str):
        fits = kind is DataType.string
    else:
        fits = kind is DataType.binary and isinstance(plain, bytes | bytearray)
    if fits:
        return value
    raise Misfit(value_words(value), f"value {shown(value)}")


def _fit_moment(value: Any) -> Any:
    if isinstance(value, datetime.date) or made_by(value, "numpy", "datetime64"):
        return value
    if isinstance(value, str) and ISO_MOMENT.match(value):
        try:
            return datetime.datetime.fromisoformat(value)
        except ValueError:
            pass
    why = " is no ISO 8601 date" if isinstance(value, str) else ""
    raise Misfit(value_words(value), f"value {shown(value)}{why}")


def _fit_array(value: Any, kind: Array) -> Any:
    if made_by(value, "numpy", "ndarray"):
        return _fit_ndarray(value, kind)
    if isinstance(kind, SparkMLVector) and hasattr(value, "toArray"):
        return value
    if not isinstance(value, list | tuple):
        raise Misfit(value_words(value), f"value {shown(value)}")
    fitted = []
    for i, item in enumerate(value):
        try:
            fitted.append(fit_value(item, kind.dtype, required=False))
        except Misfit as misfit:
            raise misfit.inside(f"[{i}]", kind.dtype) from None
    unchanged = all(new is old for new, old in zip(fitted, value, strict=True))
    return value if unchanged else type(value)(fitted)


def _fit_ndarray(value: Any, kind: Array) -> Any:
    depth, inner = 1, kind.dtype
    while isinstance(inner, Array):
        depth, inner = depth + 1, inner.dtype
    if value.dtype.kind == "O" or not isinstance(inner, DataType) or value.ndim == 0:
        if value.ndim == 0:
            raise Misfit(value_words(value.item()), f"value {shown(value)}")
        _fit_array(value.tolist() if value.dtype.kind != "O" else list(value), kind)
        return value
    if value.ndim != depth:
        raise Misfit(f"an array of {value.ndim} axes", f"the type has {depth}")
    if inner is DataType.datetime:
        if value.dtype.kind != "M":
            raise Misfit(dtype_words(value.dtype))
        return value
    return cast_exactly(value, inner.to_numpy())


def _fit_map(value: Any, kind: Map) -> Any:
    if not isinstance(value, Mapping):
        raise Misfit(value_words(value), f"value {shown(value)}")
    for name in value:
        if not isinstance(name, str):
            raise Misfit(f"a map with the key {shown(name)}", "keys must be text")
    return _refilled(value, lambda name: (kind.value_type, True), value)


def _fit_object(value: Any, kind: Object) -> Any:
    fields = {field.name: field for field in kind.properties}
    record = _as_dict(value)
    missing = [f.name for f in kind.properties if f.required and f.name not in record]
    if missing:
        raise Misfit(
            "an object without " + ", ".join(repr(name) for name in missing),
            f"keys {_keys(record)}",
        )
    for name in record:
        if name not in fields:
            hint = did_you_mean(name, list(fields))
            raise Misfit(f"an object with the unknown property {name!r}{hint}")
    return _refilled(record, lambda name: (fields[name].dtype, fields[name].required), value)


def _as_dict(value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    if hasattr(value, "model_dump") and not isinstance(value, type):
        dumped: Mapping[Any, Any] = value.model_dump()
        return dumped
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise Misfit(value_words(value), f"value {shown(value)}")


def _refilled(
    record: Mapping[str, Any], type_of: Callable[[str], tuple[ColumnType, bool]], original: Any
) -> Any:
    fitted = {}
    for name, item in record.items():
        kind, required = type_of(name)
        try:
            fitted[name] = fit_value(item, kind, required=required)
        except Misfit as misfit:
            raise misfit.inside(f".{name}", kind) from None
    return original if all(fitted[name] is record[name] for name in record) else fitted


def _keys(record: Mapping[Any, Any]) -> str:
    return shown(sorted(map(str, record)))

"""Signatures from the type hints of a model's ``predict``.

The input's hint must be ``list[...]``, as in MLflow 3: a model takes several instances, and the
item's type is that of the one unnamed column. Items may be scalars, lists, dicts with text keys,
pydantic models, dataclasses, TypedDicts, ``Any``, and unions, which are ``Any``. Hints of frames
and arrays tell nothing of their columns and give no signature.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from assay.errors import InvalidInput
from assay.models.signatures.data_types import (
    MAX_DEPTH,
    AnyType,
    Array,
    ColumnType,
    DataType,
    Map,
    Object,
    Property,
)
from assay.models.signatures.schema import ColSpec, Schema, Signature

__all__ = [
    "PredictHints",
    "hints_of_predict",
    "is_pydantic",
    "is_record",
    "record_fields",
    "schema_from_type_hint",
    "schema_of_dataclass",
    "signature_from_type_hints",
]

_logger = logging.getLogger(__name__)

_SCALARS: Final[dict[Any, DataType]] = {
    int: DataType.long,
    str: DataType.string,
    bool: DataType.boolean,
    float: DataType.double,
    bytes: DataType.binary,
    datetime: DataType.datetime,
    date: DataType.datetime,
}
_WHOLE: Final = {"pandas", "polars", "numpy", "scipy", "torch", "tensorflow", "pyspark"}
"""Libraries whose classes hold whole data sets, of which a hint tells no column."""
_UNIONS: Final = (typing.Union, types.UnionType)


class PredictHints(NamedTuple):
    """Hints of the argument that takes the data, and of what is returned; ``None`` where absent."""

    input: Any = None
    output: Any = None


class _Hinted(NamedTuple):
    kind: ColumnType
    required: bool = True


def signature_from_type_hints(predict: Callable[..., Any]) -> Signature | None:
    """The signature that the hints of a ``predict`` function or method tell.

    Returns:
        The signature; its outputs are ``Any`` where the return's hint tells nothing. ``None`` if
        the input has no hint, or one of a frame or array, or one that no signature describes (the
        log says why).
    """
    hints = hints_of_predict(predict)
    if hints.input is None or _is_whole(hints.input):
        return None
    try:
        inputs = schema_from_type_hint(hints.input)
    except InvalidInput as error:
        _logger.warning("The type hint of the model's input gives no signature: %s", error)
        return None
    outputs = Schema([ColSpec(AnyType())])
    if hints.output is not None and not _is_whole(hints.output):
        try:
            outputs = _output_schema(hints.output)
        except InvalidInput as error:
            _logger.info("The type hint of the model's output is taken for Any: %s", error)
    return Signature(inputs, outputs)


def schema_from_type_hint(hint: Any) -> Schema:
    """The schema of an input's hint, ``list[...]``.

    Raises:
        InvalidInput: it is no such list, or no type describes its items.
    """
    if typing.get_origin(hint) is not list and hint is not list:
        raise InvalidInput(
            f"A model takes several instances at once, so its hint must be a list: write"
            f" list[{_words(hint)}] instead of {_words(hint)}."
        )
    item = _type_of(_only_argument(hint), depth=0)
    if not item.required:
        raise InvalidInput(
            f"The items of {_words(hint)} can't be optional; a field of a class inside it can."
        )
    return Schema([ColSpec(item.kind)])


def _output_schema(hint: Any) -> Schema:
    if typing.get_origin(hint) is list or hint is list:
        return schema_from_type_hint(hint)
    item = _type_of(hint, depth=0)
    if not item.required:
        raise InvalidInput(f"{_words(hint)} can be None")
    return Schema([ColSpec(item.kind)])


def schema_of_dataclass(kind: type) -> Schema:
    """The named columns that the fields of a dataclass are.

    Raises:
        InvalidInput: it has no fields, or no type describes one of them.
    """
    fields = _record_properties(kind, depth=0)
    columns: list[ColSpec] = [ColSpec(field.dtype, field.name, field.required) for field in fields]
    return Schema(columns)


def hints_of_predict(predict: Callable[..., Any]) -> PredictHints:
    """The hints of a function's or method's data argument and of its result.

    The data come first, or after ``self`` and MLflow's ``context``.
    """
    function = predict if hasattr(predict, "__annotations__") else type(predict).__call__
    try:
        names = list(inspect.signature(function).parameters)
        hints = typing.get_type_hints(function, include_extras=True)
    except (TypeError, ValueError, NameError, AttributeError, SyntaxError) as error:
        _logger.warning("The type hints of %s can't be read: %s", _words(predict), error)
        return PredictHints()
    data = [name for name in names if name not in ("self", "params")]
    if "context" in data or len(data) == 2:
        data = data[1:]
    return PredictHints(hints.get(data[0]) if data else None, hints.get("return"))


def is_pydantic(hint: Any) -> bool:
    """Whether the hint is a class of pydantic."""
    loaded = sys.modules.get("pydantic")
    base = getattr(loaded, "BaseModel", None)
    return isinstance(base, type) and isinstance(hint, type) and issubclass(hint, base)


def is_record(hint: Any) -> bool:
    """Whether the hint is a class with named fields: pydantic's, a dataclass or a TypedDict."""
    is_class = isinstance(hint, type)
    return (
        is_pydantic(hint)
        or typing.is_typeddict(hint)
        or (is_class and dataclasses.is_dataclass(hint))
    )


def record_fields(kind: Any) -> dict[str, Any]:
    """Name and hint of each field of such a class.

    Raises:
        InvalidInput: a hint names what can't be found.
    """
    if is_pydantic(kind):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except (NameError, TypeError) as error:
        raise InvalidInput(f"The hints of {_words(kind)} can't be read: {error}.") from None
    if dataclasses.is_dataclass(kind):
        return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    return hints


def _record_properties(kind: Any, *, depth: int) -> list[Property]:
    properties = []
    optional_keys: frozenset[str] = getattr(kind, "__optional_keys__", frozenset())
    for name, hint in record_fields(kind).items():
        field = _type_of(hint, depth=depth + 1)
        if is_pydantic(kind) and not field.required and kind.model_fields[name].is_required():
            raise InvalidInput(
                f"The optional field {name!r} of {_words(kind)} has no default: give it None."
            )
        # ``__optional_keys__`` can't see through hints that are texts; the hints themselves can.
        marked = typing.get_origin(hint)
        may_lack = name in optional_keys and marked is not typing.Required
        required = field.required and not may_lack and marked is not typing.NotRequired
        properties.append(Property(name, field.kind, required))
    if not properties:
        raise InvalidInput(f"{_words(kind)} has no fields.")
    return properties


def _type_of(hint: Any, *, depth: int) -> _Hinted:
    if depth > MAX_DEPTH:
        raise InvalidInput("A type hint refers to itself, which no signature can describe.")
    if hint is Any:
        return _Hinted(AnyType())
    if hint in _SCALARS:
        return _Hinted(_SCALARS[hint])
    if is_record(hint):
        return _Hinted(Object(_record_properties(hint, depth=depth)))
    if hasattr(hint, "__supertype__"):
        return _type_of(hint.__supertype__, depth=depth + 1)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return _type_of(arguments[0], depth=depth + 1)
    if origin is typing.Literal:
        kinds = {_SCALARS.get(type(value)) for value in arguments}
        only = kinds.pop()
        return _Hinted(only if only is not None and not kinds else AnyType())
    if origin in _UNIONS:
        return _type_of_union(arguments, depth=depth)
    if origin in (list, tuple, Sequence):
        return _Hinted(Array(_type_of(_only_argument(hint), depth=depth + 1).kind))
    if origin in (dict, Mapping):
        if arguments[0] is not str:
            raise InvalidInput(f"The keys of {_words(hint)} must be str.")
        return _Hinted(Map(_type_of(arguments[1], depth=depth + 1).kind))
    raise _unsupported(hint)


def _type_of_union(arguments: tuple[Any, ...], *, depth: int) -> _Hinted:
    others = [argument for argument in arguments if argument is not type(None)]
    required = len(others) == len(arguments)
    if len(others) == 1:
        return _Hinted(_type_of(others[0], depth=depth + 1).kind, required)
    return _Hinted(AnyType(), required)


def _only_argument(hint: Any) -> Any:
    arguments = [item for item in typing.get_args(hint) if item is not Ellipsis]
    if len(arguments) != 1:
        raise InvalidInput(
            f"{_words(hint)} must name the one type of its items, such as list[str]."
        )
    return arguments[0]


def _unsupported(hint: Any) -> InvalidInput:
    known = ", ".join(kind.__name__ for kind in _SCALARS)
    return InvalidInput(
        f"No type of a signature describes {_words(hint)}. Hints may be {known}, lists and dicts"
        " with their types of items, pydantic models, dataclasses, TypedDicts, or Any."
    )


def _is_whole(hint: Any) -> bool:
    origin = typing.get_origin(hint) or hint
    return str(getattr(origin, "__module__", "")).partition(".")[0] in _WHOLE


def _words(hint: Any) -> str:
    plain = isinstance(hint, type) and not typing.get_args(hint)
    return str(hint.__qualname__ if plain else hint).replace("typing.", "")

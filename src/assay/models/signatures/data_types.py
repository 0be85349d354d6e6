"""The types of a signature's columns, as MLflow 3 names and writes them.

``DataType`` holds the scalars; ``Array``, ``Object``, ``Map`` and ``AnyType`` are built of them.
All are immutable, compare by value and take the arguments of MLflow's classes of the same names.
``read_type`` parses the JSON form and trusts nothing in it. Matched: mlflow/types/schema.py of
3.17.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from assay.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "AnyType",
    "Array",
    "ColumnType",
    "DataType",
    "Map",
    "Object",
    "Property",
    "SparkMLVector",
    "as_type",
    "read_type",
]

MAX_DEPTH: Final = 64
"""Types inside each other: far more than data of people have, far less than Python's stack."""

_ALIASES: Final = {
    "bool": "boolean",
    "int": "long",
    "int32": "integer",
    "int64": "long",
    "float32": "float",
    "float64": "double",
    "str": "string",
    "bytes": "binary",
    "datetime64": "datetime",
    "datetime64[ns]": "datetime",
}
"""NumPy's and Python's names of the scalars; ``float`` is MLflow's own word for 32 bits."""


class DataType(StrEnum):
    """The type of a scalar."""

    boolean = "boolean"
    integer = "integer"
    """32-bit signed."""
    long = "long"
    """64-bit signed."""
    float = "float"
    """32-bit floating point."""
    double = "double"
    """64-bit floating point."""
    string = "string"
    binary = "binary"
    datetime = "datetime"
    """A moment or a date, of any precision."""

    def __repr__(self) -> str:
        return self.value

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: ``{"type": "double"}``."""
        return {"type": self.value}

    def to_numpy(self) -> np.dtype[Any]:
        """The equivalent NumPy dtype."""
        import numpy as np

        return np.dtype(_NUMPY_NAMES[self.value])

    def to_pandas(self) -> np.dtype[Any]:
        """The equivalent dtype in pandas: NumPy's, but ``object`` for text and bytes."""
        import numpy as np

        held_as_objects = self in (DataType.string, DataType.binary)
        return np.dtype(object) if held_as_objects else self.to_numpy()

    def to_python(self) -> type:
        """The built-in type of one value; of a datetime, ``date``."""
        import datetime

        # The members of this class hide the built-ins of the same names inside its body only.
        kinds: dict[str, type] = {
            "boolean": bool,
            "integer": int,
            "long": int,
            "float": float,
            "double": float,
            "string": str,
            "binary": bytes,
            "datetime": datetime.date,
        }
        return kinds[self.value]

    @classmethod
    def from_numpy_type(cls, dtype: Any) -> DataType | None:
        """The type whose NumPy dtype this is; ``None`` if it is no one's."""
        return next((kind for kind in cls if kind.to_numpy() == dtype), None)

    @classmethod
    def all_types(cls) -> list[DataType]:
        """All members."""
        return list(cls)


_NUMPY_NAMES: Final = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "str",
    "binary": "bytes",
    "datetime": "datetime64[ns]",
}


class Frozen:
    """Base of the immutable values of this room. ``_facts`` gives the constructor's arguments,
    which make out equality, hash, copies and pickles.
    """

    __slots__ = ()

    def _facts(self) -> tuple[Any, ...]:
        return ()

    def _set(self, **facts: Any) -> None:
        for name, value in facts.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: make a new one.")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._facts() == self._facts()

    def __hash__(self) -> int:
        return hash((type(self), self._facts()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._facts()


class Array(Frozen):
    """A list of values of one type."""

    __slots__ = ("dtype",)
    dtype: ColumnType
    """Type of the items."""

    def __init__(self, dtype: ColumnType | str) -> None:
        self._set(dtype=as_type(dtype))

    def _facts(self) -> tuple[Any, ...]:
        return (self.dtype,)

    def __repr__(self) -> str:
        return f"Array({self.dtype!r})"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"type": "array", "items": self.dtype.to_dict()}


class SparkMLVector(Array):
    """A vector of Spark ML: an array of doubles with a name of its own."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(DataType.double)

    def _facts(self) -> tuple[Any, ...]:
        return ()

    def __repr__(self) -> str:
        return "SparkML vector"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"type": "sparkml_vector"}


class Map(Frozen):
    """A dict with text keys of any number, whose values are of one type."""

    __slots__ = ("value_type",)
    value_type: ColumnType
    """Type of the values."""

    def __init__(self, value_type: ColumnType | str) -> None:
        self._set(value_type=as_type(value_type))

    def _facts(self) -> tuple[Any, ...]:
        return (self.value_type,)

    def __repr__(self) -> str:
        return f"Map(str -> {self.value_type!r})"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"type": "map", "values": self.value_type.to_dict()}


class AnyType(Frozen):
    """Whatever comes, ``None`` included: nothing is checked."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Any"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"type": "any"}


class Property(Frozen):
    """A named field of an ``Object``."""

    __slots__ = ("dtype", "name", "required")
    name: str
    dtype: ColumnType
    required: bool

    def __init__(self, name: str, dtype: ColumnType | str, required: bool = True) -> None:
        if not isinstance(name, str):
            raise InvalidInput(f"The name of a Property must be text, got {_kind_of(name)}.")
        self._set(name=name, dtype=as_type(dtype), required=bool(required))

    def _facts(self) -> tuple[Any, ...]:
        return self.name, self.dtype, self.required

    def __repr__(self) -> str:
        return f"{self.name}: {self.dtype!r} ({'required' if self.required else 'optional'})"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: the name over type and ``required``."""
        return {self.name: {**self.dtype.to_dict(), "required": self.required}}


class Object(Frozen):
    """A dict with the fields named, which are kept in the order of their names."""

    __slots__ = ("properties",)
    properties: tuple[Property, ...]

    def __init__(self, properties: Iterable[Property]) -> None:
        fields = tuple(properties)
        if not fields:
            raise InvalidInput("An Object needs at least one Property.")
        for field in fields:
            if not isinstance(field, Property):
                raise InvalidInput(f"An Object is made of Properties, got {_kind_of(field)}.")
        names = [field.name for field in fields]
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise InvalidInput(f"An Object has each property once, got {', '.join(twice)} twice.")
        self._set(properties=tuple(sorted(fields, key=lambda field: field.name)))

    def _facts(self) -> tuple[Any, ...]:
        return (self.properties,)

    def __repr__(self) -> str:
        return "{" + ", ".join(map(repr, self.properties)) + "}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        fields: dict[str, Any] = {}
        for field in self.properties:
            fields.update(field.to_dict())
        return {"type": "object", "properties": fields}


ColumnType = DataType | Array | Object | Map | AnyType


def as_type(kind: object) -> ColumnType:
    """A type, or the scalar type of this name.

    Raises:
        InvalidInput: it is neither.
    """
    if isinstance(kind, ColumnType):
        return kind
    if isinstance(kind, str):
        try:
            return DataType(_ALIASES.get(kind, kind))
        except ValueError:
            pass
    shown = f"{kind[:80]!r}" if isinstance(kind, str) else _kind_of(kind)
    raise InvalidInput(
        f"Unknown type {shown}. Expected {', '.join(DataType)},"
        " or an Array, Object, Map or AnyType."
    )


def read_type(facts: object, *, where: str, depth: int = 0) -> ColumnType:
    """The type that a JSON value describes.

    Args:
        facts: the parsed value, such as ``{"type": "array", "items": {"type": "long"}}``.
        where: place of the value, for errors.
        depth: how many types this one is inside of.

    Raises:
        InvalidInput: it describes none; the message names the place.
    """
    if depth > MAX_DEPTH:
        raise InvalidInput(f"{where}: types may be {MAX_DEPTH} deep inside each other, no more.")
    if not isinstance(facts, Mapping):
        raise InvalidInput(f"{where}: expected an object with 'type', got {_kind_of(facts)}.")
    name = facts.get("type")
    if name == "array":
        inner = f"{where}.items"
        return Array(read_type(_part(facts, "items", where), where=inner, depth=depth + 1))
    if name == "map":
        inner = f"{where}.values"
        return Map(read_type(_part(facts, "values", where), where=inner, depth=depth + 1))
    if name == "object":
        return _read_object(facts, where=where, depth=depth)
    if name == "any":
        return AnyType()
    if name == "sparkml_vector":
        return SparkMLVector()
    if not isinstance(name, str):
        raise InvalidInput(f"{where}: 'type' must be the name of a type, got {_kind_of(name)}.")
    try:
        return as_type(name)
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error.message}") from None


def _read_object(facts: Mapping[str, Any], *, where: str, depth: int) -> Object:
    fields = _part(facts, "properties", where)
    if not isinstance(fields, Mapping) or not fields:
        raise InvalidInput(f"{where}: 'properties' must be an object with at least one property.")
    properties = []
    for name, field in fields.items():
        place = f"{where}.{name}"
        kind = read_type(field, where=place, depth=depth + 1)
        properties.append(Property(str(name), kind, required=read_required(field, where=place)))
    return Object(properties)


def read_required(facts: Mapping[str, Any], *, where: str) -> bool:
    """Whether a value must be there: ``required``, or the negation of the older ``optional``."""
    required = facts.get("required")
    if required is None and facts.get("optional") is not None:
        optional = facts["optional"]
        required = not optional if isinstance(optional, bool) else optional
    if required is None:
        return True
    if not isinstance(required, bool):
        raise InvalidInput(f"{where}: 'required' must be true or false, got {_kind_of(required)}.")
    return required


def _part(facts: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in facts:
        raise InvalidInput(f"{where}: the type {facts['type']!r} needs {key!r}.")
    return facts[key]


def _kind_of(value: object) -> str:
    return "null" if value is None else type(value).__name__

"""The decoder: bytes, query and path of a request become one typed struct, or a 400 that says
what is wrong.

There is one decoder for every route. A well-formed request takes the fast road, msgspec straight
into the struct. What that refuses goes the slow road on routes of the MLflow dialect: parsed to
plain values, walked beside the struct's type to undo what protobuf's JSON allows (camelCase
names, numbers as text, enums by number, null for absent, fields nobody knows), then converted
strictly. So leniency costs nothing where it isn't needed. MLflow's own clients, in four
languages, depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from assay.errors import InvalidInput
from assay.server.routing import Body, Dialect, Empty, Route, path_fields

MAX_QUERY_FIELDS = 20_000
"""``run_ids`` of get-history-bulk come as repeated query parameters."""

MAX_DEPTH = 100
"""Lists and objects inside each other, as protobuf's JSON parser allows. Python's own limit on
recursion is no measure of it: any library of the process may raise that.
"""

_STRING = re.compile(rb'"(?:\\.|[^"\\])*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}\Z")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,5})?\Z")
_SPECIAL_FLOATS = {
    "nan": float("nan"),
    "inf": float("inf"),
    "infinity": float("inf"),
    "-inf": float("-inf"),
    "-infinity": float("-inf"),
}
_PLACE = re.compile(r"(?s)(.*?)(?: - at `\$?\.?(.*)`)?\Z")
_MISSING_FIELD = re.compile(r"Object missing required field `(.*)`\Z")
_HUMP = re.compile(r"_([a-z0-9])")

Walk = Callable[[Any, str], Any]


class Decoder:
    """Decodes the requests of one route."""

    __slots__ = ("_from_json", "_from_msgpack", "_lenient", "_names", "_path", "_query", "_type")

    def __init__(self, route: Route, *, numbers: Mapping[type, Mapping[int, str]]) -> None:
        """Prepare the roads of a route; ``numbers`` gives protobuf's numbers of enums."""
        self._type: Any = route.request
        self._path = bool(path_fields(route.path))
        self._lenient = route.dialect is Dialect.MLFLOW
        self._names = _walk_of(inspect.type_info(self._type), numbers, text=False)
        self._query = _walk_of(inspect.type_info(self._type), numbers, text=True)
        self._from_json = msgspec.json.Decoder(self._type).decode
        self._from_msgpack = (
            msgspec.msgpack.Decoder(self._type).decode if route.body_kind is Body.MSGPACK else None
        )

    def decode(
        self, body: bytes, *, query: bytes, params: Mapping[str, str], packed: bool = False
    ) -> Any:
        """The request struct.

        Raises:
            InvalidInput: something doesn't parse or breaks a constraint of the struct.
        """
        if self._type is Empty:
            return _EMPTY
        try:
            if body and not query and not self._path:
                if packed and self._from_msgpack is not None:
                    return self._from_msgpack(body)
                try:
                    return self._from_json(body)
                except (msgspec.ValidationError, UnicodeDecodeError):
                    if not self._lenient:
                        raise
            return self._slow(body, query=query, params=params, packed=packed)
        except msgspec.ValidationError as error:
            raise invalid_field(str(error)) from None
        except msgspec.DecodeError as error:
            raise InvalidInput(f"The body is not valid JSON: {error}.") from None
        except UnicodeError:
            raise InvalidInput("The request is not valid UTF-8.") from None
        except RecursionError:
            raise InvalidInput("The body is nested too deeply.") from None

    def _slow(self, body: bytes, *, query: bytes, params: Mapping[str, str], packed: bool) -> Any:
        if query:
            values = self._query(_fields_of(query), "")
        else:
            values = _plain_object(body, packed=packed)
            if self._lenient:
                values = self._names(values, "")
        if params:
            values = {**values, **params}
        return msgspec.convert(values, self._type)


_EMPTY = Empty()


def _plain_object(body: bytes, *, packed: bool) -> Any:
    if not body:
        return {}
    if packed:
        return msgspec.msgpack.decode(body)
    value = _from_json(body)
    if isinstance(value, str):
        # Some clients of MLflow encode twice; its server undoes that once.
        value = _from_json(value.encode())
    if not isinstance(value, dict):
        raise InvalidInput("The body must be a JSON object.")
    return value


def _from_json(text: bytes) -> Any:
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        _check_depth(text)
    return msgspec.json.decode(text)


def _check_depth(text: bytes) -> None:
    """Peel the brackets off from the inside, a level a round."""
    brackets = _STRING.sub(b"", text).translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if b"[]" not in brackets:
            break
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH:
        raise InvalidInput(f"The body is nested too deeply: more than {MAX_DEPTH} levels.")


def _fields_of(query: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_QUERY_FIELDS,
        )
    except UnicodeError:
        raise
    except ValueError as error:
        raise InvalidInput(f"The query string is malformed: {error}.") from None
    fields: dict[str, list[str]] = {}
    for key, value in pairs:
        fields.setdefault(key, []).append(value)
    return fields


def invalid_field(text: str) -> InvalidInput:
    """Msgspec's complaint in MLflow's words, naming the field with its path."""
    found = _PLACE.match(text)
    assert found is not None
    why, place = found[1], found[2] or ""
    missing = _MISSING_FIELD.match(why)
    if missing is not None:
        place = f"{place}.{missing[1]}" if place else missing[1]
    if missing is not None or why == "Expected `str` of length >= 1":
        return InvalidInput(
            f"Missing value for required parameter '{place}'."
            " See the API docs for more information about request parameters."
        )
    if not place:
        return InvalidInput(f"Invalid request: {why}.")
    return InvalidInput(f"Invalid value for parameter '{place}' supplied: {why}.")


def camel_case(name: str) -> str:
    """``run_id`` as ``runId``, the way protobuf's JSON spells it."""
    return _HUMP.sub(lambda found: found[1].upper(), name)


def _walk_of(kind: inspect.Type, numbers: Mapping[type, Mapping[int, str]], *, text: bool) -> Walk:
    """What turns a plain value into one that converts strictly; ``text``: it came from a query
    string.
    """
    if isinstance(kind, inspect.UnionType):
        kinds = [t for t in kind.types if not isinstance(t, inspect.NoneType)]
        return _walk_of(kinds[0], numbers, text=text) if len(kinds) == 1 else _as_is
    if isinstance(kind, inspect.StructType):
        return _struct_walk(kind, numbers, text=text)
    if isinstance(kind, inspect.ListType | inspect.VarTupleType):
        return _list_walk(_walk_of(kind.item_type, numbers, text=text))
    if isinstance(kind, inspect.EnumType) and kind.cls in numbers:
        return _enum_walk(numbers[kind.cls])
    for simple, walk in _SIMPLE.items():
        if isinstance(kind, simple):
            return walk
    return _as_is


def _struct_walk(
    kind: inspect.StructType, numbers: Mapping[type, Mapping[int, str]], *, text: bool
) -> Walk:
    walks: dict[str, tuple[str, Walk]] = {}
    lists: set[str] = set()
    for field in kind.fields:
        entry = (field.encode_name, _walk_of(field.type, numbers, text=text))
        walks[field.encode_name] = entry
        walks.setdefault(camel_case(field.encode_name), entry)
        if _is_list(field.type):
            lists.add(field.encode_name)

    def walk(value: Any, place: str) -> Any:
        if not isinstance(value, dict):
            return value
        out: dict[str, Any] = {}
        for key, item in value.items():
            entry = walks.get(key)
            if entry is None or item is None:
                continue
            name, inner = entry
            if name in out:
                raise InvalidInput(
                    f"Invalid request: parameter '{_join(place, name)}' is given in two spellings."
                )
            if text and name not in lists:
                item = item[0]  # noqa: PLW2901 - a repeated parameter counts once, as in MLflow
            out[name] = inner(item, _join(place, name))
        return out

    return walk


def _is_list(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(_is_list(inner) for inner in kind.types)
    return isinstance(kind, inspect.ListType | inspect.VarTupleType)


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _list_walk(inner: Walk) -> Walk:
    def walk(value: Any, place: str) -> Any:
        if not isinstance(value, list):
            return value
        return [inner(item, f"{place}[{index}]") for index, item in enumerate(value)]

    return walk


def _enum_walk(numbers: Mapping[int, str]) -> Walk:
    def walk(value: Any, _place: str) -> Any:
        number = _integer(value, "")
        return numbers.get(number, value) if type(number) is int else value

    return walk


def _integer(value: Any, _place: str) -> Any:
    if isinstance(value, str) and _INTEGER.match(value):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value


def _float(value: Any, _place: str) -> Any:
    if isinstance(value, str):
        if _FLOAT.match(value):
            return float(value)
        return _SPECIAL_FLOATS.get(value.lower(), value)
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return value
    return value


def _bool(value: Any, _place: str) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


def _as_is(value: Any, _place: str) -> Any:
    return value


_SIMPLE: dict[type[inspect.Type], Walk] = {
    inspect.IntType: _integer,
    inspect.FloatType: _float,
    inspect.BoolType: _bool,
}

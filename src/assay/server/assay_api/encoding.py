"""Encoding: answers of Assay's own routes, as MessagePack or JSON, whichever the caller accepts.

MessagePack keeps every bit of a float. JSON has no NaN and no infinities, so they travel as
``"NaN"``, ``"Infinity"`` and ``"-Infinity"``, as in protobuf's JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.http.replies import MSGPACK, Reply
from assay.server.context import Context

T = TypeVar("T")

JsonFloat = float | str
"""A float in JSON: a number, or one of the three strings."""

_VARY = ((b"vary", b"accept"),)
_encode = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode


def wants_msgpack(context: Context) -> bool:
    """Whether the caller asked for MessagePack."""
    return MSGPACK.decode() in context.header(b"accept")


def answer(context: Context, value: Any) -> Reply:
    """``value`` (structs, lists, dicts, numbers and texts) in the form that the caller accepts."""
    if wants_msgpack(context):
        return Reply(_encode(value), MSGPACK, headers=_VARY)
    return Reply(_encode_json(_without_specials(msgspec.to_builtins(value))), headers=_VARY)


def done(context: Context) -> Reply:
    """The answer without fields."""
    return answer(context, {})


def columnar(
    context: Context, value: T, *, packed: Callable[[T], Any], listed: Callable[[T], Any]
) -> Reply:
    """Arrays as raw columns (``packed``) or as JSON lists (``listed``).

    Raw columns of floats hardly shrink, so they are never compressed: gzip takes ten times as long
    as sending.
    """
    if wants_msgpack(context):
        return Reply(_encode(packed(value)), MSGPACK, headers=_VARY, compress=False)
    return Reply(_encode_json(listed(value)), headers=_VARY)


def raw(column: NDArray[Any], dtype: str) -> bytes:
    """A column as little-endian bytes of ``dtype`` (``<i8``, ``<f8``)."""
    return column.astype(dtype, copy=False).tobytes()


def numbers(column: NDArray[np.float64]) -> list[JsonFloat]:
    """A column of floats as JSON holds it."""
    values: list[JsonFloat] = column.tolist()
    for place in np.flatnonzero(~np.isfinite(column)).tolist():
        values[place] = json_float(float(column[place]))
    return values


def json_float(value: float) -> JsonFloat:
    """A float as JSON holds it."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _without_specials(value: Any) -> Any:
    if isinstance(value, float):
        return json_float(value)
    if isinstance(value, dict):
        return {key: _without_specials(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_specials(item) for item in value]
    return value

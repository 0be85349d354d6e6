"""Filters that don't parse, told so that a query box can underline the mistake."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from assay.errors import InvalidFilter
from assay.http.replies import Reply
from assay.server.context import Context

_HEADERS: Final = ((b"x-assay-error", b"InvalidFilter"),)
_WORD: Final = re.compile(r"[\w.`'\"%-]+|[=<>!]+|\S", re.UNICODE)
R = TypeVar("R")


class FilterErrorBody(msgspec.Struct, frozen=True):
    """An error of a filter or an order."""

    error_code: str
    message: str
    position: int
    """Characters before the mistake."""
    length: int
    """Characters of the word that is wrong; 0 where something is missing at the end."""
    field: str
    """``filter`` or ``order_by``: which of the two it is in."""


def with_place(
    handler: Callable[[Context, R], Any], *, filter_of: Callable[[R], str]
) -> Callable[[Context, R], Any]:
    """The handler, with the place of the mistake in its answer to a filter that doesn't parse."""

    def handle(context: Context, request: R) -> Any:
        try:
            return handler(context, request)
        except InvalidFilter as error:
            field = "filter" if error.text == filter_of(request) else "order_by"
            return Reply(_encode(error, field), status=400, headers=_HEADERS)

    return handle


def _encode(error: InvalidFilter, field: str) -> bytes:
    found = _WORD.match(error.text, error.position)
    body: Any = FilterErrorBody(
        error_code=error.error_code,
        # It quotes what came in, and that may hold half of a surrogate pair.
        message=error.message.encode("utf-8", "backslashreplace").decode(),
        position=error.position,
        length=0 if found is None else found.end() - found.start(),
        field=field,
    )
    return msgspec.json.encode(body)

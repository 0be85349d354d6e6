"""Errors as they leave the server: ``{"error_code", "message"}`` and a status, never a
traceback.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import msgspec

from assay.errors import AssayError, RemoteError
from assay.http.replies import Headers

_logger = logging.getLogger(__name__)


class HttpError(Exception):
    """What HTTP itself refuses: no such path, wrong method, body too large, foreign origin."""

    def __init__(
        self, status: int, message: str, *, error_code: str = "BAD_REQUEST", headers: Headers = ()
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.error_code = status, message, error_code
        self.headers = headers


class ErrorBody(msgspec.Struct, frozen=True):
    """Every error of every route."""

    error_code: str
    message: str


class ErrorReply(NamedTuple):
    """A status, a body, and headers that belong to it."""

    status: int
    body: bytes
    headers: Headers = ()


def not_found(path: str) -> HttpError:
    """No route has this path."""
    return HttpError(404, f"No endpoint at {path}.", error_code="ENDPOINT_NOT_FOUND")


def wrong_method(method: str, path: str, allowed: list[str]) -> HttpError:
    """The path exists, for other methods."""
    allow = ", ".join(allowed)
    return HttpError(
        405,
        f"{path} does not answer {method}, only {allow}.",
        headers=((b"allow", allow.encode()),),
    )


def too_large(limit: int) -> HttpError:
    """The body is over a limit."""
    return HttpError(
        413,
        f"The request body is over the limit of {limit} bytes.",
        error_code="REQUEST_LIMIT_EXCEEDED",
    )


def error_reply(error: BaseException, *, request_id: str) -> ErrorReply:
    """What the client gets to see of an error; what it doesn't is logged with the request's id."""
    if isinstance(error, HttpError):
        return ErrorReply(error.status, _body(error.error_code, error.message), error.headers)
    if isinstance(error, RemoteError):
        return ErrorReply(error.remote_status, _body(error.remote_code, error.message))
    if isinstance(error, AssayError):
        if error.http_status >= 500:
            _logger.error("request %s failed: %s", request_id, error.message, exc_info=error)
        # One code stands for several classes; our own clients raise the very class again.
        named = ((b"x-assay-error", type(error).__name__.encode()),)
        return ErrorReply(error.http_status, _body(error.error_code, error.message), named)
    _logger.error("request %s failed", request_id, exc_info=error)
    message = f"Internal error. The server's log tells more under request id {request_id}."
    return ErrorReply(500, _body("INTERNAL_ERROR", message))


def _body(error_code: str, message: str) -> bytes:
    # Messages quote what came in, and that may hold half of a surrogate pair.
    message = message.encode("utf-8", "backslashreplace").decode()
    return msgspec.json.encode(ErrorBody(error_code, message))

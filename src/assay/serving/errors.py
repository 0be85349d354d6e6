"""Errors of predictions as MLflow's scoring servers tell them."""

from __future__ import annotations

import logging

import msgspec

from assay.errors import AssayError, InvalidInput
from assay.http.errors import ErrorReply, HttpError
from assay.serving.lane import ModelFailed
from assay.serving.protocols.bodies import UnsupportedContent

_log = logging.getLogger(__name__)
_BAD_REQUEST = "BAD_REQUEST"


class PredictionError(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of an error. MLflow has one code for all that is wrong with a request; the class
    says more.
    """

    error_code: str
    message: str
    error_class: str | None = None


def prediction_error(error: BaseException, *, request_id: str, path: str) -> ErrorReply:
    """What the client gets to see; what a model raised is logged with the request's id."""
    told = _told(error, request_id=request_id)
    if path.startswith("/v2/"):
        # The Open Inference Protocol has one field.
        message = msgspec.json.decode(told.body, type=PredictionError).message
        return told._replace(body=msgspec.json.encode({"error": message}))
    return told


def _told(error: BaseException, *, request_id: str) -> ErrorReply:
    if isinstance(error, HttpError):
        return _reply(error.status, error.error_code, error.message, headers=error.headers)
    if isinstance(error, UnsupportedContent):
        return _reply(415, _BAD_REQUEST, error.message)
    if isinstance(error, InvalidInput):
        return _reply(400, _BAD_REQUEST, error.message, name=error.error_code)
    if isinstance(error, AssayError) and error.http_status < 500:
        return _reply(error.http_status, error.error_code, error.message)
    what = "the model failed" if isinstance(error, ModelFailed) else "failed"
    _log.error("request %s: %s", request_id, what, exc_info=error)
    message = f"The model couldn't predict this. The server's log tells more under id {request_id}."
    return _reply(500, "INTERNAL_ERROR", message)


def _reply(
    status: int,
    code: str,
    message: str,
    *,
    name: str | None = None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> ErrorReply:
    message = message.encode("utf-8", "backslashreplace").decode()
    return ErrorReply(status, msgspec.json.encode(PredictionError(code, message, name)), headers)

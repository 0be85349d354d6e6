"""What an artifact server answers when it refuses, as errors of this family."""

from __future__ import annotations

from typing import Protocol

import msgspec
import urllib3

from assay.errors import (
    ArtifactNotFound,
    AssayError,
    Corrupted,
    InvalidInput,
    PermissionDenied,
    RemoteError,
    StoreFull,
    StoreUnavailable,
)

_SHOWN = 500
"""Characters of a foreign answer that a message may hold."""
_TRY_AGAIN = {408, 425, 429, 502, 503, 504}


class Said(Protocol):
    """What a server says of a refusal."""

    @property
    def error_code(self) -> str:
        """MLflow's name of the kind."""

    @property
    def message(self) -> str:
        """For people."""


class _Body(msgspec.Struct):
    error_code: str = ""
    message: str = ""


def check(answer: urllib3.BaseHTTPResponse, path: str) -> None:
    """Pass a 2xx; else read the answer, give its connection back, and raise.

    Raises:
        AssayError: the class that the answer's status and ``error_code`` stand for.
    """
    if 200 <= answer.status < 300:
        return
    try:
        raw = answer.data
    except urllib3.exceptions.HTTPError:
        raw = b""
    finally:
        answer.release_conn()
    raise error_for(answer.status, raw, path=path)


def error_for(status: int, raw: bytes, *, path: str) -> AssayError:
    """The error for a status and body, which is MLflow's JSON or whatever a proxy in between
    wrote.
    """
    try:
        body = msgspec.json.decode(raw, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = _Body(message=raw.decode("utf-8", "replace").strip())
    return error_of(status, body, path=path)


def error_of(status: int, body: Said, *, path: str) -> AssayError:
    """The error for a status and what the server said."""
    said = body.message[:_SHOWN] or f"HTTP status {status}"
    about = f"The artifact server refused {path!r}: {said}"
    if status == 404 or body.error_code == "RESOURCE_DOES_NOT_EXIST":
        return ArtifactNotFound(path)
    if status in (401, 403):
        return PermissionDenied(f"{about} Check the token or password this program uses.")
    if status == 507:
        return StoreFull(about)
    if status in _TRY_AGAIN:
        return StoreUnavailable(about)
    if body.error_code == "DATA_LOSS":
        return Corrupted(about)
    if 400 <= status < 500 and body.error_code in ("", "INVALID_PARAMETER_VALUE", "BAD_REQUEST"):
        return InvalidInput(about)
    return RemoteError(about, error_code=body.error_code, http_status=status)

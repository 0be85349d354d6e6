"""Failures: what a server's error answer becomes here.

Servers say ``{"error_code": …, "message": …}``. An Assay server adds the class's name in a header;
for a plain MLflow server the class is read from the code and, where one code stands for several
classes, from the wording of its message (MLflow 3.17). The message a person reads is always the
server's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from assay import errors
from assay.errors import AssayError, RemoteError

ERROR_CLASS_HEADER: Final = "x-assay-error"
"""Header of an Assay server's error answers: the name of the class in ``assay.errors``."""

_MAX_SHOWN = 300
"""Characters of a foreign answer that an error message quotes."""

_NUMBER: Final = re.compile(r"[0-9]+")

_BY_NAME: Final[dict[str, type[AssayError]]] = {
    name: getattr(errors, name) for name in errors.__all__ if name != "RemoteError"
}

_BY_CODE: Final[dict[str, type[AssayError]]] = {
    "INVALID_PARAMETER_VALUE": errors.InvalidInput,
    "BAD_REQUEST": errors.InvalidInput,
    "INVALID_STATE": errors.InvalidInput,
    "MALFORMED_REQUEST": errors.InvalidInput,
    "RESOURCE_DOES_NOT_EXIST": errors.NotFound,
    "NOT_FOUND": errors.NotFound,
    "RESOURCE_ALREADY_EXISTS": errors.AlreadyExists,
    "ALREADY_EXISTS": errors.AlreadyExists,
    "RESOURCE_CONFLICT": errors.Conflict,
    "PERMISSION_DENIED": errors.PermissionDenied,
    "UNAUTHENTICATED": errors.PermissionDenied,
    "TEMPORARILY_UNAVAILABLE": errors.StoreUnavailable,
    "DATA_LOSS": errors.Corrupted,
}

_BY_WORDING: Final[tuple[tuple[type[AssayError], type[AssayError], re.Pattern[str]], ...]] = (
    (errors.NotFound, errors.RunNotFound, re.compile(r"Run with id=(?P<run_id>\S+) not found")),
    (errors.NotFound, errors.RunNotFound, re.compile(r"Run '(?P<run_id>[^']+)' not found")),
    (
        errors.NotFound,
        errors.ExperimentNotFound,
        re.compile(
            r"(?:No experiment with id(?: or name)?[ =]"
            r"|Could not find experiment with (?:name|id) )"
            r"'?(?P<ident>[^']+?)'?(?: exists\.?)?\Z",
            re.IGNORECASE,
        ),
    ),
    (
        errors.NotFound,
        errors.TagNotFound,
        re.compile(
            r"No tag with name: (?P<key>.+?) in (?P<kind>[\w ]+?) with id (?P<ident>\S+?)\.?\Z"
        ),
    ),
    (
        errors.NotFound,
        errors.LoggedModelNotFound,
        re.compile(r"Logged model with ID '?(?P<model_id>[^' ]+)'? not found"),
    ),
    (
        errors.NotFound,
        errors.RegisteredModelNotFound,
        re.compile(r"Registered Model with name=(?P<name>.+) not found\Z", re.DOTALL),
    ),
    (
        errors.NotFound,
        errors.ModelVersionNotFound,
        re.compile(
            r"Model Version \(name=(?P<name>.+), version=(?P<version>\S+)\) not found\Z", re.DOTALL
        ),
    ),
    (
        errors.NotFound,
        errors.RegistryItemNotFound,
        re.compile(
            r"No (?P<kind>request|policy|webhook|rule|deployment|user|token)"
            r" '(?P<ident>.*)' exists\.\Z"
        ),
    ),
    (
        errors.InvalidInput,
        errors.AliasNotFound,
        re.compile(r"Registered model alias (?P<alias>\S+) not found"),
    ),
    (
        errors.InvalidInput,
        errors.InvalidPolicy,
        re.compile(r"Invalid policy(?: at (?P<where>[^:]*))?: (?P<why>.*)\.\Z", re.DOTALL),
    ),
    (
        errors.PermissionDenied,
        errors.TransitionRefused,
        re.compile(
            r"(?P<what>.+?) is refused: (?P<reasons>.+?)\.(?: (?P<hint>[A-Z].*))?\Z", re.DOTALL
        ),
    ),
    (
        errors.Conflict,
        errors.TransitionConflict,
        re.compile(
            r"(?P<target>.+) of '(?P<name>.+)' is held by (?P<found>.+), not by (?P<expected>.+)"
            r" any more\."
        ),
    ),
    (
        errors.InvalidInput,
        errors.InactiveResource,
        re.compile(
            r"The (?P<kind>\w+) (?P<ident>\S+) must be in (?:the )?'?(?P<must_be>\w+)'? "
            r"(?:state|lifecycle)"
        ),
    ),
    (
        errors.InvalidInput,
        errors.ParamChanged,
        re.compile(r"Changing param values is not allowed|Params are written once"),
    ),
    (
        errors.InvalidInput,
        errors.InvalidFilter,
        re.compile(
            r"Invalid (?:filter|clause|order_by|comparison|attribute key|entity type|comparator)"
            r"|Invalid \w+ key '"
        ),
    ),
    (
        errors.InvalidInput,
        errors.InvalidPageToken,
        re.compile(r"Invalid page token", re.IGNORECASE),
    ),
)


class _ErrorBody(msgspec.Struct):
    error_code: str | int | None = None
    message: str | None = None


def failure(
    status: int, body: bytes, *, class_name: str | None = None, server: str = ""
) -> AssayError:
    """The error that an answer of this status and body stands for.

    ``server`` is named where the answer isn't one of the protocol, so that a person sees who spoke.
    """
    try:
        said = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = _ErrorBody()
    if said.message is None and said.error_code is None:
        return _foreign(status, body, server=server)
    # MLflow appends the database's own error to some messages.
    message = (said.message or "").partition("\n[SQL:")[0]
    message = message or f"The server answered {said.error_code} (HTTP {status})."
    kind = _BY_NAME.get(class_name) if class_name else None
    if kind is not None:
        return _made(kind, message, _facts(kind, message))
    code = str(said.error_code or "")
    if status == errors.StoreFull.http_status:
        return _made(errors.StoreFull, message)
    kind = _BY_CODE.get(code)
    if kind is None:
        return RemoteError(message, error_code=code, http_status=status)
    for general, special, wording in _BY_WORDING:
        if general is kind and (match := wording.search(message)):
            return _made(special, message, _read(match))
    return _made(kind, message)


def _facts(kind: type[AssayError], message: str) -> dict[str, object]:
    """What the message tells of the things it is about."""
    for _, special, wording in _BY_WORDING:
        if special is kind and (match := wording.search(message)):
            return _read(match)
    return {}


def _read(match: re.Match[str]) -> dict[str, object]:
    facts: dict[str, object] = {name: text or "" for name, text in match.groupdict().items()}
    for name, text in match.groupdict("").items():
        if name == "reasons":
            facts[name] = text.split("; ")
        elif name in ("expected", "found"):
            facts[name] = [int(number) for number in _NUMBER.findall(text)]
    return facts


def _foreign(status: int, body: bytes, *, server: str) -> AssayError:
    shown = " ".join(re.sub(r"<[^>]*>", " ", body[:4096].decode("utf-8", "replace")).split())
    shown = f": {shown[:_MAX_SHOWN]}" if shown else ""
    if status in (401, 403):
        return errors.PermissionDenied(
            f"{server} refused access (HTTP {status}){shown}."
            " Set ASSAY_TRACKING_TOKEN, or ASSAY_TRACKING_USERNAME and ASSAY_TRACKING_PASSWORD."
        )
    message = f"{server} answered HTTP {status}{shown}"
    if status in (429, 502, 503, 504):
        return errors.StoreUnavailable(message)
    return RemoteError(message, error_code=f"HTTP_{status}", http_status=status)


def _made(
    kind: type[AssayError], message: str, facts: Mapping[str, object] | None = None
) -> AssayError:
    # Constructors take facts and write the message; here the message came from the server.
    error = kind.__new__(kind, message)
    error.message = message
    error.__dict__.update(facts or {})
    return error

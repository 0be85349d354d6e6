"""An endpoint: a route made ready to run. Decodes the request, calls the handler, encodes what it
returns.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from assay.http.headers import API_POLICY, COMPRESS_OVER_BYTES, INERT, pack
from assay.http.replies import JSON, FileReply, Headers, Reply, StreamReply
from assay.server.context import Context
from assay.server.decoding import Decoder
from assay.server.routing import Body, Dialect, Route

_FIXED: tuple[tuple[bytes, bytes], ...] = (
    *INERT,
    (b"content-security-policy", API_POLICY),
    (b"cache-control", b"no-store"),
)
_FIXED_NAMES = frozenset(name for name, _ in _FIXED)

_encode = msgspec.json.Encoder().encode


class Outgoing(NamedTuple):
    """A response ready to be sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes | StreamReply | FileReply


class Endpoint:
    """One route with its decoder."""

    __slots__ = ("body", "decoder", "is_async", "max_body_bytes", "own_limit", "route")

    def __init__(
        self, route: Route, *, numbers: Mapping[type, Mapping[int, str]], max_body_bytes: int
    ) -> None:
        self.route = route
        self.body = route.body_kind
        self.decoder = Decoder(route, numbers=numbers)
        self.is_async = inspect.iscoroutinefunction(route.handler)
        self.max_body_bytes = route.max_body_bytes or max_body_bytes
        self.own_limit = route.max_body_bytes is not None and route.dialect is Dialect.MLFLOW

    def decode(self, context: Context, body: bytes, packed: bool) -> Any:
        """The request struct of this call."""
        query = context.query
        if self.body is Body.JSON or self.body is Body.MSGPACK:
            # MLflow ignores the query of a state change; so every field has one source.
            query = b""
        return self.decoder.decode(body, query=query, params=context.params, packed=packed)

    def run(self, context: Context, body: bytes, packed: bool, gzip: bool) -> Outgoing:
        """The whole blocking part of a request; positional because the pool passes it on."""
        request = self.decode(context, body, packed)
        return outgoing(self.route.handler(context, request), gzip=gzip)


def outgoing(result: Any, *, gzip: bool) -> Outgoing:
    """What a handler returned, ready to be sent."""
    if isinstance(result, StreamReply | FileReply):
        return _opened(result)
    if isinstance(result, Reply):
        return complete(
            result.body,
            status=result.status,
            content_type=result.content_type,
            extra=result.headers,
            gzip=gzip and result.compress,
        )
    return complete(b"{}" if result is None else _encode(result), gzip=gzip)


def complete(
    body: bytes,
    *,
    status: int = 200,
    content_type: bytes = JSON,
    extra: Headers = (),
    gzip: bool = False,
) -> Outgoing:
    """A response with a complete body."""
    headers = _base(extra)
    headers.append((b"content-type", content_type))
    if len(body) > COMPRESS_OVER_BYTES:
        headers.append((b"vary", b"accept-encoding"))
        if gzip:
            body = pack(body)
            headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", b"%d" % len(body)))
    return Outgoing(status, headers, body)


def _opened(reply: StreamReply | FileReply) -> Outgoing:
    headers = _base(reply.headers)
    headers.append((b"content-type", reply.content_type))
    length = reply.end - reply.start if isinstance(reply, FileReply) else reply.length
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return Outgoing(reply.status, headers, reply)


def _base(extra: Headers) -> list[tuple[bytes, bytes]]:
    """The headers of every response, where a reply doesn't bring its own."""
    if not extra:
        return list(_FIXED)
    own = {name for name, _ in extra}
    if own.isdisjoint(_FIXED_NAMES):
        return [*_FIXED, *extra]
    return [*(pair for pair in _FIXED if pair[0] not in own), *extra]

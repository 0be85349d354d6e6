"""The ASGI application of a scoring server: Host and Origin, the token, the route, the answer."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

from assay.http.bodies import Receive
from assay.http.errors import HttpError, not_found, wrong_method
from assay.http.headers import API_POLICY, INERT, RequestIds
from assay.http.hosts import HostRules
from assay.http.replies import Headers, Reply, StreamReply
from assay.serving.errors import prediction_error
from assay.serving.host import Host
from assay.serving.page import openapi, page
from assay.serving.protocols import repository, v1, v2
from assay.serving.request import Request
from assay.serving.watching import monitoring

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Reply | StreamReply]]

_LENGTH = b"content-length"
_ALWAYS = (*INERT, (b"content-security-policy", API_POLICY), (b"cache-control", b"no-store"))


class _Route(NamedTuple):
    method: str
    path: str
    handler: Handler
    is_open: bool = False
    """Whether it is answered without a token: health, for those who only watch."""
    always: Headers = _ALWAYS
    """What goes with each of its answers."""


ROUTES: tuple[_Route, ...] = (
    _Route("POST", "/invocations", v1.invocations),
    _Route("POST", "/models/{name}/invocations", v1.invocations),
    *(
        _Route("GET", path, handler, is_open=True, always=page.PAGE_HEADERS)
        for path, handler in (
            ("/", page.show),
            *((f"/{name}", page.file(name)) for name in ("page.js", "page_fields.js", "page.css")),
        )
    ),
    _Route("GET", "/signatures", page.signatures),
    _Route("GET", "/openapi.json", openapi.openapi),
    _Route("GET", "/models/{name}/openapi.json", openapi.openapi),
    _Route("POST", "/v2/repository/index", repository.index),
    _Route("POST", "/v2/repository/models/{name}/load", repository.load),
    _Route("POST", "/v2/repository/models/{name}/unload", repository.unload),
    _Route("GET", "/ping", v1.ping, is_open=True),
    _Route("GET", "/health", v1.ping, is_open=True),
    _Route("GET", "/version", v1.version, is_open=True),
    _Route("GET", "/models", monitoring.models),
    _Route("GET", "/metrics", monitoring.metrics),
    _Route("GET", "/v2", v2.server),
    _Route("GET", "/v2/health/live", v2.live, is_open=True),
    _Route("GET", "/v2/health/ready", v2.ready, is_open=True),
    *(
        _Route(method, f"/v2/models/{{name}}{version}{end}", handler)
        for version in ("", "/versions/{version}")
        for method, end, handler in (
            ("GET", "", v2.metadata),
            ("GET", "/ready", v2.model_ready),
            ("POST", "/infer", v2.infer),
        )
    ),
)


class Application:
    """Answers requests with the models of a host."""

    def __init__(self, host: Host, *, routes: tuple[_Route, ...] = ROUTES) -> None:
        settings = host.settings
        self.host = host
        self.is_draining = False
        """Whether clients are asked to open new connections, elsewhere."""
        self._exact: dict[str, dict[str, _Route]] = {}
        self._patterns: list[tuple[list[str], dict[str, _Route]]] = []
        for route in routes:
            self._add(route)
        self._ids = RequestIds()
        self._hosts = HostRules(
            settings.host,
            allowed_hosts=settings.allowed_hosts,
            allowed_origins=settings.allowed_origins,
        )
        self._token = None if settings.token is None else _digest(settings.token.encode())

    def _add(self, route: _Route) -> None:
        if "{" not in route.path:
            self._exact.setdefault(route.path, {})[route.method] = route
            return
        pattern = route.path.split("/")
        for known, methods in self._patterns:
            if known == pattern:
                methods[route.method] = route
                return
        self._patterns.append((pattern, {route.method: route}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI event."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        self.host.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = self._ids.of(headers.get(b"x-request-id"))
        request = None
        always: Headers = _ALWAYS
        try:
            if len(headers) != len(scope["headers"]):
                _refuse_doubles(scope["headers"])
            self._hosts.check(scope["method"], headers)
            route, parts = self._route(scope["method"], scope["path"])
            if self._token is not None and not route.is_open:
                self._check_token(headers)
            request = Request(
                self.host,
                headers,
                receive,
                parts=parts,
                query=scope["query_string"],
                request_id=request_id,
            )
            reply = await route.handler(request)
            if isinstance(reply, StreamReply):
                await self._stream(send, reply, request_id)
                return
            always = route.always
            status, body, kind, more = reply.status, reply.body, reply.content_type, reply.headers
        except Exception as error:  # noqa: BLE001 - all that can go wrong is answered
            told = prediction_error(error, request_id=request_id, path=scope["path"])
            status, body, kind, more = told.status, told.body, b"application/json", told.headers
            if request is not None and request.lane is not None:
                more = (*more, *request.lane.headers)
            if isinstance(error, HttpError) and status in (408, 413):
                more = (*more, (b"connection", b"close"))
        sent = [
            (b"content-type", kind),
            (_LENGTH, str(len(body)).encode()),
            (b"x-request-id", request_id.encode()),
            *always,
            *more,
        ]
        if self.is_draining:
            sent.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )

    async def _stream(self, send: Send, reply: StreamReply, request_id: str) -> None:
        headers = [
            (b"content-type", reply.content_type),
            (b"x-request-id", request_id.encode()),
            *_ALWAYS,
            *reply.headers,
        ]
        assert isinstance(reply.chunks, AsyncGenerator)
        async with contextlib.aclosing(reply.chunks) as chunks:
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _route(self, method: str, path: str) -> tuple[_Route, dict[str, str]]:
        found = self._exact.get(path)
        parts: dict[str, str] = {}
        if found is None:
            given = path.split("/")
            for pattern, methods in self._patterns:
                matched = _matched(pattern, given)
                if matched is not None:
                    found, parts = methods, matched
                    break
        if found is None:
            raise not_found(path)
        route = found.get("GET" if method == "HEAD" else method)
        if route is None:
            raise wrong_method(method, path, sorted(found))
        return route, parts

    def _check_token(self, headers: dict[bytes, bytes]) -> None:
        scheme, _, secret = headers.get(b"authorization", b"").partition(b" ")
        assert self._token is not None
        if scheme.lower() == b"bearer" and hmac.compare_digest(
            _digest(secret.strip()), self._token
        ):
            return
        raise HttpError(
            401,
            "This server answers those who send its token: Authorization: Bearer <token>.",
            error_code="UNAUTHENTICATED",
            headers=((b"www-authenticate", b"Bearer"),),
        )


def _matched(pattern: list[str], given: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(given):
        return None
    parts = {}
    for want, got in zip(pattern, given, strict=True):
        if want.startswith("{"):
            if not got:
                return None
            parts[want[1:-1]] = got
        elif want != got:
            return None
    return parts


def _refuse_doubles(headers: list[tuple[bytes, bytes]]) -> None:
    for name in (b"host", b"authorization", b"content-type", b"content-length"):
        if sum(one == name for one, _ in headers) > 1:
            raise HttpError(400, f"The header {name.decode()} is there more than once.")


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()

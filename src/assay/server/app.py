"""The ASGI application: one straight road from request to response, the same for every route.

Host and Origin, the gate, the route, the body, the pool, the answer, in this order. The road is
written out instead of stacked from wrappers because its cost is paid by every logged metric:
about 60 µs a request.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Mapping,
    MutableMapping,
)
from time import perf_counter
from typing import Any

from msgspec.structs import replace

from assay.errors import AssayError, InvalidInput
from assay.http.bodies import BodyPump, Receive, read_body, read_start, unpack
from assay.http.errors import HttpError, error_reply, not_found, wrong_method
from assay.http.headers import RequestIds, accepts_gzip
from assay.http.hosts import HostRules
from assay.http.replies import FileReply, StreamReply
from assay.server.context import Context, Services
from assay.server.endpoint import Endpoint, Outgoing, complete, outgoing
from assay.server.middleware.access_log import AccessLog
from assay.server.middleware.gate import Gate, OpenGate, require
from assay.server.monitoring import Monitor
from assay.server.pool import ThreadPool
from assay.server.routing import Body, Route, Table
from assay.server.streaming import Streams, until_gone, while_allowed

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_TRANSFER_THREADS = 64
"""Uploads that may be in progress in one process; a slow one holds a thread of its own, never one
of the store's."""
_FILE_CHUNK = 1 << 20
_DECODE_ON_LOOP_BYTES = 1 << 18
"""A larger body is decoded in a thread: the loop must not stand still for more than a few
milliseconds."""
_DONE = object()
_SINGLE = (b"host", b"origin", b"authorization", b"content-type", b"content-encoding")
"""Headers that decide something here; a request that carries one twice is refused."""


class Application:
    """Serves the routes of a table with the services of this process."""

    def __init__(
        self,
        services: Services,
        table: Table,
        *,
        numbers: Mapping[type, Mapping[int, str]],
        monitor: Monitor,
        gate: Gate | None = None,
    ) -> None:
        settings = services.settings
        self.services = services
        self.table = table
        self.monitor = monitor
        self._endpoints = [
            Endpoint(route, numbers=numbers, max_body_bytes=settings.max_body_bytes)
            for route in table
        ]
        self._hosts = HostRules(
            settings.host,
            allowed_hosts=settings.allowed_hosts,
            allowed_origins=settings.allowed_origins,
        )
        self._gate = gate or OpenGate()
        self._ids = RequestIds()
        self._log = AccessLog() if settings.access_log else None
        self._pool = ThreadPool(settings.threads, name="assay-call")
        self._streams = Streams()
        self._transfers = ThreadPool(_TRANSFER_THREADS, name="assay-transfer")

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
        self.close()
        await send({"type": "lifespan.shutdown.complete"})

    def stop_streams(self) -> None:
        """End the streams that would never end by themselves; called when the server stops."""
        self._streams.stop()

    def close(self) -> None:
        """Finish what threads do, then close the store. Called once, when no request is left."""
        if self._log is not None:
            self._log.flush()
        self._pool.stop(self.services.settings.stop_timeout_s)
        self._transfers.stop(0)
        self.services.close()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = self._ids.of(headers.get(b"x-request-id"))
        place = -1
        try:
            if len(headers) != len(scope["headers"]):
                _refuse_doubles(scope["headers"])
            self._hosts.check(scope["method"], headers)
            identity = await self._gate.identify(headers)
            place, params = self._find(scope["method"], scope["path"])
            endpoint = self._endpoints[place]
            require(identity, endpoint.route)
            context = Context(
                self.services,
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"],
                headers=scope["headers"],
                params=params,
                request_id=request_id,
                scheme=scope["scheme"],
                identity=identity,
                client=(scope.get("client") or ("",))[0],
            )
            answer = await self._answer(endpoint, context, headers, receive)
        except Exception as error:  # noqa: BLE001 - the border of the server
            status, body, extra = error_reply(error, request_id=request_id)
            answer = complete(body, status=status, extra=extra)
        answer.headers.append((b"x-request-id", request_id.encode()))
        await self._send(answer, scope["method"], receive, send)
        seconds = perf_counter() - started
        self.monitor.count(place, status=answer.status, seconds=seconds)
        if self._log is not None:
            self._log.add(scope, status=answer.status, seconds=seconds, request_id=request_id)

    def _find(self, method: str, path: str) -> tuple[int, dict[str, str]]:
        found = self.table.find(method, path)
        if isinstance(found, list) and method == "HEAD" and "GET" in found:
            found = self.table.find("GET", path)
        if isinstance(found, list):
            raise wrong_method(method, path, found) if found else not_found(path)
        return found

    async def _answer(
        self,
        endpoint: Endpoint,
        context: Context,
        headers: Mapping[bytes, bytes],
        receive: Receive,
    ) -> Outgoing:
        if endpoint.body is Body.STREAM:
            return await self._upload(endpoint, context, receive)
        body, packed = b"", False
        if b"content-length" in headers or b"transfer-encoding" in headers:
            body = await self._body(endpoint, receive)
            if body:
                packed = _is_packed(endpoint, headers.get(b"content-type", b""))
                encoding = headers.get(b"content-encoding")
                if encoding is not None:
                    body = unpack(body, encoding, limit=endpoint.max_body_bytes)
        gzip = accepts_gzip(headers)
        if endpoint.is_async:
            if len(body) > _DECODE_ON_LOOP_BYTES:
                request = await self._pool.run(endpoint.decode, context, body, packed)
            else:
                request = endpoint.decode(context, body, packed)
            answer = outgoing(await endpoint.route.handler(context, request), gzip=gzip)
            return self._watched(answer, endpoint.route, headers)
        if endpoint.route.on_loop:
            return endpoint.run(context, body, packed, gzip)
        blocking: Outgoing = await self._pool.run(endpoint.run, context, body, packed, gzip)
        return blocking

    def _watched(self, answer: Outgoing, route: Route, headers: Mapping[bytes, bytes]) -> Outgoing:
        """A stream without an end ends when its reader may no longer ask for it."""
        body = answer.body
        if not isinstance(body, StreamReply) or not isinstance(body.chunks, AsyncIterator):
            return answer

        async def allowed() -> bool:
            try:
                require(await self._gate.identify(headers), route)
            except (HttpError, AssayError):
                return False
            return True

        return answer._replace(body=replace(body, chunks=while_allowed(body.chunks, allowed)))

    async def _body(self, endpoint: Endpoint, receive: Receive) -> bytes:
        try:
            return await read_body(receive, limit=endpoint.max_body_bytes)
        except HttpError as error:
            if error.status == 413 and endpoint.own_limit:
                # MLflow's limits of single routes are rules of its API, with their own status.
                raise InvalidInput(error.message) from None
            raise

    async def _upload(self, endpoint: Endpoint, context: Context, receive: Receive) -> Outgoing:
        first, more = await read_start(receive)
        if not more:
            context.attach(iter((first,) if first else ()))
            small: Outgoing = await self._pool.run(endpoint.run, context, b"", False, False)
            return small
        pump = BodyPump(receive, first=first, more=more)
        context.attach(pump.chunks())
        feeding = asyncio.ensure_future(pump.run())
        try:
            large: Outgoing = await self._transfers.run(endpoint.run, context, b"", False, False)
            return large
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)

    async def _send(self, answer: Outgoing, method: str, receive: Receive, send: Send) -> None:
        status, headers, body = answer
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if isinstance(body, bytes):
            await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
            return
        if method == "HEAD":
            if isinstance(body, FileReply):
                os.close(body.fd)
        elif isinstance(body, FileReply):
            await self._send_chunks(_file_chunks(body), receive, send)
        elif isinstance(body.chunks, AsyncIterator):
            await self._streams.send(body.chunks, receive, send)
        else:
            await self._send_chunks(body.chunks, receive, send)
        await send({"type": "http.response.body", "body": b""})

    async def _send_chunks(self, chunks: Iterator[bytes], receive: Receive, send: Send) -> None:
        """Send what a thread reads, until it ends or the client has gone."""
        gone: asyncio.Future[None] | None = None
        try:
            while (chunk := await self._transfers.run(next, chunks, _DONE)) is not _DONE:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if gone is None:
                    # What is sent to a closed connection vanishes silently: only this tells.
                    gone = asyncio.ensure_future(until_gone(receive))
                elif gone.done():
                    return
        finally:
            if gone is not None:
                gone.cancel()
            if isinstance(chunks, Generator):
                chunks.close()


def _refuse_doubles(headers: list[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in headers]
    for name in _SINGLE:
        if names.count(name) > 1:
            raise HttpError(400, f"The header {name.decode()} is given more than once.")


def _is_packed(endpoint: Endpoint, content_type: bytes) -> bool:
    """Whether a body is MessagePack; refuses kinds of bodies that the route doesn't take."""
    kind = content_type.partition(b";")[0].strip().lower()
    if kind == b"application/json" or (not kind and endpoint.body is Body.NONE):
        return False
    if endpoint.body is Body.MSGPACK and kind in (b"application/msgpack", b"application/x-msgpack"):
        return True
    if endpoint.body is Body.NONE:
        return False
    raise HttpError(415, "The body must be application/json.")


def _file_chunks(reply: FileReply) -> Generator[bytes, None, None]:
    position = reply.start
    try:
        while position < reply.end:
            chunk = os.pread(reply.fd, min(_FILE_CHUNK, reply.end - position), position)
            if not chunk:
                raise OSError("a file became shorter while it was sent")
            position += len(chunk)
            yield chunk
    finally:
        os.close(reply.fd)

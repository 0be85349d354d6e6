"""Request bodies: read whole up to a limit, unpacked, or handed over in chunks to a thread."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from queue import SimpleQueue
from typing import Any

from assay.artifacts.base import CHUNK_BYTES
from assay.http.errors import HttpError, too_large

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

IDLE_S = 60
"""How long a client may send nothing in the middle of a body."""
_AHEAD = 4
"""Chunks that may wait for the thread that writes them; then the client waits."""


class ClientGone(HttpError):
    """The connection broke in the middle of a body. Nobody will read the answer."""

    def __init__(self) -> None:
        super().__init__(400, "The connection was closed before the body was complete.")


async def next_chunk(receive: Receive) -> tuple[bytes, bool]:
    """What arrived next, and whether more will come."""
    try:
        async with asyncio.timeout(IDLE_S):
            message = await receive()
    except TimeoutError:
        raise HttpError(408, f"Nothing arrived for {IDLE_S} s.") from None
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


async def read_body(receive: Receive, *, limit: int) -> bytes:
    """The whole body.

    Raises:
        HttpError: it is larger than ``limit``.
    """
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if message["type"] == "http.disconnect":
            raise ClientGone
        if len(body) > limit:
            raise too_large(limit)
        return body
    parts, size, more = [body], len(body), True
    while more:
        if size > limit:
            raise too_large(limit)
        chunk, more = await next_chunk(receive)
        parts.append(chunk)
        size += len(chunk)
    if size > limit:
        raise too_large(limit)
    return b"".join(parts)


def unpack(body: bytes, encoding: bytes, *, limit: int) -> bytes:
    """Undo a Content-Encoding, never past ``limit`` bytes.

    Raises:
        HttpError: not gzip, broken, or larger than ``limit`` when unpacked.
    """
    if encoding.lower() in (b"", b"identity"):
        return body
    if encoding.lower() not in (b"gzip", b"x-gzip"):
        raise HttpError(415, "Only gzip is understood as Content-Encoding.")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise HttpError(400, "The body is not valid gzip.") from None
    if len(plain) > limit:
        raise too_large(limit)
    if not unpacker.eof:
        raise HttpError(400, "The gzip body is cut off.")
    return plain


class BodyPump:
    """Carries a body from the loop to one thread, in chunks of about ``CHUNK_BYTES``, a few ahead
    at most.
    """

    def __init__(self, receive: Receive, *, first: bytes, more: bool) -> None:
        self._receive, self._first, self._more = receive, first, more
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[bytes | BaseException | None] = SimpleQueue()
        self._slots = asyncio.Semaphore(_AHEAD)

    async def run(self) -> None:
        """Receive until the body ends; runs on the loop beside the thread that reads."""
        parts, size, more = [self._first], len(self._first), self._more
        try:
            while more:
                if size >= CHUNK_BYTES:
                    await self._slots.acquire()
                    self._queue.put(b"".join(parts))
                    parts, size = [], 0
                chunk, more = await next_chunk(self._receive)
                parts.append(chunk)
                size += len(chunk)
            self._queue.put(b"".join(parts))
            self._queue.put(None)
        except BaseException as error:
            self._queue.put(error if isinstance(error, Exception) else ClientGone())
            raise

    def chunks(self) -> Iterator[bytes]:
        """The chunks, for the thread."""
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            self._loop.call_soon_threadsafe(self._slots.release)
            yield item


async def read_start(receive: Receive) -> tuple[bytes, bool]:
    """The first chunk's worth of a body, and whether more follows: small uploads need no pump."""
    parts, size, more = [], 0, True
    while more and size < CHUNK_BYTES:
        chunk, more = await next_chunk(receive)
        parts.append(chunk)
        size += len(chunk)
    return b"".join(parts), more

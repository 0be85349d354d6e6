"""Streams without an end of their own, such as live updates: sent until the client or server is
done.

A client that goes away is told by ``receive`` only, so it is listened to beside the sending; and a
server that stops ends its streams, because it would wait for them in vain.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    MutableMapping,
)
from typing import Any

from assay.http.bodies import Receive

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Streams:
    """All open streams of one process."""

    def __init__(self) -> None:
        self._sending: set[asyncio.Future[None]] = set()

    async def send(self, chunks: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
        """Send chunks until they end, the client has gone or the server stops."""
        sending = asyncio.ensure_future(_pump(chunks, send))
        gone = asyncio.ensure_future(until_gone(receive))
        self._sending.add(sending)
        try:
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sending.discard(sending)
            sending.cancel()
            gone.cancel()
            results = await asyncio.gather(sending, gone, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]

    def stop(self) -> None:
        """End all streams."""
        for sending in self._sending:
            sending.cancel()


async def while_allowed(
    chunks: AsyncIterator[bytes], allowed: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes, None]:
    """Chunks for as long as ``allowed`` says so, which is asked before each."""
    try:
        async for chunk in chunks:
            if not await allowed():
                return
            yield chunk
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


async def _pump(chunks: AsyncIterator[bytes], send: Send) -> None:
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def until_gone(receive: Receive) -> None:
    """Wait until the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass

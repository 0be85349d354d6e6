"""Writes that the event loop starts and waits for without holding a thread.

The store's writer calls back from its own thread once the write is durable. That saves two
changes of thread per logged metric, about a third of what the request costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from assay.server.pool import settle
from assay.store.base import Done


async def deferred(start: Callable[[Done[Any]], None]) -> Any:
    """Start a write with its callback, and wait until that is called.

    Raises:
        Exception: what the write met, or what ``start`` raised at once.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def done(result: Any, error: BaseException | None, /) -> None:
        try:
            loop.call_soon_threadsafe(settle, future, result, error)
        except RuntimeError:
            return  # The loop has closed: nobody waits any more.

    start(done)
    return await future

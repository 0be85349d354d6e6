"""Changes: other models that clients of one worker asked for, until its supervisor answers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Final

from assay.errors import AssayError
from assay.http.errors import HttpError
from assay.serving.process.plan import Answered, Wish

_WAIT_S: Final = 600.0
"""How long an answer is waited for: large models are fetched first."""


class NotChanged(AssayError):
    """What was asked to be loaded or unloaded wasn't; the reason is told to whoever asked."""

    http_status = 400


class Changes:
    """Wishes of this process for other models, until the supervisor answers them."""

    def __init__(self, report: Callable[[Wish], None]) -> None:
        self._report = report
        self._next = itertools.count(1).__next__
        self._open: dict[int, asyncio.Future[str | None]] = {}

    async def ask(self, name: str, uri: str | None) -> None:
        """Have a model loaded, or without a URI unloaded, by all workers.

        Raises:
            NotChanged: telling why not.
            HttpError: it takes too long; it may still happen.
        """
        number = self._next()
        done = self._open[number] = asyncio.get_running_loop().create_future()
        self._report(Wish(number, name, uri))
        try:
            async with asyncio.timeout(_WAIT_S):
                reason = await done
        except TimeoutError:
            raise HttpError(
                504, f"It isn't done after {_WAIT_S:g} s; the index tells when it is."
            ) from None
        finally:
            del self._open[number]
        if reason is not None:
            raise NotChanged(reason)

    def answered(self, order: Answered) -> None:
        """The supervisor's answer."""
        done = self._open.get(order.number)
        if done is not None and not done.done():
            done.set_result(order.reason)

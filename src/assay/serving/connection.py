"""Connections of clients that are slow: in sending a request, or in reading its answer.

Each connection looks at itself now and then, by one timer for all its requests, so that requests
themselves cost nothing more. One whose request doesn't arrive within the limit is told so and
closed; one that reads nothing of what waits for it is dropped.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from assay.http.protocol import Protocol

_BODY: Final = b'{"error_code":"REQUEST_TIMEOUT","message":"The request didn\'t arrive in time."}'
_LATE: Final = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n"
    b"x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
    % (len(_BODY), _BODY)
)
_LOOKS: Final = 4
"""Looks within the limit: by so much of it a slow client may be found late."""
_SHORTEST_S: Final = 0.05


class Connection(Protocol):
    """One connection. Classes with a limit are made by ``limited``."""

    limit_s: float = 60.0
    """For a request to arrive, and for a client to read something of an answer."""
    _timer: asyncio.TimerHandle | None = None
    _arriving: object | None = None
    """The request that was arriving when last looked at, and for how many looks."""
    _looks = 0
    _unsent = 0
    _stuck = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to look."""
        super().connection_made(transport)
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def _look_later(self) -> None:
        self._timer = self.loop.call_later(max(self.limit_s / _LOOKS, _SHORTEST_S), self._look)

    def _look(self) -> None:
        self._look_later()
        if self._reads_nothing():
            self.transport.abort()
        elif self._arrives_late() and not self.transport.is_closing():
            if self.cycle is None or not self.cycle.response_started or self._is_next():
                self.transport.write(_LATE)
            self.transport.close()

    def _is_next(self) -> bool:
        """Whether the head of a request is arriving after one that was answered."""
        return self.cycle.scope is not self.scope and self.cycle.response_complete

    def _arrives_late(self) -> bool:
        arriving: object | None = None
        if self.cycle is None or self.cycle.scope is not self.scope:
            # Its head isn't complete; before the first byte it is the connection itself.
            arriving = cast("object | None", self.scope) or self
        elif self.cycle.more_body:
            arriving = self.cycle
        if arriving is None or arriving is not self._arriving:
            self._arriving, self._looks = arriving, 0
            return False
        self._looks += 1
        return self._looks >= _LOOKS

    def _reads_nothing(self) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent != self._unsent:
            self._unsent, self._stuck = unsent, 0
            return False
        self._stuck += 1
        return self._stuck >= _LOOKS


def limited(limit_s: float) -> type[Connection]:
    """The class of connections with this limit, as uvicorn makes them."""
    return type("LimitedConnection", (Connection,), {"limit_s": limit_s})

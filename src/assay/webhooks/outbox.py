"""The outbox as whoever sends sees it: claim a message, send it, say what came of it.

A claim is a lease: until it ends, or ``finish`` is called, nobody else sends the message. What a
killed process had claimed is claimed by another one when the lease has ended. So a message is sent
at least once, and never twice at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Protocol, runtime_checkable

import msgspec

from assay.entities.webhooks import DeliveryStatus, WebhookEvent

PATIENCE: Final = 3
"""Tries of a message for which later ones of the same webhook wait: order is kept over a short
outage, and a message that its receiver chokes on doesn't hold up the others for hours."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is this caller's to send until the lease ends."""

    delivery_id: str
    webhook_id: str
    url: str
    secret: str
    event: WebhookEvent
    data: str
    """JSON."""
    created: int
    attempts: int
    """This one included."""
    lease_until: int
    """ms since the epoch; tells this claim from later ones."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of sending a message."""

    status: DeliveryStatus
    retry_in_s: float = 0.0
    """When to try again, where it still waits."""
    response_status: int | None = None
    error: str = ""


class Outbox(Protocol):
    """Messages of a store. Thread-safe."""

    def due(self) -> list[str]:
        """Ids of the active webhooks with a message whose time has come."""

    def claim(self, webhook_id: str, *, lease_s: float) -> Claim | None:
        """The webhook's oldest message that may be sent now, or ``None``.

        Messages wait for older ones of their webhook that are being sent or were tried fewer than
        ``PATIENCE`` times.
        """

    def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """Write down what came of it; ``False`` where the lease was lost, which changes nothing."""

    def prune(self) -> int:
        """Give up what has waited for too long, drop what was finished long ago; returns how many
        were dropped.
        """


@runtime_checkable
class SupportsOutbox(Protocol):
    """Stores whose messages are sent by their caller: local ones. A server does that by itself."""

    outbox: Outbox


class Bell:
    """Tells those who send that there may be something new, within this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Callable[[], None], ...] = ()

    def add(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` with each ring; it must not block."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def remove(self, listener: Callable[[], None]) -> None:
        """Don't call it any more."""
        with self._lock:
            self._listeners = tuple(one for one in self._listeners if one != listener)

    def ring(self) -> None:
        """Call all listeners."""
        for listener in self._listeners:
            listener()


bell: Final = Bell()
"""Rung in the middle of a transaction, so what it is about can be seen only a moment later."""

"""The sending loop of a process: hands webhooks with due messages to threads, tries again, gives
up.

One thread at a time sends for a webhook, in the order of its messages. A receiver that is slow or
dead holds up nobody else: it gets one thread at most, and all those whose last message failed get
half of the threads together.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

from assay.entities.webhooks import DeliveryStatus
from assay.errors import StoreUnavailable
from assay.webhooks import messages
from assay.webhooks.outbox import Claim, Outbox, Outcome
from assay.webhooks.sender import Answer, NotSent, Sender

_logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 9
"""Over two to three hours; then the message has failed."""
_LONGEST_WAIT_S: Final = 3_600.0
_THREADS: Final = 8
_LEASE_S: Final = 60.0
"""A message takes 10 s at most, and as long again if the resolver of names hangs."""
_TURN: Final = 20
"""Messages that a thread sends for one webhook before others get their turn."""
_PRUNE_EVERY_S: Final = 600.0
_COMMIT_S: Final = 0.5
"""How long after the bell a change is looked for: it rings before its transaction ends."""
_LOOK_S: Final = 0.02
_MAX_SHOWN: Final = 200
"""Characters of an answer that are kept in the log."""


def outcome_of(answer: Answer, *, attempts: int) -> Outcome:
    """What a receiver's answer means: 2xx is done, 5xx and the like are tried again, others not."""
    if answer.accepted:
        return Outcome(status=DeliveryStatus.DELIVERED, response_status=answer.status)
    said = answer.body.decode("utf-8", "replace")
    said = "".join(c if c.isprintable() else " " for c in said).strip()[:_MAX_SHOWN]
    error = f"It answered {answer.status}" + (f": {said}" if said else ".")
    if 300 <= answer.status < 400:
        error = f"It answered {answer.status}; redirects are not followed."
    again = answer.status in (408, 425, 429) or answer.status >= 500
    return _failed(
        error,
        attempts=attempts,
        again=again,
        response_status=answer.status,
        least_wait_s=answer.retry_after_s or 0.0,
    )


def _failed(
    error: str,
    *,
    attempts: int,
    again: bool,
    response_status: int | None = None,
    least_wait_s: float = 0.0,
) -> Outcome:
    if not again or attempts >= MAX_ATTEMPTS:
        return Outcome(status=DeliveryStatus.FAILED, response_status=response_status, error=error)
    wait_s = min(max(wait_after(attempts), least_wait_s), _LONGEST_WAIT_S)
    return Outcome(
        status=DeliveryStatus.WAITING,
        retry_in_s=wait_s,
        response_status=response_status,
        error=error,
    )


def wait_after(attempts: int) -> float:
    """Seconds until the next try: about 1, 4, 16, 64 and so on, an hour at most; spread by a
    quarter, so that many messages don't come back at once.
    """
    wait_s: float = min(4.0 ** (attempts - 1), _LONGEST_WAIT_S)
    return wait_s * random.uniform(0.75, 1.0)  # noqa: S311 - spreads retries, no secret


class DeliveryLoop:
    """What a background loop does for webhooks: ``round`` is called again and again."""

    def __init__(
        self,
        outbox: Outbox,
        sender: Sender,
        *,
        threads: int = _THREADS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Send what ``outbox`` holds; the methods are called from one thread."""
        self._outbox, self._sender = outbox, sender
        self._threads, self._clock = threads, clock
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._failing: set[str] = set()
        self._served: dict[str, float] = {}
        self._stopping = threading.Event()
        self._rung = -_COMMIT_S
        self._prune_at = clock()
        self.wake: Callable[[], None] = lambda: None
        """Set to what calls ``round`` soon."""

    def ring(self) -> None:
        """There may be something new in a moment; from any thread."""
        self._rung = self._clock()
        self.wake()

    def round(self, stopping: threading.Event) -> bool:
        """Hand out what is due; tells whether to look again at once."""
        if self._clock() >= self._prune_at:
            # Spread, so that not all processes of a server do it at the same time.
            self._prune_at = self._clock() + _PRUNE_EVERY_S * random.uniform(0.5, 1)  # noqa: S311
            self._outbox.prune()
        started = False
        for webhook_id in self._next(self._outbox.due()):
            if stopping.is_set() or self._stopping.is_set():
                return False
            started |= self._start(webhook_id)
        if not started and self._clock() - self._rung < _COMMIT_S:
            stopping.wait(_LOOK_S)
            return True
        return False

    def _next(self, due: list[str]) -> list[str]:
        """Those that were served longest ago come first."""
        waiting = set(due)
        self._served = {one: at for one, at in self._served.items() if one in waiting}
        return sorted(due, key=lambda one: self._served.get(one, 0.0))

    def _start(self, webhook_id: str) -> bool:
        if not self._has_room(webhook_id):
            return False
        claim = self._outbox.claim(webhook_id, lease_s=_LEASE_S)
        if claim is None:
            return False
        self._served[webhook_id] = self._clock()
        with self._changed:
            self._busy.add(webhook_id)
        threading.Thread(
            target=self._serve, args=(claim,), name="assay-webhook", daemon=True
        ).start()
        return True

    def _has_room(self, webhook_id: str) -> bool:
        with self._changed:
            if webhook_id in self._busy or len(self._busy) >= self._threads:
                return False
            if webhook_id not in self._failing:
                return True
            return len(self._busy & self._failing) < max(1, self._threads // 2)

    def _serve(self, claim: Claim) -> None:
        webhook_id = claim.webhook_id
        following: Claim | None = claim
        try:
            for place in range(_TURN):
                if following is None or not self._send(following):
                    break
                if self._stopping.is_set() or place == _TURN - 1:
                    break
                following = self._outbox.claim(webhook_id, lease_s=_LEASE_S)
        except StoreUnavailable as error:
            _logger.warning("Webhook %s: %s", webhook_id, error)
        except Exception:
            # The others go on; the lease of this one ends by itself.
            _logger.exception("Sending to webhook %s failed", webhook_id)
        finally:
            with self._changed:
                self._busy.discard(webhook_id)
                self._changed.notify_all()
            self.wake()

    def _send(self, claim: Claim) -> bool:
        """Send one message; whether the next may follow at once."""
        outcome = self._outcome(claim)
        with self._changed:
            if outcome.status is DeliveryStatus.DELIVERED:
                self._failing.discard(claim.webhook_id)
            else:
                self._failing.add(claim.webhook_id)
        self._outbox.finish(claim, outcome)
        return outcome.status is not DeliveryStatus.WAITING

    def _outcome(self, claim: Claim) -> Outcome:
        try:
            answer = deliver(self._sender, claim)
        except NotSent as error:
            return _failed(str(error), attempts=claim.attempts, again=not error.final)
        return outcome_of(answer, attempts=claim.attempts)

    def close(self, timeout_s: float) -> bool:
        """Start nothing more and wait for what is being sent; returns whether all has ended."""
        self._stopping.set()
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, timeout_s)


def deliver(sender: Sender, claim: Claim) -> Answer:
    """Send a claimed message.

    Raises:
        NotSent: there is no answer.
    """
    content = messages.body(claim.event, msgspec.Raw(claim.data.encode()), time_ms=claim.created)
    headers = messages.headers(
        content,
        secret=claim.secret,
        delivery_id=claim.delivery_id,
        sent_s=int(time.time()),
    )
    return sender.post(claim.url, content, headers)

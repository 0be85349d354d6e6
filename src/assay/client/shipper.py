"""The shipper: a daemon thread that brings the journal of this process to the store, and never
holds up its caller.

It looks every fifth of a second for what is new, delivers it in bounded pieces, publishes logged
files after the operations before them, and takes care of journals that dead processes left. A
store that is away is normal: it is said once, and tried again with growing pauses.
"""

from __future__ import annotations

import logging
import random
import threading
import time

from assay.client.delivery import Courier
from assay.client.journal import Journal
from assay.client.orphans import deliver_orphans
from assay.client.sources import LiveSource
from assay.client.spool import Spool
from assay.errors import AssayError, StoreUnavailable
from assay.store.uri import Location

_log = logging.getLogger(__name__)

PAUSE_S = 0.2
"""How long a record waits at most before it is delivered."""
IDLE_PAUSE_S = 1.0
"""The same while nothing is logged."""
FIRST_BACKOFF_S = 0.5
LAST_BACKOFF_S = 8.0
"""A server that is back is noticed within this time."""
SYNC_S = 1.0
"""How often undelivered records are brought to the disk itself."""
ORPHANS_S = 10.0
"""How often journals of dead processes are looked for."""


def means_no_more_threads(error: Exception | None) -> bool:
    """Whether a store wasn't opened because the interpreter ends and starts no threads."""
    return isinstance(error, RuntimeError) and "shutdown" in str(error)


class Shipper:
    """Delivers one journal. The thread starts with ``start``; all methods may be called from any
    thread.
    """

    def __init__(self, location: Location, journal: Journal, spool: Spool) -> None:
        self.location = location
        self.journal = journal
        self.spool = spool
        self.courier = Courier(location)
        self.delivered = 0
        self.last_error: Exception | None = None
        self._source = LiveSource(journal)
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._asked = 0
        self._answered = 0
        self._succeeded = 0
        self._failures_in_a_row = 0
        self._stopping = False
        self._synced_at = 0.0
        self._orphans_at = 0.0
        self._warned = False

    def start(self) -> None:
        """Start the thread unless it runs."""
        if self._thread is not None:
            return
        # A short program has ended before its store is open, and what stores are made of imports
        # this module, which refuses to be imported once the interpreter is on its way out.
        import concurrent.futures.thread  # noqa: F401

        thread = threading.Thread(target=self._run, name="assay-shipper", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # the interpreter is on its way out: `flush` delivers in the caller's thread
        self._thread = thread

    def _run(self) -> None:
        pause = 0.0
        while True:
            with self._changed:
                if self._asked == self._answered and not self._stopping:
                    self._changed.wait(pause)
                if self._stopping:
                    return
            before = self.delivered
            if not self._attempt():
                pause = self._backoff()
            elif self.delivered > before:
                pause = PAUSE_S
            else:
                pause = min(pause + PAUSE_S, IDLE_PAUSE_S)

    def _backoff(self) -> float:
        longest = min(LAST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** (self._failures_in_a_row - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  # spreads clients, hides nothing

    def _attempt(self) -> bool:
        """Bring over what is there now, and answer those who asked before it began."""
        asked = self._asked
        try:
            self._sync_if_due()
            self._round(all_orphans=asked > self._answered)
        except Exception as error:  # noqa: BLE001  # the training must survive whatever a store does
            self._note_failure(error)
            succeeded = False
        else:
            self._note_success()
            succeeded = True
        with self._changed:
            self._answered = asked
            if succeeded:
                self._succeeded = asked
            self._changed.notify_all()
        return succeeded

    def _round(self, *, all_orphans: bool) -> None:
        """Deliver what is there now."""
        target = self.journal.position
        while self.delivered < target:
            packed = self.courier.deliver(self._source)
            if packed is None:
                break
            self.delivered = self._source.cursor
        if self.spool.added > self.spool.removed:
            self.courier.publish(
                self._source, self.spool, before=self.delivered, on_wait=self._sync_if_due
            )
        now = time.monotonic()
        if all_orphans or now >= self._orphans_at:
            deliver_orphans(self.courier, but=self.journal.folder)
            self._orphans_at = now + ORPHANS_S

    def _sync_if_due(self) -> None:
        if self.spool.added > self.spool.removed:
            self.spool.sync(older_than_s=SYNC_S / 2)
        now = time.monotonic()
        if now < self._synced_at + SYNC_S:
            return
        self._synced_at = now
        if self.journal.position > self.delivered:
            self.journal.sync()

    def _note_failure(self, error: Exception) -> None:
        _log.debug("Delivery to %s failed.", self.location.shown_uri, exc_info=error)
        if not self._warned and not means_no_more_threads(error):
            self._warned = True
            _log.warning(
                "%s can't take what is logged now (%s). Everything is kept in %s and delivered"
                " when it is back; `assay sync` does it by hand.",
                self.location.shown_uri,
                error,
                self.journal.folder,
            )
        self.last_error = error
        self._failures_in_a_row += 1

    def _note_success(self) -> None:
        if self._failures_in_a_row:
            _log.info("%s takes what is logged again.", self.location.shown_uri)
        self.last_error = None
        self._failures_in_a_row = 0

    def flush(self, timeout_s: float | None = None, *, retry: bool = True) -> None:
        """Wait until everything recorded so far is in the store.

        Args:
            timeout_s: how long to try. ``None``: as long as deliveries succeed; the first that
                fails ends it.
            retry: whether a delivery that failed is tried again while there is time.

        Raises:
            StoreUnavailable: it isn't there yet; nothing is lost.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._ask(deadline):
            left = 0.0 if deadline is None else deadline - time.monotonic()
            if left <= 0 or not retry:
                raise self._unavailable()
            with self._changed:
                self._changed.wait(min(left, FIRST_BACKOFF_S))

    def _ask(self, deadline: float | None) -> bool:
        """Have all delivered that is recorded now; False when that failed or takes too long."""
        with self._changed:
            self._asked += 1
            mine = self._asked
            self._changed.notify_all()
        if self._thread is None or not self._thread.is_alive():
            return self._attempt()
        with self._changed:
            self._changed.wait_for(
                lambda: self._answered >= mine or self._stopping,
                None if deadline is None else max(0.0, deadline - time.monotonic()),
            )
            return self._succeeded >= mine

    def _unavailable(self) -> StoreUnavailable:
        error = self.last_error
        why = error.message if isinstance(error, AssayError) else str(error or "it takes longer")
        unavailable = StoreUnavailable(
            f"What was logged is not in {self.location.shown_uri} yet: {why} It is kept in"
            f" {self.journal.folder} and delivered later; `assay sync` does it by hand."
        )
        unavailable.__cause__ = error
        return unavailable

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End the thread after the delivery under way; True when it has ended."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)
            if thread.is_alive():
                return False
        self._source.close()
        return True

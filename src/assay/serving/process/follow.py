"""Following: a thread that asks the registry what is to be served, writes down what was taken out
of a trial, and looks for models that were wished for.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from assay.errors import AssayError
from assay.serving.process.plan import Plan, Wish
from assay.serving.process.targets import NotFetched, Resolver
from assay.serving.watching.ledger import Ending

_log = logging.getLogger(__name__)
_AWAY_S: Final = 30.0
"""While the registry is away, how often at most that is said."""


class Refused(NamedTuple):
    """A wish that the registry can't fulfil."""

    wish: Wish
    reason: str


class _TakeBack(NamedTuple):
    wish: Wish


class Follower:
    """Looks at the registry every few seconds until it is stopped. The resolver is its own from
    when it starts.
    """

    def __init__(
        self,
        resolver: Resolver,
        tell: Callable[[Plan | Refused | NotFetched], None],
        *,
        every_s: float,
        takes_wishes: bool = False,
    ) -> None:
        self._resolver, self._tell = resolver, tell
        self._every_s = every_s or None
        self._takes_wishes = takes_wishes
        self._tasks: queue.SimpleQueue[Ending | Wish | _TakeBack | None] = queue.SimpleQueue()
        self._said_at = -_AWAY_S

    def start(self) -> None:
        """Begin, if there is something that can change."""
        if self._takes_wishes or (self._every_s is not None and self._resolver.follows):
            threading.Thread(target=self._run, daemon=True, name="assay-follow").start()

    def end_trial(self, ending: Ending) -> None:
        """Have a trial taken out of the registry's rule."""
        self._tasks.put(ending)

    def change(self, wish: Wish) -> None:
        """Have a plan made with a wish fulfilled."""
        self._tasks.put(wish)

    def take_back(self, wish: Wish) -> None:
        """Make plans without a wish again."""
        self._tasks.put(_TakeBack(wish))

    def stop(self) -> None:
        """Look no more."""
        self._tasks.put(None)

    def _run(self) -> None:
        while True:
            try:
                task = self._tasks.get(timeout=self._every_s)
            except queue.Empty:
                pass
            else:
                if task is None:
                    return
                if isinstance(task, Wish):
                    self._fulfil(task)
                    continue
                self._carry_out(task)
            self._look()

    def _fulfil(self, wish: Wish) -> None:
        try:
            self._tell(self._resolver.change(wish))
        except AssayError as error:
            self._tell(Refused(wish, error.message))

    def _carry_out(self, task: Ending | _TakeBack) -> None:
        if isinstance(task, _TakeBack):
            self._resolver.take_back(task.wish)
            return
        try:
            self._resolver.abort(task.name, task.selector, task.reason)
        except AssayError as error:
            self._away(error)

    def _look(self) -> None:
        try:
            self._tell(self._resolver.plan())
        except NotFetched as error:
            self._tell(error)
        except AssayError as error:
            self._away(error)

    def _away(self, error: AssayError) -> None:
        if time.monotonic() - self._said_at >= _AWAY_S:
            self._said_at = time.monotonic()
            _log.warning("the registry can't be asked, versions stay: %s", error.message)

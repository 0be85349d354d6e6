"""The watch: tells the registry, and so webhooks, what goes wrong with versions that are served.

What a server notices is handed to a thread, which writes it into the registry's audit log; a store
that is away is tried again, and nothing that is served waits for it. The same is told once while it
lasts. Models that aren't registered have nobody who could be told.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from assay.entities.governance import AlertKind, ServingAlert
from assay.errors import AssayError, StoreUnavailable
from assay.fluent.reading import client_for
from assay.serving.process.plan import Plan, Version
from assay.serving.watching.counts import Counts, since
from assay.store.user import local_cause

if TYPE_CHECKING:
    from assay.data.drift import ColumnDrift

_log = logging.getLogger(__name__)
_WINDOW_S: Final = 60.0
"""Over which failures are counted."""
_LEAST: Final = 20
"""Predictions of that time below which their share says nothing."""
_AGAIN_S: Final = 600.0
"""Before the same is told again of a version, when it had gone meanwhile."""
_RETRY_S: Final = 10.0
_MAX_WAITING: Final = 100
_MAX_MESSAGE: Final = 2_000
_MAX_COLUMNS: Final = 20
"""Of an alert about drift, the farthest ones."""

Tell = Callable[[ServingAlert], None]


class Watch:
    """Notices what goes wrong. Its methods take no time."""

    def __init__(self, *, errors: float | None = None, tell: Tell | None = None) -> None:
        """``errors``: share of failed predictions from which is told; ``None``: never."""
        self._errors = errors
        self._waiting: queue.Queue[ServingAlert] = queue.Queue(_MAX_WAITING)
        self._looks: deque[tuple[float, dict[str, Counts]]] = deque()
        self._lasting: set[tuple[str, AlertKind]] = set()
        self._told: dict[tuple[str, AlertKind], float] = {}
        if tell is None:
            threading.Thread(target=self._tell_all, daemon=True, name="assay-alert").start()
            tell = self._put
        self._tell = tell

    def refused(self, plan: Plan, failures: Mapping[str, str]) -> None:
        """Versions of a plan can't be served."""
        for version in plan.versions:
            if version.key in failures:
                reason = failures[version.key]
                self._raise(version, AlertKind.NOT_SERVED, f"it can't be served: {reason}")

    def trial_ended(self, version: Version, *, selector: str, reason: str) -> None:
        """A canary or shadow is taken out; said every second until the registry has it."""
        if self._was_told(version, AlertKind.TRIAL_ENDED, within_s=_WINDOW_S):
            return
        self._raise(
            version,
            AlertKind.TRIAL_ENDED,
            f"its trial ended: {reason}",
            details={"selector": selector},
        )

    def counted(self, totals: dict[str, Counts], plan: Plan) -> None:
        """How all workers stand; called about once a second."""
        if self._errors is None:
            return
        now = time.monotonic()
        self._looks.append((now, totals))
        while now - self._looks[0][0] > _WINDOW_S:
            self._looks.popleft()
        before = self._looks[0][1]
        for version in plan.versions:
            if version.key not in totals:
                continue
            lately = since(totals[version.key], before.get(version.key, Counts()))
            share = lately.failed / lately.judged if lately.judged else 0.0
            if lately.judged >= _LEAST and share > self._errors:
                message = (
                    f"{share:.1%} of its predictions fail, over the last {_WINDOW_S:.0f} s; the"
                    f" limit is {self._errors:.1%}"
                )
                self._lasts(version, AlertKind.ERRORS, message, {"share": f"{share:.4f}"})
            elif share < self._errors / 2:
                self._lasting.discard((version.key, AlertKind.ERRORS))

    def drifted(self, version: Version, drift: list[ColumnDrift]) -> None:
        """How far the inputs of a version are from their reference."""
        beyond = [one for one in drift if one.has_drifted]
        if not beyond:
            self._lasting.discard((version.key, AlertKind.DRIFT))
            return
        names = ", ".join(repr(one.column) for one in beyond[:_MAX_COLUMNS])
        details = {
            one.column[:200]: one.verdict if one.psi is None else f"PSI {one.psi:.3f}"
            for one in beyond[:_MAX_COLUMNS]
        }
        message = f"its inputs have drifted from the reference: {names}"
        self._lasts(version, AlertKind.DRIFT, message, details)

    def _lasts(
        self, version: Version, kind: AlertKind, message: str, details: dict[str, str]
    ) -> None:
        """Something that goes on: told when it begins."""
        key = (version.key, kind)
        if key in self._lasting:
            return
        self._lasting.add(key)
        if self._was_told(version, kind, within_s=_AGAIN_S):
            return
        _log.error("%s %s: %s", version.name, version.label, message)
        self._raise(version, kind, message, details=details)

    def _was_told(self, version: Version, kind: AlertKind, *, within_s: float) -> bool:
        """Whether it was told lately; if not, it is now."""
        now, key = time.monotonic(), (version.key, kind)
        before = self._told.get(key)
        if before is not None and now - before < within_s:
            return True
        self._told[key] = now
        return False

    def _raise(
        self,
        version: Version,
        kind: AlertKind,
        message: str,
        *,
        details: dict[str, str] | None = None,
    ) -> None:
        if version.version is not None:
            self._tell(
                ServingAlert(
                    name=version.name,
                    version=int(version.version),
                    kind=kind,
                    message=message[:_MAX_MESSAGE],
                    details=details or {},
                )
            )

    def _put(self, alert: ServingAlert) -> None:
        try:
            self._waiting.put_nowait(alert)
        except queue.Full:
            _log.warning("too many alerts wait for the registry; one is dropped")

    def _tell_all(self) -> None:
        while True:
            alert = self._waiting.get()
            while True:
                try:
                    cause = local_cause(alert.message)
                    client_for().store.deployments.alert(alert, cause=cause)
                    break
                except StoreUnavailable as error:
                    _log.warning("the registry can't be told now: %s", error.message)
                    time.sleep(_RETRY_S)
                except AssayError as error:
                    _log.warning("the registry can't be told: %s", error.message)
                    break

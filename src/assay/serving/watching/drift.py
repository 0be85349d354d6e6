"""Drift while it happens: the latest logged requests of each version beside their reference."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from assay.data.drift import ColumnDrift, Limits, drift_of
from assay.errors import AssayError
from assay.serving.log.recorder import Record
from assay.serving.log.report import ReferenceOf
from assay.serving.process.plan import UNKNOWN, Version

_log = logging.getLogger(__name__)
_ROWS: Final = 5_000
"""Of a version that are looked at; of steady traffic, the last hours."""
_MAX_SHOWN: Final = 100
"""Columns whose figures are kept, the farthest ones: workers get them every second."""
_MAX_TEXT: Final = 200
_MAX_VERSIONS: Final = 20
Key = tuple[str, str]
"""Model and version."""
Found = Callable[[Version, list[ColumnDrift]], None]


class DriftWatch:
    """Takes records as they are logged, and compares now and then. Thread-safe."""

    def __init__(
        self, reference_of: ReferenceOf, limits: Limits, *, found: Found, every_s: float
    ) -> None:
        """``found`` is told what each look found, from a thread."""
        self._reference_of, self._limits = reference_of, limits
        self._found, self._every_s = found, every_s
        self._lock = threading.Lock()
        self._rows: dict[Key, deque[dict[str, Any]]] = {}
        self._fresh: set[Key] = set()
        self._ended = threading.Event()
        self._psi: dict[Key, dict[str, float]] = {}
        threading.Thread(target=self._run, daemon=True, name="assay-drift").start()

    def take(self, record: Record) -> None:
        """Rows of a request more."""
        key = (record.model, record.version)
        names = list(record.inputs)
        columns = [[_short(one) for one in values] for values in record.inputs.values()]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        with self._lock:
            if key not in self._rows:
                if len(self._rows) == _MAX_VERSIONS:
                    # The one that was there first has long been replaced.
                    self._psi.pop(gone := next(iter(self._rows)), None)
                    del self._rows[gone]
                self._rows[key] = deque(maxlen=_ROWS)
            self._rows[key].extend(rows)
            self._fresh.add(key)

    def psi(self) -> dict[Key, dict[str, float]]:
        """Figures of the latest look, by version and column."""
        return self._psi

    def close(self) -> None:
        """Look no more."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            with self._lock:
                fresh, self._fresh = self._fresh, set()
                looked_at = {key: list(self._rows[key]) for key in fresh if key in self._rows}
            for key, rows in looked_at.items():
                try:
                    self._look(key, rows)
                except AssayError as error:
                    _log.warning("drift of %s %s can't be told: %s", *key, error.message)
                except Exception:  # noqa: BLE001 - strange values must not end the watch
                    _log.exception("drift of %s %s can't be told", *key)

    def _look(self, key: Key, rows: list[dict[str, Any]]) -> None:
        profile = self._reference_of(*key)
        if profile is None or not rows:
            return
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: [row.get(name) for row in rows] for name in names}
        drift = drift_of(profile, columns, self._limits)
        told = {one.column: one.psi for one in drift[:_MAX_SHOWN] if one.psi is not None}
        self._psi = {**self._psi, key: told}
        model, label = key
        number = label if label.isdecimal() and label != UNKNOWN else None
        self._found(Version(key="#".join(key), name=model, version=number, folder=""), drift)


def _short(value: Any) -> Any:
    """What drift needs of a value: of lists and objects only that they are some."""
    if isinstance(value, str):
        return value[:_MAX_TEXT]
    return [] if isinstance(value, list | dict | bytes) else value

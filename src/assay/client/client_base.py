"""What the parts of ``Client`` share: the store it speaks to, and how values become text."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from assay.client.connect import open_store
from assay.client.recorder import recorder_for
from assay.client.tracking_uri import current_location
from assay.entities.ids import RunId, check_run_id
from assay.entities.lifecycle import ViewType
from assay.errors import InvalidInput
from assay.store.base import Store
from assay.store.uri import Location, resolve_location

if TYPE_CHECKING:
    from typing import Self


class ClientBase:
    """A synchronous client of one location.

    Thread-safe. What this process logged through ``assay.log_*`` to the same location is delivered
    before the client reads, so a program sees what it wrote.
    """

    def __init__(
        self, tracking_uri: str | Path | None = None, registry_uri: str | None = None
    ) -> None:
        """Speak to ``tracking_uri``, else to the process's location (``assay.set_tracking_uri``).

        ``registry_uri`` is taken for MLflow's sake: models are kept in the same store.
        """
        self._begin(resolve_location(tracking_uri) if tracking_uri else current_location())

    def _begin(self, location: Location) -> None:
        self._location = location
        self._opened: Store | None = None
        self._lock = threading.Lock()
        self._process_id = os.getpid()

    @classmethod
    def at(cls, location: Location) -> Self:
        """A client of a location that is resolved already."""
        client = cls.__new__(cls)
        client._begin(location)
        return client

    @property
    def tracking_uri(self) -> str:
        """Where this client reads and writes, without a password."""
        return self._location.shown_uri

    @property
    def location(self) -> Location:
        """The same, taken apart."""
        return self._location

    @property
    def store(self) -> Store:
        """The store, after everything that this process logged to it has been delivered."""
        recorder = recorder_for(self._location)
        if recorder.pending:
            recorder.flush()
        with self._lock:
            if self._opened is None or self._process_id != os.getpid():
                # A store is not carried over a fork.
                self._opened, self._process_id = open_store(self._location), os.getpid()
            return self._opened

    def close(self) -> None:
        """Release the connections; a call afterwards opens them again."""
        with self._lock:
            store, self._opened = self._opened, None
        if store is not None and self._process_id == os.getpid():
            store.close()


def now_ms() -> int:
    """Now, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def as_view(view_type: int | ViewType) -> ViewType:
    """MLflow's number of a view."""
    try:
        return ViewType(view_type)
    except ValueError:
        raise InvalidInput(
            f"{view_type!r} is no view: use ViewType.ACTIVE_ONLY, DELETED_ONLY or ALL."
        ) from None


def as_text(values: Mapping[str, object]) -> dict[str, str]:
    """Values of tags or params as they are kept."""
    return {key: str(value) for key, value in values.items()}


def as_run_id(run_id: str) -> RunId:
    """``run_id`` as an id; refuses ``None`` and text that can't be one."""
    return check_run_id(str(run_id))

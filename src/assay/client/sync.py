"""Sync: bring over by hand what processes that are gone left for a destination.

Twice is the same as once: the store knows how far it has each journal.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from assay.client.delivery import Courier
from assay.client.journal_files import is_owned, writer_folders
from assay.client.orphans import deliver_orphans
from assay.client.packing import Packed
from assay.client.quarantine import Quarantine
from assay.errors import RunNotFound
from assay.store.uri import Location

__all__ = ["SyncReport", "sync"]


class SyncReport(msgspec.Struct, frozen=True):
    """What a sync did."""

    tracking_uri: str
    journals: int
    """Delivered whole and removed."""
    points: int
    operations: int
    """Other than points."""
    bad_records: int
    """Damaged, set aside now."""
    refused: int
    """Refused by the store, set aside now."""
    alive: int
    """Journals left alone because their processes live: those deliver them themselves."""


class _Tally:
    def __init__(self, on_progress: Callable[[int, int], None] | None) -> None:
        self.points = self.operations = self.bad = 0
        self._on_progress = on_progress

    def __call__(self, packed: Packed) -> None:
        self.points += packed.points
        self.operations += packed.other_operations
        self.bad += len(packed.bad)
        if self._on_progress is not None:
            self._on_progress(self.points, self.operations)


def sync(location: Location, on_progress: Callable[[int, int], None] | None = None) -> SyncReport:
    """Deliver all journals of a destination whose processes are gone.

    Args:
        location: the destination.
        on_progress: called after each piece with the points and other operations delivered so far.

    Raises:
        AssayError: the store can't take them (``StoreUnavailable`` while it is away). What was
            delivered before stays so, the rest is kept.
    """
    quarantine = Quarantine(location.journal_folder)
    courier = Courier(location, quarantine)
    tally = _Tally(on_progress)
    before = writer_folders(location.journal_folder)
    try:
        if before:
            _deliver_all(courier, tally)
    finally:
        courier.close()
    alive = [folder for folder in writer_folders(location.journal_folder) if is_owned(folder)]
    return SyncReport(
        tracking_uri=location.shown_uri,
        journals=sum(not folder.exists() for folder in before),
        points=tally.points,
        operations=tally.operations,
        bad_records=tally.bad,
        refused=courier.refused,
        alive=len(alive),
    )


def _deliver_all(courier: Courier, tally: _Tally) -> None:
    try:
        deliver_orphans(courier, on_piece=tally)
    except RunNotFound:
        # All journals had their turn, so no other one brings the run: what is left is refused.
        courier.run_patience_s = 0
        deliver_orphans(courier, on_piece=tally)

"""Orphans: journals whose process is gone, delivered by whoever comes next.

The owner's lock decides: a process that is alive holds it, whoever delivers takes it, so two never
deliver the same journal, and one that is killed meanwhile leaves it to the next. Delivered
journals are removed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from assay.client.delivery import Courier
from assay.client.journal_files import claim, is_owned, remove, writer_folders
from assay.client.packing import Packed
from assay.client.run_markers import open_runs, runs_of_the_living
from assay.client.sources import OrphanSource
from assay.client.spool import Spool
from assay.entities.operations import Delivery, UpdateRun
from assay.entities.runs import RunStatus
from assay.errors import RunNotFound

_log = logging.getLogger(__name__)

END_VARIABLE = "ASSAY_END_KILLED_RUNS"
"""Set to ``0`` to leave the runs of killed processes RUNNING."""


def orphan_folders(journal_folder: Path, *, but: Path | None = None) -> list[Path]:
    """Journals without a living owner."""
    return [f for f in writer_folders(journal_folder) if f != but and not is_owned(f)]


def deliver_orphans(
    courier: Courier,
    *,
    but: Path | None = None,
    on_piece: Callable[[Packed], None] = lambda _: None,
) -> int:
    """Deliver every journal of the destination that nobody owns; returns how many.

    Raises:
        Exception: the store can't take them now; those before are delivered.
    """
    folders = [f for f in writer_folders(courier.location.journal_folder) if f != but]
    count = 0
    early: list[Path] = []
    for folder in folders:
        try:
            count += _deliver_folder(courier, folder, on_piece)
        except RunNotFound:
            early.append(folder)
    # The journals that started their runs may have come behind them; else they wait, or are
    # refused.
    for folder in early:
        count += _deliver_folder(courier, folder, on_piece)
    return count


def _deliver_folder(courier: Courier, folder: Path, on_piece: Callable[[Packed], None]) -> bool:
    lock = claim(folder)
    if lock is None:
        return False
    try:
        for packed in _deliver_one(courier, folder):
            on_piece(packed)
        remove(folder)
    finally:
        os.close(lock)
    return True


def _deliver_one(courier: Courier, folder: Path) -> Iterator[Packed]:
    source = OrphanSource(folder)
    courier.resume(source)
    while (packed := courier.deliver(source)) is not None:
        yield packed
    ended = _end_of_killed_runs(folder)
    if ended:
        end = source.last_position
        courier.target.apply(Delivery(source.writer_id, end, end + 1, list(ended)))
    courier.publish(source, Spool(folder), before=source.last_position)


def _end_of_killed_runs(folder: Path) -> list[UpdateRun]:
    """What tells the truth about runs whose process died without ending them."""
    if os.environ.get(END_VARIABLE, "1") == "0":
        return []
    left = open_runs(folder)
    if not left:
        return []
    elsewhere = runs_of_the_living(folder.parent, but=folder)
    last_ms = _last_write_ms(folder)
    return [
        UpdateRun(run.run_id, status=RunStatus.FAILED, end_time=max(last_ms, run.start_time))
        for run in left
        if run.run_id not in elsewhere
    ]


def _last_write_ms(folder: Path) -> int:
    """When the journal was last written: the kernel notes the time of writes into a map, to about a
    second.
    """
    times = [path.stat().st_mtime_ns for path in folder.glob("*.journal")]
    return max(times, default=0) // 1_000_000

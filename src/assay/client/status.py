"""Status: what waits on this machine for a destination, and what will not go by itself.

Reads only; journals of living processes are looked at without disturbing them.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from assay.client.counting import count_records
from assay.client.journal_files import is_owned, read_owner, writer_folders
from assay.client.quarantine import BAD_SUFFIX, Quarantine, RefusedLine
from assay.client.spool import Spool
from assay.entities.ids import WriterId
from assay.store.uri import Location

__all__ = ["BadFile", "JournalStatus", "StatusReport", "status"]


class JournalStatus(msgspec.Struct, frozen=True):
    """One journal."""

    writer_id: WriterId
    pid: int | None
    """Of the process that writes or wrote it; ``None`` where that can't be read."""
    host: str
    command: str
    alive: bool
    """Whether a process owns it now: its writer, or one that delivers it."""
    records: int
    points: int
    operations: int
    bytes: int
    """Of records that were not removed yet; a living process may have delivered some of them."""
    files: int
    """Files that wait to be published."""
    file_bytes: int


class BadFile(msgspec.Struct, frozen=True):
    """Damaged bytes that were set aside."""

    path: Path
    position: int
    size: int


class StatusReport(msgspec.Struct, frozen=True):
    """Everything of one destination that is not in its store."""

    tracking_uri: str
    journals: list[JournalStatus]
    bad: list[BadFile]
    refused: list[RefusedLine]
    last_error: str | None = None
    """Why this process's last delivery failed."""

    @property
    def is_clear(self) -> bool:
        """Whether nothing waits and nothing was set aside."""
        waiting = any(j.records or j.files for j in self.journals)
        return not (waiting or self.bad or self.refused)


def status(location: Location, *, last_error: Exception | None = None) -> StatusReport:
    """What waits for a destination, and what was set aside.

    Args:
        location: the destination.
        last_error: ``Recorder.last_error`` of this process, to be shown with it.
    """
    quarantine = Quarantine(location.journal_folder)
    return StatusReport(
        tracking_uri=location.shown_uri,
        journals=sorted(
            (_journal(folder) for folder in writer_folders(location.journal_folder)),
            key=lambda journal: (journal.alive, journal.writer_id),
        ),
        bad=[_bad(path) for path in quarantine.bad_files()],
        refused=quarantine.refused(),
        last_error=None if last_error is None else str(last_error),
    )


def _journal(folder: Path) -> JournalStatus:
    owner = read_owner(folder)
    counts = count_records(folder)
    waiting = list(Spool(folder).waiting())
    return JournalStatus(
        writer_id=WriterId(folder.name),
        pid=owner.pid if owner else None,
        host=owner.host if owner else "",
        command=owner.command if owner else "",
        alive=is_owned(folder),
        records=counts.records,
        points=counts.points,
        operations=counts.operations,
        bytes=counts.bytes,
        files=len(waiting),
        file_bytes=sum(w.file.size for w in waiting),
    )


def _bad(path: Path) -> BadFile:
    position = path.name.removesuffix(BAD_SUFFIX).rpartition("-")[2]
    return BadFile(path, int(position) if position.isdecimal() else -1, path.stat().st_size)

"""Run markers: which runs a process has open, so that a killed one's runs don't stay RUNNING for
ever.

Lines of a small file beside the journal: ``+ id start_time`` when a run starts, ``- id`` when it
ends. Whoever delivers the journal of a dead process ends the runs that are left, unless a living
process has them open.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from assay.client.journal_files import RUNS_NAME, is_owned, writer_folders
from assay.entities.ids import RunId


class OpenRun(NamedTuple):
    """A run that was started and not ended."""

    run_id: RunId
    start_time: int


def mark_started(folder: Path, run_id: RunId, start_time: int) -> None:
    """Note that this process has the run open."""
    _append(folder, f"+ {run_id} {start_time}\n")


def mark_ended(folder: Path, run_id: RunId) -> None:
    """Note that the run has ended."""
    _append(folder, f"- {run_id}\n")


def _append(folder: Path, line: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        descriptor = os.open(folder / RUNS_NAME, flags, 0o600)
    except OSError:
        return  # no room or no folder: the journal itself has said so
    try:
        os.write(descriptor, line.encode())
    except OSError:
        return
    finally:
        os.close(descriptor)


def open_runs(folder: Path) -> list[OpenRun]:
    """Runs that were started and not ended in a journal; lines that can't be read are left out."""
    try:
        lines = (folder / RUNS_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found: dict[str, OpenRun] = {}
    for line in lines:
        match line.split():
            case ["+", run_id, start] if start.lstrip("-").isdecimal():
                found[run_id] = OpenRun(RunId(run_id), int(start))
            case ["-", run_id]:
                found.pop(run_id, None)
            case _:
                continue
    return list(found.values())


def runs_of_the_living(journal_folder: Path, *, but: Path) -> set[RunId]:
    """Runs that some living process has open."""
    living: set[RunId] = set()
    for folder in writer_folders(journal_folder):
        if folder != but and is_owned(folder):
            living.update(run.run_id for run in open_runs(folder))
    return living

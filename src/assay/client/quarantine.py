"""Quarantine: what could not be delivered and never will be by itself, kept for a person to look
at.

Damaged bytes become a ``.bad`` file named by writer and position, refused operations a line of
``refused.jsonl``. ``assay status`` shows both. Nothing here is ever removed by Assay.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import msgspec

from assay.client.journal_files import make_private_folder, write_private
from assay.client.records import BadRecord
from assay.entities.ids import WriterId
from assay.entities.operations import Operation

_log = logging.getLogger(__name__)

REFUSED_NAME = "refused.jsonl"
BAD_SUFFIX = ".bad"


class RefusedLine(msgspec.Struct, frozen=True):
    """A line of the file of refused operations."""

    writer_id: WriterId
    time_ms: int
    error_code: str
    message: str
    operation: msgspec.Raw
    """The operation as JSON; bytes of points in base64."""


class Quarantine:
    """What was set aside for one destination."""

    def __init__(self, journal_folder: Path) -> None:
        self.folder = journal_folder
        self._warned: set[str] = set()

    def keep_bad(self, writer_id: WriterId, record: BadRecord) -> None:
        """Set damaged bytes aside; the same ones again change nothing."""
        make_private_folder(self.folder)
        path = self.folder / f"{writer_id}-{record.position:020d}{BAD_SUFFIX}"
        write_private(path, record.data)
        self._warn_once(
            "bad",
            f"A damaged record of {len(record.data)} bytes was set aside as {path}: {record.why}."
            " All others are delivered.",
        )

    def keep_refused(
        self, writer_id: WriterId, operation: msgspec.Struct, *, error_code: str, message: str
    ) -> None:
        """Set an operation aside that the store refused."""
        make_private_folder(self.folder)
        line = RefusedLine(
            writer_id=writer_id,
            time_ms=time.time_ns() // 1_000_000,
            error_code=error_code,
            message=message,
            operation=msgspec.Raw(msgspec.json.encode(operation)),
        )
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self.folder / REFUSED_NAME, flags, 0o600)
        try:
            os.write(descriptor, msgspec.json.encode(line) + b"\n")
        finally:
            os.close(descriptor)
        self._warn_once(
            f"refused {error_code}",
            f"The store refused something that was logged: {message} It is kept in"
            f" {self.folder / REFUSED_NAME}; `assay status` shows it.",
        )

    def _warn_once(self, topic: str, message: str) -> None:
        if topic not in self._warned:
            self._warned.add(topic)
            _log.warning(message)

    def bad_files(self) -> list[Path]:
        """The files of damaged bytes, by writer and position."""
        return sorted(self.folder.glob(f"*{BAD_SUFFIX}")) if self.folder.is_dir() else []

    def refused(self) -> list[RefusedLine]:
        """The refused operations, oldest first; a line that can't be read is left out."""
        try:
            lines = (self.folder / REFUSED_NAME).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [line for text in lines if (line := _decode(text)) is not None]


def _decode(text: bytes) -> RefusedLine | None:
    try:
        return msgspec.json.decode(text, type=RefusedLine)
    except msgspec.MsgspecError:
        return None


def refused_operation(line: RefusedLine) -> Operation:
    """The operation of a refused line."""
    operation: Operation = msgspec.json.decode(line.operation, type=Operation)
    return operation

"""The recorder: where everything that a program logs goes in, one per process and destination.

Promises:

- A call that returned is kept: it survives ``kill -9``, ``os._exit`` and a store that is away.
- No call waits for a network or a database. A full disk costs records, never the training; it is
said once.
- Thread-safe. In a forked child a recorder goes on with a journal of its own.

What the rules of the data say is checked by the callers before it comes here; what the store
refuses all the same is set aside, see ``assay.client.quarantine``.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from assay.client import exiting
from assay.client.counting import PendingCounts, count_records
from assay.client.journal import Dropped, Journal
from assay.client.journal_files import remove
from assay.client.run_markers import mark_ended, mark_started
from assay.client.shipper import Shipper
from assay.client.spool import Spool
from assay.entities.ids import ModelId, RunId
from assay.entities.metrics import SeriesKey
from assay.entities.names import ArtifactPath
from assay.entities.operations import Operation, StartRun, UpdateRun
from assay.errors import StoreUnavailable
from assay.store.uri import Location

__all__ = ["PendingCounts", "Recorder", "recorder_for"]

_log = logging.getLogger(__name__)

_PROGRESS_S = 0.2
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What only writing fails with: a full disk, a limit, a read-only one."""


class Recorder:
    """Records what a process logs to one destination."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self._begin()

    def _begin(self) -> None:
        self._journal = Journal(
            self.location.journal_folder, self.location.shown_uri, on_first_record=self._started
        )
        self._spool = Spool(self._journal.folder)
        self._shipper = Shipper(self.location, self._journal, self._spool)
        self._dropped_files = 0
        # The hot path goes straight to the journal.
        self._point = self._journal.point
        self._row = self._journal.row

    def _started(self) -> None:
        self._shipper.start()
        exiting.finish_at_exit(self)

    def metric(  # noqa: PLR0917  # keywords would cost a tenth of the call
        self,
        run_id: RunId,
        key: str,
        value: float,
        step: int,
        timestamp_ms: int,
        series: SeriesKey | None = None,
    ) -> None:
        """Record a point. ``series`` instead of ``key`` where it belongs to a model or a data set.

        Raises:
            InvalidInput: a value that is no number, a step or timestamp beyond 64 bits.
        """
        self._point(run_id, key if series is None else series, value, step, timestamp_ms)

    def metrics(
        self,
        run_id: RunId,
        values: Mapping[str, float],
        step: int,
        timestamp_ms: int,
        *,
        model_id: str = "",
        dataset_name: str = "",
        dataset_digest: str = "",
    ) -> None:
        """Record a point for each key, all at one step and time.

        Raises:
            InvalidInput: a value that is no number, a step or timestamp beyond 64 bits.
        """
        source = (model_id, dataset_name, dataset_digest)
        self._row(run_id, values, step, timestamp_ms, source=source)

    def has_points(self, run_id: RunId, key: str) -> bool:
        """Whether this process recorded a point of the metric for the run, while it was open."""
        return self._journal.has_points(run_id, key)

    def append(self, operation: Operation) -> None:
        """Record anything but points."""
        journal = self._journal
        journal.operation(operation)
        if isinstance(operation, StartRun) and not operation.only_if_missing:
            mark_started(journal.folder, operation.run_id, operation.start_time)
        elif isinstance(operation, UpdateRun) and operation.status and operation.status.is_final:
            mark_ended(journal.folder, operation.run_id)
            journal.forget(operation.run_id)

    def holds(self, run_id: RunId) -> None:
        """This process carries out a run that is there already: if it is killed, the run ends."""
        mark_started(self._journal.folder, run_id, time.time_ns() // 1_000_000)

    def start_run(self, operation: StartRun) -> RunId:
        """Record that a run starts; returns the id under which it is to be logged.

        That is the one given, unless the server is a plain MLflow server, which can be asked: such
        a server makes its own. Only then, and where the server's kind isn't known yet, the network
        is used.
        """
        if self.location.kind == "http":
            # Few programs log to a server that makes ids: only those pay for the import.
            from assay.client.starting import start_on_server

            operation = start_on_server(self.location, operation)
        self.append(operation)
        return operation.run_id

    def artifact(self, run_id: RunId, path: ArtifactPath, source: Path | bytes) -> None:
        """Record a file of a run. It is copied now and published later, under ``path``.

        Without space for the copy the file is dropped, which is said once and counted.

        Raises:
            OSError: the source can't be read.
        """
        self._keep_file(source, "run", run_id, path=path)

    def artifacts(self, run_id: RunId, files: Sequence[tuple[ArtifactPath, Path]]) -> None:
        """Record many files of a run, of different paths; see ``artifact``."""
        self._keep_files(files, "run", run_id)

    def model_artifacts(
        self, model_id: ModelId, files: Sequence[tuple[ArtifactPath, Path]]
    ) -> None:
        """Record many files of a logged model, of different paths; see ``artifact``."""
        self._keep_files(files, "model", model_id)

    def model_artifact(
        self,
        model_id: ModelId,
        path: ArtifactPath,
        source: Path | bytes,
        *,
        completes: bool = False,
    ) -> None:
        """Record a file of a logged model; see ``artifact``.

        ``completes``: it is the last one, after which the model becomes READY.
        """
        self._keep_file(source, "model", model_id, path=path, completes=completes)

    def _keep_files(
        self,
        files: Sequence[tuple[ArtifactPath, Path]],
        owner: Literal["run", "model"],
        owner_id: str,
    ) -> None:
        if self.location.kind != "http":
            # A store on this machine takes copies over by renaming them: bundling saves nothing.
            for path, source in files:
                self._keep_file(source, owner, owner_id, path=path)
            return
        self._shipper.start()
        exiting.finish_at_exit(self)
        before = self._spool.added
        try:
            self._spool.add_together(
                files, owner=owner, owner_id=owner_id, position=self._journal.position
            )
        except OSError as error:
            lost = len(files) - (self._spool.added - before)
            self._drop(error, f"{lost} of the files", count=lost)

    def _keep_file(
        self,
        source: Path | bytes,
        owner: Literal["run", "model"],
        owner_id: str,
        *,
        path: ArtifactPath,
        completes: bool = False,
    ) -> None:
        self._shipper.start()
        exiting.finish_at_exit(self)
        try:
            self._spool.add(
                source,
                owner=owner,
                owner_id=owner_id,
                path=path,
                position=self._journal.position,
                completes=completes,
            )
        except OSError as error:
            self._drop(error, f"The file {path}", count=1)

    def _drop(self, error: OSError, what: str, *, count: int) -> None:
        """Count files for which there is no room, and say so once; else ``error`` is raised."""
        if not _lacks_room(error, self._spool.folder):
            raise error
        if not self._dropped_files:
            _log.warning(
                "%s can't be kept in %s: %s. The program goes on; files logged meanwhile are lost.",
                what,
                self._spool.folder,
                error.strerror or error,
            )
        self._dropped_files += count

    @property
    def pending(self) -> PendingCounts:
        """What waits. Without delay while nothing does; else it reads what waits in the journal."""
        files = self._spool.added - self._spool.removed
        start, end = self._shipper.delivered, self._journal.position
        if start == end:
            return PendingCounts(0, 0, files, 0)
        counts = count_records(self._journal.folder, start, end)
        return PendingCounts(counts.points, counts.operations, files, end - start)

    @property
    def waiting_files(self) -> int:
        """How many files wait to be published; costs nothing to ask."""
        return self._spool.added - self._spool.removed

    @property
    def dropped(self) -> Dropped:
        """What a full disk made it lose."""
        return self._journal.dropped._replace(files=self._dropped_files)

    @property
    def last_error(self) -> Exception | None:
        """Why the last delivery failed; ``None`` after one that went well."""
        return self._shipper.last_error

    @property
    def lacks_room(self) -> bool:
        """Whether what was recorded last is in memory only, for want of space in the journal."""
        return self._journal.last_error is not None

    def flush(
        self,
        timeout_s: float | None = None,
        on_progress: Callable[[PendingCounts], None] | None = None,
        *,
        retry: bool = True,
    ) -> None:
        """Wait until all recorded so far is in the store.

        Args:
            timeout_s: how long to try. ``None``: as long as deliveries succeed; the first that
                fails ends it.
            on_progress: called some times a second with what waits.
            retry: whether a delivery that failed is tried again while there is time.

        Raises:
            StoreUnavailable: it isn't there yet. Nothing is lost; it is delivered later.
        """
        if on_progress is None:
            self._shipper.flush(timeout_s, retry=retry)
            return
        with exiting.reporting(lambda: on_progress(self.pending), every_s=_PROGRESS_S):
            self._shipper.flush(timeout_s, retry=retry)

    def close(self, *, deliver: bool = True) -> None:
        """Deliver what waits and end. What can't be delivered stays for the next process of this
        folder.

        What is recorded afterwards begins a new journal.
        """
        journal, shipper, spool = self._journal, self._shipper, self._spool
        if not journal.has_records and not spool.added:
            return
        try:
            if deliver:
                shipper.flush()
        except StoreUnavailable as error:
            _log.debug("Closed with records that wait.", exc_info=error)
        if shipper.delivered < journal.position or spool.added > spool.removed:
            journal.sync()
            spool.sync()
        self._begin()
        if not shipper.stop():
            return  # a delivery hangs: the process's end releases the journal to the next one
        journal.close()
        if shipper.delivered == journal.position and spool.added == spool.removed:
            with contextlib.suppress(OSError):  # what is left is an orphan's, already delivered
                remove(journal.folder)
        journal.release()
        shipper.courier.close()

    def begin_anew_after_fork(self) -> None:
        """In a forked child: leave the parent's journal, thread and store alone."""
        _of_the_parent.append((self._journal, self._shipper))
        self._journal.abandon()
        self._begin()


def _lacks_room(error: OSError, spool: Path) -> bool:
    """Whether the spool, not the source, is what can't be used."""
    if error.errno in _NO_ROOM:
        return True
    named = Path(os.fsdecode(error.filename)) if error.filename is not None else Path()
    ours = spool in (named, named.parent) or named in spool.parents
    return isinstance(error, PermissionError) and ours


_of_the_parent: list[object] = []
"""What a child inherited. Kept, because closing a database connection twice would disturb the
parent's.
"""

_recorders: dict[Location, Recorder] = {}


def recorder_for(location: Location) -> Recorder:
    """The recorder of this process for a destination; always the same one."""
    recorder = _recorders.get(location)
    if recorder is None:
        recorder = _recorders.setdefault(location, Recorder(location))
    return recorder


def _after_fork_in_child() -> None:
    exiting.forget_recorders()
    for recorder in _recorders.values():
        recorder.begin_anew_after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)

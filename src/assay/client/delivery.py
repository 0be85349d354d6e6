"""Delivery: what brings pieces of a journal and files of a spool into a store, each once and in
order.

A store that is away, full or needs a person (credentials, an upgrade) raises: the caller tries
again later and nothing moves. What a store refuses for good is set aside, and the rest goes on.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from assay.client import connect
from assay.client.journal_files import make_private_folder, write_private
from assay.client.packing import Packed
from assay.client.quarantine import Quarantine
from assay.client.sources import Source
from assay.client.spool import Spool
from assay.client.spooled import SpooledFile, Waiting, waves
from assay.entities.ids import ModelId, RunId, WriterId
from assay.entities.logged_models import LoggedModelStatus
from assay.entities.operations import Delivery, Operation
from assay.errors import (
    AssayError,
    Conflict,
    InvalidInput,
    NotFound,
    RemoteError,
    RunNotFound,
)
from assay.store.uri import Location

if TYPE_CHECKING:
    from assay.artifacts.base import ArtifactStore
    from assay.client.foreign import ForeignTarget
    from assay.store.base import Store

_MAX_OPEN_ARTIFACT_STORES = 64


RUN_PATIENCE_S = 15.0
"""How long operations wait for a run that isn't there; longer than the pauses between two tries
of the process that may bring it."""


def is_final(error: Exception) -> bool:
    """Whether trying the same again can't help: the content itself is refused."""
    if isinstance(error, RemoteError):
        if error.remote_code.startswith("HTTP_"):
            # Not the server but something before it spoke: only "too large" is about the content.
            return error.remote_status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return 400 <= error.remote_status < 500 and error.remote_status not in (401, 403, 408, 429)
    return isinstance(error, InvalidInput | NotFound)


class Courier:
    """Brings journals and spools of one destination to its store. Used by one thread at a time."""

    def __init__(self, location: Location, quarantine: Quarantine | None = None) -> None:
        self.location = location
        self.quarantine = quarantine or Quarantine(location.journal_folder)
        self._store: Store | None = None
        self._foreign: ForeignTarget | None = None
        self._artifacts: dict[str, ArtifactStore] = {}
        self._alone_until: dict[WriterId, int] = {}
        self._awaiting_since: dict[WriterId, float] = {}
        self.run_patience_s = RUN_PATIENCE_S
        self.refused = 0
        self._incomplete: set[str] = set()
        """Models of which a file was refused."""

    @property
    def store(self) -> Store:
        """The open store; raises what ``open_store`` raises."""
        if self._store is None:
            self._store = connect.open_store(self.location)
        return self._store

    @property
    def target(self) -> Store | ForeignTarget:
        """What takes deliveries: the store, unless it is a plain MLflow server."""
        # Only a server's store can be foreign; asking it is the first thing that needs the network.
        if getattr(self.store, "is_assay", True):
            return self.store
        if self._foreign is None:
            # Few need it: imported for those who do.
            from assay.client.foreign import ForeignTarget

            self._foreign = ForeignTarget(self.store, self.location.journal_folder)
        return self._foreign

    def resume(self, source: Source) -> None:
        """Put a source to where the store stands with its writer."""
        source.seek(self.target.position(source.writer_id))

    def deliver(self, source: Source) -> Packed | None:
        """Deliver the next piece; ``None`` when the source has no more for now.

        Raises:
            AssayError: not now; the source stands where it stood.
        """
        position: int | None = None
        packed = source.next(max_records=1 if source.writer_id in self._alone_until else None)
        if packed is None:
            return None
        try:
            position = self._apply(source, packed)
        except BaseException:
            source.seek(packed.start)
            raise
        if position is not None and position != packed.end:
            source.seek(position)
        else:
            source.delivered(packed.end)
            if packed.end >= self._alone_until.get(source.writer_id, 0):
                self._alone_until.pop(source.writer_id, None)
        return packed

    def _apply(self, source: Source, packed: Packed) -> int | None:
        """Apply a piece; returns where to go on when that isn't its end."""
        for record in packed.bad:
            self.quarantine.keep_bad(source.writer_id, record)
        awaiting = self._awaits_runs(source.writer_id)
        delivery = Delivery(
            source.writer_id, packed.start, packed.end, packed.operations, await_runs=awaiting
        )
        try:
            receipt = self.target.apply(delivery)
        except Conflict:
            return self.target.position(source.writer_id)
        except (InvalidInput, NotFound, RemoteError) as error:
            if awaiting and isinstance(error, RunNotFound):
                self._await_run(source.writer_id)
                raise
            if not is_final(error):
                raise
            if len(packed.operations) > 1:
                # One of them spoils the rest: deliver them one by one up to the end of this piece.
                self._alone_until[source.writer_id] = packed.end
                return packed.start
            for operation in packed.operations:
                self._refuse(source, operation, error.error_code, error.message)
            return None
        self._awaiting_since.pop(source.writer_id, None)
        for refusal in receipt.refusals:
            operation = packed.operations[refusal.index]
            self._refuse(source, operation, refusal.error_code, refusal.message)
        return None

    def _awaits_runs(self, writer_id: WriterId) -> bool:
        """Whether a run that isn't there may still come: workers can be faster than the process
        that started their run.
        """
        since = self._awaiting_since.get(writer_id)
        return self.run_patience_s > 0 and (
            since is None or time.monotonic() < since + self.run_patience_s
        )

    def _await_run(self, writer_id: WriterId) -> None:
        self._awaiting_since.setdefault(writer_id, time.monotonic())

    def _refuse(self, source: Source, operation: Operation, code: str, message: str) -> None:
        self.refused += 1
        self.quarantine.keep_refused(source.writer_id, operation, error_code=code, message=message)

    def publish(
        self,
        source: Source,
        spool: Spool,
        *,
        before: int,
        on_wait: Callable[[], None] | None = None,
    ) -> int:
        """Publish the files of a spool that were logged before position ``before``; returns how
        many.

        Files of one owner travel several at a time, those whose order matters one after the other.
        ``on_wait`` is called about twice a second while files are on their way.

        Raises:
            Exception: a file can't be published now; others may be.
        """
        published = 0
        for wave in waves(spool.waiting(), before=before):
            for waiting, error in self._send(wave, on_wait):
                if error is not None:
                    self._refuse_file(source, waiting, error)
                if waiting.file.completes:
                    self._finish_model(waiting.file, error)
                spool.remove(waiting)
                published += 1
        return published

    def _send(
        self, wave: list[Waiting], on_wait: Callable[[], None] | None
    ) -> Iterator[tuple[Waiting, AssayError | None]]:
        # Imported with the first file: the stores of artifacts cost a start that most runs don't
        # need.
        from assay.client.publishing import send

        try:
            store = self._artifact_store(wave[0].file)
        except AssayError as error:
            if not is_final(error):
                raise
            for waiting in wave:
                yield waiting, error
            return
        yield from send(store, wave, is_final=is_final, on_wait=on_wait)

    def _artifact_store(self, file: SpooledFile) -> ArtifactStore:
        known = self._artifacts.get(file.owner_id)
        if known is not None:
            return known
        if file.owner == "run":
            run_id = RunId(file.owner_id)
            if self.target is self._foreign and self._foreign is not None:
                run_id = self._foreign.run_id(run_id)
            uri = self.store.runs.get(run_id).info.artifact_uri
        else:
            uri = self.store.logged_models.get(ModelId(file.owner_id)).artifact_location
        if len(self._artifacts) >= _MAX_OPEN_ARTIFACT_STORES:
            self._artifacts.clear()
        opened = connect.open_run_artifacts(self.location, self.store, uri)
        self._artifacts[file.owner_id] = opened
        return opened

    def _finish_model(self, file: SpooledFile, error: AssayError | None) -> None:
        """Its last file was handled: the model is complete, or never will be."""
        lost = error is not None or file.owner_id in self._incomplete
        self._incomplete.discard(file.owner_id)
        status = LoggedModelStatus.FAILED if lost else LoggedModelStatus.READY
        try:
            self.store.logged_models.finalize(ModelId(file.owner_id), status)
        except AssayError as final:
            # A model that the store refused, or that was deleted meanwhile, has nothing to finish.
            if not is_final(final):
                raise

    def _refuse_file(self, source: Source, waiting: Waiting, error: AssayError) -> None:
        self.refused += 1
        if waiting.file.owner == "model":
            self._incomplete.add(waiting.file.owner_id)
        digest = hashlib.sha256(waiting.file.path.encode()).hexdigest()[:12]
        kept = self.quarantine.folder / f"{source.writer_id}-{waiting.number:010d}-{digest}.file"
        if isinstance(waiting.content, bytes):
            make_private_folder(kept.parent)
            write_private(kept, waiting.content)
        elif waiting.content.exists():
            waiting.content.rename(kept)
        self.quarantine.keep_refused(
            source.writer_id,
            waiting.file,
            error_code=error.error_code,
            message=f"{error.message} (The file is kept as {kept}.)",
        )

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()
            self._store = None
            self._foreign = None
        self._artifacts.clear()

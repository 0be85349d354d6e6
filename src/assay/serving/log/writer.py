"""The prediction log: records of all workers, published as Parquet files.

The supervisor keeps it: workers may run in another Python, without what writes Parquet and without
the keys of an object store. Records gather in the open part of their model; a part is published
whole when it is large or old enough, and at the end. When the place is away, parts wait, and soon
workers drop what they would have sent: memory stays bounded, and no answer waits.
Format: docs/formats/prediction-log.md.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

from assay.artifacts.base import ArtifactStore
from assay.entities.names import ArtifactPath
from assay.errors import AssayError, InvalidInput
from assay.models.mlmodel import Model
from assay.serving.log import parts as log_parts
from assay.serving.log.recorder import LENGTH, MAX_RECORD_BYTES, Record
from assay.serving.log.rows import INPUT, PREDICTION
from assay.serving.process.plan import Plan
from assay.serving.settings import LogSettings

if TYPE_CHECKING:
    from assay.serving.watching.drift import DriftWatch

_log = logging.getLogger(__name__)
_PART_ROWS: Final = 50_000
_PART_BYTES: Final = 4 << 20
"""Of its records, before they are packed."""
_MAX_BYTES: Final = 32 << 20
"""Of all records that aren't published; then readers wait."""
_RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_CLOSE_S: Final = 5.0
"""For what is left at the end: the whole server has little longer to stop."""
_decode = msgspec.msgpack.Decoder(Record).decode


def check_columns(settings: LogSettings, plan: Plan) -> None:
    """See that columns that are to be left out or hashed are some model's: a name that is mistyped
    would let the values through.

    Raises:
        InvalidInput: a name is none, and all models say which they have.
    """
    known = {PREDICTION, INPUT}
    for version in plan.versions:
        signature = Model.load(version.folder).signature
        inputs = None if signature is None else signature.inputs
        if inputs is None or not inputs.has_input_names():
            return
        known.update(map(str, inputs.input_names()))
        outputs = None if signature is None else signature.outputs
        if outputs is not None and outputs.has_input_names():
            known.update(map(str, outputs.input_names()))
    for name in (*settings.redact, *settings.hashed):
        if name not in known:
            raise InvalidInput(
                f"No model that is served has a column {name!r} that could be kept out of the log;"
                f" there are {', '.join(sorted(known))}."
            )


class _Part:
    """Records of one model that are published together."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.contents: list[bytes] = []
        """Records as they came: read, they take ten times as much."""
        self.rows = self.size = 0
        self.begun = time.monotonic()

    @property
    def is_full(self) -> bool:
        return self.rows >= _PART_ROWS or self.size >= _PART_BYTES


class PredictionLog:
    """A place where records go. Thread-safe."""

    def __init__(
        self, store: ArtifactStore, settings: LogSettings, drift: DriftWatch | None = None
    ) -> None:
        """Begin to log; ``drift`` sees all records too.

        Raises:
            MissingExtra: without pyarrow.
            AssayError: nothing can be written there.
        """
        log_parts.begin(store)
        self._store, self._part_s = store, settings.part_s
        self._drift = drift
        self._changed = threading.Condition()
        self._open: dict[str, _Part] = {}
        self._full: list[_Part] = []
        self._size = 0
        self._is_closing = False
        self._give_up_at = float("inf")
        self._readers: list[threading.Thread] = []
        self._writer = threading.Thread(target=self._write, daemon=True, name="assay-log")
        self._writer.start()

    def new_pipe(self) -> int:
        """The end of a new pipe that a worker writes its records into; whoever starts the worker
        closes it here.
        """
        reads, writes = os.pipe()
        reader = threading.Thread(target=self._read, args=(reads,), daemon=True)
        self._readers = [one for one in self._readers if one.is_alive()] + [reader]
        reader.start()
        return writes

    def drift(self, plan: Plan | None) -> dict[str, dict[str, float]]:
        """Population stability index by key of the plan's versions and column."""
        if self._drift is None or plan is None:
            return {}
        known = self._drift.psi()
        return {
            one.key: known[one.name, one.label]
            for one in plan.versions
            if (one.name, one.label) in known
        }

    def close(self) -> None:
        """Publish what is there. Call it when the workers have ended."""
        until = time.monotonic() + _CLOSE_S
        for reader in self._readers:
            reader.join(max(0.0, until - time.monotonic()))
        with self._changed:
            self._is_closing, self._give_up_at = True, until
            self._changed.notify_all()
        self._writer.join(_CLOSE_S + 1)
        if self._drift is not None:
            self._drift.close()

    def _read(self, pipe: int) -> None:
        with os.fdopen(pipe, "rb") as stream:
            while len(head := stream.read(LENGTH.size)) == LENGTH.size:
                (length,) = LENGTH.unpack(head)
                if length > MAX_RECORD_BYTES:
                    _log.error("a worker's record has %d bytes; it is read no more", length)
                    return
                content = stream.read(length)
                if len(content) < length:
                    # The worker was killed in the middle of it.
                    return
                try:
                    record = _decode(content)
                except msgspec.MsgspecError as error:
                    _log.warning("a record can't be read: %s", error)
                    continue
                if self._drift is not None:
                    self._drift.take(record)
                self._take(record, content)

    def _take(self, record: Record, content: bytes) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._size < _MAX_BYTES or self._is_closing)
            part = self._open.get(record.model)
            if part is None:
                part = self._open[record.model] = _Part(record.model)
                self._changed.notify_all()
            part.contents.append(content)
            part.rows, part.size = part.rows + record.rows, part.size + len(content)
            self._size += len(content)
            if part.is_full:
                self._full.append(self._open.pop(record.model))
                self._changed.notify_all()

    def _write(self) -> None:
        while (part := self._next()) is not None:
            try:
                self._publish(part)
            except Exception:  # noqa: BLE001 - what Parquet can't hold doesn't end the rest
                _log.exception("%d predictions of %r can't be logged", part.rows, part.model)
            with self._changed:
                self._size -= part.size
                self._changed.notify_all()

    def _next(self) -> _Part | None:
        """The next part to publish; ``None``: there is none, and nothing more will come."""
        with self._changed:
            while True:
                now = time.monotonic()
                for model, part in list(self._open.items()):
                    if self._is_closing or now - part.begun >= self._part_s:
                        self._full.append(self._open.pop(model))
                if self._full:
                    return self._full.pop(0)
                if self._is_closing:
                    return None
                begun = min((one.begun for one in self._open.values()), default=None)
                self._changed.wait(None if begun is None else begun + self._part_s - now)

    def _publish(self, part: _Part) -> None:
        records = [_decode(one) for one in part.contents]
        content = log_parts.packed(records)
        path = ArtifactPath(log_parts.path_of(part.model, records[0].time_ms))
        del records
        for tries in range(1_000_000):
            try:
                self._store.write(path, [content], size_bytes=len(content))
                return
            except AssayError as error:
                wait_s = _RETRY_S[min(tries, len(_RETRY_S) - 1)]
                if not self._waits(wait_s):
                    _log.error("%d logged predictions are lost: %s", part.rows, error.message)
                    return
                _log.warning("the prediction log can't be written, trying again: %s", error.message)

    def _waits(self, seconds: float) -> bool:
        """Wait before another try; ``False``: there is no time for one."""
        until = time.monotonic() + seconds
        with self._changed:
            while (rest := min(until, self._give_up_at) - time.monotonic()) > 0:
                self._changed.wait(rest)
            return time.monotonic() < self._give_up_at

"""The recorder: notes what a worker answered, and hands it to the supervisor, which writes the log.

A request that is noted costs its answer two assignments; all else is done by a thread. What waits
for that thread is bounded: beyond, notes are dropped and counted, because the log must never slow
or fail an answer.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import random
import struct
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from assay.serving.log.rows import (
    INPUT,
    MAX_ROWS,
    PREDICTION,
    Columns,
    Redaction,
    columns_of,
    row_count,
)
from assay.serving.settings import LogSettings

if TYPE_CHECKING:
    from assay.models.signatures.schema import Schema
    from assay.serving.process.plan import Version
    from assay.serving.watching.counts import Counts, Outcome

_log = logging.getLogger(__name__)
LENGTH: Final = struct.Struct(">I")
"""Before each record on its way to the supervisor: the bytes that follow."""
MAX_RECORD_BYTES: Final = 32 << 20
_MAX_WAITING: Final = 2_000
_MAX_WAITING_BYTES: Final = 8 << 20
"""Of the requests' bodies; what was read from them takes a few times as much."""
_MAX_STREAM_BYTES: Final = 1 << 18
"""Of the pieces of a streamed answer that are kept."""
PIECES: Final = "pieces"
"""What a streamed answer is called among the outputs: a list of what came, piece by piece."""
_BATCH: Final = 64
_encode = msgspec.msgpack.Encoder(enc_hook=str).encode


class Record(msgspec.Struct, kw_only=True):
    """One answered request."""

    prediction_id: str
    time_ms: int
    """When it was asked."""
    model: str
    version: str
    is_shadow: bool
    latency_ms: float
    outcome: str
    """``answered``, or ``failed``: the model raised, or took too long."""
    inputs: Columns
    outputs: Columns
    rows: int
    pieces: int | None = None
    """How many a streamed answer had; ``None``: it came at once."""
    is_cut: bool = False
    """Whether pieces of it are missing here: too many, or it didn't come to its end."""


class Pieces:
    """A streamed answer, as far as it is kept. Lives on the event loop."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        """JSON: a model may change what it gave."""
        self.count = 0
        self.size = 0
        self.is_whole = False
        """Whether it came to its end, and all of it is kept."""

    def add(self, piece: bytes) -> None:
        """A piece more; beyond the limits it is counted only."""
        self.count += 1
        # Once one is left out, so are all after it: the beginning is what is kept.
        is_next = len(self.kept) == self.count - 1 < MAX_ROWS
        if is_next and self.size + len(piece) <= _MAX_STREAM_BYTES:
            self.kept.append(piece)
            self.size += len(piece)

    def end(self) -> None:
        """There are no more."""
        self.is_whole = len(self.kept) == self.count


class Note:
    """One request that is to be logged, on its way through a lane."""

    __slots__ = (
        "columns",
        "is_shadow",
        "pieces",
        "prediction_id",
        "predictions",
        "rows",
        "size",
        "time_ms",
    )

    def __init__(self, prediction_id: str, size: int, *, is_shadow: bool = False) -> None:
        self.prediction_id = prediction_id
        self.is_shadow = is_shadow
        self.time_ms = int(time.time() * 1_000)
        self.size = size
        """Bytes of the body."""
        self.rows: Any = None
        """An array that belongs to this note, and the names of its columns."""
        self.columns: Any = None
        self.predictions: Any = None
        self.pieces: Pieces | None = None
        """In their place, where the answer is streamed."""

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What the response says of it."""
        return ((b"x-assay-prediction-id", self.prediction_id.encode()),)

    @property
    def waiting_bytes(self) -> int:
        """What it takes of the room for those that wait."""
        more = 0 if self.pieces is None else self.pieces.size
        return min(self.size + more, _MAX_WAITING_BYTES)

    def for_shadow(self) -> Note:
        """A note of the same request to another version."""
        return Note(self.prediction_id, self.size, is_shadow=True)

    def take_array(self, rows: Any, names: list[str]) -> None:
        """What is asked, as an array. A copy: a model may write into its own."""
        self.rows, self.columns = rows[:MAX_ROWS].copy(), names

    def take(self, data: Any) -> None:
        """What is asked, in any form; called in a thread, before the model has it."""
        try:
            self.rows = columns_of(data, INPUT)
        except Exception as error:  # noqa: BLE001 - what can't be logged is answered all the same
            _log.warning("a request can't be logged: %s", error)


class Source(NamedTuple):
    """Who answers: what a record says of it, and where it is counted."""

    version: Version
    counts: Counts
    kinds: Mapping[str, str] | None
    """Types of the inputs by name; ``None``: they have no names."""


class _Done(NamedTuple):
    """A note of a request that is over."""

    note: Note
    source: Source
    seconds: float
    outcome: Outcome


class Recorder:
    """Takes notes on the event loop; writes records into a pipe from a thread of its own."""

    def __init__(self, settings: LogSettings, pipe: int) -> None:
        self._sample = settings.sample
        self._outputs_only = settings.outputs_only
        self._redaction = Redaction(settings)
        self._pipe = pipe
        self._waiting: queue.SimpleQueue[_Done | None] = queue.SimpleQueue()
        self._size = 0
        """Of what waits. Added to on the loop, taken from in the thread, under the lock."""
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True, name="assay-record")
        self._thread.start()

    def begin(self, prediction_id: str, size: int) -> Note | None:
        """A note for a request, if chance takes it."""
        if self._sample < 1 and random.random() >= self._sample:  # noqa: S311 - a sample
            return None
        return Note(prediction_id, size)

    def finish(self, note: Note, source: Source, *, seconds: float, outcome: Outcome) -> None:
        """The noted request is over: hand the note over, and count it. What was refused isn't
        kept: nobody knows what is in it.
        """
        if note.rows is None or outcome == "refused":
            return
        size = note.waiting_bytes
        with self._lock:
            if self._size + size > _MAX_WAITING_BYTES or self._waiting.qsize() >= _MAX_WAITING:
                source.counts.unlogged += 1
                return
            self._size += size
        source.counts.logged += 1
        self._waiting.put(_Done(note, source, seconds, outcome))

    def close(self, timeout_s: float) -> None:
        """Write what waits, for so long at most, and end."""
        self._waiting.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        is_over = False
        while not is_over:
            batch = [self._waiting.get()]
            # Together: each write lets the event loop go first, which may take its time.
            while len(batch) < _BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())
            is_over = any(one is None for one in batch)
            try:
                _write(self._pipe, b"".join(self._framed(one) for one in batch if one is not None))
            except OSError:
                # Who reads has gone, and this process will.
                return

    def _framed(self, done: _Done) -> bytes:
        """A record as it is written; nothing, where there is none."""
        with self._lock:
            self._size -= done.note.waiting_bytes
        try:
            content = _encode(self._record(done))
        except Exception as failure:  # noqa: BLE001 - models give anything; answers go on
            _log.warning("a prediction can't be logged: %s", failure)
            return b""
        if len(content) > MAX_RECORD_BYTES:
            _log.warning("a prediction is too large to be logged: %d bytes", len(content))
            return b""
        return LENGTH.pack(len(content)) + content

    def _record(self, done: _Done) -> Record:
        note, rows = done.note, done.note.rows
        if isinstance(rows, dict):
            inputs: Columns = rows
        else:
            inputs = {name: rows[:, at].tolist() for at, name in enumerate(note.columns)}
        outputs: Columns = {}
        if note.pieces is not None:
            outputs = self._streamed(note.pieces)
        elif done.outcome == "answered":
            outputs = self._redaction.of(columns_of(note.predictions, PREDICTION))
        count = row_count(inputs) or row_count(outputs)
        version, _, kinds = done.source
        if kinds is not None:
            inputs = _as_declared(inputs, kinds)
        if outputs and row_count(outputs) != count:
            # One answer for all rows: it goes with the first.
            outputs = {name: [one, *[None] * (count - 1)] for name, one in outputs.items()}
        return Record(
            prediction_id=note.prediction_id,
            time_ms=note.time_ms,
            model=version.name,
            version=version.label,
            is_shadow=note.is_shadow,
            latency_ms=done.seconds * 1_000,
            outcome=done.outcome,
            inputs={} if self._outputs_only else self._redaction.of(inputs),
            outputs=outputs,
            rows=count,
            pieces=None if note.pieces is None else note.pieces.count,
            is_cut=note.pieces is not None and not note.pieces.is_whole,
        )

    def _streamed(self, pieces: Pieces) -> Columns:
        """The pieces as one value for each of their keys, without what must not be kept: a piece
        has the columns that an answer at once would have.
        """
        # The library's decoder reads NaN, which models give and msgspec doesn't know.
        values = [json.loads(piece) for piece in pieces.kept]
        columns = self._redaction.of(columns_of(values, PREDICTION)) if values else {}
        return {
            PIECES if name == PREDICTION else f"{PIECES}.{name}": [column]
            for name, column in columns.items()
        }


def source_of(version: Version, counts: Counts, schema: Schema | None) -> Source:
    """Who answers, with the inputs that its signature has."""
    if schema is None or not schema.has_input_names():
        return Source(version, counts, None)
    kinds = {str(spec.name): str(getattr(spec, "type", "")) for spec in schema}
    return Source(version, counts, kinds)


def _as_declared(inputs: Columns, kinds: Mapping[str, str]) -> Columns:
    """The columns that the signature has: what the model doesn't take was sent by mistake, and
    nobody said that it may be kept. Floats where it has some: whole ones may come as integers, and
    all parts of a log should have one type.
    """
    return {
        name: [float(one) if type(one) is int else one for one in values]
        if kinds[name] in ("double", "float")
        else values
        for name, values in inputs.items()
        if name in kinds
    }


def _write(pipe: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(pipe, view) :]

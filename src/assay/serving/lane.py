"""Lanes: how requests reach a served model, and how long they may take.

A lane has the model, its batches, and the threads of the process. A request for it is bytes; what
comes back are the bytes of an answer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any, Final, TypeVar
from urllib.parse import quote

from assay.errors import AssayError, InvalidInput
from assay.http.errors import HttpError
from assay.models.input_example import Example
from assay.serving.batching import Batcher
from assay.serving.gaps import gap_in
from assay.serving.log.recorder import Note, Recorder, source_of
from assay.serving.protocols.answers import encode_answer
from assay.serving.protocols.bodies import JSON
from assay.serving.served import Served
from assay.serving.settings import Limits, ServingSettings
from assay.serving.watching.counts import Counts, Outcome

_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
_READ_INLINE_BYTES: Final = 1 << 16
"""Larger bodies are read in a thread: the loop must not stand still."""


class ModelFailed(AssayError):
    """The model raised; what it said stays in the log."""


class Lane:
    """The way to one version."""

    def __init__(
        self,
        served: Served,
        threads: Executor,
        settings: ServingSettings,
        recorder: Recorder | None = None,
    ) -> None:
        self.served = served
        self.version = served.version
        self.counts = Counts()
        self.is_compared = False
        """Whether predictions are counted too, because another version is held against this one."""
        self.threads = threads
        """In which the model works."""
        self._recorder = recorder
        self._source = source_of(self.version, self.counts, served.model.input_schema)
        self._limits: Limits = settings.limits
        self._batcher = Batcher(served.predict_array, threads, settings.batches)
        # Names of folders may hold anything, headers may not.
        label = quote(served.version.label).encode()
        self.headers = (
            (b"x-assay-model", quote(served.version.name).encode()),
            (b"x-assay-version", label),
        )
        """What a response says of who answered."""

    async def answer(self, body: bytes, kind: str, note: Note | None = None) -> bytes:
        """The answer to a request for predictions; ``note``: for the prediction log.

        Raises:
            InvalidInput: the body can't be read, or doesn't fit the model.
            ModelFailed: the model raised.
            HttpError: it took too long.
        """
        return await self._counted(self._answer(body, kind, note), note)

    async def predict(self, asked: Example, note: Note | None = None) -> Any:
        """Predictions for data that a protocol has read; errors as of ``answer``."""
        work = self._within(self._in_thread(self._checked, asked, note))
        return await self._counted(work, note)

    async def in_thread(self, function: Callable[[], Answer]) -> Answer:
        """What a function gives that a thread calls.

        Raises:
            HttpError: it took too long; the thread goes on.
        """
        result: Answer = await self._within(self._in_thread(function))
        return result

    async def _counted(self, work: Awaitable[Answer], note: Note | None) -> Answer:
        begin = time.perf_counter()
        outcome: Outcome = "failed"
        try:
            answer = await work
            outcome = "answered"
        except InvalidInput:
            outcome = "refused"
            raise
        finally:
            self.finish(note, seconds=time.perf_counter() - begin, outcome=outcome)
        return answer

    def finish(self, note: Note | None, *, seconds: float, outcome: Outcome) -> None:
        """A request is over: it is counted, and logged if it was noted."""
        self.counts.note(seconds, outcome)
        if note is not None and self._recorder is not None:
            self._recorder.finish(note, self._source, seconds=seconds, outcome=outcome)

    async def _answer(self, body: bytes, kind: str, note: Note | None) -> bytes:
        served = self.served
        if kind == JSON and served.takes_arrays:
            if len(body) <= _READ_INLINE_BYTES:
                rows = served.read_array(body)
            else:
                rows = await self._in_thread(served.read_array, body)
            if rows is not None:
                self._check_rows(len(rows))
                if note is not None:
                    note.take_array(rows, served.columns)
                try:
                    predictions = await self._within(self._batcher.submit(rows))
                except (AssayError, HttpError, TimeoutError):
                    raise
                except Exception as error:
                    raise ModelFailed(_told(error)) from error
                if self.is_compared:
                    self.counts.outputs.note(predictions)
                if note is not None:
                    note.predictions = predictions
                return encode_answer(predictions)
        answer: bytes = await self._within(self._in_thread(self._general, body, kind, note))
        return answer

    def _general(self, body: bytes, kind: str, note: Note | None) -> bytes:
        asked = self.served.read(body, kind)
        return encode_answer(self._checked(asked, note))

    def _checked(self, asked: Example, note: Note | None) -> Any:
        self._check_rows(_rows_of(asked.data))
        return self._predict(asked, note)

    def _predict(self, asked: Example, note: Note | None) -> Any:
        if note is not None:
            note.take(asked.data)
        try:
            predictions = self.served.predict(asked)
        except AssayError:
            raise
        except Exception as error:
            gap = self._gap_in(asked.data)
            if gap is not None:
                _log.warning("%s raised, and %s", self.version.key, gap, exc_info=error)
                raise InvalidInput(f"The model couldn't predict this, and {gap}.") from error
            raise ModelFailed(_told(error)) from error
        if self.is_compared:
            self.counts.outputs.note(predictions)
        if note is not None:
            note.predictions = predictions
        return predictions

    def _gap_in(self, data: Any) -> str | None:
        schema = self.served.model.input_schema
        if schema is None:
            return None
        return gap_in(data, optional=schema.optional_input_names())

    def _check_rows(self, rows: int) -> None:
        if rows > self._limits.rows:
            raise InvalidInput(
                f"The request has {rows:,} rows; at most {self._limits.rows:,} are predicted at"
                " once. Send it in parts."
            )

    def _in_thread(self, function: Any, *given: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self.threads, function, *given)

    async def _within(self, work: asyncio.Future[Any]) -> Any:
        if work.done():
            return work.result()
        # ``asyncio.wait`` and ``asyncio.timeout`` cost a tenth of a whole request.
        late = asyncio.get_running_loop().call_later(self._limits.timeout_s, work.cancel)
        try:
            return await work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            self._batcher.give_up(self._limits.timeout_s / 2)
            raise HttpError(
                504,
                f"The prediction took more than {self._limits.timeout_s:g} s.",
                error_code="DEADLINE_EXCEEDED",
            ) from None
        finally:
            late.cancel()


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _rows_of(data: Any) -> int:
    if isinstance(data, dict):
        data = next(iter(data.values()), ())
    # A scalar as an array has no length either.
    is_single = isinstance(data, str | bytes) or getattr(data, "ndim", 1) == 0
    return len(data) if hasattr(data, "__len__") and not is_single else 1

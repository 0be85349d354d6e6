"""Micro-batching: requests that are there at the same moment are predicted together.

A single client never waits: what is there when the event loop has read all that came is one batch,
and while it is predicted the next one gathers. With ``wait_s`` a batch waits a little for company,
as long as the one before had some. Cheap batches are predicted right on the event loop, which
spares two changes of threads; dear ones go to a thread, so that the loop stays free.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final

import msgspec

INLINE_S: Final = 0.001
"""Batches that are expected to take less don't leave the event loop."""
_INLINE_ROWS: Final = 256
_MEMORY: Final = 0.9
"""Weight of the past in what a prediction is expected to cost."""

Predict = Callable[[Any], Any]
"""Takes rows, gives an array with an answer for each."""


class BatchSettings(msgspec.Struct, frozen=True):
    """How requests are batched."""

    max_rows: int = 128
    """Of a batch; 1: each request is predicted by itself."""
    wait_s: float = 0.0
    """How long a batch may wait for company."""


class Batcher:
    """Gathers arrays of one model. All methods are called on the event loop."""

    def __init__(self, predict: Predict, threads: Executor, settings: BatchSettings) -> None:
        self._predict, self._threads, self._settings = predict, threads, settings
        self._waiting: list[tuple[Any, asyncio.Future[Any]]] = []
        self._rows = 0
        self._is_due = False
        self._busy: list[tuple[Any, asyncio.Future[Any]]] | None = None
        """The batch that a thread is at."""
        self._busy_since = 0.0
        self._had_company = False
        self._expected_s = INLINE_S

    def submit(self, rows: Any) -> asyncio.Future[Any]:
        """The predictions for an array of rows, when their batch is done."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((rows, future))
        self._rows += len(rows)
        if not self._is_due and self._busy is None:
            self._is_due = True
            if self._had_company and self._settings.wait_s > 0:
                loop.call_later(self._settings.wait_s, self._flush)
            else:
                # After all that was read in this turn of the loop.
                loop.call_soon(self._flush)
        return future

    def _flush(self) -> None:
        self._is_due = False
        if self._busy is not None or not self._waiting:
            return
        batch = self._take()
        self._had_company = len(batch) > 1
        rows = sum(len(one) for one, _ in batch)
        if self._expected_s < INLINE_S and rows <= _INLINE_ROWS:
            answers, seconds = _predict_batch(self._predict, [one for one, _ in batch])
            self._deliver(batch, answers, seconds)
            return
        self._busy = batch
        self._busy_since = time.monotonic()
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(
            self._threads, _predict_batch, self._predict, [one for one, _ in batch]
        )
        work.add_done_callback(lambda done: self._finish(batch, done))

    def _take(self) -> list[tuple[Any, asyncio.Future[Any]]]:
        """The next batch: at least one request, at most ``max_rows`` rows."""
        count = rows = 0
        for one, _ in self._waiting:
            if count and rows + len(one) > self._settings.max_rows:
                break
            count, rows = count + 1, rows + len(one)
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        self._rows -= rows
        return batch

    def _finish(
        self, batch: list[tuple[Any, asyncio.Future[Any]]], done: asyncio.Future[Any]
    ) -> None:
        if self._busy is batch:
            self._busy = None
        answers, seconds = done.result()
        self._deliver(batch, answers, seconds)

    def _deliver(
        self, batch: list[tuple[Any, asyncio.Future[Any]]], answers: list[Any], seconds: float
    ) -> None:
        self._expected_s = _MEMORY * self._expected_s + (1 - _MEMORY) * seconds
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        self._go_on()

    def give_up(self, after_s: float) -> None:
        """Wait no more for a batch that has been in its thread for so long; the next goes on in
        another.
        """
        if self._busy is not None and time.monotonic() - self._busy_since >= after_s:
            self._busy = None
            # Those whose clients were told already are predicted no more.
            self._waiting = [pair for pair in self._waiting if not pair[1].done()]
            self._rows = sum(len(rows) for rows, _ in self._waiting)
            self._go_on()

    def _go_on(self) -> None:
        if self._waiting and not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._flush)


def _predict_batch(predict: Predict, parts: list[Any]) -> tuple[list[Any], float]:
    """An answer or an exception for each part, and the seconds that predicting took."""
    begin = time.perf_counter()
    answers: list[Any] = []
    if len(parts) > 1:
        import numpy as np

        try:
            together = predict(np.concatenate(parts))
            if len(together) == sum(map(len, parts)):
                at = 0
                for part in parts:
                    answers.append(together[at : at + len(part)])
                    at += len(part)
        except Exception:  # noqa: BLE001 - each is asked alone, to tell whose rows they were
            answers = []
    if not answers:
        for part in parts:
            try:
                answers.append(predict(part))
            except Exception as error:  # noqa: BLE001 - told to whoever asked
                answers.append(error)
    return answers, time.perf_counter() - begin

"""Predictions that hang: batches that are given up, and threads that all hang."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import numpy as np

from assay.serving.batching import Batcher, BatchSettings
from assay.serving.threads import PredictionThreads


def test_batches_go_on_in_another_thread_when_one_is_given_up() -> None:
    hold = threading.Event()
    asked: list[int] = []

    def predict(rows: Any) -> Any:
        asked.append(int(rows[0, 0]))
        if rows[0, 0] == 1:
            hold.wait(10)
        return rows

    async def run() -> None:
        with PredictionThreads(2) as threads:
            batcher = Batcher(predict, threads, BatchSettings())
            hangs = batcher.submit(np.array([[1.0]]))
            await asyncio.sleep(0)
            waits, is_told = (batcher.submit(np.array([[number]])) for number in (2.0, 3.0))
            is_told.cancel()
            batcher.give_up(60)
            await asyncio.sleep(0)
            assert not waits.done()

            batcher.give_up(0)

            assert (await asyncio.wait_for(waits, 5)).tolist() == [[2.0]]
            hold.set()
            assert (await asyncio.wait_for(hangs, 5)).tolist() == [[1.0]]
            assert (await batcher.submit(np.array([[4.0]]))).tolist() == [[4.0]]

    asyncio.run(run())
    # What a client had been told of already wasn't predicted any more.
    assert asked == [1, 2, 4]


def test_threads_hang_when_all_of_them_do() -> None:
    hold = threading.Event()
    begun = threading.Semaphore(0)

    def wait() -> None:
        begun.release()
        hold.wait(10)

    with PredictionThreads(2) as threads:
        threads.submit(wait)
        begun.acquire()
        assert not threads.all_busy_for(0)
        threads.submit(wait)
        begun.acquire()
        assert threads.all_busy_for(0)
        assert not threads.all_busy_for(60)
        hold.set()
        threads.submit(int).result(5)
    assert not threads.all_busy_for(0)

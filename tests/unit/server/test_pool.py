"""Calls in threads, and writes that call back."""

from __future__ import annotations

import asyncio
import threading

import pytest

from assay.server.deferred import deferred
from assay.server.pool import ThreadPool


def test_calls_run_in_threads_and_return_or_raise() -> None:
    async def run() -> None:
        pool = ThreadPool(2, name="test")
        assert await pool.run(threading.get_ident) != threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 / 0)
        pool.stop(5)

    asyncio.run(run())


def test_no_more_threads_than_its_size_and_all_calls_are_answered() -> None:
    async def run() -> None:
        pool = ThreadPool(3, name="bounded")
        idents = await asyncio.gather(*(pool.run(threading.get_ident) for _ in range(50)))
        assert len(idents) == 50
        assert len(set(idents)) <= 3
        pool.stop(5)

    asyncio.run(run())


def test_an_iterator_that_ends_in_a_thread_is_an_error_not_a_hang() -> None:
    async def run() -> None:
        pool = ThreadPool(1, name="stop")
        with pytest.raises(RuntimeError, match="iterator"):
            await pool.run(next, iter(()))
        pool.stop(5)

    asyncio.run(run())


def test_a_write_that_calls_back_from_another_thread_is_awaited() -> None:
    def start(done: object) -> None:
        threading.Thread(target=done, args=("result", None)).start()

    assert asyncio.run(deferred(start)) == "result"


def test_a_write_that_fails_raises_where_it_is_awaited() -> None:
    def start(done: object) -> None:
        threading.Thread(target=done, args=(None, KeyError("x"))).start()

    with pytest.raises(KeyError):
        asyncio.run(deferred(start))

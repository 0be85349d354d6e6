"""Content pulled in one thread, consumed in another: errors of either side come out once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from assay.artifacts.feeding import feed


class Broken(Exception):
    pass


def test_all_chunks_arrive_in_order_in_another_thread() -> None:
    threads = []

    def consume(chunks: Iterator[bytes]) -> bytes:
        threads.append(threading.current_thread())
        return b"".join(chunks)

    content = [b"%d," % n for n in range(1_000)]
    assert feed(consume, content) == b"".join(content)
    assert threads != [threading.current_thread()]


def test_error_of_the_content_stops_the_consumer_and_comes_out() -> None:
    stopped = []

    def consume(chunks: Iterator[bytes]) -> None:
        try:
            list(chunks)
        except BaseException as error:
            stopped.append(error)
            raise

    def content() -> Iterator[bytes]:
        yield b"1"
        raise Broken

    with pytest.raises(Broken):
        feed(consume, content())
    assert len(stopped) == 1


def test_error_of_the_consumer_ends_the_pulling_of_endless_content() -> None:
    def consume(chunks: Iterator[bytes]) -> None:
        next(chunks)
        raise Broken

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x"

    with pytest.raises(Broken):
        feed(consume, endless())

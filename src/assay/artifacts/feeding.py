"""Content pulled in one thread and consumed in another.

obstore iterates what it uploads inside its own asynchronous runtime. Content that comes from
obstore itself can't be pulled there (its runtime doesn't nest), and slow content would hold up
other transfers. So the caller's thread pulls, and obstore sees an iterator that only takes from a
short queue.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Result = TypeVar("Result")

_AHEAD = 8
"""Chunks that may wait: enough to keep the consumer busy, a bound of the memory."""


class _Stopped(Exception):
    """Ends the consumer when the content has failed, so that it drops what it has."""


def feed(consume: Callable[[Iterator[bytes]], Result], chunks: Iterable[bytes]) -> Result:
    """``consume(iterator)`` in a thread of its own, the iterator giving ``chunks`` as they are
    pulled here.

    Raises:
        BaseException: what ``chunks`` raises, once the consumer has stopped, or else what
            ``consume`` raises.
    """
    waiting: queue.Queue[bytes | _Stopped | None] = queue.Queue(_AHEAD)
    ended = threading.Event()
    outcome: list[Result] = []
    failures: list[BaseException] = []

    def taken() -> Iterator[bytes]:
        while (chunk := waiting.get()) is not None:
            if isinstance(chunk, _Stopped):
                raise chunk
            yield chunk

    def run() -> None:
        try:
            outcome.append(consume(taken()))
        except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
            failures.append(error)
        finally:
            ended.set()

    def give(item: bytes | _Stopped | None) -> bool:
        while not ended.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    thread = threading.Thread(target=run, name="assay-feed", daemon=True)
    thread.start()
    try:
        for chunk in chunks:
            if not give(chunk):
                break
        give(None)
    except BaseException:
        give(_Stopped())
        thread.join()
        raise
    thread.join()
    if failures:
        raise failures[0]
    return outcome[0]

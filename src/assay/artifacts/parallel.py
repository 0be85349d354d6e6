"""Several items at a time, by threads that each take the next one.

A future for each of thousands of small files would cost more than the file. Where no thread can be
started any more, because the interpreter ends, the caller's thread does the work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WAIT_S = 0.5
"""How often a caller that waits for results may do something else."""


def in_parallel(
    action: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    on_wait: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """Results of ``action`` as they come, in any order.

    The first failure keeps further items from being begun; it is raised once those that were begun
    have ended and their results are given. ``on_wait`` is called in the caller's thread, about
    every ``WAIT_S`` while results are waited for.
    """
    todo = list(items)
    if len(todo) <= 1 or workers <= 1:
        yield from map(action, todo)
        return
    crew = _Crew(action, todo)
    if not crew.start(min(workers, len(todo))):
        yield from map(action, todo)
        return
    try:
        yield from crew.results(on_wait)
    finally:
        crew.stop()


def do_all(action: Callable[[Item], object], items: Iterable[Item], *, workers: int) -> None:
    """``action`` on each item; see ``in_parallel``."""
    for _ in in_parallel(action, items, workers=workers):
        pass


class _Ended:
    """What a thread leaves behind: nothing, or why it gave up."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Crew(Generic[Item, Result]):
    """The threads of one call."""

    def __init__(self, action: Callable[[Item], Result], todo: list[Item]) -> None:
        self._action = action
        self._remaining = iter(todo)
        self._stopped = False
        self._done: SimpleQueue[tuple[Result] | _Ended] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def start(self, count: int) -> bool:
        """Start up to ``count`` threads; false if not even one can be."""
        for number in range(count):
            thread = threading.Thread(
                target=self._work, name=f"assay-transfer-{number}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:
                break
            self._threads.append(thread)
        return bool(self._threads)

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            while not self._stopped:
                try:
                    item = next(self._remaining)
                except StopIteration:
                    break
                self._done.put((self._action(item),))
        except BaseException as caught:  # noqa: BLE001 - raised in the caller's thread
            self._stopped = True
            error = caught
        self._done.put(_Ended(error))

    def results(self, on_wait: Callable[[], None] | None) -> Iterator[Result]:
        """What the threads bring, until all have ended."""
        failure: BaseException | None = None
        running = len(self._threads)
        while running:
            try:
                found = self._done.get(timeout=None if on_wait is None else WAIT_S)
            except Empty:
                assert on_wait is not None
                on_wait()
                continue
            if isinstance(found, _Ended):
                running -= 1
                failure = failure or found.error
            else:
                yield found[0]
        if failure is not None:
            raise failure

    def stop(self) -> None:
        """Begin nothing more, and wait for what was begun."""
        self._stopped = True
        for thread in self._threads:
            thread.join()

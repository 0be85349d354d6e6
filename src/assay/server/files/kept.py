"""What was computed of a file and may be asked again: kept by its content, within a budget."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Values by key, the least recently used dropped first. Thread-safe; each value is made once,
    while others that want it wait.
    """

    def __init__(self, budget: int) -> None:
        """``budget``: the weights of all values together."""
        self._budget = budget
        self._values: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], tuple[T, int]]) -> T:
        """The value of a key, made (with its weight) if it isn't kept."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                found = self._find(key)
                return self._keep(key, make()) if found is None else found[0]
        finally:
            with self._lock:
                self._making.pop(key, None)

    def _find(self, key: Hashable) -> tuple[T, int] | None:
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
            return found

    def _keep(self, key: Hashable, made: tuple[T, int]) -> T:
        with self._lock:
            if made[1] <= self._budget:
                self._values[key] = made
            while sum(weight for _, weight in self._values.values()) > self._budget:
                self._values.popitem(last=False)
        return made[0]

"""UBJSON: whether a file is whole. Parsers in C read past the end of one that was cut.

The format is that of UBJSON draft 12 (ubjson.org): a marker of one byte before each value, big
endian numbers, and containers that end with a marker of their own or say beforehand how many
values they have, and of which type.
"""

from __future__ import annotations

from typing import Final

_SIZES: Final = {
    **dict.fromkeys(b"ZNTF", 0),
    **dict.fromkeys(b"iUC", 1),
    ord("I"): 2,
    **dict.fromkeys(b"ld", 4),
    **dict.fromkeys(b"LD", 8),
}
"""Bytes of the values whose length their marker tells."""
_INTEGERS: Final = frozenset(b"iUIlL")
_MOST_LEVELS: Final = 100


def check_whole(content: bytes) -> None:
    """See that a document ends where it says.

    Raises:
        ValueError: it was cut, or is no UBJSON.
    """
    try:
        _Walk(content).value(0)
    except IndexError:
        raise ValueError("it ends too early") from None


class _Walk:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def value(self, level: int) -> None:
        marker = self._byte()
        if marker in _SIZES:
            self._skip(_SIZES[marker])
        elif marker in b"SH":
            self._skip(self._integer())
        elif marker in b"[{" and level < _MOST_LEVELS:
            self._container(marker == ord("{"), level + 1)
        else:
            raise ValueError(f"byte {self._at - 1} begins no value")

    def _container(self, has_keys: bool, level: int) -> None:
        size = None
        if self._next_is("$"):
            size = _SIZES.get(self._byte())
            if size is None or self._content[self._at] != ord("#"):
                raise ValueError(f"byte {self._at} gives a type that has no count")
        if self._next_is("#"):
            count = self._integer()
            if size is not None and not has_keys:
                self._skip(count * size)
                return
            for _ in range(count):
                self._member(has_keys, size, level)
            return
        end = "}" if has_keys else "]"
        while not self._next_is(end):
            self._member(has_keys, size, level)

    def _member(self, has_keys: bool, size: int | None, level: int) -> None:
        if has_keys:
            self._skip(self._integer())
        if size is None:
            self.value(level)
        else:
            self._skip(size)

    def _integer(self) -> int:
        marker = self._byte()
        if marker not in _INTEGERS:
            raise ValueError(f"byte {self._at - 1} begins no length")
        begin = self._at
        self._skip(_SIZES[marker])
        number = int.from_bytes(self._content[begin : self._at], "big", signed=marker != ord("U"))
        if number < 0:
            raise ValueError(f"byte {begin} begins a negative length")
        return number

    def _next_is(self, marker: str) -> bool:
        is_so = self._content[self._at] == ord(marker)
        self._at += is_so
        return is_so

    def _byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]

    def _skip(self, count: int) -> None:
        self._at += count
        if self._at > len(self._content):
            raise IndexError

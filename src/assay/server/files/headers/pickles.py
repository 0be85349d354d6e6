"""Pickles: their opcodes and the names they would import, listed and never executed."""

from __future__ import annotations

import io
import pickletools
from typing import Any

from assay.server.files.headers.header import MAX_LISTED, Header, plain_text

HEAD_BYTES = 4 << 20
_MAX_OPCODES = 200_000
"""Opcodes that are looked at for names; the first ones are listed."""
_LISTED_OPCODES = 500
_ARG_CHARS = 200
_MEMOIZE = {"PUT", "BINPUT", "LONG_BINPUT"}
_RECALL = {"GET", "BINGET", "LONG_BINGET"}


class _Names:
    """Follows the texts on a pickle's stack as far as names of globals need it."""

    def __init__(self) -> None:
        self._last: list[str] = []
        self._memo: dict[int, str] = {}
        self._memoized = 0
        self.found: dict[str, None] = {}

    def see(self, name: str, arg: Any) -> None:
        """Take in one opcode."""
        if name in ("GLOBAL", "INST"):
            self._note(str(arg).replace(" ", ".", 1))
        elif name == "STACK_GLOBAL":
            self._note(".".join(self._last[-2:]) if len(self._last) >= 2 else "?")
        elif name == "MEMOIZE":
            self._remember(self._memoized)
            self._memoized += 1
        elif name in _MEMOIZE:
            self._remember(int(arg))
        elif name in _RECALL:
            self._push(self._memo.get(int(arg), ""))
        elif isinstance(arg, str):
            self._push(arg[:_ARG_CHARS])

    def _push(self, text: str) -> None:
        self._last = [*self._last[-1:], text]

    def _remember(self, place: int) -> None:
        if self._last and len(self._memo) < _MAX_OPCODES:
            self._memo[place] = self._last[-1]

    def _note(self, name: str) -> None:
        if len(self.found) < MAX_LISTED:
            self.found[plain_text(name[:_ARG_CHARS])] = None


def pickle_header(head: bytes, *, whole: bool) -> Header:
    """A pickle's first bytes; ``whole``: they are all of it."""
    header = Header("pickle")
    names = _Names()
    ended = False
    try:
        for count, (opcode, arg, _) in enumerate(pickletools.genops(io.BytesIO(head))):
            if count == _MAX_OPCODES:
                break
            if count < _LISTED_OPCODES:
                header.opcodes.append(_told(opcode.name, arg))
            if opcode.name == "PROTO":
                header.fact("protocol", arg)
            names.see(opcode.name, arg)
            ended = opcode.name == "STOP"
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError, RecursionError):
        ended = False
    header.globals = list(names.found)
    header.truncated = not (ended and (whole or header.opcodes)) or (
        len(header.opcodes) == _LISTED_OPCODES
    )
    return header


def _told(name: str, arg: Any) -> str:
    if arg is None:
        return name
    if isinstance(arg, bytes | bytearray):
        return f"{name} <{len(arg)} bytes>"
    if isinstance(arg, int) and arg.bit_length() > 64:
        return f"{name} <{arg.bit_length()} bits>"
    text = str(arg) if not isinstance(arg, str) else repr(arg[:_ARG_CHARS])
    return plain_text(f"{name} {text[:_ARG_CHARS]}")

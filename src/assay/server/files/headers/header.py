"""What a header tells, in one form for all formats."""

from __future__ import annotations

import msgspec

MAX_LISTED = 1_000
"""Tensors, entries, opcodes or globals that are told of one file."""
_MAX_TEXT = 2_000


class Tensor(msgspec.Struct, frozen=True):
    """An array in the file; ``shape`` may hold names of open dimensions."""

    name: str
    dtype: str
    shape: list[int | str]


class Member(msgspec.Struct, frozen=True):
    """A file inside an archive."""

    name: str
    size: int


class Header(msgspec.Struct):
    """What a file says about itself."""

    format: str
    facts: dict[str, str] = {}
    tensors: list[Tensor] = []
    entries: list[Member] = []
    opcodes: list[str] = []
    globals: list[str] = []
    """Names that a pickle would import: ``module.name``."""
    truncated: bool = False
    """There is more than what is told, or the file ends or goes wrong before its end."""

    def fact(self, name: str, value: object) -> None:
        """Note a fact; empty ones are left out, long ones cut."""
        text = plain_text(str(value))
        if text:
            self.facts[plain_text(name)] = text

    def add_tensor(self, tensor: Tensor) -> bool:
        """Note an array; ``False`` when no more are taken."""
        if len(self.tensors) >= MAX_LISTED:
            self.truncated = True
            return False
        self.tensors.append(tensor)
        return True

    def add_entry(self, entry: Member) -> bool:
        """Note a file inside; ``False`` when no more are taken."""
        if len(self.entries) >= MAX_LISTED:
            self.truncated = True
            return False
        self.entries.append(entry)
        return True


def plain_text(text: str) -> str:
    """Text as it can travel: bounded, and with no half of a surrogate pair."""
    shown = text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"
    return shown.encode("utf-8", "replace").decode()

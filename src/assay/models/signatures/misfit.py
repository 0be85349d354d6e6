"""One value or column that doesn't fit its type, on its way to become a sentence for a person."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["Misfit", "first_bad", "shown"]

MAX_SHOWN: Final = 60
"""Characters of a bad value that a message repeats."""


class Misfit(Exception):
    """What was expected and what came; caught by the enforcer, which knows the column."""

    def __init__(self, got: str, detail: str = "", *, expected: str = "", path: str = "") -> None:
        super().__init__(got)
        self.got = got
        """Type of what came, or what is wrong with it."""
        self.detail = detail
        """Where, and the first bad value."""
        self.expected = expected
        """Set where the misfit lies inside the column's type: the type at that place."""
        self.path = path
        """That place, such as ``.tags[2]``."""

    def inside(self, step: str, expected: object) -> Misfit:
        """The same misfit seen from the value around it."""
        self.path = step + self.path
        self.expected = self.expected or repr(expected)
        return self

    def sentence(self, subject: str, expected: object) -> str:
        """What a person reads."""
        detail = f" ({self.detail})" if self.detail else ""
        kind = self.expected or str(expected)
        return f"{subject}{self.path}: expected {kind}, got {self.got}{detail}."


def shown(value: Any) -> str:
    """A value as messages repeat it, cut where it is long."""
    plain = value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value
    text = repr(plain)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def first_bad(value: Any, row: int) -> str:
    """The usual detail. Rows count from 0."""
    return f"first bad value {shown(value)} in row {row}"

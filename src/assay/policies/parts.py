"""Parts of a policy's text: a value and its place, read with messages that name the place and what
is allowed there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple, NoReturn

from assay.errors import InvalidInput, InvalidPolicy

_MAX_SHOWN: Final = 60
_UNITS_MS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_DURATION: Final = re.compile(
    r"(?:(\d{1,6})d)? ?(?:(\d{1,6})h)? ?(?:(\d{1,6})m)? ?(?:(\d{1,6})s)?\Z"
)
_MAX_DURATION_MS: Final = 3_650 * _UNITS_MS["d"]


def inside(where: str, key: str) -> str:
    """The place of an entry."""
    name = key if key.isprintable() and len(key) <= _MAX_SHOWN else shown(key)
    return f"{where}.{name}" if where else name


def item_of(where: str, index: int) -> str:
    """The place of an item of a list, counted from 0."""
    return f"{where}[{index}]"


def shown(text: str) -> str:
    """A text as messages quote it: one line, not too long."""
    return repr(text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "...")


def known_are(name: str, known: Collection[str]) -> str:
    """What is known where ``name`` is not, the nearest spelling in front."""
    near = get_close_matches(name.lower(), [one.lower() for one in known], n=1, cutoff=0.6)
    meant = [one for one in known if [one.lower()] == near]
    hint = f"did you mean {shown(meant[0])}? Known" if meant else "known"
    return f"{hint} are {', '.join(known)}"


class Part(NamedTuple):
    """A value at its place."""

    where: str
    value: object

    def fail(self, why: str) -> NoReturn:
        """Raise ``InvalidPolicy`` for this place."""
        raise InvalidPolicy(self.where, why)

    def named(self) -> dict[str, Part]:
        """Entries of any names, at least one."""
        if not isinstance(self.value, dict) or not self.value:
            self.fail(f"it must be entries ('name: value'), not {_kind(self.value)}")
        return {key: Part(inside(self.where, key), one) for key, one in self.value.items()}

    def entries(self, known: Sequence[str]) -> dict[str, Part]:
        """Entries of known names, at least one."""
        entries = self.named()
        for key in entries:
            if key not in known:
                self.fail(f"there is no entry {shown(key)} here; {known_are(key, known)}")
        return entries

    def items(self) -> list[Part]:
        """Items of a list, at least one."""
        if not isinstance(self.value, list) or not self.value:
            self.fail(f"it must be a list ('[a, b]'), not {_kind(self.value)}")
        return [Part(item_of(self.where, at), one) for at, one in enumerate(self.value)]

    def text(self) -> str:
        """A text on one line."""
        value = self.value
        if not isinstance(value, str):
            self.fail(f"it must be a text, not {_kind(value)}; quotes make one of anything")
        if not value.strip() or not value.isprintable():
            self.fail("it must be a text on one line, without control characters")
        return value

    def name(self, check: Callable[[str], str]) -> str:
        """A text that the parser of its kind of names takes."""
        text = self.text()
        try:
            return check(text)
        except InvalidInput as error:
            self.fail(error.message.rstrip("."))

    def word(self, allowed: Sequence[str]) -> str:
        """One of a few words."""
        value = self.value
        if value not in allowed or not isinstance(value, str):
            given = shown(value) if isinstance(value, str) else _kind(value)
            self.fail(f"it must be {' or '.join(allowed)}, not {given}")
        return value

    def number(self) -> float:
        """A finite number."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(f"it must be a number, not {_kind(value)}")
        if not math.isfinite(value):
            self.fail("it must be a finite number")
        try:
            return float(value)
        except OverflowError:
            self.fail("the number is too large")

    def whole(self) -> int:
        """A whole number."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(f"it must be a whole number, not {_kind(value)}")
        return value

    def flag(self) -> bool:
        """``true`` or ``false``."""
        if not isinstance(self.value, bool):
            self.fail(f"it must be true or false, not {_kind(self.value)}")
        return self.value

    def duration_ms(self) -> int:
        """A duration such as ``7d``, ``12h``, ``1d 12h``, ``30m`` or ``90s``; more than 0."""
        found = _DURATION.match(self.value) if isinstance(self.value, str) else None
        if found is None or self.value == "":
            self.fail("it must be a duration such as 7d, 12h, 30m or 90s")
        counts = zip(found.groups(), _UNITS_MS.values(), strict=True)
        duration = sum(int(count or 0) * unit for count, unit in counts)
        if not 0 < duration <= _MAX_DURATION_MS:
            self.fail("it must be longer than 0 and at most 3650d")
        return duration


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value:g}"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    kind = "list" if isinstance(value, list) else "set of entries"
    return f"a {kind}" if value else f"an empty {kind}"

"""Values of comparisons: numbers, times, durations."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Final

from assay.search.scanner import Scanner
from assay.search.tree import Moment

INT64_MAX: Final = 2**63 - 1
_MAX_INT_DIGITS: Final = 19
"""Digits of the largest 64-bit integer; longer texts are read as floats."""
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}\Z")
UNITS_MS: Final = {
    "MS": 1,
    "S": 1_000,
    "M": 60_000,
    "H": 3_600_000,
    "D": 86_400_000,
    "W": 604_800_000,
}


def read_number(scanner: Scanner) -> float | None:
    """A number, ``inf`` or ``-inf``; ``None`` and nothing read if something else is next."""
    text = scanner.read_number_text()
    if text:
        return to_number(text)
    start = scanner.at
    sign = -1 if scanner.take("-") else 1
    if sign == 1:
        scanner.take("+")
    if scanner.take_word("INF", "INFINITY"):
        return sign * math.inf
    scanner.at = start
    return None


def read_quoted_number(scanner: Scanner) -> float | None:
    """A number, which may stand in quotes, as MLflow takes a version's."""
    if not scanner.text_is_next():
        return read_number(scanner)
    start = scanner.at
    text = scanner.read_text()
    if not _WHOLE.match(text):
        scanner.fail("expected a number", at=start)
    return to_number(text)


def to_number(text: str) -> float:
    """An ``int`` where it is written as one and fits 64 bits, else a ``float``."""
    if len(text) <= _MAX_INT_DIGITS + 1 and text.lstrip("+-").isdigit():
        number = int(text)
        if -INT64_MAX <= number <= INT64_MAX:
            return number
    return float(text)


def read_duration(scanner: Scanner) -> float | None:
    """Milliseconds as a number, or a number with a unit: ``90s``, ``1.5h``."""
    number = read_number(scanner)
    if number is None:
        return None
    unit = scanner.text[scanner.at : scanner.at + 1].isalpha() and scanner.take_word(*UNITS_MS)
    if not unit:
        return number
    number *= UNITS_MS[unit]
    return int(number) if abs(number) < INT64_MAX and number == int(number) else number


def read_time(scanner: Scanner) -> float | Moment | None:
    """Milliseconds, an ISO date or time in quotes (UTC if it names no zone), or ``now - 7d``."""
    if scanner.text_is_next():
        return _read_iso(scanner)
    start = scanner.skip_space()
    if not scanner.take_word("NOW"):
        return read_number(scanner)
    sign = 1 if scanner.take("+") else -1 if scanner.take("-") else 0
    if not sign:
        return Moment()
    offset = read_duration(scanner)
    if offset is None or scanner.text[scanner.at - 1].isdigit():
        scanner.fail("expected a duration such as 7d, 12h, 30m, 90s or 500ms")
    if not abs(offset) < INT64_MAX // 2:
        scanner.fail("the duration is too long", at=start)
    return Moment(sign * round(offset))


def _read_iso(scanner: Scanner) -> int:
    start = scanner.at
    text = scanner.read_text()
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        since = time - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        scanner.fail("expected a time: milliseconds, '2026-01-31', 'now - 7d' unquoted", at=start)
    return since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000

"""The time that all files of an image bear, so that the same content is the same bytes.

``SOURCE_DATE_EPOCH`` sets it, as reproducible-builds.org specifies.
"""

from __future__ import annotations

import os
from typing import Final

from assay.errors import InvalidInput

TIME_VARIABLE: Final = "SOURCE_DATE_EPOCH"
_EARLIEST_S: Final = 315_532_800
"""1980-01-01: the earliest that archives of every kind can hold."""


def build_time_s() -> int:
    """Seconds since 1970.

    Raises:
        InvalidInput: the variable holds something else.
    """
    given = os.environ.get(TIME_VARIABLE, "")
    if not given:
        return _EARLIEST_S
    if not (given.isascii() and given.isdigit() and len(given) <= 11):
        raise InvalidInput(f"{TIME_VARIABLE} must be seconds since 1970, not {given!r}.")
    return max(int(given), _EARLIEST_S)

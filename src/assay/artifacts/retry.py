"""Trying again after an outage, more and more patiently."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from assay.errors import StoreUnavailable

Result = TypeVar("Result")

ATTEMPTS = 6
"""Tries in all; with ``FIRST_WAIT_S`` doubled each time, about six seconds of outage are
bridged."""
FIRST_WAIT_S = 0.2


def retried(
    action: Callable[[], Result], *, attempts: int = ATTEMPTS, first_wait_s: float = FIRST_WAIT_S
) -> Result:
    """What ``action`` returns, tried again while it raises ``StoreUnavailable``.

    Raises:
        StoreUnavailable: of the last attempt.
    """
    wait_s = first_wait_s
    for _ in range(attempts - 1):
        try:
            return action()
        except StoreUnavailable:
            # Up to half more, so that many clients of one server don't come back at the same
            # moment.
            time.sleep(wait_s * (1 + random.random() / 2))  # noqa: S311 - no secret
            wait_s *= 2
    return action()

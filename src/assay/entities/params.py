"""Params: text written once for a run."""

from __future__ import annotations

import msgspec


class Param(msgspec.Struct, frozen=True):
    """One param; ``value`` is text, numbers are logged as ``str(value)``."""

    key: str
    value: str

"""Which location this process logs to unless a call says otherwise.

The choice lives in the environment variable ``ASSAY_TRACKING_URI``, so that programs started from
this one log to the same place. A location is resolved once per value: a program that changes its
working directory half way does not change where it logs.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from assay.store.uri import Location, resolve_location

VARIABLE = "ASSAY_TRACKING_URI"
_lock = threading.Lock()
_resolved: tuple[tuple[str | None, str | None], Location] | None = None


def set_tracking_uri(uri: str | Path) -> None:
    """Log to ``uri`` from now on; runs that are active stay where they are.

    Args:
        uri: ``http(s)://…``, ``sqlite:///…``, ``postgresql://…`` or a folder. Empty: back to what
            ``MLFLOW_TRACKING_URI`` says, else the nearest ``.assay`` folder.

    Raises:
        InvalidInput: the URI can't be used; the old one stays.
    """
    global _resolved
    text = str(uri) if uri else ""
    with _lock:
        if not text:
            os.environ.pop(VARIABLE, None)
            _resolved = None
            return
        location = resolve_location(text)
        # A child process may start in another folder: a plain path travels as an absolute one.
        os.environ[VARIABLE] = str(location.home) if ":" not in text else location.tracking_uri
        _resolved = (_variables(), location)


def get_tracking_uri() -> str:
    """The URI in use, as ``set_tracking_uri`` takes it; what was relative is absolute here."""
    return current_location().tracking_uri


def is_tracking_uri_set() -> bool:
    """Whether the program or its environment chose a location, rather than the default."""
    return any(_variables())


def current_location() -> Location:
    """The location in use.

    Raises:
        InvalidInput: an environment variable names one that can't be used.
    """
    global _resolved
    variables = _variables()
    resolved = _resolved
    if resolved is None or resolved[0] != variables:
        with _lock:
            resolved = _resolved = (variables, resolve_location())
    return resolved[1]


def _variables() -> tuple[str | None, str | None]:
    return os.environ.get(VARIABLE), os.environ.get("MLFLOW_TRACKING_URI")

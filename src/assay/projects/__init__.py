"""Projects: code with named entry points that can be run from anywhere.

``spec`` says what a project is, ``sources`` fetches it, ``launch`` says what one run of it is,
``launching`` checks and records that, ``execute`` carries it out, ``backends`` decide where. This
is the front of the room: each name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.projects.backends.base import SubmittedRun as SubmittedRun
    from assay.projects.launching import run as run

_HOMES = {"run": "assay.projects.launching", "SubmittedRun": "assay.projects.backends.base"}

__all__ = ["SubmittedRun", "run"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'assay.projects' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

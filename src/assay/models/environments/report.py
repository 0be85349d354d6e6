"""What verifying a model in its own environment found."""

from __future__ import annotations

from typing import Literal

import msgspec

from assay.models.golden import Difference

Checked = Literal["", "load", "prediction", "golden"]
"""How far it came: nothing, loaded, predicted its input example, or compared the predictions with
the golden ones."""


class Replay(msgspec.Struct):
    """What the process in the environment reports."""

    python: str
    checked: Checked = ""
    differences: list[Difference] = []
    error: str | None = None
    traceback: str | None = None
    seconds: float = 0.0


class EnvReport(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of ``verify_environment``."""

    ok: bool
    """Whether the environment could be made, the model loads there, and its predictions are the
    golden ones as far as it has any."""
    python: str
    """Version in the environment; what was asked for, if it can't be made."""
    checked: Checked = ""
    seconds_build: float = 0.0
    """To make the environment, or to find it in the cache."""
    seconds_replay: float = 0.0
    """To start Python there, load and predict."""
    installed: list[str] = []
    """Exact pins of all that is in the environment."""
    differences: list[Difference] = []
    """Where predictions aren't the golden ones."""
    error: str | None = None
    """Why it isn't ok, where that isn't a difference."""
    traceback: str | None = None
    """Of an error in the model's own code."""

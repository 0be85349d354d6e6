"""The one line that the first run of a process prints: where it logs, and how to look at it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from assay.store.uri import Location

_welcomed: set[Location] = set()


def welcome(location: Location) -> None:
    """Say where this process logs, once per place, on ``stderr``; ``ASSAY_QUIET=1`` keeps it
    silent.
    """
    if location in _welcomed:
        return
    _welcomed.add(location)
    quiet = os.environ.get("ASSAY_QUIET", "").lower() not in ("", "0", "false", "no")
    # A worker that logs to a run of its parent has nothing new to say.
    if quiet or sys.stderr is None:
        return
    try:
        sys.stderr.write(f"assay: logging to {_line(location)}\n")
    except (OSError, ValueError):
        return


def _line(location: Location) -> str:
    if location.kind == "http":
        return f"{location.shown_uri} — look there with a browser"
    if location.kind == "postgresql":
        return f"{location.shown_uri} — look with: assay ui {location.shown_uri}"
    home = location.home
    database = location.tracking_uri.removeprefix("sqlite:///")
    if Path(database) != home / "assay.db":
        return f"{_short(Path(database))} — look with: assay ui {location.tracking_uri}"
    if home == Path.cwd() / ".assay" or home.parent in Path.cwd().parents:
        return f"{_short(home)} — look with: assay ui"
    return f"{_short(home)} — look with: assay ui {_short(home)}"


def _short(path: Path) -> str:
    try:
        return f"./{path.relative_to(Path.cwd())}"
    except ValueError:
        return str(path)

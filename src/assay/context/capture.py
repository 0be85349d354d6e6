"""Capture: what of all this a run takes along, gathered once and shared by runs started close
together.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from assay.context.git import MAX_PATCH_BYTES, GitState, git_state
from assay.context.hardware import hardware_tags
from assay.context.packages import requirements
from assay.context.source import process_tags, script_folder
from assay.errors import InvalidInput

PATCH_PATH = "assay/source.patch"
REQUIREMENTS_PATH = "assay/requirements.txt"
OUTPUT_PATH = "assay/output.log"

PARTS = frozenset(
    {
        "source",
        "process",
        "environment",
        "git",
        "patch",
        "packages",
        "hardware",
        "output",
        "exit",
    }
)
"""What can be switched by ``ASSAY_CAPTURE`` and ``start_run(capture=…)``."""

_FRESH_S = 30.0
"""A sweep starts hundreds of runs of the same code: within this time they share one look at it."""

_log = logging.getLogger(__name__)


class Snapshot(NamedTuple):
    """Facts about the program and its machine."""

    tags: dict[str, str]
    files: dict[str, bytes]
    """Content by artifact path."""


def wanted_parts(choice: str | bool | Collection[str] | None = None) -> frozenset[str]:
    """What to capture: ``choice``, else the environment variable ``ASSAY_CAPTURE``, else all.

    Text is a list such as ``git,packages``; ``all`` and ``none`` say what they mean, and a list of
    only negated names such as ``-output,-patch`` means all but those. ``True`` and ``False`` are
    all and none.

    Raises:
        InvalidInput: a name that is not one of ``PARTS``.
    """
    if choice is None:
        choice = os.environ.get("ASSAY_CAPTURE", "all")
    if isinstance(choice, bool):
        return PARTS if choice else frozenset()
    names = choice.split(",") if isinstance(choice, str) else choice
    words = {name.strip().lower() for name in names if name.strip()}
    if words in ({"all"}, {"1"}, {"true"}):
        return PARTS
    if words <= {"none", "0", "false"}:
        return frozenset()
    unknown = {word.removeprefix("-") for word in words} - PARTS
    if unknown:
        raise InvalidInput(
            f"Unknown part to capture: {', '.join(sorted(unknown))}."
            f" Choose from {', '.join(sorted(PARTS))}, all or none."
        )
    if all(word.startswith("-") for word in words):
        return PARTS - {word[1:] for word in words}
    return frozenset(word for word in words if not word.startswith("-"))


class _Look(NamedTuple):
    key: tuple[frozenset[str], str]
    time_s: float
    snapshot: Snapshot

    def is_fresh(self) -> bool:
        return time.monotonic() - self.time_s < _FRESH_S


_lock = threading.Lock()
_last: _Look | None = None


def snapshot(parts: frozenset[str]) -> Snapshot:
    """The facts of these parts; one that can't be had is left out. Takes up to some hundred ms."""
    global _last
    try:
        folder = str(Path.cwd())
    except OSError:
        folder = ""
    with _lock:
        if _last is not None and _last.key == (parts, folder) and _last.is_fresh():
            return _last.snapshot
        taken = _take(parts, folder)
        _last = _Look((parts, folder), time.monotonic(), taken)
        return taken


def _take(parts: frozenset[str], folder: str) -> Snapshot:
    facts: dict[str, str] = {}
    files: dict[str, bytes] = {}
    if "process" in parts:
        facts.update(process_tags())
    if "hardware" in parts:
        facts.update(hardware_tags())
    if "packages" in parts:
        files[REQUIREMENTS_PATH] = requirements().encode()
    if "git" in parts:
        state = _code_state(folder, with_patch="patch" in parts)
        if state is not None:
            facts.update(state.tags())
            if state.patch:
                files[PATCH_PATH] = state.patch
            elif state.patch_bytes:
                _log.warning(
                    "The uncommitted changes are %d MB; above %d MB they are not kept with a run.",
                    state.patch_bytes >> 20,
                    MAX_PATCH_BYTES >> 20,
                )
    return Snapshot(facts, files)


def _code_state(folder: str, *, with_patch: bool) -> GitState | None:
    """The tree around the current folder, else the one around the script."""
    here = git_state(Path(folder), with_patch=with_patch) if folder else None
    if here is not None:
        return here
    script = script_folder()
    found = None if script is None else git_state(script, with_patch=with_patch)
    # Where the program ran is no place of that tree.
    return None if found is None else found._replace(directory="")

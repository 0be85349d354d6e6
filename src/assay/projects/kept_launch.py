"""Kept launch: a launch as its run keeps it, with what the entry point declares.

A form that runs it again makes its fields of the declarations, without the project at hand.
"""

from __future__ import annotations

import msgspec

from assay.entities.jobs import MAX_LAUNCH_BYTES
from assay.projects.launch import Launch
from assay.projects.spec import EntryPoint, Parameter


class KeptLaunch(Launch, frozen=True, kw_only=True, omit_defaults=True):
    """A launch and its entry point's parameters. Whoever carries it out reads the launch alone."""

    declared: tuple[Parameter, ...] = ()
    """In the order of their declaration; none, if they are unknown or too many to keep."""


def kept(launch: Launch, entry: EntryPoint | None) -> bytes:
    """The JSON of a launch for its run; of ``entry`` only what fits beside it.

    Args:
        launch: the launch.
        entry: what it runs; ``None`` for a command of its own.
    """
    alone = msgspec.json.encode(launch)
    if entry is None or not entry.parameters:
        return alone
    declared = tuple(entry.parameters.values())
    whole = msgspec.json.encode(KeptLaunch(**msgspec.structs.asdict(launch), declared=declared))
    # Readers of the file have limits, too: what a launch may have anywhere is below them all.
    return whole if len(whole) <= MAX_LAUNCH_BYTES else alone

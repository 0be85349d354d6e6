"""Places: where a command can run other than on this machine itself: a container, a pod.

``assay.projects.execute`` fetches the code, resolves the parameters and keeps log and status; a
place makes its environment and runs the command in it.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

import msgspec

from assay.projects.launch import EnvManager, Launch
from assay.projects.logs import RunLog
from assay.projects.process import Ended
from assay.projects.spec import Project


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a place is asked to run."""

    launch: Launch
    project: Project
    folder: Path
    """The project's, here."""
    work: Path
    """An empty folder for the place's own files, which goes afterwards."""
    arguments: list[str] = []
    """The command, with paths as ``Place.seen`` gave them."""
    variables: dict[str, str] = {}
    """What the command must have in its environment; nothing of this machine's."""
    log: RunLog
    stop: threading.Event
    if_lost: list[str] = []
    """For ``run_command``: what cleans up when this process is killed."""


class Place(Protocol):
    """Where commands run. An object of it serves one launch."""

    manager: EnvManager

    def prepare(self, task: Task) -> str:
        """Make the environment.

        Args:
            task: still without command.

        Returns:
            Its digest (``sha256:…``); empty if it isn't known.

        Raises:
            AssayError: it can't be made; the message says why.
        """
        ...

    def seen(self, path: Path, task: Task) -> str:
        """How the command sees a file or folder of this machine.

        Raises:
            InvalidInput: it can't.
        """
        ...

    def run(self, task: Task) -> Ended:
        """Run the command to its end, or until ``task.stop``; nothing of it is left running.

        Raises:
            AssayError: it couldn't be begun.
        """
        ...

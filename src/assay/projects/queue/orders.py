"""Orders: what an agent tells the process that carries out a job, and what it hears back.

The first line of the process's standard input is its ``Work``; each line after it an order. When
the input ends, the agent is gone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from assay.projects.launch import Launch

OUTCOME_FILE: Final = "outcome.json"
"""In the job's folder: how it ended, as ``assay.projects.launch.Outcome``."""
JOB_VARIABLE: Final = "ASSAY_JOB"
"""Set for all that belongs to a job: its id and which attempt it is."""


class Order(StrEnum):
    """Why the process shall end."""

    CANCEL = "cancel"
    """Somebody cancelled the job."""
    RETURN = "return"
    """The agent stops, and gives the job back."""
    TAKEN = "taken"
    """Another agent has the job."""
    LOST = "lost"
    """The agent is gone. Nobody says that: it is what the end of the input means."""


def in_container(launch: Launch) -> bool:
    """Whether a launch is carried out in a container, which outlives whoever started it."""
    return launch.env_manager == "docker"


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What the process shall do."""

    job_id: str
    lease_id: str
    launch: Launch
    folder: str
    """For its files; the agent removes it."""
    marker: str
    """Value of ``JOB_VARIABLE``."""

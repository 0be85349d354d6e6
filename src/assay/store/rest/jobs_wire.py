"""The wire of jobs: what the routes of queues take and give, for client and server.

As in ``wire``, whose forms these share. Who asks the server knows by itself; ``agent`` is only what
an agent calls itself. Reference: docs/reference/assay-api.md.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from assay.entities.ids import RunId
from assay.entities.jobs import Capacity, Job, JobState, NewJob
from assay.store.jobs import Ending
from assay.store.rest import wire

PREFIX: Final = wire.PREFIX + "/jobs"

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
Queues = Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)]


class Enqueue(msgspec.Struct, frozen=True):
    """Put a run into a queue."""

    job: NewJob
    reason: str = ""


class Lease(msgspec.Struct, frozen=True):
    """Take a job."""

    queues: Queues
    agent: str
    lease_id: str
    """Made by the agent; the same again gives the same job."""
    lease_s: Seconds
    capacity: Capacity = Capacity()
    """What a job may ask for."""


class JobFound(msgspec.Struct, frozen=True):
    """A job, if there was one."""

    job: Job | None


class Heartbeat(msgspec.Struct, frozen=True):
    """Prolong a lease."""

    job_id: str
    lease_id: str
    lease_s: Seconds


class Finish(msgspec.Struct, frozen=True):
    """Tell how a job ended."""

    job_id: str
    lease_id: str
    state: Ending
    reason: str = ""


class GiveBack(msgspec.Struct, frozen=True):
    """Put a job back into its queue."""

    job_id: str
    lease_id: str
    lost: bool = False
    """Whether the agent is gone, which counts as an attempt."""
    reason: str = ""


class Cancel(msgspec.Struct, frozen=True):
    """End a job."""

    job_id: str
    reason: str = ""


class JobName(msgspec.Struct, frozen=True):
    """A job."""

    job_id: str


class JobQuery(msgspec.Struct, frozen=True):
    """Jobs of a queue, in some states, or of a run."""

    queue: str | None = None
    states: list[JobState] = []
    run_id: RunId | None = None
    max_results: Count = 100
    page_token: str | None = None

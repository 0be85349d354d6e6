"""Jobs: runs that wait in a queue for an agent, and who carries them out.

A job goes to one agent at a time: whoever leases it gives the lease an id, and only with that id
can the job be prolonged, ended or given back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from assay.entities.ids import ExperimentId, RunId, check_run_id
from assay.entities.names import check_value
from assay.errors import InvalidInput, InvalidName, LimitExceeded

MAX_LAUNCH_BYTES: Final = 262_144
MAX_ATTEMPTS: Final = 100
MAX_PRIORITY: Final = 1_000_000
MAX_QUEUES: Final = 100
"""Queues that one agent takes from."""
MAX_REASON_LENGTH: Final = 2_000
MIN_LEASE_S: Final = 1.0
MAX_LEASE_S: Final = 86_400.0
DEFAULT_ATTEMPTS: Final = 2
_MAX_AGENT_LENGTH: Final = 250
_MAX_MEMORY_MB: Final = 2**40
_MAX_CORES: Final = 1_000_000
_QUEUE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,99}\Z")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,63}\Z")


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    LEASED = "leased"
    """An agent has taken it."""
    RUNNING = "running"
    """The agent has told that it is at work."""
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self in (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)

    @property
    def is_held(self) -> bool:
        """Whether an agent has it."""
        return self in (JobState.LEASED, JobState.RUNNING)


class Capacity(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a job asks for, or what an agent has."""

    cpu: float = 0
    """Cores."""
    memory_mb: int = 0
    gpu: int = 0


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """What puts a run into a queue. The client makes the id, so that twice is the same as once."""

    job_id: str
    queue: str
    run_id: RunId
    launch: str
    """What to carry out, as JSON; only those who submit and agents read it."""
    priority: int = 0
    """Higher ones first; among equals the oldest."""
    max_attempts: int = DEFAULT_ATTEMPTS
    """How many agents may be lost with it before it fails."""
    resources: Capacity = Capacity()


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A run in a queue. Times are the server's, ms since the epoch."""

    job_id: str
    queue: str
    run_id: RunId
    experiment_id: ExperimentId
    launch: str
    state: JobState
    priority: int
    attempt: int
    """Which agent it is that has it, counted from 1; 0: none had it yet."""
    max_attempts: int
    resources: Capacity
    author: str
    """Who put it into the queue."""
    created: int
    updated: int
    agent: str = ""
    """Who has it, or had it last."""
    lease_until: int | None = None
    """When it goes to another agent, unless this one prolongs it."""
    cancel_asked: bool = False
    """Whether the agent that has it shall end it."""
    reason: str = ""
    """Why it ended, or why it went back into the queue."""


def new_job_id() -> str:
    """A fresh id of a job or of a lease."""
    return os.urandom(16).hex()


def check_job_id(text: str, kind: str = "job id") -> str:
    """``text`` as the id of a job or of a lease.

    Raises:
        InvalidName: it isn't 1 to 64 letters, digits, ``_`` and ``-``.
    """
    if not _ID.match(check_value(kind, text)):
        raise InvalidName(kind, text, "it must be 1 to 64 letters, digits, '_' and '-'")
    return text


def check_queue(name: str) -> str:
    """``name`` as that of a queue.

    Raises:
        InvalidName: it isn't 1 to 100 letters, digits, ``.``, ``_`` and ``-``, the first a letter
            or digit.
    """
    if not _QUEUE.match(check_value("queue", name)):
        raise InvalidName("queue", name, "it must be 1 to 100 letters, digits, '.', '_' and '-'")
    return name


def check_queues(names: Sequence[str]) -> list[str]:
    """``names`` of queues, each once.

    Raises:
        InvalidInput: there is none, or more than 100, or one can't be a name.
    """
    queues = list(dict.fromkeys(check_queue(name) for name in names))
    if not queues:
        raise InvalidInput("An agent takes jobs from a queue: name one.")
    if len(queues) > MAX_QUEUES:
        raise LimitExceeded("The number of queues of an agent", limit=MAX_QUEUES, got=len(queues))
    return queues


def check_agent(name: str) -> str:
    """``name`` as that of an agent.

    Raises:
        InvalidName: it isn't 1 to 250 printable characters.
    """
    check_value("agent", name)
    if not name.strip() or not name.isprintable() or len(name) > _MAX_AGENT_LENGTH:
        raise InvalidName("agent", name, f"it must be 1 to {_MAX_AGENT_LENGTH} characters")
    return name


def check_lease(lease_s: float) -> int:
    """Seconds of a lease, in ms.

    Raises:
        InvalidInput: it isn't from 1 s to a day.
    """
    if not MIN_LEASE_S <= lease_s <= MAX_LEASE_S:
        raise InvalidInput(
            f"A lease lasts from {MIN_LEASE_S:g} to {MAX_LEASE_S:,.0f} s, not {lease_s:g} s."
        )
    return int(lease_s * 1_000)


def check_capacity(capacity: Capacity) -> Capacity:
    """``capacity`` as a job or an agent may have it.

    Raises:
        InvalidInput: a number is negative, or more than there can be.
    """
    for what, number, most in (
        ("cpu", capacity.cpu, _MAX_CORES),
        ("memory_mb", capacity.memory_mb, _MAX_MEMORY_MB),
        ("gpu", capacity.gpu, _MAX_CORES),
    ):
        if not 0 <= number <= most:
            raise InvalidInput(f"Invalid value {number} for {what}: it must be from 0 to {most:,}.")
    return capacity


def check_new_job(new: NewJob) -> NewJob:
    """Check what is to be put into a queue.

    Raises:
        InvalidInput: an id or name is malformed, a number out of range, or the launch no JSON
            object.
        LimitExceeded: the launch is larger than 256 KiB.
    """
    check_job_id(new.job_id)
    check_queue(new.queue)
    check_run_id(new.run_id)
    check_capacity(new.resources)
    if not -MAX_PRIORITY <= new.priority <= MAX_PRIORITY:
        raise LimitExceeded("The priority of a job", limit=MAX_PRIORITY, got=new.priority)
    if not 1 <= new.max_attempts <= MAX_ATTEMPTS:
        raise InvalidInput(f"A job has from 1 to {MAX_ATTEMPTS} attempts, not {new.max_attempts}.")
    size = len(check_value("launch", new.launch).encode())
    if size > MAX_LAUNCH_BYTES:
        raise LimitExceeded("The size of a launch in bytes", limit=MAX_LAUNCH_BYTES, got=size)
    try:
        msgspec.json.decode(new.launch, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"The launch of a job must be a JSON object: {error}.") from None
    return new

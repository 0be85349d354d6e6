"""Jobs: the queue's part of the store, kept by ``store.sql`` and ``store.rest``.

Beside the promises of ``assay.store.base``:

- Every change is one transaction together with the status of the job's run.
- A job is leased to one agent at a time, however many ask at once. Each lease has an id that the
  agent makes; once another agent has the job, calls with the old id raise a ``Conflict``.
- Time is the store's, never the agent's.
- A lease that ended gives the job back to the queue, or fails it when its attempts are used up.
  Whoever leases or lists jobs notices, and servers look by themselves. Until another agent has the
  job, the one that had it can go on: it may have lost no more than its connection.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from assay.entities.audit import Cause
from assay.entities.ids import RunId
from assay.entities.jobs import Capacity, Job, JobState, NewJob
from assay.entities.page import Page

Ending = Literal["finished", "failed", "cancelled"]
"""How an agent may say that a job ended."""


class JobStore(ABC):
    """Jobs and their queues; a queue is there as soon as a job names it."""

    @abstractmethod
    def enqueue(self, new: NewJob, *, cause: Cause) -> Job:
        """Put a run into a queue; its status becomes SCHEDULED. The very same again is the same.

        Raises:
            RunNotFound: there is no such run.
            InactiveResource: it is deleted.
            InvalidInput: it has ended.
            AlreadyExists: the id is another job's, or the run waits in a queue already.
        """

    @abstractmethod
    def lease(
        self,
        queues: Sequence[str],
        *,
        agent: str,
        lease_id: str,
        lease_s: float,
        capacity: Capacity,
        cause: Cause,
    ) -> Job | None:
        """Take the next job that fits, for this agent alone until the lease ends; ``None``: none.

        Repeated with the same ``lease_id`` it gives the same job, so an answer that got lost loses
        nothing.

        Raises:
            PermissionDenied: the caller signed in, and is no agent.
        """

    @abstractmethod
    def heartbeat(self, job_id: str, *, lease_id: str, lease_s: float, cause: Cause) -> Job:
        """Prolong a lease; ``cancel_asked`` of the answer tells whether to end the job.

        Raises:
            RegistryItemNotFound: there is no such job.
            Conflict: the job isn't this lease's (any more).
            PermissionDenied: the caller signed in, and is no agent.
        """

    @abstractmethod
    def finish(
        self, job_id: str, *, lease_id: str, state: Ending, reason: str = "", cause: Cause
    ) -> Job:
        """Tell how a job ended; a run that says nothing of it yet gets the status that fits.

        The same again is the same.

        Raises:
            RegistryItemNotFound: there is no such job.
            Conflict: the job isn't this lease's (any more).
            PermissionDenied: the caller signed in, and is no agent.
        """

    @abstractmethod
    def give_back(
        self, job_id: str, *, lease_id: str, lost: bool = False, reason: str = "", cause: Cause
    ) -> Job:
        """Put a job back into its queue before it has ended, or end it if that was asked.

        An agent that stops does so, and the attempt doesn't count; one that is ``lost`` can be
        told so by what it left behind, and that counts as if the lease had ended.

        Raises:
            RegistryItemNotFound: there is no such job.
            Conflict: the job isn't this lease's (any more).
            PermissionDenied: the caller signed in, and is no agent.
        """

    @abstractmethod
    def cancel(self, job_id: str, *, cause: Cause) -> Job:
        """End a job: at once while it waits, else by its agent. One that has ended stays as it is.

        Raises:
            RegistryItemNotFound: there is no such job.
        """

    @abstractmethod
    def get(self, job_id: str) -> Job:
        """The job. Raises ``RegistryItemNotFound``."""

    @abstractmethod
    def search(
        self,
        *,
        queue: str | None = None,
        states: Sequence[JobState] = (),
        run_id: RunId | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[Job]:
        """Jobs, the latest first; those of a queue, in some states, or of a run."""


@runtime_checkable
class SupportsJobExpiry(Protocol):
    """What a server's own loop needs of a store's jobs."""

    def expire(self) -> int:
        """Give back or fail the jobs whose leases have ended; returns how many there were."""

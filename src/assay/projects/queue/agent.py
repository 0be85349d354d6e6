"""Agent: takes jobs from queues and carries them out on this machine.

It asks the server for a job while it has room, and holds each by a lease that it keeps prolonging.
What dies, machine, agent or network, costs the job an attempt, and another agent takes it.
"""

from __future__ import annotations

import os
import platform
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from assay.client.connect import open_store
from assay.entities.jobs import (
    Capacity,
    Job,
    check_agent,
    check_capacity,
    check_lease,
    check_queues,
    new_job_id,
)
from assay.errors import AssayError, InvalidInput, StoreUnavailable
from assay.projects.queue.held import HeldJob, Place, told
from assay.projects.queue.machine import Machine, gpu_names
from assay.projects.queue.orders import Order
from assay.store.base import Store
from assay.store.uri import Location
from assay.store.user import local_cause

_LOOK_S: Final = 0.2
"""How soon a signal, and a job that has ended, are seen."""
_LONGEST_WAIT_S: Final = 15.0
"""A server that is away is asked less and less often, down to this."""
_LAST_WORDS_S: Final = 10.0
"""How long an agent that stops waits for a server that is away."""
MAX_PARALLEL: Final = 1_000


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent is told."""

    queues: list[str]
    name: str = ""
    """Left out: this machine's name and the process's id."""
    parallel: int = 1
    once: bool = False
    """End when nothing waits."""
    lease_s: float = 60.0
    poll_s: float = 2.0
    capacity: Capacity
    """What jobs may ask for together."""


class Stopping:
    """How the agent is asked to stop; what signal handlers do: they only set numbers."""

    def __init__(self) -> None:
        self.finish = False
        """Take no more jobs, and end when those held have ended."""
        self.give_back = False
        """End the jobs that are held, and give them back."""

    def interrupt(self) -> None:
        """Ctrl-C: the first lets jobs finish, the second gives them back."""
        self.give_back = self.finish
        self.finish = True

    def terminate(self) -> None:
        """The system ends us: jobs go back at once."""
        self.finish = self.give_back = True


def agent_name() -> str:
    """This process's name among agents."""
    return f"{platform.node() or 'agent'}:{os.getpid()}"


class Agent:
    """One agent; ``run`` is its whole life."""

    def __init__(
        self,
        settings: Settings,
        location: Location,
        *,
        work: Path,
        say: Callable[[str], None],
    ) -> None:
        """Check all that can be checked.

        Args:
            settings: what it is told.
            location: the server, or a database that it shares with those who submit.
            work: an existing folder, in which each job gets one of its own.
            say: takes a line about what happens.

        Raises:
            InvalidInput: a name or number can't be used.
        """
        self._queues = check_queues(settings.queues)
        self.name = check_agent(settings.name or agent_name())
        check_lease(settings.lease_s)
        if not 1 <= settings.parallel <= MAX_PARALLEL:
            raise InvalidInput(f"An agent runs 1 to {MAX_PARALLEL} jobs at once.")
        if not 0 < settings.poll_s <= 3_600:
            raise InvalidInput("An agent looks for jobs every 0 to 3,600 seconds.")
        self._settings, self._location, self._say = settings, location, say
        self._work = work.absolute()
        self._machine = _machine(settings.capacity)
        self._held: list[HeldJob] = []
        self._left: Counter[str] = Counter()
        self._lease_id = new_job_id()
        self._next_look = 0.0
        self._wait_s = settings.poll_s
        self._nothing_waits = False
        self._was_let_in = False
        self._away = False
        self._telling_until = float("inf")

    def run(self, stopping: Stopping) -> Counter[str]:
        """Take jobs until it is asked to stop or, with ``once``, nothing waits.

        Returns:
            How many jobs left in which way: ``finished``, ``failed``, ``cancelled``, ``returned``,
            ``taken`` by another agent, or ``lost``: the server couldn't be told.

        Raises:
            PermissionDenied: the caller may not take jobs here.
            InvalidInput: the server has no queues.
            StoreUnavailable: the server is away, with ``once``; else it is waited for.
        """
        store = open_store(self._location, patient=False)
        place = Place(
            store=store,
            tracking_uri=self._location.tracking_uri,
            shown_uri=self._location.shown_uri,
            work=self._work,
            lease_s=self._settings.lease_s,
            say=self._say,
            telling=lambda: time.monotonic() < self._telling_until,
        )
        try:
            while not self._is_over(stopping):
                self._reap()
                if not stopping.finish:
                    self._take(store, place)
                elif stopping.give_back:
                    self._return_all()
                time.sleep(_LOOK_S)
        except BaseException:
            self._return_all()
            raise
        finally:
            for held in self._held:
                held.join()
            self._reap()
            store.close()
        return self._left

    def _is_over(self, stopping: Stopping) -> bool:
        if self._held:
            return False
        return stopping.finish or (self._settings.once and self._nothing_waits)

    def _take(self, store: Store, place: Place) -> None:
        """Take jobs while there is room and some wait."""
        while len(self._held) < self._settings.parallel and time.monotonic() >= self._next_look:
            job = self._lease(store)
            if job is None:
                # Many agents that were started at once shall not go on asking at once.
                self._next_look = time.monotonic() + self._wait_s * random.uniform(0.8, 1.2)  # noqa: S311
                return
            held = HeldJob(job, self._lease_id, self._machine.take(job.resources), place)
            self._lease_id = new_job_id()
            self._held.append(held)
            again = f", attempt {job.attempt}" if job.attempt > 1 else ""
            self._say(f"{told(job)} begins{again}")
            held.start()

    def _lease(self, store: Store) -> Job | None:
        """The next job. An answer that gets lost is asked for again, by the same lease."""
        try:
            job = store.jobs.lease(
                self._queues,
                agent=self.name,
                lease_id=self._lease_id,
                lease_s=self._settings.lease_s,
                capacity=self._machine.free,
                cause=local_cause(),
            )
        except AssayError as error:
            self._note_refusal(error)
            return None
        self._was_let_in, self._away, self._wait_s = True, False, self._settings.poll_s
        self._nothing_waits = job is None
        return job

    def _note_refusal(self, error: AssayError) -> None:
        is_away = isinstance(error, StoreUnavailable)
        if not (is_away or self._was_let_in) or (self._settings.once and not self._held):
            raise error
        if not self._away:
            self._say(f"no jobs can be asked for, which is tried again: {error.message}")
        self._away = True
        self._wait_s = min(2 * self._wait_s, max(_LONGEST_WAIT_S, self._settings.poll_s))

    def _reap(self) -> None:
        for held in [one for one in self._held if one.how is not None]:
            assert held.how is not None
            self._held.remove(held)
            self._machine.release(held.job.resources, held.gpus)
            self._left[held.how] += 1
            self._say(f"{told(held.job)} {_TOLD[held.how]}")
            # There is room again, perhaps for what didn't fit before.
            self._next_look, self._nothing_waits = 0.0, False

    def _return_all(self) -> None:
        self._telling_until = min(self._telling_until, time.monotonic() + _LAST_WORDS_S)
        for held in self._held:
            held.end(Order.RETURN)


_TOLD: Final = {
    "finished": "finished",
    "failed": "failed",
    "cancelled": "was cancelled",
    "returned": "goes back to its queue",
    "taken": "was left to another agent",
    "lost": "left; its end could not be told",
}


def _machine(capacity: Capacity) -> Machine:
    check_capacity(capacity)
    gpus = gpu_names()
    # More than there are get numbers that follow, as on a machine whose devices can't be seen.
    names = [*gpus, *(str(number) for number in range(len(gpus), capacity.gpu))][: capacity.gpu]
    return Machine(cpu=capacity.cpu, memory_mb=capacity.memory_mb, gpus=names)

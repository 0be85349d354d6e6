"""Held: one job that this agent has, from its lease to its end.

A thread keeps the lease, hands orders on to the process that carries the job out, and tells the
store how it ended.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from assay.entities.jobs import Job, new_job_id
from assay.errors import AssayError, Conflict, InvalidInput, NotFound
from assay.projects.launch import Launch, Outcome
from assay.projects.queue.machine import GPU_VARIABLE
from assay.projects.queue.orders import JOB_VARIABLE, OUTCOME_FILE, Order, Work, in_container
from assay.projects.strays import kill_strays
from assay.store.base import Store
from assay.store.jobs import Ending
from assay.store.user import local_cause

How = Literal["finished", "failed", "cancelled", "returned", "taken", "lost"]
"""How a job left this agent; ``lost``: nobody could be told how it ended."""

GRACE_S: Final = 30.0
"""After an order, before the process is killed. The command itself gets less, to end by itself."""
_LOOK_S: Final = 0.5
_BEATS: Final = 3
"""Heartbeats in the time of a lease, at least: two may be lost."""
_SLOWEST_BEAT_S: Final = 5.0
"""So soon an agent hears that its job is cancelled."""
_AGAIN_S: Final = 1.0
"""Between two tries to tell something to a server that is away."""
_STATES: Final[dict[str, Ending]] = {
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "cancelled",
}


class Place(NamedTuple):
    """What jobs of one agent share."""

    store: Store
    tracking_uri: str
    """With the password, where the agent has one."""
    shown_uri: str
    work: Path
    lease_s: float
    say: Callable[[str], None]
    telling: Callable[[], bool]
    """Whether a server that is away is still waited for."""


class HeldJob:
    """A job and the process that carries it out."""

    def __init__(self, job: Job, lease_id: str, gpus: list[str], place: Place) -> None:
        self.job, self.gpus = job, gpus
        self.how: How | None = None
        """How it left; ``None`` while it is here."""
        self._lease_id, self._place = lease_id, place
        # Not only by the job: this machine may have it again before all of this is cleaned up.
        self._marker = f"{job.job_id}.{new_job_id()[:8]}"
        self._folder = place.work / f"job-{self._marker}"
        self._cancel_reason = ""
        self._child: subprocess.Popen[bytes] | None = None
        self._is_contained = False
        self._order: Order | None = None
        self._kill_at = float("inf")
        self._next_beat = time.monotonic()
        self._away = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"assay-job-{job.job_id[:8]}")

    def start(self) -> None:
        """Begin to carry it out."""
        self._thread.start()

    def end(self, order: Order) -> None:
        """Let its process end. The first order stands. Called from any thread."""
        with self._lock:
            if self._order is not None:
                return
            self._order = order
            if order is Order.TAKEN and not self._is_contained:
                # What it would note of a gentle end would hit the run that another agent has.
                self._kill_at = time.monotonic()
                return
            self._kill_at = time.monotonic() + GRACE_S
            self._send(order)

    def join(self) -> None:
        """Wait until the job has left."""
        self._thread.join()

    def _send(self, order: Order) -> None:
        if self._child is None or self._child.stdin is None:
            return
        with contextlib.suppress(OSError):  # it has just ended by itself
            self._child.stdin.write(f"{order.value}\n".encode())
            self._child.stdin.flush()

    def _run(self) -> None:
        how: How = "lost"
        try:
            self._folder.mkdir(mode=0o700)
            how = self._carry_out()
        except Exception as error:  # noqa: BLE001 - one job must not take the agent with it
            self._say(f"failed: {error}")
            how = self._tell("failed", f"The agent failed: {error}")
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
            self.how = how

    def _carry_out(self) -> How:
        try:
            launch = self._launch()
        except (msgspec.DecodeError, ValueError) as error:
            return self._tell("failed", f"Its launch can't be read: {error}")
        with (self._folder / "log").open("w+b") as log:
            self._start(launch, log.fileno())
            code = self._wait()
            kill_strays(JOB_VARIABLE, self._marker)
            log.seek(0)
            said = log.read().decode("utf-8", "replace").strip()
        return self._settle(code, said)

    def _launch(self) -> Launch:
        launch = msgspec.json.decode(self.job.launch, type=Launch)
        if launch.run_id != self.job.run_id:
            raise ValueError("it is another run's")
        # Where it is recorded is ours to say: our token goes nowhere else.
        return msgspec.structs.replace(
            launch,
            experiment_id=self.job.experiment_id,
            tracking_uri=self._place.shown_uri,
        )

    def _start(self, launch: Launch, log: int) -> None:
        self._is_contained = in_container(launch)
        variables = {
            **os.environ,
            "ASSAY_TRACKING_URI": self._place.tracking_uri,
            JOB_VARIABLE: self._marker,
        }
        if self.gpus:
            variables[GPU_VARIABLE] = ",".join(self.gpus)
        work = Work(
            job_id=self.job.job_id,
            lease_id=self._lease_id,
            launch=launch,
            folder=str(self._folder),
            marker=self._marker,
        )
        with self._lock:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "assay.projects.queue.child"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self._place.work,
                env=variables,
                start_new_session=True,
            )
            assert self._child.stdin is not None
            with contextlib.suppress(OSError):  # it ended at once, which is seen below
                self._child.stdin.write(msgspec.json.encode(work) + b"\n")
                self._child.stdin.flush()
            if self._order is not None:
                self._send(self._order)

    def _wait(self) -> int:
        """Keep the lease until the process has ended; returns its exit code."""
        assert self._child is not None
        try:
            while True:
                if time.monotonic() >= self._next_beat:
                    self._beat()
                if time.monotonic() >= self._kill_at:
                    self._kill()
                try:
                    return self._child.wait(_LOOK_S)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if self._child.poll() is None:
                self._kill()
            assert self._child.stdin is not None
            with self._lock, contextlib.suppress(OSError):
                self._child.stdin.close()

    def _kill(self) -> None:
        assert self._child is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def _beat(self) -> None:
        every = min(self._place.lease_s / _BEATS, _SLOWEST_BEAT_S)
        try:
            job = self._place.store.jobs.heartbeat(
                self.job.job_id,
                lease_id=self._lease_id,
                lease_s=self._place.lease_s,
                cause=local_cause(),
            )
        except (Conflict, NotFound) as error:
            self._say(f"is lost: {error.message}")
            self.end(Order.TAKEN)
        except AssayError as error:
            if not self._away:
                self._say(f"goes on, though the server can't be told: {error.message}")
            # Once the server is back, this should be faster than those who look for jobs.
            self._away, every = True, min(every, _AGAIN_S)
        else:
            self._away = False
            if job.cancel_asked:
                self._cancel_reason = job.reason
                self.end(Order.CANCEL)
        self._next_beat = time.monotonic() + every

    def _settle(self, code: int, said: str) -> How:
        if self._order is Order.TAKEN:
            return "taken"
        outcome = self._outcome()
        if self._order is Order.RETURN and (outcome is None or outcome.status == "KILLED"):
            return self._give_back()
        if self._order is Order.CANCEL and (outcome is None or outcome.status == "KILLED"):
            return self._tell("cancelled", self._cancel_reason)
        if outcome is not None:
            return self._tell(_STATES[outcome.status], outcome.reason)
        return self._tell("failed", _why_gone(code, said))

    def _outcome(self) -> Outcome | None:
        try:
            content = (self._folder / OUTCOME_FILE).read_bytes()
            return msgspec.json.decode(content, type=Outcome)
        except (OSError, msgspec.DecodeError):
            return None

    def _give_back(self) -> How:
        def step() -> None:
            self._place.store.jobs.give_back(
                self.job.job_id, lease_id=self._lease_id, cause=local_cause()
            )

        return self._told(step, "returned")

    def _tell(self, state: Ending, reason: str) -> How:
        def step() -> None:
            self._place.store.jobs.finish(
                self.job.job_id,
                lease_id=self._lease_id,
                state=state,
                reason=reason,
                cause=local_cause(),
            )

        return self._told(step, state)

    def _told(self, step: Callable[[], None], how: How) -> How:
        """Tell the store how the job left, and return that.

        A store that is away is waited for as long as the agent may.
        """
        while True:
            try:
                step()
            except (Conflict, NotFound) as error:
                self._say(f"has ended too late: {error.message}")
                return "taken"
            except AssayError as error:
                if not self._away:
                    self._say(f"has ended, and waits for the server: {error.message}")
                self._away = True
                if not self._place.telling() or isinstance(error, InvalidInput):
                    return "lost"
                time.sleep(_AGAIN_S)
            else:
                return how

    def _say(self, text: str) -> None:
        self._place.say(f"{told(self.job)} {text}")


def told(job: Job) -> str:
    """A job as lines of the agent name it."""
    return f"job {job.job_id[:8]} (run {job.run_id[:8]})"


def _why_gone(code: int, said: str) -> str:
    last = f" It said last: {said.splitlines()[-1]}" if said else ""
    if code >= 0:
        return f"The process that carried it out ended with exit code {code}.{last}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    memory = ": the system may have had no memory left" if code == -signal.SIGKILL else ""
    return f"The process that carried it out was killed by {name}{memory}.{last}"

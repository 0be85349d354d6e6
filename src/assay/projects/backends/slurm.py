"""The backend ``slurm``: launches as batch jobs, which go on without this process.

The script names a launch file and nothing of the launch itself, so no parameter can be taken for
code. Nodes see the folder of these files, and this Python with Assay, at the same place.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.client.client import Client
from assay.entities import tags
from assay.entities.runs import Run, RunStatus
from assay.errors import AssayError, InvalidInput, StoreUnavailable
from assay.fluent.reading import client_for
from assay.projects.backends.base import Status
from assay.projects.backends.settings import read_settings
from assay.projects.execute import location_of
from assay.projects.launch import Launch, Resources
from assay.projects.process import LINEAGE_VARIABLE
from assay.projects.queue.following import Follower

_PLAIN: Final = re.compile(r"[\w.,:/=@%+*\[\]()&|-]{1,500}\Z", re.ASCII)
"""Values of options that mean only themselves in a ``#SBATCH`` line."""
_OPTION: Final = re.compile(r"[a-z][a-z0-9-]{1,60}\Z")
_OURS: Final = frozenset({"output", "error", "job-name", "wrap", "parsable", "signal", "array"})
_JOB: Final = re.compile(r"(\d+)(;[\w.-]+)?\Z")
_COMMAND_S: Final = 60.0
_FIRST_LOOK_S: Final = 0.2
_LAST_LOOK_S: Final = 10.0
_STOP_S: Final = 30.0
"""How long a job may take to end its command; Slurm itself waits as long before it kills."""
_LOST_S: Final = 10.0
"""How long the end of a run may take to arrive after its job has gone."""
_TAG_PREFIX: Final = "slurm:"
_ENDED: Final = frozenset({RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED})
_WAITING: Final = frozenset(
    {"PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
)
_ACTIVE: Final = frozenset(
    {"RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STAGE_OUT", "SIGNALING", "STOPPED"}
)


class SlurmSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--backend-config`` may say."""

    partition: str = ""
    account: str = ""
    time: str = ""
    """Limit, as Slurm writes it: ``01:30:00``."""
    modules: list[str] = []
    """Loaded with ``module load`` before the run."""
    options: dict[str, str | int] = {}
    """Further options of ``sbatch`` by name: ``{"qos": "high"}``."""
    python: str = sys.executable
    """On the nodes; it has Assay."""
    work_dir: str = ""
    """Folder for launch files, scripts and what jobs print; nodes see it, too."""
    storage_dir: str = ""
    """The same, as MLflow calls it."""

    def __post_init__(self) -> None:
        for name in ("partition", "account", "time"):
            if getattr(self, name):
                _check_value(name, getattr(self, name))
        for name, value in self.options.items():
            if not _OPTION.match(name) or name in _OURS:
                raise ValueError(f"options: {name[:60]!r} can't be set")
            _check_value(name, str(value))
        for name in self.modules:
            if not re.match(r"[A-Za-z0-9][\w./+-]*\Z", name):
                raise ValueError(f"modules: {name[:60]!r} can't be the name of one")


def _check_value(name: str, value: str) -> None:
    if value and not _PLAIN.match(value):
        raise ValueError(f"{name} can't be {value[:60]!r}")


class SlurmBackend:
    """Submits launches to Slurm."""

    name = "slurm"

    def submit(self, launch: Launch, config: Mapping[str, Any], *, echo: bool) -> SlurmRun:
        """Hand it to ``sbatch``; see ``Backend``."""
        settings = read_settings(SlurmSettings, config, backend=self.name)
        if launch.env_manager == "docker":
            raise InvalidInput(
                "The project runs in a container: use the backend docker, podman or kubernetes."
            )
        location = location_of(launch)
        folder = Path(settings.work_dir or settings.storage_dir or location.home / "slurm")
        folder = folder.expanduser().absolute()
        if not _PLAIN.match(str(folder)):
            raise InvalidInput(f"The work_dir {str(folder)!r} has characters that Slurm changes.")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / f"{launch.run_id}.json"
        _write(file, msgspec.json.encode(launch))
        text = script(launch, settings, file)
        batch = file.with_suffix(".sh")
        _write(batch, text.encode())
        # Jobs inherit our variables, passwords among them, which stand in no file.
        told = _run(
            ["sbatch", "--parsable", str(batch)],
            variables={**_outside(os.environ), "ASSAY_TRACKING_URI": location.opening_uri},
        )
        job = _JOB.match(told.strip().splitlines()[-1] if told.strip() else "")
        if job is None:
            raise StoreUnavailable(f"sbatch told no job id: {told.strip()[:200]!r}.")
        client = client_for(location)
        client.set_tag(launch.run_id, tags.PROJECT_JOB, f"{_TAG_PREFIX}{job[1]}")
        return SlurmRun(launch.run_id, job[1], client, echo=echo)

    def attach(self, run: Run, client: Client) -> SlurmRun:
        """The run that another process submitted.

        Raises:
            InvalidInput: it has no job, or there is no Slurm here.
        """
        told = run.data.tags.get(tags.PROJECT_JOB, "")
        if not told.startswith(_TAG_PREFIX) or not told.removeprefix(_TAG_PREFIX).isdecimal():
            raise InvalidInput(f"Run {run.info.run_id} has no job of Slurm.")
        return SlurmRun(run.info.run_id, told.removeprefix(_TAG_PREFIX), client)


def script(launch: Launch, settings: SlurmSettings, file: Path) -> str:
    """The batch script of a launch, which is in ``file``."""
    options = {
        "job-name": f"assay-{launch.run_id[:12]}",
        "output": str(file.with_suffix(".out")),
        # Before the time limit, so that the run can note its end; to Python, which is the batch.
        "signal": "B:TERM@30",
        **_asked(launch.resources),
        **{name: getattr(settings, name) for name in ("partition", "account", "time")},
        **settings.options,
    }
    lines = ["#!/bin/bash"]
    lines += [f"#SBATCH --{name}={value}" for name, value in options.items() if value != ""]
    lines += [f"module load {shlex.quote(name)}" for name in settings.modules]
    words = [settings.python, "-m", "assay.projects.execute", str(file)]
    lines.append(f"exec {shlex.join(words)}")
    return "\n".join(lines) + "\n"


def _asked(resources: Resources) -> dict[str, str]:
    found = {}
    if resources.cpu:
        found["cpus-per-task"] = str(max(1, -int(-resources.cpu // 1)))
    if resources.memory_mb:
        found["mem"] = f"{resources.memory_mb}M"
    if resources.gpu:
        found["gres"] = f"gpu:{resources.gpu}"
    return found


class SlurmRun:
    """A job of Slurm, whoever submitted it."""

    def __init__(self, run_id: str, job: str, client: Client, *, echo: bool = False) -> None:
        self._run_id, self._job, self._client = run_id, job, client
        self._follower = Follower(client, run_id) if echo else None
        self._gone_since: float | None = None

    @property
    def run_id(self) -> str:
        """Of the run."""
        return self._run_id

    @property
    def job(self) -> str:
        """Slurm's number of it."""
        return self._job

    def wait(self) -> bool:
        """Until it has ended; whether it finished well. Ctrl-C cancels it."""
        pause = _FIRST_LOOK_S
        while True:
            try:
                status = self.get_status()
                over = status in ("FINISHED", "FAILED", "KILLED")
                if self._follower is not None and status != "SCHEDULED":
                    self._follower.look(whole=over)
                if over:
                    return status == "FINISHED"
                time.sleep(pause)
            except KeyboardInterrupt:
                self.cancel()
            pause = min(pause * 1.3, _LAST_LOOK_S)

    def get_status(self) -> Status:
        """Its status now. A run whose job went without telling its end is marked by whoever asks
        first.
        """
        status = self._client.get_run(self._run_id).info.status
        if status in _ENDED:
            return status.value
        state = _state(self._job)
        if state in _WAITING:
            return "SCHEDULED"
        if state in _ACTIVE:
            return "RUNNING"
        now = time.monotonic()
        self._gone_since = self._gone_since or now
        if now - self._gone_since < _LOST_S:
            return status.value
        return self._lost(state)

    def cancel(self) -> None:
        """End it, with all that it started. Nothing, if it has ended."""
        if self.get_status() in ("FINISHED", "FAILED", "KILLED"):
            return
        if _state(self._job) in _ACTIVE:
            # To the batch itself, which ends the command and notes it.
            _run(["scancel", "--batch", "--signal=TERM", self._job])
            deadline = time.monotonic() + _STOP_S
            while _state(self._job) in _ACTIVE and time.monotonic() < deadline:
                time.sleep(_FIRST_LOOK_S)
        with contextlib.suppress(StoreUnavailable):
            _run(["scancel", self._job])
        deadline = time.monotonic() + _LOST_S
        while _state(self._job) in _ACTIVE | _WAITING and time.monotonic() < deadline:
            time.sleep(_FIRST_LOOK_S)
        if self._client.get_run(self._run_id).info.status not in _ENDED:
            self._note(RunStatus.KILLED, "It was stopped.")

    def _lost(self, state: str) -> Status:
        if state.startswith("CANCELLED"):
            return self._note(RunStatus.KILLED, "Its job was cancelled.")
        return self._note(
            RunStatus.FAILED,
            f"Job {self._job} ended without telling how; Slurm says {state or 'nothing'}.",
        )

    def _note(self, status: RunStatus, why: str) -> Status:
        with contextlib.suppress(AssayError):
            self._client.set_tag(self._run_id, tags.PROJECT_REASON, why)
        self._client.set_terminated(self._run_id, status)
        return status.value


def _outside(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a job that doesn't end with the command around this process."""
    return {name: value for name, value in variables.items() if name != LINEAGE_VARIABLE}


def _state(job: str) -> str:
    """Slurm's word for the state of a job; empty if nobody remembers it."""
    try:
        told = _run(["squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T"])
    except StoreUnavailable as error:
        # So it says once the job is some minutes old.
        if "Invalid job id" not in error.message:
            raise
        told = ""
    if told.strip():
        return told.split()[0]
    if shutil.which("sacct") is None:
        return ""
    try:
        told = _run(
            [
                "sacct",
                "--noheader",
                "--allocations",
                "--parsable2",
                f"--jobs={job}",
                "--format=State",
            ]
        )
    except StoreUnavailable:
        return ""  # many clusters keep no accounts
    return told.split()[0] if told.strip() else ""


def _run(words: list[str], *, variables: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - an argument list
            words,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_COMMAND_S,
            env=None if variables is None else dict(variables),
            check=False,
        )
    except FileNotFoundError:
        raise StoreUnavailable(
            f"There is no {words[0]} here: run this on a machine that submits to Slurm."
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreUnavailable(f"{words[0]} doesn't answer: {error}.") from error
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = lines[-1].removeprefix(f"{words[0]}: error: ") if lines else "it doesn't say why"
        raise StoreUnavailable(f"{words[0]} refuses: {why[:500]}")
    return done.stdout


def _write(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)

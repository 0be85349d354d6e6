"""The backend ``queue``: a launch waits on the server until an agent takes it.

Settings: ``queue`` (``default`` unless given), ``priority`` (higher ones first) and
``max_attempts`` (agents that may be lost with it). What is on this machine only, the project's
folder and the files that parameters name, is kept with the run, where the agent gets it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.client.client import Client
from assay.entities.ids import RunId
from assay.entities.jobs import (
    DEFAULT_ATTEMPTS,
    Capacity,
    Job,
    JobState,
    NewJob,
    check_queue,
    new_job_id,
)
from assay.entities.runs import Run
from assay.errors import InvalidInput, LimitExceeded, StoreUnavailable
from assay.fluent.reading import client_for
from assay.projects import plain
from assay.projects.backends.base import Status
from assay.projects.backends.settings import read_settings
from assay.projects.execute import location_of
from assay.projects.launch import Launch
from assay.projects.loading import load
from assay.projects.queue.following import Follower
from assay.projects.queue.packing import pack
from assay.projects.sources.fetching import fetch
from assay.projects.sources.source import Source
from assay.projects.sources.uri import Address, address_of
from assay.store.user import local_cause

PROJECT_PATH: Final = "assay/project.zip"
"""The artifact that holds the project of a run that was sent to a queue."""
INPUTS_PATH: Final = "assay/inputs"
"""The folder of artifacts for files that its parameters name."""
MAX_INPUT_BYTES: Final = 1_000_000_000
_FIRST_LOOK_S: Final = 0.1
_LAST_LOOK_S: Final = 2.0
_STATUS: Final[dict[JobState, Status]] = {
    JobState.QUEUED: "SCHEDULED",
    JobState.LEASED: "RUNNING",
    JobState.RUNNING: "RUNNING",
    JobState.FINISHED: "FINISHED",
    JobState.FAILED: "FAILED",
    JobState.CANCELLED: "KILLED",
}


class QueueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--backend-config`` may say."""

    queue: str = "default"
    priority: int = 0
    max_attempts: int = DEFAULT_ATTEMPTS


class QueueBackend:
    """Puts launches into queues."""

    name = "queue"

    def submit(self, launch: Launch, config: Mapping[str, Any], *, echo: bool) -> QueueRun:
        """Put it into a queue; see ``Backend``."""
        settings = read_settings(QueueSettings, config, backend=self.name)
        client = client_for(location_of(launch))
        sent = sendable(launch, client)
        new = NewJob(
            job_id=new_job_id(),
            queue=check_queue(settings.queue),
            run_id=RunId(launch.run_id),
            launch=msgspec.json.encode(sent).decode(),
            priority=settings.priority,
            max_attempts=settings.max_attempts,
            resources=Capacity(
                cpu=launch.resources.cpu,
                memory_mb=launch.resources.memory_mb,
                gpu=launch.resources.gpu,
            ),
        )
        job = client.store.jobs.enqueue(new, cause=local_cause())
        return QueueRun(job, client, echo=echo)

    def attach(self, run: Run, client: Client) -> QueueRun:
        """The run that another process put into a queue.

        Raises:
            InvalidInput: it is in none.
        """
        jobs = client.store.jobs.search(run_id=run.info.run_id, max_results=1)
        if not jobs:
            raise InvalidInput(f"Run {run.info.run_id} is in no queue.")
        return QueueRun(jobs.items[0], client)


class QueueRun:
    """A run in a queue, or with an agent."""

    def __init__(self, job: Job, client: Client, *, echo: bool = False) -> None:
        self._job, self._client = job, client
        self._follower = Follower(client, job.run_id) if echo else None

    @property
    def run_id(self) -> str:
        """Of the run."""
        return self._job.run_id

    @property
    def job(self) -> Job:
        """As it was when it was last looked at."""
        return self._job

    def wait(self) -> bool:
        """Until it has ended; whether it finished well. Ctrl-C cancels it, and is then waited for.

        A server that is away is waited for, too.
        """
        pause = _FIRST_LOOK_S
        while not self._ended():
            try:
                self._show()
                time.sleep(pause)
            except KeyboardInterrupt:
                self.cancel()
            pause = min(pause * 1.3, _LAST_LOOK_S)
        self._show()
        return self._job.state is JobState.FINISHED

    def get_status(self) -> Status:
        """Its status now."""
        if not self._job.state.is_final:
            self._job = self._client.store.jobs.get(self._job.job_id)
        return _STATUS[self._job.state]

    def cancel(self) -> None:
        """Take it from the queue, or let its agent end it. Nothing, if it has ended."""
        self._job = self._client.store.jobs.cancel(self._job.job_id, cause=local_cause())

    def _show(self) -> None:
        if self._follower is not None and self._job.state is not JobState.QUEUED:
            self._follower.look(whole=self._job.state.is_final)

    def _ended(self) -> bool:
        try:
            self.get_status()
        except StoreUnavailable:
            return False
        return self._job.state.is_final


def sendable(launch: Launch, client: Client) -> Launch:
    """The launch as another machine can carry it out.

    Raises:
        InvalidInput: a file of it can't be sent.
    """
    with fetch(launch.project, launch.version, location=client.location) as source:
        parameters = _sent_files(launch, source, client)
        address = address_of(launch.project)
        if _is_reachable(address):
            return msgspec.structs.replace(launch, parameters=parameters)
        _send_project(launch.run_id, source, client)
    place = f"runs:/{launch.run_id}/{PROJECT_PATH}"
    if address.subfolder:
        place = f"{place}#{address.subfolder}"
    return msgspec.structs.replace(launch, project=place, version=None, parameters=parameters)


def _is_reachable(address: Address) -> bool:
    """Whether other machines get to it by its address."""
    if address.kind == "run":
        return True
    return "://" in address.place and not address.place.startswith("file:")


def _send_project(run_id: str, source: Source, client: Client) -> None:
    # The whole of it: a project in a subfolder may use what lies above.
    above = source.folder
    for _ in Path(source.subfolder).parts:
        above = above.parent
    with tempfile.TemporaryDirectory(prefix="assay-pack-") as work:
        archive = Path(work) / "project.zip"
        pack(above, archive)
        with archive.open("rb") as content:
            client.log_stream(run_id, content, PROJECT_PATH)


def _sent_files(launch: Launch, source: Source, client: Client) -> dict[str, str]:
    """The parameters, with files of this machine kept with the run."""
    if launch.command is not None:
        return launch.parameters
    entry = plain.entry_point(load(source.folder), launch.entry_point, source.folder)
    sent = dict(launch.parameters)
    for name, value in launch.parameters.items():
        parameter = entry.parameters.get(name)
        if parameter is None or parameter.type != "path" or "://" in value:
            continue
        file = Path(launch.caller_folder or ".", Path(value).expanduser())
        if file.is_file() and not (value == parameter.default and _is_in(source, value)):
            sent[name] = _send_file(launch.run_id, name, file, client)
    return sent


def _is_in(source: Source, value: str) -> bool:
    return not Path(value).is_absolute() and (source.folder / value).exists()


def _send_file(run_id: str, name: str, file: Path, client: Client) -> str:
    size = file.stat().st_size
    if size > MAX_INPUT_BYTES:
        raise LimitExceeded(
            f"The size of {file}, which the parameter {name!r} sends to an agent,",
            limit=MAX_INPUT_BYTES,
            got=size,
        )
    path = f"{INPUTS_PATH}/{name}/{file.name}"
    with file.open("rb") as content:
        client.log_stream(run_id, content, path)
    return f"runs:/{run_id}/{path}"

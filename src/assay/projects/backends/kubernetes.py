"""The backend ``kubernetes``: a project's command in a Job of the cluster that ``kubectl`` reaches.

As in MLflow, the image of the project's ``docker_env`` gets the project's files, is pushed where
the cluster finds it, and runs once. This process follows the pod: it keeps log and status, and
deletes the job at the end.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from assay.client.client import Client
from assay.containers.builder import find_builder
from assay.containers.engine import Engine
from assay.containers.kubectl import Kubectl, decoded
from assay.containers.naming import image_reference
from assay.entities.runs import Run
from assay.errors import AssayError, InvalidInput
from assay.projects.backends import background, container_images
from assay.projects.backends.base import SubmittedRun
from assay.projects.backends.containers import docker_env, portable
from assay.projects.backends.guards import guarded
from assay.projects.backends.kubernetes_jobs import (
    KubernetesSettings,
    Wanted,
    container_name,
    job,
    namespace_of,
    read_template,
)
from assay.projects.backends.settings import read_settings, storage
from assay.projects.backends.threads import ThreadRun
from assay.projects.execute import execute, location_of
from assay.projects.launch import EnvManager, Launch, Outcome
from assay.projects.places import Task
from assay.projects.process import Ended, run_command
from assay.store.uri import Location

_LOOK_S: Final = 0.5
_LOST_LOOKS: Final = 20
"""Looks in a row that a job may be missing, or its pod."""
_HOPELESS: Final = frozenset(
    {
        *("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"),
        *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
    }
)
"""Reasons for which a container waits that don't pass by themselves."""


class PodFailed(AssayError):
    """The cluster didn't run a command to its end."""


class KubernetesBackend:
    """Runs launches on a cluster."""

    name = "kubernetes"

    def submit(self, launch: Launch, config: Mapping[str, Any], *, echo: bool) -> SubmittedRun:
        """Begin; see ``Backend``."""
        settings = read_settings(KubernetesSettings, config, backend=self.name)
        template = read_template(settings.kube_job_template_path)
        _check(launch, settings, location_of(launch))
        kubectl = Kubectl(namespace_of(settings, template), settings.kube_context or None)
        if settings.background:
            return background.begin(self.name, launch, config)
        work = storage(settings.storage_dir)
        place = JobPlace(kubectl, settings, template, location_of(launch))
        # Secrets are the cluster's: this machine needs none of them.
        carried = msgspec.structs.replace(launch, secrets=[])

        def carry_out(stop: threading.Event) -> Outcome:
            return execute(carried, echo=echo, stop=stop, work=work, place=place)

        return ThreadRun(launch, carry_out)

    def attach(self, run: Run, client: Client) -> SubmittedRun:
        """The background run that was begun by another process; see ``background.attach``."""
        return background.attach(run, client)


def _check(launch: Launch, settings: KubernetesSettings, location: Location) -> None:
    host = urlsplit(location.tracking_uri).hostname or ""
    if location.kind == "sqlite" or host in ("localhost", "::1") or host.startswith("127."):
        raise InvalidInput(
            f"Pods can't reach {location.shown_uri}, where this run is recorded: it is on this"
            " machine only. Run `assay server` where the cluster reaches it, and set"
            " ASSAY_TRACKING_URI to its address."
        )
    missing = [name for name in launch.secrets if name not in settings.secrets]
    if missing:
        raise InvalidInput(
            f"The project needs the secret {' and '.join(missing)}: say where the cluster keeps"
            ' it, as in {"secrets": {"' + missing[0] + '": "name-of-secret/key"}}.'
        )
    if bool(settings.image) == bool(settings.repository_uri):
        raise InvalidInput(
            "The backend kubernetes needs either repository-uri, where the image with the"
            " project's files is pushed, or image, which has them already."
        )
    image_reference(settings.image or settings.repository_uri)


class JobPlace:
    """A job that serves one launch."""

    manager: EnvManager = "docker"

    def __init__(
        self,
        kubectl: Kubectl,
        settings: KubernetesSettings,
        template: dict[str, Any],
        location: Location,
    ) -> None:
        self._kubectl, self._settings, self._template = kubectl, settings, template
        self._location = location
        self._image = settings.image

    def prepare(self, task: Task) -> str:
        """Have the image where the cluster finds it; see ``Place``."""
        settings = self._settings
        if not settings.image:
            wanted = docker_env(task)
            engine = Engine(find_builder(to_run=True))
            if not (task.folder / "Dockerfile").is_file():
                container_images.get(engine, wanted.image, task, settings.docker_auth)
            made = container_images.build(engine, wanted.image, task, with_code=True)
            target = f"{settings.repository_uri}:{task.launch.run_id[:12]}"
            self._image = container_images.push(engine, made, target, task, settings.docker_auth)
        return self._image.partition("@")[2]

    def seen(self, path: Path, task: Task) -> str:
        """Files of the project are in the image; others aren't there; see ``Place``."""
        place, folder = path.absolute(), task.folder.absolute()
        if not place.is_relative_to(folder):
            raise InvalidInput(
                f"A pod can't see {str(path)!r}: give a file of the project, or a uri that the"
                " program fetches itself."
            )
        return str(place.relative_to(folder))

    def run(self, task: Task) -> Ended:
        """Run the job to its end; see ``Place``."""
        wanted = Wanted(
            name=_job_name(task),
            namespace=self._kubectl.command[-1],
            run_id=task.launch.run_id,
            image=self._image,
            command=portable(task),
            variables=self._variables(task),
            resources=task.launch.resources,
            timeout_s=task.launch.timeout_s,
        )
        made = job(wanted, self._settings, self._template)
        removal = ["delete", "job", wanted.name, "--ignore-not-found"]
        with guarded([*self._kubectl.command, *removal]) as guard:
            self._kubectl.run(["apply", "-f", "-"], text=msgspec.json.encode(made).decode())
            task.log.say(f"Job {wanted.name} in the namespace {wanted.namespace}")
            ended = self._followed(wanted.name, container_name(made), task)
            if self._settings.keep_job and not ended.stopped:
                guard.kill()
        return ended

    def _variables(self, task: Task) -> dict[str, str]:
        """Without passwords, which all could read in the job: the cluster's secrets have them."""
        found = dict(task.variables)
        for prefix in ("ASSAY", "MLFLOW"):
            found[f"{prefix}_TRACKING_URI"] = self._location.shown_uri
        for one in docker_env(task).environment if task.project.environment.docker else []:
            if not isinstance(one, str):
                found.setdefault(*one)
        return {name: text for name, text in found.items() if name not in self._settings.secrets}

    def _followed(self, name: str, container: str, task: Task) -> Ended:
        pod = self._begun(name, container, task)
        deadline = time.monotonic() + (task.launch.timeout_s or float("inf"))
        since: str | None = None
        while pod is not None and not task.stop.is_set():
            words = ["logs", "--follow", pod, "--container", container]
            if since is not None:
                words.append(f"--since-time={since}")
            shown = run_command(
                [*self._kubectl.command, *words],
                folder=task.work,
                variables=os.environ,
                log=task.log,
                stop=task.stop,
                if_lost=task.if_lost,
                timeout_s=0 if deadline == float("inf") else max(deadline - time.monotonic(), 0.1),
            )
            if shown.timed_out:
                return shown
            since = datetime.now(UTC).isoformat(timespec="seconds")
            # The connection may have been cut while the command goes on.
            ended = self._end_of(name, container)
            if ended is not None:
                return ended
            task.stop.wait(_LOOK_S)
        return Ended(-signal.SIGTERM, stopped=True)

    def _begun(self, name: str, container: str, task: Task) -> str | None:
        """The pod, once its command runs or has ended; ``None`` if the run was stopped before.

        Raises:
            PodFailed: it can't begin.
        """
        deadline = time.monotonic() + self._settings.wait
        said = why = ""
        while not task.stop.is_set():
            pod = self._pod(name)
            state = _state(pod, container)
            if "running" in state or "terminated" in state:
                return str(pod["metadata"]["name"])
            waiting = state.get("waiting", {})
            why = " ".join(
                str(waiting[key]) for key in ("reason", "message") if waiting.get(key)
            ) or _unscheduled(pod)
            if why and why != said:
                task.log.say(f"The pod waits: {why}")
                said = why
            if waiting.get("reason") in _HOPELESS:
                raise PodFailed(f"The pod of job {name} can't begin: {why}")
            if time.monotonic() > deadline:
                limit = f"within {self._settings.wait} s"
                raise PodFailed(f"The pod of job {name} didn't run {limit}. {why}".strip())
            task.stop.wait(_LOOK_S)
        return None

    def _pod(self, name: str) -> dict[str, Any]:
        """The job's pod; empty while there is none."""
        found = decoded(self._kubectl.run(["get", "pods", "-l", f"job-name={name}", "-o", "json"]))
        items = found.get("items", [])
        return items[0] if items else {}

    def _end_of(self, name: str, container: str) -> Ended | None:
        """How the command ended; ``None`` while it goes on.

        Raises:
            PodFailed: the pod was taken away, as with its node.
        """
        for _ in range(_LOST_LOOKS):
            pod = self._pod(name)
            ended = _state(pod, container).get("terminated")
            if ended is not None:
                if ended.get("reason") == "OOMKilled":
                    raise PodFailed("The command took more memory than it may.")
                return Ended(int(ended.get("exitCode", 1)))
            phase = pod.get("status", {}).get("phase")
            if phase in ("Pending", "Running", "Unknown"):
                return None
            if phase == "Failed":
                why = str(pod["status"].get("message") or pod["status"].get("reason") or "")
                raise PodFailed(f"The cluster ended the pod of job {name}: {why or 'no reason'}.")
            time.sleep(_LOOK_S)
        raise PodFailed(f"The pod of job {name} was taken away.")


def _state(pod: dict[str, Any], container: str) -> dict[str, Any]:
    """What the cluster says of the container: ``waiting``, ``running`` or ``terminated``."""
    for one in pod.get("status", {}).get("containerStatuses") or []:
        if one.get("name") == container:
            found: dict[str, Any] = one.get("state") or {}
            return found
    return {}


def _unscheduled(pod: dict[str, Any]) -> str:
    for one in pod.get("status", {}).get("conditions") or []:
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return str(one.get("message", ""))
    return ""


def _job_name(task: Task) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", task.project.name.lower()).strip("-")[:40].rstrip("-")
    return f"{plain or 'project'}-{task.launch.run_id[:12]}"

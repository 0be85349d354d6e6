"""The backends ``docker`` and ``podman``: a project's command in a container of this machine.

The container has the image of the project's ``docker_env``, the project's folder at MLflow's place,
the caller's user id and no rights beyond. Code, log and status are kept outside, so the image needs
no Assay. The container ends with its run, whatever happens to this process.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from assay.client.client import Client
from assay.containers.builder import Builder, find_builder
from assay.containers.engine import Engine
from assay.entities.runs import Run
from assay.errors import EnvironmentFailed, InvalidInput
from assay.projects.backends import background, container_images
from assay.projects.backends.base import SubmittedRun
from assay.projects.backends.container_images import CODE, RegistryLogin
from assay.projects.backends.guards import guarded
from assay.projects.backends.settings import read_settings, storage
from assay.projects.backends.threads import ThreadRun
from assay.projects.execute import execute, location_of
from assay.projects.launch import EnvManager, Launch, Outcome, Resources
from assay.projects.places import Task
from assay.projects.process import Ended, run_command
from assay.projects.spec import DockerEnv
from assay.store.uri import Location

_OPTION: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_ENGINE_FAILED: Final = 125
"""How engines end when it wasn't the command that failed."""
_CREDENTIALS: Final = ("TRACKING_TOKEN", "TRACKING_USERNAME", "TRACKING_PASSWORD")
_STORAGE_CREDENTIALS: Final = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"),
    *("AWS_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL"),
    *("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCESS_KEY"),
)
"""What MLflow hands to a container, too."""


class ContainerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--backend-config`` may say."""

    docker_args: dict[str, str | int | float | bool | list[str]] = {}
    """Options of ``docker run`` by name, which win over ours; ``true`` is an option without
    value."""
    build_image: bool = False
    """Build the image anew: of the project's Dockerfile, or of the project's files."""
    docker_auth: RegistryLogin | None = None
    storage_dir: str = ""
    background: bool = False


class ContainersBackend:
    """Runs launches in containers of one engine, or of the first that answers."""

    name = "docker"
    _engines: tuple[str, ...] = ()

    def submit(self, launch: Launch, config: Mapping[str, Any], *, echo: bool) -> SubmittedRun:
        """Begin; see ``Backend``."""
        settings = read_settings(ContainerSettings, config, backend=self.name)
        options = _options(settings.docker_args)
        if launch.env_manager not in (None, "docker"):
            raise InvalidInput(
                f"The backend {self.name} runs projects with a docker_env, and this one has its"
                f" environment made by {launch.env_manager}. Run it with --backend local."
            )
        builder = self._found()
        if settings.background:
            return background.begin(self.name, launch, config)
        work = storage(settings.storage_dir)

        def carry_out(stop: threading.Event) -> Outcome:
            place = ContainerPlace(Engine(builder), settings, options, location_of(launch))
            return execute(launch, echo=echo, stop=stop, work=work, place=place)

        return ThreadRun(launch, carry_out)

    def attach(self, run: Run, client: Client) -> SubmittedRun:
        """The background run that was begun by another process; see ``background.attach``."""
        return background.attach(run, client)

    def _found(self) -> Builder:
        return find_builder(self.name, to_run=True)


class DockerBackend(ContainersBackend):
    """Docker; where that doesn't answer, Podman, which understands the same."""

    def _found(self) -> Builder:
        return find_builder(to_run=True)


class PodmanBackend(ContainersBackend):
    """Podman, and nothing else."""

    name = "podman"


class ContainerPlace:
    """A container that serves one launch."""

    manager: EnvManager = "docker"

    def __init__(
        self,
        engine: Engine,
        settings: ContainerSettings,
        options: list[str],
        location: Location,
    ) -> None:
        self._engine, self._settings, self._options = engine, settings, options
        self._location = location
        self._image = ""
        self._has_code = False
        self._mounts: list[str] = []

    def prepare(self, task: Task) -> str:
        """Have the image; see ``Place``."""
        wanted = docker_env(task)
        has_dockerfile = (task.folder / "Dockerfile").is_file()
        if self._settings.build_image:
            if not has_dockerfile:
                container_images.get(self._engine, wanted.image, task, self._settings.docker_auth)
            self._has_code = not has_dockerfile
            self._image = container_images.build(
                self._engine, wanted.image, task, with_code=self._has_code
            )
        else:
            container_images.get(self._engine, wanted.image, task, self._settings.docker_auth)
            self._image = wanted.image
        return container_images.digest_of(self._engine, self._image)

    def seen(self, path: Path, task: Task) -> str:
        """Files of the project lie at ``CODE``; others are mounted, unchangeable, where they are
        here.
        """
        place = path.absolute()
        if place.is_relative_to(task.folder.absolute()):
            return str(Path(CODE) / place.relative_to(task.folder.absolute()))
        self._mounts.append(_mount(place, str(place), "ro"))
        return str(place)

    def run(self, task: Task) -> Ended:
        """Run the command in the container; see ``Place``."""
        name = f"assay-run-{task.launch.run_id}"
        receipt = task.work / "container"
        words = [self._engine.builder.program, "run", "--rm", "--name", name]
        words += ["--label", f"assay.run={task.launch.run_id}", "--cidfile", str(receipt)]
        words += [*self._rights(), *self._network(), *self._files(task)]
        words += _limits(task.launch.resources, self._engine.builder.name)
        passed, told = _variables(task, docker_env(task), self._location)
        words += [*told, *self._options, self._image, *portable(task)]
        with guarded(self._removal(name)) as guard:
            ended = run_command(
                words,
                folder=task.folder,
                variables={**os.environ, **passed},
                log=task.log,
                stop=task.stop,
                timeout_s=task.launch.timeout_s,
                if_lost=task.if_lost,
            )
            if not (ended.stopped or ended.timed_out or ended.exit_code < 0):
                guard.kill()  # it has ended, and is removed
        if ended.exit_code == _ENGINE_FAILED and not receipt.is_file():
            raise EnvironmentFailed(
                f"A container of the image {self._image!r}",
                f"{self._engine.builder.name} can't run it; the log has its reason.",
            )
        return ended

    def _removal(self, name: str) -> list[str]:
        """A container isn't a child of ours, and would go on without us."""
        at_once = ["--time", "0"] if self._engine.builder.name == "podman" else []
        return [self._engine.builder.program, "rm", "--force", *at_once, name]

    def _rights(self) -> list[str]:
        """The caller's user, so that files belong to whoever runs it; no rights of root."""
        words = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        words += ["--security-opt", "label=disable"]  # SELinux would hide the folders
        if self._engine.builder.name == "podman" and os.getuid() != 0:
            words += ["--userns", "keep-id"]
        if self._engine.builder.name == "docker":
            words.append("--init")
        return [*words, "--user", f"{os.getuid()}:{os.getgid()}"]

    def _network(self) -> list[str]:
        host = urlsplit(self._location.tracking_uri).hostname or ""
        is_here = host in ("localhost", "::1") or host.startswith("127.")
        return ["--network", "host"] if is_here and "--network" not in self._options else []

    def _files(self, task: Task) -> list[str]:
        volumes = [*docker_env(task).volumes, *self._mounts]
        if not self._has_code:
            volumes.append(_mount(task.folder.resolve(), CODE, "rw"))
        volumes += [_mount(place, str(place), "rw") for place in _tracking_folders(self._location)]
        words = [word for volume in dict.fromkeys(volumes) for word in ("--volume", volume)]
        return [*words, "--workdir", CODE]


def docker_env(task: Task) -> DockerEnv:
    """What the project says of its image.

    Raises:
        InvalidInput: it says nothing.
    """
    wanted = task.project.environment.docker
    if wanted is None:
        raise InvalidInput(
            f"The project {task.project.name!r} has no docker_env in its MLproject file, which"
            " would name the image to run it in."
        )
    return wanted


def _options(given: Mapping[str, str | int | float | bool | list[str]]) -> list[str]:
    """MLflow's ``docker_args`` as words."""
    words = []
    for name, value in given.items():
        if not _OPTION.match(name):
            raise InvalidInput(f"docker_args: {name[:80]!r} can't be the name of an option.")
        option = f"-{name}" if len(name) == 1 else f"--{name}"
        if value is True:
            words.append(option)
        elif value is not False:
            texts = value if isinstance(value, list) else [str(value)]
            words += [word for text in texts for word in (option, text)]
    return words


def _mount(place: Path, target: str, mode: str) -> str:
    if ":" in str(place):
        raise InvalidInput(
            f"{str(place)!r} can't be seen by a container, because its path holds a colon."
        )
    return f"{place}:{target}:{mode}"


def _tracking_folders(location: Location) -> list[Path]:
    """Folders in which a program of this machine records, if it does so without a server."""
    if location.kind != "sqlite":
        return []
    database = Path("/", urlsplit(location.tracking_uri).path.lstrip("/")).parent
    wanted = {location.home.absolute(), database}
    if "://" not in location.artifact_root:
        wanted.add(Path(location.artifact_root).absolute())
    there = [place for place in sorted(wanted) if place.is_dir()]
    return [place for place in there if not any(other in place.parents for other in there)]


def _limits(resources: Resources, engine: str) -> list[str]:
    words = []
    if resources.cpu:
        words += ["--cpus", f"{resources.cpu:g}"]
    if resources.memory_mb:
        words += ["--memory", f"{resources.memory_mb}m"]
    if resources.gpu and engine == "podman":
        for number in range(resources.gpu):
            words += ["--device", f"nvidia.com/gpu={number}"]
    elif resources.gpu:
        words += ["--gpus", str(resources.gpu)]
    return words


def _variables(
    task: Task, wanted: DockerEnv, location: Location
) -> tuple[dict[str, str], list[str]]:
    """Variables that the engine's program hands on, because all can see its words; and the words
    that set the container's.
    """
    passed = {
        name: value for name, value in task.variables.items() if name not in task.launch.environment
    }
    copied = [name for name in wanted.environment if isinstance(name, str)]
    copied += task.launch.secrets
    copied += [f"{prefix}_{name}" for prefix in ("ASSAY", "MLFLOW") for name in _CREDENTIALS]
    if "://" in location.artifact_root:
        copied += _STORAGE_CREDENTIALS
    words = ["--env", "HOME=/tmp", "--env", "PYTHONUNBUFFERED=1"]
    for name in [*passed, *(name for name in copied if name in os.environ)]:
        words += ["--env", name]
    if location.kind != "http":
        words += ["--env", f"ASSAY_ARTIFACT_ROOT={location.artifact_root}"]
    pairs = [pair for pair in wanted.environment if not isinstance(pair, str)]
    for name, value in [*pairs, *task.launch.environment.items()]:
        words += ["--env", f"{name}={value}"]
    return passed, words


def portable(task: Task) -> list[str]:
    """The command, with a shell where the image has it instead of where this machine has it."""
    words = task.arguments
    if task.launch.command is None and words[1:2] == ["-c"] and Path(words[0]).is_absolute():
        return [Path(words[0]).name, *words[1:]]
    return words

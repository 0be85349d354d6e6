"""Containers of deployments, as Docker or Podman run them.

Whatever is known of a deployment is in its container's labels, so nothing beside it can be lost or
out of date. The engine's program is run with argument lists; what it prints is read, never shown
raw.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any, Final

import msgspec

from assay.containers import engine
from assay.containers.engine import Refused
from assay.deployments.asking import TOKEN_VARIABLE
from assay.deployments.image.dockerfile import PORT

LABEL: Final = "assay.deployment"
"""Whose value is the deployment's name."""
RECORD_LABEL: Final = "assay.deployment.record"
"""What is known of it, as JSON."""
HOST_NETWORK: Final = "host"
_LOG_LINES: Final = 40
_MAX_TOLD: Final = 600
_PIDS: Final = 1_024
"""Processes and threads of a container: libraries start one a core in each worker."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment, as the labels of its container have it."""

    model_uri: str
    config: dict[str, str]
    endpoint: str
    model: str = ""
    version: str = ""
    actor: str = ""
    created_ms: int = 0
    updated_ms: int = 0
    deployment_id: str = ""
    image: str = ""
    owns_image: bool = False
    """Whether the image was built for this deployment, and goes with it."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a container may use."""

    memory: str
    cpus: float | None = None
    network: str = ""
    restart: bool = True


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A container, as it was when it was looked at."""

    id: str
    container_name: str
    name: str
    """Of the deployment."""
    record: Record
    is_running: bool
    exit_code: int = 0
    out_of_memory: bool = False
    restarts: int = 0


class Engine(engine.Engine):
    """Docker or Podman, with the containers of deployments."""

    def find(self, name: str | None = None) -> list[Container]:
        """Containers of deployments, of this name or all, whether they run or not."""
        wanted = LABEL if name is None else f"{LABEL}={name}"
        listed = self.ask("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={wanted}")
        ids = listed.split()
        if not ids:
            return []
        try:
            entries = json.loads(self.ask("inspect", "--type", "container", *ids))
        except Refused:
            # One of them went meanwhile.
            return [one for ident in ids for one in self._look(ident)]
        return [one for one in map(_container, entries) if one is not None]

    def _look(self, ident: str) -> list[Container]:
        try:
            entries = json.loads(self.ask("inspect", "--type", "container", ident))
        except Refused:
            return []
        return [one for one in map(_container, entries) if one is not None]

    def look(self, ident: str) -> Container | None:
        """One container as it is now; ``None`` if it is gone."""
        return next(iter(self._look(ident)), None)

    def run(
        self,
        container_name: str,
        image: str,
        *,
        name: str,
        port: int,
        record: Record,
        limits: Limits,
    ) -> str:
        """Start a container in the background; returns its id.

        Raises:
            Refused: the name or the port is taken, or there is no such image.
        """
        options = ["--detach", "--name", container_name, *_restricted(limits)]
        options += ["--label", f"{LABEL}={name}"]
        options += ["--label", f"{RECORD_LABEL}={msgspec.json.encode(record).decode()}"]
        if limits.restart:
            options += ["--restart", "unless-stopped"]
        return self.ask("run", *options, *_reached(limits, image, port)).split()[-1]

    def run_here(self, image: str, *, port: int, limits: Limits) -> int:
        """Run a container in the foreground, until it ends or Ctrl-C; returns its exit code."""
        options = ["--rm", *_restricted(limits), *_reached(limits, image, port)]
        try:
            return subprocess.run(  # noqa: S603 - an argument list
                [self.builder.program, "run", *options], check=False
            ).returncode
        except KeyboardInterrupt:
            # The container has got it as well, and has ended.
            return 0

    def start(self, ident: str) -> None:
        """Start a container that was stopped."""
        self.ask("start", ident)

    def restart(self, ident: str) -> None:
        """Stop a container, if it runs, and start it again."""
        self.ask("restart", "--time", str(engine.STOP_S), ident)

    def stop(self, ident: str) -> None:
        """End a container: politely, and after some seconds by force."""
        self.ask("stop", "--time", str(engine.STOP_S), ident)

    def rename(self, ident: str, container_name: str) -> None:
        """Give a container another name."""
        self.ask("rename", ident, container_name)

    def logs(self, ident: str, *, lines: int) -> str:
        """The last lines that a container has written."""
        done = self.done("logs", "--tail", str(lines), ident)
        return done.stdout + done.stderr

    def said(self, ident: str) -> str:
        """Why a container may have ended: the end of what it wrote, in short."""
        try:
            lines = [line.strip() for line in self.logs(ident, lines=_LOG_LINES).splitlines()]
        except Refused:
            return ""
        told = [line.removeprefix("Error: ") for line in lines if line and "level=" not in line]
        return " / ".join(told[-3:])[-_MAX_TOLD:]


def _restricted(limits: Limits) -> list[str]:
    options = ["--memory", limits.memory, "--memory-swap", limits.memory]
    if limits.cpus is not None:
        options += ["--cpus", f"{limits.cpus:g}"]
    options += ["--pids-limit", str(_PIDS), "--read-only", "--tmpfs", "/tmp:rw,nosuid,nodev"]  # noqa: S108
    options += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    if os.environ.get(TOKEN_VARIABLE):
        # Only the name: the value would be seen in the list of processes.
        options += ["--env", TOKEN_VARIABLE]
    return options


def _reached(limits: Limits, image: str, port: int) -> list[str]:
    """How it is reached, the image, and what its program is told beside that."""
    if limits.network == HOST_NETWORK:
        # There is nothing to publish: the server itself listens on this machine only. The image's
        # health check would ask another port.
        alone = ["--host", "127.0.0.1", "--port", str(port)]
        return ["--network", HOST_NETWORK, "--no-healthcheck", image, *alone]
    network = ["--network", limits.network] if limits.network else []
    return [*network, "--publish", f"127.0.0.1:{port}:{PORT}", image]


def _container(entry: Any) -> Container | None:
    """``None`` for a container whose labels somebody else made up."""
    labels = entry["Config"].get("Labels") or {}
    state = entry["State"]
    try:
        record = msgspec.json.decode(labels[RECORD_LABEL], type=Record)
    except (KeyError, msgspec.MsgspecError):
        return None
    return Container(
        id=entry["Id"],
        container_name=entry["Name"].lstrip("/"),
        name=labels[LABEL],
        record=record,
        is_running=bool(state.get("Running")),
        exit_code=int(state.get("ExitCode") or 0),
        out_of_memory=bool(state.get("OOMKilled")),
        restarts=int(entry.get("RestartCount") or 0),
    )

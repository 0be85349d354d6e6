"""The servers of local deployments: ``assay serve`` in a process that goes on by itself."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import urllib3
from msgspec import Meta

from assay.deployments.asking import TOKEN_VARIABLE, answers, wait_until
from assay.deployments.base import DeploymentFailed
from assay.deployments.local_state import LocalFolder
from assay.deployments.process import Process, launch, stop
from assay.errors import InvalidInput

_STARTED: Final = re.compile(r"^Answering predictions of .* at (https?://\S+) \(Ctrl-C", re.M)
"""What ``assay serve`` says when it does."""
_LOOK_S: Final = 0.1
_STOP_S: Final = 10.0
"""A server answers what is in flight within half of this, by itself."""
_ERROR: Final = re.compile(r"^Error: (.*)$", re.M)
_REFUSED_S: Final = 3.0
"""After this long, a version that was refused before doesn't come any more."""
_MAX_TOLD: Final = 600


class LocalConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a local deployment; most are options of ``assay serve``."""

    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    """TCP port; 0: the system chooses one, which stays the deployment's while it can."""
    host: str = "127.0.0.1"
    """Address; one beyond this machine needs a token or insecure=true."""
    insecure: bool = False
    """Answer beyond this machine without a token."""
    allowed_host: str = ""
    """A further name that clients may use."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """Processes."""
    threads: Annotated[int, Meta(ge=1)] = 4
    """Threads of each process."""
    env_manager: Literal["auto", "local", "uv", "conda"] = "auto"
    """Whose packages: auto, local, uv or conda."""
    trust: bool = False
    """Let code of the model run."""
    require_signature: bool = False
    """Only a model that a trusted key has signed."""
    timeout: Annotated[float, Meta(gt=0)] = 60.0
    """Seconds that a prediction may take."""
    max_body_mb: Annotated[int, Meta(ge=1)] = 64
    """Largest body of a request."""
    max_rows: Annotated[int, Meta(ge=1)] = 1_000_000
    """Rows of a request."""
    max_concurrency: Annotated[int, Meta(ge=1)] = 256
    """Predictions at once in each process."""
    batch_rows: Annotated[int, Meta(ge=1)] | None = None
    """Rows that are predicted together; 1: each request by itself."""
    batch_wait_ms: Annotated[float, Meta(ge=0, le=1_000)] = 0.0
    """How long a batch waits for company."""
    follow: Annotated[float, Meta(ge=0.05, le=3_600)] = 1.0
    """Seconds between two looks at the registry."""
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "warning"
    """critical, error, warning, info or debug."""
    start_timeout: Annotated[float, Meta(gt=0)] = 900.0
    """Seconds until it must answer; making an environment takes a while."""

    def options(self) -> list[str]:
        """Those of ``assay serve``."""
        found = ["--host", self.host, "--follow", f"{self.follow:g}"]
        for name in (
            "workers",
            "threads",
            "env_manager",
            "timeout",
            "max_body_mb",
            "max_rows",
            "max_concurrency",
            "batch_rows",
            "batch_wait_ms",
            "log_level",
        ):
            value = getattr(self, name)
            if value is not None:
                found.append(f"--{name.replace('_', '-')}={value}")
        found += [f"--allowed-host={self.allowed_host}"] if self.allowed_host else []
        for name in ("insecure", "trust", "require_signature"):
            found += [f"--{name.replace('_', '-')}"] if getattr(self, name) else []
        return found


class Running(msgspec.Struct, frozen=True):
    """A server that answers."""

    process: Process
    url: str


def start(
    folder: LocalFolder,
    config: LocalConfig,
    *,
    port: int,
    deployment_id: str,
    variables: Mapping[str, str],
    launched: Callable[[Process], None],
) -> Running:
    """Start a server for what ``models.json`` asks for, and wait until it answers.

    Args:
        folder: of the deployment.
        config: its settings.
        port: to listen on; 0: any.
        deployment_id: under which it notes the versions that it changes over to.
        variables: of its environment, beside those of this process.
        launched: told of the process before it answers.

    Raises:
        DeploymentFailed: it doesn't; nothing of it is left running.
    """
    folder.put_log_aside()
    before = folder.log_size()
    command = [sys.executable, "-P", "-m", "assay", "serve"]
    command += ["--models-file", str(folder.models), "--port", str(port), *config.options()]
    command += ["--deployment-id", deployment_id] if deployment_id else []
    try:
        environment = {**_environment(), **variables}
        process = launch(command, log=folder.log, folder=folder.path, variables=environment)
    except OSError as error:
        raise DeploymentFailed(folder.name, str(error)) from error
    url = ""

    def is_up() -> bool:
        nonlocal url
        found = _STARTED.search(folder.written(after=before))
        url = found[1] if found else ""
        return bool(url) and answers(url)

    up = ended = False
    try:
        launched(process)
        up = wait_until(
            is_up, timeout_s=config.start_timeout, has_ended=lambda: not process.is_alive
        )
    finally:
        # Ctrl-C while it starts leaves nothing behind either.
        if not up:
            ended = not process.is_alive
            stop(process, timeout_s=_STOP_S)
    if not up:
        why = reason(folder, after=before)
        late = f"it didn't answer within {config.start_timeout:g} s"
        raise DeploymentFailed(folder.name, why if ended and why else f"{late}. {why}".strip())
    return Running(process, url)


def run_in_foreground(arguments: Sequence[str], *, variables: Mapping[str, str]) -> int:
    """Run ``assay serve`` until it ends, by Ctrl-C or by SIGTERM to this process; its status."""
    server = subprocess.Popen(  # noqa: S603 - an argument list
        [sys.executable, "-P", "-m", "assay", "serve", *arguments],
        env={**_environment(), **variables},
    )
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, lambda *_: server.terminate()) if is_main else None
    try:
        # Looks up now and then: a signal that another thread got doesn't wake this one.
        while server.poll() is None:
            time.sleep(_LOOK_S)
        return server.returncode
    except KeyboardInterrupt:
        # The terminal has told the server as well.
        return server.wait(_STOP_S)
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
        if is_main:
            signal.signal(signal.SIGTERM, before)


def _environment() -> dict[str, str]:
    """This process's, good for another working directory."""
    found = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if path := found.get("PYTHONPATH"):
        parts = (str(Path(part).absolute()) for part in path.split(os.pathsep) if part)
        found["PYTHONPATH"] = os.pathsep.join(parts)
    return found


def end(process: Process) -> None:
    """Let a server answer what is in flight, and end it."""
    stop(process, timeout_s=_STOP_S)


def reason(folder: LocalFolder, *, after: int = 0) -> str:
    """Why a server ended, as far as its log tells."""
    text = folder.written(after=after)
    told = _ERROR.findall(text)
    lines = [line for line in text.splitlines() if line.strip() and not _STARTED.match(line)]
    return (told[-1] if told else lines[-1] if lines else "")[:_MAX_TOLD]


class Answering(msgspec.Struct, frozen=True):
    """What answers for a deployment now."""

    source: str
    """URI that it serves."""
    model: str
    version: str
    not_served: list[str]
    """Why versions that were to answer don't."""


def answering(name: str, url: str) -> Answering | None:
    """What answers there now; ``None``: nobody, or somebody who doesn't tell.

    Raises:
        InvalidInput: it wants a token that isn't in ``ASSAY_SERVE_TOKEN``.
    """
    secret = os.environ.get(TOKEN_VARIABLE)
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    try:
        with urllib3.PoolManager(retries=False) as pool:
            reply = pool.request("GET", f"{url}/models", headers=headers, timeout=5, redirect=False)
    except urllib3.exceptions.HTTPError:
        return None
    if reply.status == 401:
        raise InvalidInput(
            f"The deployment {name!r} asks for a token: set {TOKEN_VARIABLE} to the one it was"
            " made with."
        )
    try:
        facts: dict[str, Any] = msgspec.json.decode(reply.data, type=dict)
        route = next(one for one in facts["routes"] if one["name"] == name)
        main = max(
            (one for one in route["versions"] if not one["is_shadow"]),
            key=lambda one: float(one["weight"]),
        )
        source, refused = str(route["source"]), [str(one) for one in facts["not_served"]]
        return Answering(source, str(main["name"]), str(main["version"]), refused)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, StopIteration):
        return None


def change_model(
    folder: LocalFolder, running: Running, *, old: str, new: str, pinned: str, timeout_s: float
) -> None:
    """Have a running server serve another model: it loads and tries that while the old one answers.

    Args:
        folder: of the deployment.
        running: its server.
        old: URI of before, which is asked for again if this fails.
        new: URI to serve.
        pinned: what that means now.
        timeout_s: until when it must answer.

    Raises:
        DeploymentFailed: the new one can't be served; the old one goes on.
    """
    before = answering(folder.name, running.url)
    known = before.not_served if before else []
    refused = ""
    long_ago = time.monotonic() + _REFUSED_S

    def is_over() -> bool:
        nonlocal refused
        now = answering(folder.name, running.url)
        if now is None:
            return False
        if now.source == new:
            return True
        fresh = [one for one in now.not_served if one not in known]
        again = [one for one in known if one.startswith(f"{pinned}#")]
        if fresh or (again and time.monotonic() > long_ago):
            refused = (fresh or again)[-1]
        return bool(refused)

    folder.ask_for(new)
    over = False
    try:
        over = wait_until(
            is_over, timeout_s=timeout_s, has_ended=lambda: not running.process.is_alive
        )
    finally:
        if not over or refused:
            folder.ask_for(old)
    if refused:
        raise DeploymentFailed(folder.name, f"{refused} The version before it goes on.")
    if not over:
        why = reason(folder)
        raise DeploymentFailed(
            folder.name, f"it didn't change over within {timeout_s:g} s. {why}".strip()
        )

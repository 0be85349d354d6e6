"""Images of projects: pulled, or built of the project's folder."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from assay.containers.builder import build_image
from assay.containers.engine import Engine, Refused
from assay.containers.naming import image_reference
from assay.errors import EnvironmentFailed
from assay.projects.places import Task
from assay.projects.process import run_command
from assay.projects.queue.packing import LEFT_OUT

CODE: Final = "/mlflow/projects/code"
"""Where the project lies in a container, as in MLflow."""
_DOCKER_HUB: Final = "https://index.docker.io/v1/"


class RegistryLogin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MLflow's ``docker_auth``."""

    username: str
    password: str
    registry: str = _DOCKER_HUB


def get(engine: Engine, image: str, task: Task, login: RegistryLogin | None) -> None:
    """Pull an image that the engine doesn't have.

    Raises:
        EnvironmentFailed: it can't be pulled; the log has the engine's own words.
    """
    if engine.has_image(image):
        return
    task.log.say(f"Pulling the image {image}")
    told = run_command(
        [engine.builder.program, "pull", image],
        folder=task.work,
        variables={**os.environ, **_signed_in(login, task.work)},
        log=task.log,
        stop=task.stop,
    )
    if told.exit_code != 0:
        raise EnvironmentFailed(
            f"The image {image!r}", f"{engine.builder.name} has none, and can't pull it."
        )


def build(engine: Engine, image: str, task: Task, *, with_code: bool) -> str:
    """Build the image of a project anew; returns its name.

    Args:
        engine: builds it.
        image: of the project's ``docker_env``: what it is built on, unless the project has a
            ``Dockerfile``.
        task: whose project.
        with_code: put the project's files into it, at ``CODE``, in any case.

    Raises:
        EnvironmentFailed: a step fails; the message tells which, and why.
    """
    name = f"assay-project:{task.launch.run_id[:12]}"
    base = image
    if (task.folder / "Dockerfile").is_file():
        base = name if not with_code else f"{name}-base"
        task.log.say("Building the image of the project's Dockerfile")
        build_image(task.folder, base, builder=engine.builder, progress=task.log.say)
        if not with_code:
            return base
    context = task.work / "image"
    shutil.copytree(
        task.folder, context / "code", symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT)
    )
    lines = [f"FROM {image_reference(base)}", f"COPY code {CODE}", f"WORKDIR {CODE}"]
    (context / "Dockerfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
    task.log.say(f"Building an image of {base} with the project's files")
    build_image(context, name, builder=engine.builder, progress=task.log.say)
    return name


def push(engine: Engine, image: str, target: str, task: Task, login: RegistryLogin | None) -> str:
    """Push an image under another name; returns that name with the digest it got, if it is told.

    Raises:
        EnvironmentFailed: the registry doesn't take it; the log has the engine's own words.
    """
    task.log.say(f"Pushing {target}")
    engine.ask("tag", image, target)
    # Podman compresses what it pushes, so only the push itself knows the digest.
    receipt = task.work / "pushed"
    receipt_option = ["--digestfile", str(receipt)] if engine.builder.name == "podman" else []
    told = run_command(
        [engine.builder.program, "push", *receipt_option, target],
        folder=task.work,
        variables={**os.environ, **_signed_in(login, task.work)},
        log=task.log,
        stop=task.stop,
    )
    if told.exit_code != 0:
        raise EnvironmentFailed(f"The image {target!r}", f"{engine.builder.name} can't push it.")
    repository = target.rpartition(":")[0]
    if receipt_option:
        return f"{repository}@{receipt.read_text(encoding='ascii').strip()}"
    known = engine.ask("image", "inspect", "--format", "{{json .RepoDigests}}", target)
    found: list[str] = msgspec.json.decode(known or b"[]", type=list[str] | None) or []
    return next((one for one in found if one.startswith(f"{repository}@sha256:")), target)


def digest_of(engine: Engine, image: str) -> str:
    """The digest of an image's content; empty where the engine doesn't tell."""
    try:
        told = engine.ask("image", "inspect", "--format", "{{.Id}}", image).strip()
    except Refused:
        return ""
    digest = told.removeprefix("sha256:")
    return f"sha256:{digest}" if len(digest) == 64 else ""


def _signed_in(login: RegistryLogin | None, folder: Path) -> Mapping[str, str]:
    """Variables that let an engine sign in; what the user has set up stays as it is."""
    if login is None:
        return {}
    pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    file = folder / "config.json"
    file.touch(mode=0o600)
    file.write_bytes(msgspec.json.encode({"auths": {login.registry: {"auth": pair}}}))
    return {"DOCKER_CONFIG": str(folder), "REGISTRY_AUTH_FILE": str(file)}

"""Launch: one run of a project, told so completely that any machine can carry it out.

A backend gets a launch and decides where ``assay.projects.execute`` takes it up: in this process,
in one of its own, in a container, on a cluster, or with an agent that asks a queue for it.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

EnvManager = Literal["uv", "virtualenv", "conda", "docker", "local"]
ENV_MANAGERS: Final = ("uv", "virtualenv", "conda", "docker", "local")


class Resources(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run needs; each is left to the backend where it is 0."""

    cpu: float = 0
    """Cores."""
    memory_mb: int = 0
    gpu: int = 0


class Launch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The run, which exists in the store already."""

    run_id: str
    experiment_id: str
    tracking_uri: str
    """Without passwords: whoever carries it out has its own."""
    project: str
    """As ``assay.projects.sources`` takes it."""
    version: str | None = None
    """The commit, of a Git project."""
    entry_point: str = "main"
    parameters: dict[str, str] = {}
    """As checked, defaults included; paths still as given."""
    command: list[str] | None = None
    """Run this in the project's folder, instead of an entry point."""
    env_manager: EnvManager | None = None
    """``None``: what suits the project's files."""
    environment: dict[str, str] = {}
    """Variables to set for the command."""
    unset: list[str] = []
    """Variables of whoever carries it out that the command must not have."""
    environment_folder: str = ""
    """A virtual environment that is there already, instead of one of the project's files."""
    secrets: list[str] = []
    """Names of variables that the executor's own environment must have; never stored."""
    resources: Resources = Resources()
    timeout_s: float = 0
    """0: none."""
    caller_folder: str = ""
    """Where relative paths among the parameters start, on the caller's machine."""


class Outcome(msgspec.Struct, frozen=True):
    """How a launch ended."""

    status: Literal["FINISHED", "FAILED", "KILLED"]
    exit_code: int | None
    """``None``: the command didn't begin, or was killed."""
    reason: str = ""
    """Why it failed, in a sentence."""

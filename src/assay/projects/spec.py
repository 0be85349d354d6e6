"""Spec: what a project is: its entry points, their parameters, and the environment they need.

``mlproject`` reads one from an ``MLproject`` file, ``plain`` finds one where there is none. Nothing
here touches a file.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from assay.projects.launch import Resources

ParameterType = Literal["string", "float", "int", "bool", "path", "uri", "enum"]
PARAMETER_TYPES: Final = ("string", "float", "int", "bool", "path", "uri", "enum")

EnvironmentKind = Literal[
    "none", "python_env", "conda_env", "docker_env", "uv_lock", "pylock", "requirements", "pixi"
]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of an entry point."""

    name: str
    type: ParameterType = "string"
    default: str | None = None
    """As text, the way the command gets it."""
    required: bool = True
    """Without a default: whether a value must be given. What is left out of an optional one
    vanishes from the command."""
    help: str = ""
    choices: list[str] = []
    """The only values of an ``enum``; of other types, if not empty, too."""
    min: float | None = None
    """The smallest ``int`` or ``float``, itself allowed."""
    max: float | None = None
    key_dir: str = ""
    """Of a ``path`` that is fetched: the folder of the work folder it is put into."""


class EntryPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A command of a project, with holes."""

    name: str
    command: str
    """``{name}`` stands for a parameter; see ``assay.projects.command``."""
    parameters: dict[str, Parameter] = {}
    help: str = ""
    resources: Resources = Resources()
    secrets: list[str] = []


class DockerEnv(msgspec.Struct, frozen=True, kw_only=True):
    """MLflow's ``docker_env``."""

    image: str
    volumes: list[str] = []
    """``/host/path:/container/path[:options]``."""
    environment: list[str | tuple[str, str]] = []
    """Names of variables to copy from here, and pairs of name and value."""


class EnvironmentSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a project's commands run in."""

    kind: EnvironmentKind = "none"
    file: str = ""
    """The file that says it, relative to the project's folder."""
    docker: DockerEnv | None = None


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project."""

    name: str
    entry_points: dict[str, EntryPoint] = {}
    environment: EnvironmentSpec = EnvironmentSpec()
    help: str = ""
    resources: Resources = Resources()
    """Of entry points that name none."""
    secrets: list[str] = []
    """Of all entry points."""
    variables: dict[str, str] = {}
    """Variables that every command gets."""
    timeout_s: float = 0
    is_declared: bool = False
    """Whether it has an ``MLproject`` file."""

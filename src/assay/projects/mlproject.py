"""MLproject: the file that says what a project is.

MLflow's fields mean what they do in MLflow 3.17; ours are told in docs/formats/project.md. What
isn't known is refused with the word that was probably meant, because a mistyped field would
otherwise just do nothing.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from assay.errors import InvalidInput
from assay.projects import command
from assay.projects.launch import Resources
from assay.projects.parameters import problem_of
from assay.projects.plain import EnvironmentFiles, environment_of
from assay.projects.spec import (
    PARAMETER_TYPES,
    DockerEnv,
    EntryPoint,
    EnvironmentSpec,
    Parameter,
    ParameterType,
    Project,
)

FILE: Final = "MLproject"
MAX_BYTES: Final = 1 << 20
_ENVIRONMENTS: Final = ("python_env", "conda_env", "docker_env")
_FIELDS: Final = (
    "name",
    "entry_points",
    *_ENVIRONMENTS,
    "databricks_spark_job",
    "description",
    "resources",
    "secrets",
    "variables",
    "timeout_s",
)
_ENTRY_FIELDS: Final = ("command", "parameters", "description", "resources", "secrets")
_PARAMETER_FIELDS: Final = (
    "type",
    "default",
    "required",
    "help",
    "description",
    "choices",
    "min",
    "max",
    "key_dir",
)
_ALIASES: Final[dict[str, ParameterType]] = {
    "str": "string",
    "integer": "int",
    "double": "float",
    "number": "float",
    "boolean": "bool",
}
"""MLflow takes any word for a type, and its examples use some of these."""
_VARIABLE = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*(Mi|Gi|M|G|MB|GB)?\Z")
_MEGABYTES: Final = {"Mi": 1, "M": 1, "MB": 1, "Gi": 1024, "G": 1024, "GB": 1024, "": 1}


def find(folder: Path) -> Path | None:
    """The project file of a folder; MLflow takes the name in any case."""
    exact = folder / FILE
    if exact.is_file():
        return exact
    named = (place for place in folder.iterdir() if place.name.lower() == FILE.lower())
    return next((place for place in sorted(named) if place.is_file()), None)


def read(file: Path) -> Project:
    """The project that a file describes.

    Raises:
        InvalidInput: it can't be read; the message says where and why.
    """
    folder = file.parent
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"The project file {file} can't be read: {error.strerror}.") from None
    return parse(content, name=folder.name, files=EnvironmentFiles(folder), where=str(file))


def parse(content: bytes, *, name: str, files: EnvironmentFiles, where: str = FILE) -> Project:
    """The project that the content of a file describes.

    Args:
        content: YAML.
        name: of a project that has none.
        files: finds the environment's files.
        where: names the file in errors.

    Raises:
        InvalidInput: it can't be read.
    """
    entries = _loaded(content, where)
    _only(entries, _FIELDS, where)
    points = _mapping(entries, "entry_points", where)
    return Project(
        name=_text(entries, "name", where) or name,
        entry_points={
            _entry_name(key, where): _entry(str(key), value, f"{where}: entry point {key!r}")
            for key, value in points.items()
        },
        environment=_environment(entries, files, where),
        help=_text(entries, "description", where),
        resources=_resources(entries, where),
        secrets=_secrets(entries, where),
        variables=_variables(entries, where),
        timeout_s=_number(entries, "timeout_s", where) or 0,
        is_declared=True,
    )


def _loaded(content: bytes, where: str) -> Mapping[str, Any]:
    import yaml  # some milliseconds that projects without the file do without

    if len(content) > MAX_BYTES:
        raise InvalidInput(f"{where} is over {MAX_BYTES >> 20} MB.")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        entries = yaml.load(content, Loader=loader)  # noqa: S506 - one of the safe loaders
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())[:300]
        raise InvalidInput(f"{where} is no YAML: {why}.") from None
    if not isinstance(entries, dict):
        raise InvalidInput(f"{where} must hold fields such as name and entry_points.")
    return entries


def _only(entries: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for key in entries:
        if key in known:
            continue
        near = difflib.get_close_matches(str(key), known, n=1)
        meant = f" Is {near[0]!r} meant?" if near else f" Known are {', '.join(known)}."
        raise InvalidInput(f"{where} has the unknown field {str(key)[:80]!r}.{meant}")


def _mapping(entries: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = entries.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(f"{where}: {key} must hold fields by name, not {_kind(value)}.")
    return value


def _kind(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    return "fields" if isinstance(value, dict) else repr(value)[:40]


def _text(entries: Mapping[str, Any], key: str, where: str) -> str:
    value = entries.get(key)
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise InvalidInput(f"{where}: {key} must be text, not {_kind(value)}.")
    return str(value)


def _number(entries: Mapping[str, Any], key: str, where: str) -> float | None:
    value = entries.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise InvalidInput(f"{where}: {key} must be a number, not {value!r}.")
    return float(value)


def _texts(entries: Mapping[str, Any], key: str, where: str) -> list[str]:
    value = entries.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or any(isinstance(one, dict | list) for one in value):
        raise InvalidInput(f"{where}: {key} must be a list of texts.")
    return [str(one) for one in value]


def _entry_name(key: object, where: str) -> str:
    name = str(key)
    if not name or len(name) > 250 or not name.isprintable():
        raise InvalidInput(f"{where}: {name[:80]!r} can't be the name of an entry point.")
    return name


def _entry(name: str, value: object, where: str) -> EntryPoint:
    if not isinstance(value, dict):
        raise InvalidInput(f"{where} must have a command.")
    _only(value, _ENTRY_FIELDS, where)
    line = _text(value, "command", where)
    parameters = {
        str(key): _parameter(str(key), declared, f"{where}: parameter {str(key)!r}")
        for key, declared in _mapping(value, "parameters", where).items()
    }
    unknown = [one for one in command.placeholders(line) if one not in parameters]
    if unknown:
        raise InvalidInput(
            f"{where}: its command names {', '.join(map(repr, unknown))}, and there is no such"
            " parameter."
        )
    return EntryPoint(
        name=name,
        command=line,
        parameters=parameters,
        help=_text(value, "description", where),
        resources=_resources(value, where),
        secrets=_secrets(value, where),
    )


def _parameter(name: str, value: object, where: str) -> Parameter:
    if not name or not name.isprintable() or len(name) > 250:
        raise InvalidInput(f"{where}: this can't be a name.")
    if value is None or isinstance(value, str):
        return Parameter(name=name, type=_type(value or "string", where))
    if not isinstance(value, dict):
        raise InvalidInput(f"{where} must be a type, or fields such as type and default.")
    _only(value, _PARAMETER_FIELDS, where)
    default = value.get("default")
    choices = _texts(value, "choices", where)
    required = value.get("required", default is None)
    if not isinstance(required, bool):
        raise InvalidInput(f"{where}: required must be true or false, not {required!r}.")
    parameter = Parameter(
        name=name,
        type=_type(value.get("type", "enum" if choices else "string"), where),
        default=None if default is None else _text(value, "default", where),
        required=required,
        help=_text(value, "help", where) or _text(value, "description", where),
        choices=choices,
        min=_number(value, "min", where),
        max=_number(value, "max", where),
        key_dir=_key_dir(value, where),
    )
    _check_parameter(parameter, where)
    return parameter


def _type(value: object, where: str) -> ParameterType:
    word = _ALIASES.get(str(value), str(value))
    for known in PARAMETER_TYPES:
        if word == known:
            return known
    near = difflib.get_close_matches(word, [*PARAMETER_TYPES, *_ALIASES], n=1)
    meant = f" Is {near[0]!r} meant?" if near else ""
    raise InvalidInput(
        f"{where} has the unknown type {word[:40]!r}.{meant} Types are"
        f" {', '.join(PARAMETER_TYPES)}."
    )


def _key_dir(value: Mapping[str, Any], where: str) -> str:
    name = _text(value, "key_dir", where)
    if name and (not re.fullmatch(r"[\w.-]+", name) or name in (".", "..")):
        raise InvalidInput(f"{where}: key_dir must be the name of one folder, not {name[:80]!r}.")
    return name


def _check_parameter(parameter: Parameter, where: str) -> None:
    if parameter.type == "enum" and not parameter.choices:
        raise InvalidInput(f"{where} is an enum and needs choices.")
    ranged = parameter.min is not None or parameter.max is not None
    if ranged and parameter.type not in ("int", "float"):
        raise InvalidInput(f"{where}: min and max are for int and float.")
    if parameter.min is not None and parameter.max is not None and parameter.min > parameter.max:
        raise InvalidInput(f"{where}: min is above max.")
    # MLflow's own defaults may be anything ("auto" for an int): only what MLflow has not is held
    # against them.
    if parameter.default is not None and (ranged or parameter.choices):
        problem = problem_of(parameter, parameter.default)
        if problem:
            raise InvalidInput(f"{where}: its default doesn't fit: {problem}.")


def _resources(entries: Mapping[str, Any], where: str) -> Resources:
    told = _mapping(entries, "resources", where)
    _only(told, ("cpu", "memory", "gpu"), f"{where}: resources")
    cpu = _number(told, "cpu", where) or 0
    gpu = _number(told, "gpu", where) or 0
    if cpu < 0 or gpu < 0 or gpu != int(gpu):
        raise InvalidInput(f"{where}: cpu must be a number of cores and gpu a number of GPUs.")
    memory = _text(told, "memory", where)
    match = _MEMORY.match(memory or "0")
    if match is None:
        raise InvalidInput(f"{where}: memory must be as in 512Mi or 4Gi, not {memory[:40]!r}.")
    megabytes = round(float(match[1]) * _MEGABYTES[match[2] or ""])
    return Resources(cpu=cpu, memory_mb=megabytes, gpu=int(gpu))


def _secrets(entries: Mapping[str, Any], where: str) -> list[str]:
    names = _texts(entries, "secrets", where)
    for name in names:
        if not _VARIABLE.match(name):
            raise InvalidInput(
                f"{where}: a secret is named by its environment variable, which {name[:40]!r} is"
                " not. Values of secrets never stand here."
            )
    return names


def _variables(entries: Mapping[str, Any], where: str) -> dict[str, str]:
    told = _mapping(entries, "variables", where)
    for name, value in told.items():
        if not _VARIABLE.match(str(name)) or isinstance(value, dict | list) or value is None:
            raise InvalidInput(f"{where}: variables must be texts by name ({str(name)[:40]!r}).")
    return {str(name): str(value) for name, value in told.items()}


def _environment(
    entries: Mapping[str, Any], files: EnvironmentFiles, where: str
) -> EnvironmentSpec:
    named = [kind for kind in _ENVIRONMENTS if entries.get(kind) is not None]
    if len(named) > 1:
        raise InvalidInput(f"{where} has {' and '.join(named)}: choose one environment.")
    if not named:
        return environment_of(files)
    if named[0] == "docker_env":
        return EnvironmentSpec(kind="docker_env", docker=_docker(entries, where))
    name = _text(entries, named[0], where)
    files.check(name, f"{where}: {named[0]}")
    return EnvironmentSpec(
        kind="python_env" if named[0] == "python_env" else "conda_env", file=name
    )


def _docker(entries: Mapping[str, Any], where: str) -> DockerEnv:
    told = _mapping(entries, "docker_env", where)
    _only(told, ("image", "volumes", "environment"), f"{where}: docker_env")
    image = _text(told, "image", where)
    if not image or image.startswith("-") or not re.fullmatch(r"[\w./:@-]+", image, re.ASCII):
        raise InvalidInput(f"{where}: docker_env needs an image, which {image[:80]!r} is not.")
    variables: list[str | tuple[str, str]] = []
    for one in told.get("environment") or []:
        match one:
            case str() if _VARIABLE.match(one):
                variables.append(one)
            case [str() as name, value] if _VARIABLE.match(name) and not isinstance(
                value, dict | list
            ):
                variables.append((name, str(value)))
            case _:
                raise InvalidInput(
                    f"{where}: docker_env: environment must list names of variables and pairs of"
                    f" name and value, not {str(one)[:80]!r}."
                )
    volumes = _texts(told, "volumes", where)
    for volume in volumes:
        if ":" not in volume or volume.startswith("-") or not volume.isprintable():
            raise InvalidInput(
                f"{where}: docker_env: a volume is /here:/there, not {volume[:80]!r}."
            )
    return DockerEnv(image=image, volumes=volumes, environment=variables)

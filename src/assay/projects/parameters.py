"""Parameters: what a caller gave, held against what an entry point declares.

All mistakes are told at once. Values stay the texts that were given, so a command gets exactly
those; ``resolved`` makes of a ``path`` the place of a file here, as MLflow 3.17 does.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from assay.errors import InvalidInput
from assay.projects.spec import EntryPoint, Parameter

_MAX_SHOWN: Final = 10
_MAX_VALUE: Final = 100_000
"""Characters; the kernel takes 128 kB in one argument."""
_BOOLEANS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "1", "0"})
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_EXTRA_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*\Z", re.ASCII)
_INT = re.compile(r"[+-]?\d+\Z", re.ASCII)


class Checked(msgspec.Struct, frozen=True):
    """Parameters that fit."""

    values: dict[str, str]
    """Of declared parameters, defaults included, in the order of their declaration. An optional one
    that has no value is missing."""
    extras: dict[str, str]
    """What isn't declared: it is added to the command as ``--name value``."""

    def all(self) -> dict[str, str]:
        """Both, as they are logged."""
        return {**self.values, **self.extras}


def check(entry: EntryPoint, given: Mapping[str, object] | None) -> Checked:
    """Hold ``given`` against the entry point.

    Raises:
        InvalidInput: a value is missing, of the wrong type, or out of range; the message names all
            that are wrong.
    """
    texts = {str(name): as_text(value) for name, value in (given or {}).items()}
    problems: list[str] = []
    values: dict[str, str] = {}
    for name, parameter in entry.parameters.items():
        if name in texts:
            values[name] = texts[name]
            if texts[name] != parameter.default:  # which the project may choose as it likes
                problems += _problems(parameter, texts[name])
        elif parameter.default is not None:
            values[name] = parameter.default
        elif parameter.required:
            problems.append(f"{name!r} ({parameter.type}) has no default and must be given")
    extras = {name: value for name, value in texts.items() if name not in entry.parameters}
    for name, value in extras.items():
        problems += _extra_problems(name, value)
    if problems:
        raise InvalidInput(_message(entry, problems, unknown=extras))
    return Checked(values, extras)


def as_text(value: object) -> str:
    """A value as a command gets it; MLflow's ``str``."""
    return value if isinstance(value, str) else str(value)


def _message(entry: EntryPoint, problems: list[str], *, unknown: Mapping[str, str]) -> str:
    hints = []
    for name in unknown:
        near = difflib.get_close_matches(name, entry.parameters, n=1)
        if near:
            hints.append(f" Is {name!r} meant to be {near[0]!r}?")
    shown = "; ".join(problems[:_MAX_SHOWN])
    more = f"; and {len(problems) - _MAX_SHOWN} more" if len(problems) > _MAX_SHOWN else ""
    return f"Parameters of entry point {entry.name!r} don't fit: {shown}{more}.{''.join(hints)}"


def _problems(parameter: Parameter, value: str) -> list[str]:
    """What is wrong with a value, in the words of a list."""
    name = parameter.name
    if "\0" in value:
        return [f"{name!r} holds a NUL character, which no argument can"]
    if len(value) > _MAX_VALUE:
        return [f"{name!r} is limited to {_MAX_VALUE} characters, got {len(value)}"]
    wrong = _CHECKS[parameter.type](value)
    if wrong:
        return [f"{name!r} must be {wrong}, got {_shown(value)}"]
    if parameter.choices and value not in parameter.choices:
        return [f"{name!r} must be one of {', '.join(parameter.choices)}, got {_shown(value)}"]
    if parameter.min is None and parameter.max is None:
        return []
    number = float(value)
    low = -math.inf if parameter.min is None else parameter.min
    high = math.inf if parameter.max is None else parameter.max
    if low <= number <= high:
        return []
    return [f"{name!r} must be {_range(parameter)}, got {_shown(value)}"]


def problem_of(parameter: Parameter, value: str) -> str | None:
    """What is wrong with a value of a parameter; ``None`` if it fits."""
    return next(iter(_problems(parameter, value)), None)


def _range(parameter: Parameter) -> str:
    if parameter.max is None:
        return f"at least {parameter.min:g}"
    if parameter.min is None:
        return f"at most {parameter.max:g}"
    return f"from {parameter.min:g} to {parameter.max:g}"


def _extra_problems(name: str, value: str) -> list[str]:
    if not _EXTRA_NAME.match(name):
        return [f"{_shown(name)} can't be the name of a parameter"]
    return _problems(Parameter(name=name), value)


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:57] + "...")


def _not_int(value: str) -> str:
    return "" if _INT.match(value) else "a whole number"


def _not_float(value: str) -> str:
    try:
        float(value)
    except ValueError:
        return "a number"
    return "" if "_" not in value else "a number"


def _not_bool(value: str) -> str:
    return "" if value.lower() in _BOOLEANS else "true or false"


def _not_uri(value: str) -> str:
    # MLflow takes what has a scheme; a path of this machine is made one.
    return "" if value else "a URI or a path"


def _anything(_value: str) -> str:
    return ""


_CHECKS: Final[dict[str, Callable[[str], str]]] = {
    "string": _anything,
    "float": _not_float,
    "int": _not_int,
    "bool": _not_bool,
    "path": _not_uri,
    "uri": _not_uri,
    "enum": _anything,
}

Fetch = Callable[[str, Path], Path]
"""Fetches a URI into a folder that exists; returns where it lies."""


def resolved(
    entry: EntryPoint,
    checked: Checked,
    *,
    caller: Path,
    project: Path,
    work: Path,
    fetch: Fetch,
) -> Checked:
    """The parameters with paths that exist on this machine.

    Args:
        entry: whose parameters they are.
        checked: what ``check`` gave.
        caller: what relative paths start from.
        project: where a default that isn't found there is looked for, too.
        work: takes what is fetched.
        fetch: gets a URI.

    Raises:
        InvalidInput: there is no such file.
    """
    values = dict(checked.values)
    for position, (name, value) in enumerate(checked.values.items()):
        parameter = entry.parameters[name]
        if parameter.type == "path":
            bases = [caller, project] if value == parameter.default else [caller]
            local = _local(value)
            if local is None:
                folder = work / (parameter.key_dir or f"param_{position}")
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                values[name] = str(fetch(value, folder))
            else:
                values[name] = str(_existing(name, local, bases))
        elif parameter.type == "uri" and not _SCHEME.match(value):
            values[name] = str((caller / value).absolute())
    return Checked(values, checked.extras)


def _local(value: str) -> Path | None:
    """The path that a value names on this machine, or ``None`` for a URI of elsewhere."""
    if value.lower().startswith("file:"):
        return Path(unquote(urlsplit(value).path))
    return None if _SCHEME.match(value) else Path(value).expanduser()


def _existing(name: str, path: Path, bases: list[Path]) -> Path:
    for base in bases:
        place = (base / path).absolute()
        if place.exists():
            return place
    raise InvalidInput(
        f"The parameter {name!r} names {str(path)!r}, and there is no such file or folder in"
        f" {bases[0]}."
    )

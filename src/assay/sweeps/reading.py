"""Reading a sweep: from ``sweep.yaml`` or from the arguments of ``assay.sweep``.

Everything that is wrong is told at once, each with its place, because a person who starts a sweep
before leaving wants to hear of all of it. Format: docs/formats/sweep.md.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from assay.entities.limits import MAX_TAG_VALUE_LENGTH
from assay.entities.names import check_experiment_name, check_key, check_run_name
from assay.errors import InvalidInput, InvalidPolicy
from assay.policies.parts import Part, inside, known_are, shown
from assay.policies.yaml_text import read_yaml
from assay.projects.launch import ENV_MANAGERS
from assay.sweeps.dimensions import check_parameter_name, longest_point, read_dimension
from assay.sweeps.optuna_options import PRUNERS, SAMPLERS
from assay.sweeps.space import (
    Fixed,
    Range,
    Space,
    grid_size,
)
from assay.sweeps.spec import (
    GOALS,
    MAX_PARALLEL,
    MAX_TRIALS,
    METHODS,
    WORKERS,
    Named,
    Objective,
    Stop,
    SweepSpec,
    best_key,
)

ENTRIES: Final = (
    "project",
    "version",
    "entry_point",
    "function",
    "parameters",
    "method",
    "sampler",
    "pruner",
    "metric",
    "trials",
    "parallel",
    "workers",
    "seed",
    "timeout",
    "trial_timeout",
    "stop",
    "backend",
    "backend_config",
    "env_manager",
    "experiment",
    "name",
    "retries",
)
_ONLY_PROJECTS: Final = (
    "version",
    "entry_point",
    "backend",
    "backend_config",
    "env_manager",
    "trial_timeout",
)
_MAX_RETRIES: Final = 100
_MAX_SEED: Final = 2**31 - 1
_MAX_PARAMETERS: Final = 1_000
_REMOTE: Final = ("://", "git@")

T = TypeVar("T")
U = TypeVar("U")


def read_sweep(path: Path, changes: Mapping[str, Any] | None = None) -> SweepSpec:
    """The sweep in a file; ``project`` and ``function`` are found from the file's folder.

    Args:
        path: of the file.
        changes: entries that replace those of the file.

    Raises:
        InvalidInput: the file can't be read, or is no sweep; all mistakes are named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidInput(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} can't be read: {error}") from error
    try:
        value = read_yaml(text)
    except InvalidPolicy as error:
        place = f" at {error.where}" if error.where else ""
        raise InvalidInput(f"{path}{place}: {error.why}.") from None
    if isinstance(value, Mapping) and changes:
        value = {**value, **changes}
    return make_spec(value, what=str(path), folder=path.resolve().parent)


def make_spec(value: object, *, what: str = "The sweep", folder: Path | None = None) -> SweepSpec:
    """The sweep that these entries say.

    Args:
        value: a mapping as of ``sweep.yaml``.
        what: what messages call it.
        folder: where a relative ``project`` is found; also the default of ``project``. ``None``:
            a function, which the caller has in hand.

    Raises:
        InvalidInput: all mistakes, each with its place.
    """
    return _Reader(what, folder).spec(value)


class _Reader:
    """Reads entries one by one, and keeps what is wrong."""

    def __init__(self, what: str, folder: Path | None) -> None:
        self._what = what
        self._folder = folder
        self._mistakes: list[str] = []

    def spec(self, value: object) -> SweepSpec:
        if not isinstance(value, Mapping) or not value:
            raise InvalidInput(f"{self._what} has no entries; see docs/formats/sweep.md.")
        parts = {str(key): Part(inside("", str(key)), one) for key, one in value.items()}
        for key in parts:
            if key not in ENTRIES:
                self._mistakes.append(f"there is no entry {shown(key)}; {known_are(key, ENTRIES)}")
        space = self._space(parts.get("parameters"))
        metric = self._try(lambda: _objective(parts.get("metric")), Objective(""))
        method = self._entry(parts, "method", lambda part: part.word(METHODS), "random")
        sampler = self._entry(parts, "sampler", lambda p: _named(p, SAMPLERS), Named("tpe"))
        spec: dict[str, Any] = {
            **self._target(parts),
            "parameters": space,
            "metric": metric,
            "method": method,
            "sampler": sampler,
            "pruner": self._entry(parts, "pruner", lambda p: _named(p, PRUNERS), None),
            "trials": self._trials(parts, method, space),
            "parallel": self._entry(parts, "parallel", _whole(1, MAX_PARALLEL), 1),
            "workers": self._entry(parts, "workers", lambda part: part.word(WORKERS), "processes"),
            "seed": self._entry(parts, "seed", _whole(0, _MAX_SEED), None),
            "timeout_s": self._entry(parts, "timeout", _seconds, 0.0),
            "stop": self._entry(parts, "stop", _stop, Stop()),
            "experiment": self._entry(
                parts, "experiment", lambda part: part.name(check_experiment_name), None
            ),
            "name": self._entry(parts, "name", _name, ""),
            "retries": self._entry(parts, "retries", _whole(0, _MAX_RETRIES), 0),
        }
        if spec["seed"] is None:
            # Kept with the sweep, so that it can be resumed and repeated all the same.
            spec["seed"] = random.SystemRandom().randrange(_MAX_SEED)
        if "sampler" in parts and method != "optuna":
            self._mistakes.append(f"sampler: it goes with 'method: optuna', not with {method}")
        self._raise()
        return SweepSpec(**spec)

    def _raise(self) -> None:
        if not self._mistakes:
            return
        if len(self._mistakes) == 1:
            raise InvalidInput(f"{self._what}: {self._mistakes[0]}.")
        told = "; ".join(self._mistakes)
        raise InvalidInput(f"{self._what} has {len(self._mistakes)} mistakes: {told}.")

    def _try(self, read: Callable[[], T], instead: U) -> T | U:
        try:
            return read()
        except InvalidPolicy as error:
            place = f"{error.where}: " if error.where else ""
            self._mistakes.append(f"{place}{error.why}")
            return instead

    def _entry(
        self, parts: Mapping[str, Part], name: str, read: Callable[[Part], T], instead: U
    ) -> T | U:
        part = parts.get(name)
        return instead if part is None else self._try(lambda: read(part), instead)

    def _target(self, parts: Mapping[str, Part]) -> dict[str, Any]:
        if self._folder is None or "function" in parts:
            self._refuse(
                parts, ("project", *_ONLY_PROJECTS), "it goes with a project, not with a function"
            )
            return {
                "function": self._entry(parts, "function", _function, None),
                "path": str(self._folder or ""),
            }
        self._refuse(parts, ("workers",), "it goes with a function, not with a project")
        folder = self._folder
        return {
            "project": self._entry(parts, "project", lambda p: _project(p, folder), str(folder)),
            "version": self._entry(parts, "version", Part.text, None),
            "entry_point": self._entry(parts, "entry_point", Part.text, "main"),
            "trial_timeout_s": self._entry(parts, "trial_timeout", _seconds, 0.0),
            "backend": self._entry(parts, "backend", Part.text, "local"),
            "backend_config": self._entry(parts, "backend_config", _mapping, {}),
            "env_manager": self._entry(
                parts, "env_manager", lambda part: part.word(ENV_MANAGERS), None
            ),
        }

    def _refuse(self, parts: Mapping[str, Part], names: tuple[str, ...], why: str) -> None:
        self._mistakes.extend(f"{name}: {why}" for name in names if name in parts)

    def _space(self, part: Part | None) -> Space:
        if part is None:
            self._mistakes.append("parameters: it is missing; it says what to try")
            return {}
        named: dict[str, Part] = self._try(part.named, {})
        if len(named) > _MAX_PARAMETERS:
            self._mistakes.append(f"parameters: at most {_MAX_PARAMETERS} are allowed")
            return {}
        space: Space = {}
        for name, one in named.items():
            space[name] = self._try(partial(read_dimension, one), Fixed(None))
            self._try(partial(check_parameter_name, one, name), None)
        if not self._mistakes and space and longest_point(space) > MAX_TAG_VALUE_LENGTH:
            self._mistakes.append(
                f"parameters: together they may have {MAX_TAG_VALUE_LENGTH} characters as JSON"
            )
        return space

    def _trials(self, parts: Mapping[str, Part], method: str, space: Space) -> int:
        given = self._entry(parts, "trials", _whole(1, MAX_TRIALS), None)
        if method != "grid":
            if "trials" not in parts:
                self._mistakes.append(f"trials: the method {method} needs to know how many")
            return given or 1
        size = grid_size(space)
        for name, dimension in space.items():
            if isinstance(dimension, Range) and math.isinf(dimension.count()):
                self._mistakes.append(
                    f"parameters.{name}: a grid needs a list, or a range with 'step' or 'int'"
                )
            elif isinstance(dimension, Range) and dimension.log:
                self._mistakes.append(f"parameters.{name}: 'log' has no meaning in a grid")
        if MAX_TRIALS < size < math.inf and given is None:
            self._mistakes.append(f"parameters: the grid has {size:,.0f} points; say 'trials'")
        limit = MAX_TRIALS if math.isinf(size) else int(size)
        return min(given or limit, limit, MAX_TRIALS)


def _whole(low: int, high: int) -> Callable[[Part], int]:
    def read(part: Part) -> int:
        value = part.whole()
        if not low <= value <= high:
            part.fail(f"it must be from {low:,} to {high:,}, not {value:,}")
        return value

    return read


def _seconds(part: Part) -> float:
    """A number of seconds, or text such as ``90s`` and ``2h``."""
    if isinstance(part.value, str):
        return part.duration_ms() / 1_000
    seconds = part.number()
    if seconds <= 0:
        part.fail("it must be more than 0 seconds")
    return seconds


def _metric_name(part: Part) -> str:
    name = part.name(lambda text: check_key("metric", text))
    # The parent run logs the best value so far under a longer name.
    part.name(lambda text: check_key("metric", best_key(text)))
    return name


def _objective(part: Part | None) -> Objective:
    if part is None:
        raise InvalidPolicy("metric", "it is missing; it says what to optimise")
    if isinstance(part.value, str):
        return Objective(_metric_name(part))
    entries = part.entries(("name", "goal"))
    if "name" not in entries:
        part.fail("it has no 'name'")
    name = _metric_name(entries["name"])
    goal = entries["goal"].word(GOALS) if "goal" in entries else "minimize"
    return Objective(name, cast("Any", goal))


def _named(part: Part, known: Mapping[str, Mapping[str, tuple[type, ...]]]) -> Named:
    """A sampler or pruner: its name, or a mapping with name and options."""
    if not isinstance(part.value, Mapping):
        return Named(_known(part, known))
    entries = part.named()
    if "name" not in entries:
        part.fail("it has no 'name'")
    name = _known(entries.pop("name"), known)
    options: dict[str, Any] = {}
    for key, one in entries.items():
        if key not in known[name]:
            allowed = known_are(key, tuple(known[name])) if known[name] else "it has none"
            part.fail(f"{name} has no option {shown(key)}; {allowed}")
        if type(one.value) not in known[name][key]:
            wanted = " or ".join(kind.__name__ for kind in known[name][key])
            one.fail(f"it must be {wanted}")
        options[key] = one.value
    return Named(name, options)


def _known(part: Part, known: Mapping[str, Any]) -> str:
    name = part.text()
    if name not in known:
        part.fail(f"there is no {shown(name)}; {known_are(name, tuple(known))}")
    return name


def _stop(part: Part) -> Stop:
    entries = part.entries(("target", "patience"))
    return Stop(
        target=entries["target"].number() if "target" in entries else None,
        patience=_whole(1, MAX_TRIALS)(entries["patience"]) if "patience" in entries else None,
    )


def _function(part: Part) -> str:
    text = part.text()
    module, colon, name = text.partition(":")
    words = [*module.split("."), *name.split(".")]
    if not colon or not all(word.isidentifier() for word in words):
        part.fail("it must be module:name, as in train:objective")
    return text


def _project(part: Part, folder: Path) -> str:
    text = part.text()
    if any(sign in text for sign in _REMOTE) or text.startswith("runs:/"):
        return text
    path, hash_, subfolder = text.partition("#")
    return f"{(folder / path).resolve()}{hash_}{subfolder}"


def _name(part: Part) -> str:
    name = part.name(check_run_name)
    if '"' in name:
        part.fail("it must have no double quotes")
    return name


def _mapping(part: Part) -> dict[str, Any]:
    if not isinstance(part.value, Mapping):
        part.fail("it must be entries ('name: value')")
    return dict(part.value)

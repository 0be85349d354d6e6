"""What a model needs to run: Python and packages, as files beside it.

``requirements.txt``, ``constraints.txt``, ``python_env.yaml`` and ``conda.yaml`` are laid out as
MLflow 3.17 does, so each tool can make the environment of the other's models. Making one is left to
``assay.models.environments.uv_env``.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from assay.errors import ArtifactNotFound, InvalidInput, InvalidModel
from assay.models.environments import lockfiles
from assay.models.environments.packages import Distributions
from assay.models.environments.requirement_lines import merged, read_lines, without_comment
from assay.models.folder import inside

REQUIREMENTS: Final = "requirements.txt"
CONSTRAINTS: Final = "constraints.txt"
PYTHON_ENV: Final = "python_env.yaml"
CONDA: Final = "conda.yaml"
CONDA_NAME: Final = "mlflow-env"
"""MLflow's, whose clients compare it."""
_BUILD: Final = ("pip", "setuptools", "wheel")
_MAX_FILE_BYTES: Final = 4 << 20
_PYTHON = re.compile(r"\d+(?:\.\d+){0,2}(?:(?:a|b|rc)\d+)?\Z")
_CONDA_DEP = re.compile(
    r"(?:(?P<channel>[\w.-]+)::)?(?P<name>[\w.-]+)\s*(?P<op>==|=|<=|>=|<|>|!=|~=)?\s*(?P<version>\S*)\Z"
)


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Python and packages of a model."""

    python: str
    """Version of Python, ``3.11.7``; a part of it (``3.11``) stands for any that begins so."""
    requirements: tuple[str, ...] = ()
    """Lines as pip takes them, vetted by ``assay.models.environments.requirement_lines``."""
    constraints: tuple[str, ...] = ()
    """Requirements that bind only what is installed anyway."""
    build: tuple[str, ...] = ()
    """What MLflow installs before the requirements: pip, setuptools, wheel."""
    channels: tuple[str, ...] = ("conda-forge",)
    conda: tuple[str, ...] | None = None
    """Dependencies that conda installs, Python's among them; ``None``: Python and pip only."""
    conda_name: str = CONDA_NAME

    @classmethod
    def from_pip(
        cls,
        requirements: Sequence[str] | str | Path,
        *,
        extra: Sequence[str] | str | Path | None = None,
        python: str | None = None,
    ) -> Environment:
        """An environment of pip requirements for this Python, or the one named.

        Args:
            requirements: lines, or the path of a requirements file; ``-r`` and ``-c`` are followed.
            extra: more of them; where both ask for a package, these count.
            python: version of Python.

        Raises:
            InvalidInput: a line isn't accepted.
            ArtifactNotFound: a file that is named isn't there.
        """
        lines = read_lines(requirements)
        more = read_lines(() if extra is None else extra)
        return cls(
            python=_checked_python(python or platform.python_version(), where="python"),
            requirements=merged(lines.requirements, more.requirements),
            constraints=merged(lines.constraints, more.constraints),
            build=_build_pins(),
        )

    @classmethod
    def from_conda_env(cls, source: Mapping[str, Any] | str | Path) -> Environment:
        """An environment of a conda specification: its content, or the path of its file.

        Raises:
            InvalidInput: it isn't one, or a line isn't accepted.
            ArtifactNotFound: there is no such file.
        """
        if isinstance(source, Mapping):
            return _of_conda(source, root=None, where="conda_env")
        path = Path(source)
        return _of_conda(_read_yaml(path), root=None, where=str(path))

    @classmethod
    def from_python_env(cls, folder: str | Path, name: str = PYTHON_ENV) -> Environment:
        """An environment of a ``python_env.yaml``, wherever it lies in a project's folder.

        Args:
            folder: the project's; files that are named must lie inside, and relative names start
                here.
            name: of the file, relative to the folder.

        Raises:
            InvalidModel: it can't be read, or names a file outside of the folder.
            InvalidInput: a line isn't accepted.
            ArtifactNotFound: there is no such file.
        """
        return _of_python_env(Path(folder), Path(folder) / name)

    @classmethod
    def read(cls, folder: str | Path) -> Environment:
        """The environment that a model's folder describes, of Assay or MLflow.

        Python is named by ``python_env.yaml`` or else ``conda.yaml``; without both it is the one
        that ``MLmodel`` says the model was saved with.

        Raises:
            InvalidModel: a file can't be read, or names one outside of the folder.
            InvalidInput: a line in one isn't accepted.
            ArtifactNotFound: the folder has none of these files.
        """
        return _read_model(Path(folder))

    def write(self, folder: str | Path, *, lock: bool = True) -> list[str]:
        """Write the files into a model's folder; returns their names.

        Args:
            folder: must exist.
            lock: take along the lock file of the project around the current folder, if it has one.
        """
        place = Path(folder)
        lines = [*self.requirements, *([f"-c {CONSTRAINTS}"] if self.constraints else [])]
        texts = {
            REQUIREMENTS: "\n".join(lines),
            PYTHON_ENV: _yaml(self._python_env(), sort_keys=False),
            CONDA: _yaml(self.conda_env(), sort_keys=True),
        }
        if self.constraints:
            texts[CONSTRAINTS] = "\n".join(self.constraints)
        for name, text in texts.items():
            (place / name).write_text(text, encoding="utf-8")
        found = lockfiles.project_lock() if lock else None
        return [*texts, *([] if found is None else lockfiles.take_along(found, place))]

    def conda_env(self) -> dict[str, Any]:
        """The content of ``conda.yaml``."""
        lines = [without_comment(line) for line in self.requirements]
        pip: list[str] = [*lines, *([f"-c {CONSTRAINTS}"] if self.constraints else [])]
        dependencies: list[Any] = list(self.conda or self._conda_base())
        if pip:
            dependencies.append({"pip": pip})
        return {
            "name": self.conda_name,
            "channels": list(self.channels),
            "dependencies": dependencies,
        }

    def _conda_base(self) -> list[str]:
        version = next((dep[5:] for dep in self.build if dep.startswith("pip==")), None)
        # At most, as MLflow has it: conda channels get a new pip later than indexes do.
        return [f"python={self.python}", "pip" if version is None else f"pip<={version}"]

    def _python_env(self) -> dict[str, Any]:
        entries = {
            "python": self.python,
            "build_dependencies": list(self.build),
            "dependencies": [f"-r {REQUIREMENTS}"],
        }
        return {name: value for name, value in entries.items() if value}


def _build_pins() -> tuple[str, ...]:
    index = Distributions()
    found = ((name, index.get(name)) for name in _BUILD)
    return tuple(name if one is None else f"{name}=={one.version}" for name, one in found)


def _read_model(folder: Path) -> Environment:
    names = _named_files(folder)
    conda = _read_yaml(names[CONDA]) if CONDA in names else None
    if PYTHON_ENV in names:
        environment = _of_python_env(folder, names[PYTHON_ENV])
    elif conda is not None:
        return _of_conda(conda, root=folder, where=str(names[CONDA]))
    elif (folder / REQUIREMENTS).exists():
        lines = read_lines(["-r " + REQUIREMENTS], root=folder, where=str(folder))
        environment = Environment(
            python=_saved_python(folder) or platform.python_version(),
            requirements=lines.requirements,
            constraints=lines.constraints,
        )
    else:
        raise ArtifactNotFound(str(folder / PYTHON_ENV))
    if conda is None:
        return environment
    described = _of_conda(conda, root=folder, where=str(names[CONDA]))
    return msgspec.structs.replace(
        environment,
        channels=described.channels,
        conda=described.conda,
        conda_name=described.conda_name,
    )


def _named_files(folder: Path) -> dict[str, Path]:
    """Places of ``python_env.yaml`` and ``conda.yaml``, which ``MLmodel`` may name otherwise."""
    named: Any = None
    if (folder / "MLmodel").exists():
        named = _python_function(folder).get("env")
    if isinstance(named, str):
        # Before MLflow 1.29 there was conda.yaml alone.
        named = {"conda": named}
    named = named if isinstance(named, Mapping) else {}
    found: dict[str, Path] = {}
    for kind, name in (("virtualenv", PYTHON_ENV), ("conda", CONDA)):
        if kind in named:
            found[name] = inside(folder, named[kind])
        elif (folder / name).exists():
            found[name] = inside(folder, name)
    return found


def _python_function(folder: Path) -> Mapping[str, Any]:
    # With what it imports 20 ms, which the environment of a project doesn't need.
    from assay.models.mlmodel import Model

    return Model.load(folder).python_function or {}


def _saved_python(folder: Path) -> str | None:
    if not (folder / "MLmodel").exists():
        return None
    version = _python_function(folder).get("python_version")
    return None if version is None else _checked_python(version, where=str(folder))


def _of_python_env(folder: Path, file: Path) -> Environment:
    entries = _read_yaml(file)
    lines = read_lines(_texts(entries, "dependencies", file), root=folder, where=str(file))
    build = read_lines(_texts(entries, "build_dependencies", file), root=folder, where=str(file))
    return Environment(
        python=_checked_python(entries.get("python") or platform.python_version(), where=str(file)),
        requirements=lines.requirements,
        constraints=lines.constraints,
        build=build.requirements,
    )


def _of_conda(entries: Mapping[str, Any], *, root: Path | None, where: str) -> Environment:
    conda: list[str] = []
    pip: list[str] = []
    python = None
    build: list[str] = []
    for dep in entries.get("dependencies") or []:
        if isinstance(dep, Mapping) and set(dep) == {"pip"}:
            pip += _texts(dep, "pip", where)
            continue
        match = _CONDA_DEP.match(dep) if isinstance(dep, str) else None
        if match is None:
            raise InvalidInput(f"{where} has a dependency that isn't understood: {dep!r}.")
        conda.append(dep)
        if match["name"] == "python":
            if match["op"] in ("=", "==", "<=", ">=", "~="):
                python = _checked_python(match["version"].rstrip(".*"), where=where)
        elif match["name"] in _BUILD and re.fullmatch(r"[\w.]*", match["version"]):
            operator = "==" if match["op"] == "=" else match["op"] or ""
            build.append(f"{match['name']}{operator}{match['version']}")
    lines = read_lines(pip, root=root, where=where)
    return Environment(
        python=python or platform.python_version(),
        requirements=lines.requirements,
        constraints=lines.constraints,
        build=tuple(build),
        channels=tuple(_texts(entries, "channels", where)),
        conda=tuple(conda),
        conda_name=str(entries.get("name") or CONDA_NAME),
    )


def _texts(entries: Mapping[str, Any], key: str, where: object) -> list[str]:
    value = entries.get(key) or []
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise InvalidInput(f"{where}: {key!r} must be a list of texts.")
    return list(value)


def _checked_python(version: object, *, where: str) -> str:
    # Pre-releases and builds of distributors: 3.13.0rc1, 3.11.2+.
    text = str(version).rstrip("+")
    if not _PYTHON.match(text):
        raise InvalidInput(f"{where} names the version {version!r} of Python, which is none.")
    return text


def _read_yaml(file: Path) -> dict[str, Any]:
    import yaml

    try:
        with file.open("rb") as stream:
            text = stream.read(_MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise ArtifactNotFound(str(file)) from None
    if len(text) > _MAX_FILE_BYTES:
        raise InvalidModel(str(file), f"it is over {_MAX_FILE_BYTES >> 20} MB")
    # All scalars stay texts: ``python: 3.10`` is no number.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        entries = yaml.load(text, Loader=loader)  # noqa: S506 - makes texts, lists and dicts only
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InvalidModel(
            str(file), f"it is no YAML ({' '.join(str(error).split())[:200]})"
        ) from None
    if not isinstance(entries, dict):
        raise InvalidModel(str(file), "it holds no entries by name")
    return entries


def _yaml(entries: dict[str, Any], *, sort_keys: bool) -> str:
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(
        yaml.dump(
            entries,
            Dumper=dumper,
            sort_keys=sort_keys,
            default_flow_style=False,
            allow_unicode=True,
        )
    )

"""The Python of a model's own environment, ready to predict in.

It sees the environment, this package, and what reading models and files takes; nothing else of the
caller's packages.
"""

from __future__ import annotations

import hashlib
import platform
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from assay.errors import ArtifactNotFound, InvalidInput
from assay.models import digests, trust
from assay.models.batches.pool import Interpreter
from assay.models.environments.conda_env import build_conda
from assay.models.environments.environment import Environment
from assay.models.environments.packages import Distributions, pins
from assay.models.environments.requirement_lines import merged, read_lines
from assay.models.environments.requires_dist import parse
from assay.models.environments.uv_env import Progress, build, cached, install, python_of
from assay.models.loading import hazards_of

_PINNED: Final = re.compile(r"===?\s*([^\s;,]+)")
Manager = Literal["uv", "conda"]
NEEDS: Final = ("msgspec", "pyyaml", "pyarrow")
"""What reading models and exchanging tables takes; the environment's own come first."""


def make_environment(
    model_path: str | Path,
    *,
    manager: Manager = "uv",
    override: Sequence[str] | str | None = None,
    trusted: bool | None = None,
    origin: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """The interpreter of a model's environment, which is made if it wasn't before.

    Args:
        model_path: the model's folder.
        manager: what makes it.
        override: requirements that count where the model asks for the same packages.
        trusted: ``True`` lets the packages that the model names be installed; ``None``: if this
            user made it.
        origin: the address it was fetched from.
        progress: told each step, as it begins.

    Raises:
        ArtifactNotFound: there is no model, or it has no environment.
        UntrustedModel: somebody else made it.
        EnvironmentFailed: Python or a package can't be installed.
        MissingExtra: uv isn't there.
    """
    folder = Path(model_path).resolve()
    # What requirements name is run by installing it.
    hazards = [*hazards_of(folder), "its environment has the packages that it names"]
    trust.check(folder, hazards, trust=trusted, digests=digests.check(folder), origin=origin)
    environment = Environment.read(folder)
    if override is not None:
        lines = read_lines(override).requirements
        environment = msgspec.structs.replace(
            environment, requirements=merged(environment.requirements, lines)
        )
    if manager == "conda":
        return python_of(build_conda(environment, progress=progress))
    if manager != "uv":
        raise InvalidInput(f"The environment is made by uv or conda, not {manager!r}.")
    return python_of(build(environment, folder, progress=progress))


def is_here(model_path: str | Path) -> bool:
    """Whether this Python has exactly what a model asks for: its own minor version, and each
    package that is pinned, in that version.
    """
    try:
        environment = Environment.read(model_path)
    except ArtifactNotFound:
        return False
    if environment.python.split(".")[:2] != platform.python_version().split(".")[:2]:
        return False
    index = Distributions()
    return all(_has(index, line) for line in environment.requirements)


def _has(index: Distributions, line: str) -> bool:
    named = parse(line)
    if named is None:
        return False
    found = index.get(named.name)
    pinned = _PINNED.search(line)
    return found is not None and (pinned is None or pinned[1] == found.version)


@contextmanager
def interpreter_of(
    python: Path, *, needs: Sequence[str] = NEEDS, progress: Progress | None = None
) -> Iterator[Interpreter]:
    """An environment's interpreter, with what it needs to work for this process.

    Args:
        python: of the environment.
        needs: distributions of this process's Python that go with it.
        progress: told each step, as it begins.

    Raises:
        EnvironmentFailed: they can't be installed.
    """
    wanted = pins(needs)
    key = hashlib.sha256("\n".join([*wanted, str(python.resolve())]).encode()).hexdigest()
    place = cached(
        "loader",
        key,
        lambda work: install(python, work, wanted, progress=progress),
        progress=progress,
    )
    with tempfile.TemporaryDirectory(prefix="assay-predict-") as alone:
        # Only this package of what the caller's Python has.
        (Path(alone) / "assay").symlink_to(Path(__file__).resolve().parents[2])
        yield Interpreter(str(python), (str(place), alone))

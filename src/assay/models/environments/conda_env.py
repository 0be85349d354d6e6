"""Environments made by conda, for models whose ``conda.yaml`` has more than pip can install.

Used only when it is asked for: uv is faster and needs no base installation.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from assay.errors import EnvironmentFailed
from assay.models.environments.environment import CONDA, Environment
from assay.models.environments.uv_env import Progress, locked
from assay.models.user_cache import cache_folder

_TOOLS: Final = {
    "micromamba": ("create", "--yes", "--file"),
    "mamba": ("env", "create", "--yes", "--file"),
    "conda": ("env", "create", "--yes", "--file"),
}
_WHOLE: Final = ".assay-whole"
"""Marks a finished environment: conda writes its final path into files, so it can't be renamed."""


def build_conda(environment: Environment, *, progress: Progress | None = None) -> Path:
    """Make a conda environment, or find the one that was made before; returns its folder.

    Raises:
        EnvironmentFailed: there is no micromamba, mamba or conda, or it fails.
    """
    tool = next((name for name in _TOOLS if shutil.which(name)), None)
    if tool is None:
        raise EnvironmentFailed(
            "The conda environment",
            "none of micromamba, mamba and conda is on PATH. Install one of them, or let uv make"
            " the environment.",
        )
    facts = [tool, platform.machine(), environment.conda_env(), environment.constraints]
    key = hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()
    folder = cache_folder("conda-envs") / key
    with locked(cache_folder("conda-envs", ".locks") / key, progress):
        if not (folder / _WHOLE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            _create(tool, environment, folder, progress)
            (folder / _WHOLE).touch()
    return folder


def _create(tool: str, environment: Environment, folder: Path, progress: Progress | None) -> None:
    with tempfile.TemporaryDirectory(prefix="assay-conda-") as work:
        environment.write(work, lock=False)
        arguments = [tool, *_TOOLS[tool], str(Path(work) / CONDA), "--prefix", str(folder)]
        if progress is not None:
            progress(f"Making an environment with {tool}")
        done = subprocess.run(  # noqa: S603 - an argument list, no shell
            arguments,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        said = (done.stderr or done.stdout).strip().splitlines()[-25:]
        raise EnvironmentFailed("The conda environment", f"{tool} says:\n" + "\n".join(said))

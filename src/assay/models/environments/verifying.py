"""Proof that a model's files tell all that it needs: its environment is made from them alone, and
the model loaded and tried there.

The process that tries it sees the new environment, this package, and the packages that reading
models takes; neither the caller's packages, nor variables, nor home folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from assay.errors import EnvironmentFailed
from assay.models import digests, trust
from assay.models.environments.child_process import run_child
from assay.models.environments.environment import Environment
from assay.models.environments.packages import Distributions, pin, pins
from assay.models.environments.report import EnvReport, Replay
from assay.models.environments.requirement_lines import merged, name_of
from assay.models.environments.requires_dist import needed
from assay.models.environments.uv_env import Progress, build, cached, install, python_of
from assay.models.loading import hazards_of

OLDEST_PYTHON: Final = (3, 11)
"""What this package itself runs on."""
_PROGRAM: Final = (
    "import sys, json; r = json.load(sys.stdin); sys.path += r['sys_path'];"
    " from assay.models.environments.replay import main; main(r)"
)
_NEEDS: Final = ("msgspec", "pyyaml")
"""What reading models takes beside this package; the environment's own come first."""
_KEPT_VARIABLES: Final = frozenset(
    {
        *("PATH", "LANG", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "JAVA_HOME"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR"),
    }
)
"""What belongs to the machine rather than to the caller."""


def verify_environment(
    model_path: str | Path,
    *,
    python: str | None = None,
    trust: bool | None = None,
    origin: str | None = None,
    progress: Progress | None = None,
    timeout_s: float = 600,
) -> EnvReport:
    """Make a model's environment from its files, load it there, and replay its golden predictions.

    Args:
        model_path: the model's folder; it is only read.
        python: version to try instead of the model's own.
        trust: ``True`` lets the model's code and packages run; ``None``: if this user made it.
        origin: the address it was fetched from.
        progress: told each step, as it begins.
        timeout_s: seconds that loading and predicting may take.

    What goes wrong with the model is in the report, not raised.

    Raises:
        ArtifactNotFound: there is no ``MLmodel``, or it has no environment.
        InvalidModel: its files can't be read.
        Corrupted: they aren't what was saved.
        UntrustedModel: somebody else made it.
        MissingExtra: uv isn't there.
    """
    folder = Path(model_path).resolve()
    _ask(folder, allowed=trust, origin=origin)
    environment = Environment.read(folder)
    if python is not None:
        environment = msgspec.structs.replace(environment, python=python)
    environment = _with_this_package(environment)
    asked = environment.python
    if tuple(int(part) for part in asked.split(".")[:2] if part.isdigit()) < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        why = f"Assay itself needs Python {oldest} or newer to try a model; pass python={oldest!r}"
        return EnvReport(ok=False, python=asked, error=f"It asks for Python {asked}. {why}.")
    begun = time.perf_counter()
    try:
        made = build(environment, folder, progress=progress)
        needs = _needs(made, progress)
    except EnvironmentFailed as error:
        taken = time.perf_counter() - begun
        return EnvReport(ok=False, python=asked, seconds_build=taken, error=error.message)
    built = time.perf_counter()
    if progress is not None:
        progress("Loading the model there and replaying its predictions")
    replay = _replay(folder, made, needs, timeout_s)
    return EnvReport(
        ok=replay.error is None and not replay.differences,
        python=replay.python or asked,
        checked=replay.checked,
        seconds_build=built - begun,
        seconds_replay=time.perf_counter() - built,
        installed=_installed(made),
        differences=replay.differences,
        error=replay.error,
        traceback=replay.traceback,
    )


def _ask(folder: Path, *, allowed: bool | None, origin: str | None) -> None:
    listed = digests.check(folder)
    # Even a model of plain data installs, and by that runs, what its requirements name.
    hazards = [*hazards_of(folder), "its environment has the packages that it names"]
    trust.check(folder, hazards, trust=allowed, digests=listed, origin=origin)


def _with_this_package(environment: Environment) -> Environment:
    """Where the model asks for Assay and this one came from no index, what Assay needs: the
    process that tries the model has Assay itself.
    """
    own = Distributions().get("assay")
    lines = [line for line in environment.requirements if name_of(line) != "assay"]
    if own is None or own.origin() is None or len(lines) == len(environment.requirements):
        return environment
    needs = pins(one.name for one in own.requires() if needed(one))
    return msgspec.structs.replace(environment, requirements=merged(needs, lines))


def _needs(made: Path, progress: Progress | None) -> Path:
    """The folder of packages that reading models takes, for the Python of this environment."""
    wanted = pins(_NEEDS)
    python = python_of(made)
    facts = [*wanted, str(python.resolve())]
    key = hashlib.sha256("\n".join(facts).encode()).hexdigest()
    return cached(
        "loader",
        key,
        lambda work: install(python, work, wanted, progress=progress),
        progress=progress,
    )


def _replay(folder: Path, made: Path, needs: Path, timeout_s: float) -> Replay:
    with tempfile.TemporaryDirectory(prefix="assay-verify-") as work:
        empty, alone = Path(work) / "empty", Path(work) / "package"
        empty.mkdir()
        alone.mkdir()
        # Only this package of what the caller's Python has.
        (alone / "assay").symlink_to(Path(__file__).resolve().parents[2])
        report = Path(work) / "report.json"
        try:
            told = run_child(
                [str(python_of(made)), "-I", "-c", _PROGRAM],
                {
                    "model": str(_brought(folder, Path(work) / "model")),
                    "report": str(report),
                    "sys_path": [str(needs), str(alone)],
                },
                output=Path(work) / "output.txt",
                timeout_s=timeout_s,
                cwd=empty,
                env=_variables(empty),
            )
        except OSError as error:
            return Replay(python="", error=f"Loading and predicting failed: {error}.")
        try:
            return msgspec.json.decode(report.read_bytes(), type=Replay)
        except (OSError, msgspec.DecodeError):
            return Replay(python="", error=f"The process that tries the model died: {told}")


def _brought(folder: Path, place: Path) -> Path:
    """The model's folder, or links of its files where it has code: Python writes compiled files
    beside code.
    """
    if next(folder.rglob("*.py"), None) is None:
        return folder
    shutil.copytree(folder, place, symlinks=True, copy_function=_link_or_copy)
    return place


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _variables(home: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT_VARIABLES or name.startswith("LC_")
    }
    # What the model needs must be in its files, not in a hub.
    return {**kept, "HOME": str(home), "TMPDIR": str(home), "HF_HUB_OFFLINE": "1"}


def _installed(made: Path) -> list[str]:
    sites: Sequence[Path] = sorted(made.glob("lib/python*/site-packages"))
    return [pin(one) for one in Distributions([str(site) for site in sites]).all()]

"""Builders: Docker, Podman or Buildah, whichever is there and answers.

They are run with argument lists and are given a context folder; what they print is handed on line
by line, and of a step that fails the end of it is told.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from assay.containers.naming import image_reference, network_name
from assay.containers.times import TIME_VARIABLE, build_time_s
from assay.errors import EnvironmentFailed, InvalidInput
from assay.models.environments.uv_env import Progress
from assay.models.environments.uv_settings import uv_variables

SETTINGS: Final = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_STRATEGY")
"""Build arguments for where packages come from; a Dockerfile that asks for one gets it."""
BUILDERS: Final = ("docker", "podman", "buildah")
"""In the order in which they are tried."""
_PROBES: Final = {
    "docker": ["version", "--format", "{{.Server.Version}}"],
    "podman": ["version", "--format", "{{.Client.Version}}"],
    "buildah": ["version"],
}
"""What a builder that works answers with 0: Docker is two programs, of which one may be missing."""
_PROBE_S: Final = 20
_STEP: Final = re.compile(
    r"(?:(?:\[\d+/\d+\] )?STEP \d+/\d+: |Step \d+/\d+ : |#\d+ \[[^\]]*\] )(?P<what>.*)"
)
_NOISE: Final = re.compile(
    r"-->|\[\d+/\d+\]|Error: building at STEP|#\d+ (?:DONE|CACHED|ERROR|sha256)|\[Warning\]"
)
_REPEATED: Final = re.compile(r"-{5,}\Z")
_CLOCK: Final = re.compile(r"#\d+ (?:\d+\.\d+ )?")
"""Before each line that BuildKit hands on: of which step, and when."""
_KEPT_LINES: Final = 200
_SHOWN_LINES: Final = 6
_SHOWN_CHARACTERS: Final = 600


class Builder(msgspec.Struct, frozen=True):
    """A program that builds images."""

    name: str
    program: str
    """Its path."""

    @property
    def runs_containers(self) -> bool:
        """Whether it can also run what it built."""
        return self.name != "buildah"


def find_builder(wanted: str | None = None, *, to_run: bool = False) -> Builder:
    """The builder of this name, or the first that is there.

    Args:
        wanted: ``docker``, ``podman`` or ``buildah``.
        to_run: leave out those that only build.

    Raises:
        InvalidInput: there is no builder of such a name.
        EnvironmentFailed: it isn't there, or doesn't answer; of several, why none of them does.
    """
    known = [name for name in BUILDERS if not (to_run and name == "buildah")]
    if wanted is not None and wanted not in known:
        raise InvalidInput(f"The builder must be one of {', '.join(known)}, not {wanted!r}.")
    reasons = []
    for name in known if wanted is None else [wanted]:
        program = shutil.which(name)
        why = "it isn't installed" if program is None else _why_not(program, _PROBES[name])
        if program is not None and why is None:
            return Builder(name, program)
        reasons.append(f"{name}: {why}")
    what = "A container" if to_run else "An image"
    raise EnvironmentFailed(what, f"no builder answers here ({'; '.join(reasons)}).")


def _why_not(program: str, probe: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - an argument list
            [program, *probe],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_PROBE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    lines = done.stderr.split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it doesn't answer")


def build_image(
    context: str | Path,
    name: str,
    *,
    builder: Builder | None = None,
    network: str | None = None,
    labels: Sequence[tuple[str, str]] = (),
    progress: Progress | None = None,
) -> Builder:
    """Build an image from a context; returns the builder, which has it.

    Args:
        context: the folder.
        name: the image's name, with a tag if wanted.
        builder: the program; ``None``: the first that is there.
        network: of the build, as the builder calls it, such as ``host``.
        labels: labels beside those of the context.
        progress: told what the builder prints.

    Raises:
        InvalidName: a name can't be one of an image, or of a network.
        EnvironmentFailed: no builder is there, or a step fails; the message tells which, and why.
    """
    image_reference(name)
    if network is not None:
        network_name(network)
    chosen = builder or find_builder()
    arguments = [chosen.program, "build", "--tag", name]
    if chosen.name != "docker":
        # The OCI format has no health checks.
        arguments += ["--format", "docker"]
    if network is not None:
        arguments += ["--network", network]
    # Only names: values, which may hold a password, are read from the environment.
    index = _index_settings(Path(context))
    for setting in index:
        arguments += ["--build-arg", setting]
    if chosen.name != "docker" and os.environ.get(TIME_VARIABLE):
        arguments += ["--timestamp", str(build_time_s())]
    for key, value in labels:
        arguments += ["--label", f"{key}={value}"]
    _run([*arguments, str(Path(context).absolute())], name, index, progress)
    return chosen


def _index_settings(context: Path) -> dict[str, str]:
    """Where the user has packages from, as far as the Dockerfile asks for it."""
    text = (context / "Dockerfile").read_text(encoding="utf-8")
    known = uv_variables()
    if "UV_DEFAULT_INDEX" in known:
        known.setdefault("PIP_INDEX_URL", known["UV_DEFAULT_INDEX"])
    return {one: known[one] for one in SETTINGS if known.get(one) and f"\nARG {one}\n" in text}


def _run(
    arguments: Sequence[str], name: str, variables: Mapping[str, str], progress: Progress | None
) -> None:
    said: list[str] = []
    process = subprocess.Popen(  # noqa: S603 - an argument list
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **variables, "BUILDKIT_PROGRESS": "plain"},
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            told = line.rstrip()
            said = [*said[1 - _KEPT_LINES :], told]
            if progress is not None and told:
                progress(told)
        code = process.wait()
    except BaseException:
        process.kill()
        raise
    finally:
        process.stdout.close()
        process.wait()
    if code != 0:
        raise EnvironmentFailed(f"The image {name!r}", _reason(said))


def _reason(said: Sequence[str]) -> str:
    """The step that failed and the end of what it printed."""
    at = max((i for i, line in enumerate(said) if _STEP.match(line)), default=None)
    step = None if at is None else _STEP.match(said[at])
    after = said if at is None else said[at + 1 :]
    # BuildKit repeats below a line what it said already.
    until = next((i for i, line in enumerate(after) if _REPEATED.match(line)), len(after))
    lines = [_CLOCK.sub("", line).strip() for line in after[:until] if not _NOISE.match(line)]
    lines = [line for line in lines if line]
    shown = " / ".join(lines[-_SHOWN_LINES:])[-_SHOWN_CHARACTERS:] or "the builder says nothing"
    if step is None:
        return shown
    what = step["what"]
    return f"the step {what[:120]!r} failed: {shown}"

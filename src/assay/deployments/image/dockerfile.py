"""The Dockerfile of a model's image, in two stages: one installs, the other holds what is run.

Every step is in exec form: no shell reads any of it, and the base image needs none. What comes from
outside is written as a JSON array or as a label of harmless characters, so it can't begin a line.
Matched: Dockerfile reference, syntax 1; all of it is also understood by Podman and Buildah.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from assay.containers.builder import SETTINGS
from assay.containers.naming import image_reference, label_text
from assay.errors import InvalidInput

FIRST_LINE: Final = "# Made by `assay models generate-dockerfile`; make it anew to change it."
"""By which a folder is known again as one that may be replaced."""
PORT: Final = 8080
"""What SageMaker asks, and MLflow's images listen on."""
USER: Final = "10001:10001"
"""Numbers: the base image needs no such user, and Kubernetes can see that it isn't root."""
MODEL_PLACE: Final = "/opt/ml/model"
"""Where SageMaker and MLflow's images have it."""
ENVIRONMENT_PLACE: Final = "/opt/assay"
_BUILD: Final = "/build"
UV: Final = "0.13.9"
"""Version of uv that installs, where packages come from an index."""
_PRAGMA: Final = "# hadolint global ignore=DL3059"
"""Steps in exec form can't be joined by a shell."""
_PING: Final = (
    "from http.client import HTTPConnection as C; import sys;"
    f" c = C('127.0.0.1', {PORT}, timeout=4); c.request('GET', '/ping');"
    " sys.exit(c.getresponse().status != 200)"
)
_CHECK: Final = (
    "import sys; v = '%d.%d' % sys.version_info[:2];"
    " sys.exit(None if (v + '.').startswith(sys.argv[1] + '.') else"
    " 'The model needs Python %s, and the base image has %s.' % (sys.argv[1], v))"
)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides over the text of a Dockerfile."""

    base_image: str
    python: str
    """Minor version."""
    wheel: str
    """Name of the file with Assay."""
    labels: Mapping[str, str]
    name: str | None = None
    """What the server calls the model; ``None``: as its folder is called."""
    runs_code: bool
    """Whether the model may run code that it brings: its maker was trusted before."""
    is_locked: bool
    has_archives: bool = False
    has_constraints: bool = False
    is_offline: bool = False
    """Whether all packages are in the context."""
    uv: str = UV
    """Version of uv that installs."""
    build_system: Sequence[str] = ()
    system: Sequence[str] = ()
    workers: int = 1

    @property
    def entry(self) -> list[str]:
        """What a container runs."""
        place = f"{self.name}={MODEL_PLACE}" if self.name else MODEL_PLACE
        return [
            *("assay", "models", "serve", "-m", place, "--host", "0.0.0.0"),  # noqa: S104
            *("--port", str(PORT), "--insecure", "--env-manager", "local"),
            *("--workers", str(self.workers)),
            *(["--trust"] if self.runs_code else []),
        ]


def dockerfile(recipe: Recipe) -> str:
    """The text.

    Raises:
        InvalidName: the base image's name can't be one.
        InvalidInput: a label's name can't be one.
    """
    base = image_reference(recipe.base_image, what="base image")
    lines = [FIRST_LINE, _PRAGMA, *_first_stage(recipe, base), "", *_second_stage(recipe, base)]
    return "\n".join(lines) + "\n"


def _first_stage(recipe: Recipe, base: str) -> list[str]:
    python = f"{ENVIRONMENT_PLACE}/bin/python"
    offline = ["--no-index", "--find-links", f"{_BUILD}/wheels"] if recipe.is_offline else []
    pip = ["--no-cache-dir", "--disable-pip-version-check", "--root-user-action=ignore"]
    # Compiled here, since the container can't write: loaded by their source's digest, so that the
    # same packages are the same bytes.
    install = ["python", "-m", "uv", "pip", "install", "--python", python, "--no-cache"]
    install += ["--link-mode=copy", "--compile-bytecode", *offline]
    whole = [*install, "--no-deps"]
    return [
        f"FROM {base} AS build",
        *([] if recipe.is_offline else [f"ARG {name}" for name in SETTINGS]),
        # Notes of the installer would hold the time of the build.
        "ENV PYC_INVALIDATION_MODE=UNCHECKED_HASH UV_NO_INSTALLER_METADATA=1",
        "ENV UV_PYTHON_DOWNLOADS=never",
        f"WORKDIR {_BUILD}",
        _run("python", "-c", _CHECK, recipe.python),
        *_apt(recipe.build_system),
        *(["COPY wheels wheels"] if recipe.is_offline else []),
        _run(
            *("python", "-m", "pip", "install", *pip, *offline),
            f"uv=={recipe.uv}",
        ),
        _run("python", "-m", "uv", "venv", "--no-project", ENVIRONMENT_PLACE),
        *(["COPY archives ."] if recipe.has_archives else []),
        f"COPY requirements.txt {'constraints.txt ' if recipe.has_constraints else ''}./",
        _run(
            *(whole if recipe.is_locked else install),
            *("-r", "requirements.txt"),
            *(["-c", "constraints.txt"] if recipe.has_constraints else []),
        ),
        f"COPY {recipe.wheel} .",
        _run(*whole, f"./{recipe.wheel}"),
    ]


def _second_stage(recipe: Recipe, base: str) -> list[str]:
    trust = ["--trust"] if recipe.runs_code else []
    trial = ["python", "-m", "assay.deployments.image.trial", MODEL_PLACE, *trust]
    ping = json.dumps(["python", "-I", "-S", "-c", _PING])
    return [
        f"FROM {base}",
        *_apt(recipe.system),
        f"COPY --from=build {ENVIRONMENT_PLACE} {ENVIRONMENT_PLACE}",
        f'ENV PATH="{ENVIRONMENT_PLACE}/bin:$PATH" HOME=/tmp USER=assay LOGNAME=assay'
        " PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1",
        f"COPY sbom.cdx.json {ENVIRONMENT_PLACE}/sbom.cdx.json",
        f"COPY model {MODEL_PLACE}",
        "LABEL " + " ".join(_label(name, recipe.labels[name]) for name in sorted(recipe.labels)),
        f"USER {USER}",
        "WORKDIR /tmp",
        # A model that doesn't answer here what it did when it was saved makes no image.
        _run(*trial),
        f"EXPOSE {PORT}",
        "STOPSIGNAL SIGTERM",
        "HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD " + ping,
        f"ENTRYPOINT {json.dumps(recipe.entry)}",
    ]


def _run(*words: str) -> str:
    return f"RUN {json.dumps(words)}"


def _apt(packages: Sequence[str]) -> list[str]:
    if not packages:
        return []
    return [
        # Versions in a distribution's index change: the base image's digest is what pins them.
        "# hadolint ignore=DL3008",
        "RUN apt-get update && apt-get install -y --no-install-recommends"
        f" {' '.join(packages)} && rm -rf /var/lib/apt/lists/*",
    ]


def _label(name: str, value: str) -> str:
    bare = name.replace(".", "").replace("-", "").replace("_", "")
    if not (bare.isascii() and bare.isalnum() and name[0].isalpha()):
        raise InvalidInput(f"A label is named by letters, digits, . - and _, not {name!r}.")
    return f'{name}="{label_text(value)}"'

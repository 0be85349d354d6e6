"""The backend ``local``: this machine; in this process, or in one of its own that outlives it.

Settings: ``background`` (true: a process of its own, which ``assay runs stop`` ends) and
``storage_dir`` (a folder for what is fetched).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from assay.client.client import Client
from assay.entities.runs import Run
from assay.projects.backends import background
from assay.projects.backends.base import SubmittedRun
from assay.projects.backends.settings import read_settings, storage
from assay.projects.backends.threads import ThreadRun
from assay.projects.execute import execute
from assay.projects.launch import Launch

_OF_CONTAINERS: Final = ("docker_args", "build_image", "docker_auth")
"""MLflow's ``run`` passes these to every backend."""


class LocalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--backend-config`` may say."""

    background: bool = False
    storage_dir: str = ""


class LocalBackend:
    """Runs launches on this machine."""

    name = "local"

    def submit(self, launch: Launch, config: Mapping[str, Any], *, echo: bool) -> SubmittedRun:
        """Begin; see ``Backend``."""
        own = {key: value for key, value in config.items() if key not in _OF_CONTAINERS}
        settings = read_settings(LocalSettings, own, backend=self.name)
        work = storage(settings.storage_dir)
        if settings.background:
            return background.begin(self.name, launch, config)
        return ThreadRun(launch, lambda stop: execute(launch, echo=echo, stop=stop, work=work))

    def attach(self, run: Run, client: Client) -> SubmittedRun:
        """The background run that was begun by another process; see ``background.attach``."""
        return background.attach(run, client)

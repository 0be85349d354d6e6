"""Where launches are carried out: one file a backend."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Final

from assay.errors import InvalidInput
from assay.projects.backends.base import Backend

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "assay.project_backend"
"""The group of entry points in which other packages offer backends."""
IN_BACKGROUND: Final = frozenset({"local", "docker", "podman", "kubernetes", "ray", "dask"})
"""Backends whose runs end with the process that follows them: with the setting ``background`` that
is a process of its own. The others go on by themselves."""
_PLACES: Final = {
    "local": ("assay.projects.backends.local", "LocalBackend"),
    "docker": ("assay.projects.backends.containers", "DockerBackend"),
    "podman": ("assay.projects.backends.containers", "PodmanBackend"),
    "kubernetes": ("assay.projects.backends.kubernetes", "KubernetesBackend"),
    "ray": ("assay.projects.backends.ray", "RayBackend"),
    "dask": ("assay.projects.backends.dask", "DaskBackend"),
    "slurm": ("assay.projects.backends.slurm", "SlurmBackend"),
    "queue": ("assay.projects.queue.submit", "QueueBackend"),
}


def names() -> list[str]:
    """Names of all backends: our own, then those of other packages."""
    return [*_PLACES, *sorted({one.name for one in _offered()} - set(_PLACES))]


def backend(name: str) -> Backend:
    """The backend with this name. Our own names can't be taken by other packages.

    Raises:
        InvalidInput: there is none, or it can't be loaded.
    """
    place = _PLACES.get(name)
    if place is not None:
        module, attribute = place
        made: Backend = getattr(importlib.import_module(module), attribute)()
        return made
    for offered in _offered():
        if offered.name == name:
            return _loaded(offered)
    near = difflib.get_close_matches(name, names(), n=1)
    meant = f" Is {near[0]!r} meant?" if near else ""
    raise InvalidInput(f"There is no backend {name[:80]!r}.{meant} There is {', '.join(names())}.")


def _offered() -> tuple[EntryPoint, ...]:
    # 20 ms that a run on a backend of our own doesn't spend.
    from importlib.metadata import entry_points

    return tuple(entry_points(group=GROUP))


def _loaded(offered: EntryPoint) -> Backend:
    whose = f" of {offered.dist.name}" if offered.dist is not None else ""
    told = f"The backend {offered.name!r}{whose} ({offered.value})"
    try:
        made = offered.load()()
    except Exception as error:
        raise InvalidInput(f"{told} can't be loaded: {type(error).__name__}: {error}.") from error
    if not (hasattr(made, "name") and callable(getattr(made, "submit", None))):
        raise InvalidInput(f"{told} gave {type(made).__name__}, which has no name and submit().")
    backend: Backend = made
    return backend

"""The backend ``ray``: launches on nodes of a Ray cluster.

A launch is an actor, which Ray gives the cores, memory and GPUs that the project asks for; it ends
with the process that waits for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from assay.client.client import Client
from assay.entities.runs import Run
from assay.errors import InvalidInput, MissingExtra, StoreUnavailable
from assay.projects.backends import background, clusters
from assay.projects.backends.base import SubmittedRun
from assay.projects.backends.settings import read_settings
from assay.projects.backends.threads import ThreadRun
from assay.projects.launch import Launch, Outcome, Resources

_STOP_S: Final = 5.0
"""How long a node may take to hear that a launch shall end; one that has none yet says nothing."""
_DEFAULT_CPU: Final = 1.0
_log = logging.getLogger(__name__)


class RaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--backend-config`` may say."""

    address: str = ""
    """Of the cluster, as ``auto`` or ``ray://host:10001``; empty: one is started here."""
    resources: dict[str, float] = {}
    """Further resources of the node, by name."""
    runtime_env: dict[str, Any] = {}
    """Ray's runtime environment of the node's process."""
    storage_dir: str = ""
    """Folder of the node for what is fetched."""
    background: bool = False


class RayBackend:
    """Runs launches on a Ray cluster."""

    name = "ray"

    def submit(self, launch: Launch, config: Mapping[str, Any], *, echo: bool) -> SubmittedRun:
        """Begin; see ``Backend``."""
        settings = read_settings(RaySettings, config, backend=self.name)
        here = not settings.address
        if settings.background:
            return background.begin(self.name, launch, config)
        ray = _connected(settings.address)
        options = _options(launch.resources, settings, ray, is_here=here)
        content = clusters.errand(launch, storage_dir=settings.storage_dir, is_here=here)

        def carry_out(stop: threading.Event) -> Outcome:
            def send() -> _Sent:
                return _Sent(ray, content, options)

            return clusters.follow(launch, send, stop, echo=echo)

        return ThreadRun(launch, carry_out)

    def attach(self, run: Run, client: Client) -> SubmittedRun:
        """The background run that was begun by another process; see ``background.attach``."""
        return background.attach(run, client)


class Carrier:
    """What runs on the node."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def carry_out(self, content: bytes) -> bytes:
        """Carry an errand out."""
        return clusters.carry_out(content, self._stop)

    def stop(self) -> None:
        """End it."""
        self._stop.set()


class _Sent:
    """A launch that was sent to the cluster."""

    def __init__(self, ray: Any, content: bytes, options: dict[str, Any]) -> None:
        self._ray = ray
        self._actor = ray.remote(Carrier).options(**options).remote()
        self._ended = self._actor.carry_out.remote(content)

    def done(self, timeout_s: float) -> bool:
        ready, _ = self._ray.wait([self._ended], timeout=timeout_s)
        return bool(ready)

    def outcome(self) -> Outcome:
        try:
            return msgspec.json.decode(self._ray.get(self._ended), type=Outcome)
        finally:
            self._ray.kill(self._actor)  # what it holds is free for others

    def stop(self) -> bool:
        try:
            self._ray.get(self._actor.stop.remote(), timeout=_STOP_S)
        except self._ray.exceptions.GetTimeoutError:
            self._ray.kill(self._actor)
            return False
        return True

    def drop(self) -> None:
        self._actor.stop.remote()


_lock = threading.Lock()


def _connected(address: str) -> Any:
    """Ray, with a cluster. What the program has connected already is used if it names none.

    Raises:
        MissingExtra: Ray isn't there.
        StoreUnavailable: no cluster answers at the address, or none can be started.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtra("ray", extra="ray", purpose="Running projects on Ray") from None
    quiet = {"log_to_driver": False, "configure_logging": False}
    with _lock:
        if ray.is_initialized():
            return ray
        try:
            if address:
                ray.init(address=address, **quiet)
            else:
                ray.init(address="local", include_dashboard=False, **quiet)
                _log.warning("No address of a Ray cluster was given: one was started here.")
        except Exception as error:  # Ray has no class of its own for these
            ray.shutdown()  # what has started of it
            what = f"No Ray cluster answers at {address!r}" if address else "Ray doesn't start here"
            raise StoreUnavailable(f"{what}: {error}") from error
    return ray


def _options(asked: Resources, settings: RaySettings, ray: Any, *, is_here: bool) -> dict[str, Any]:
    """Of the actor.

    Raises:
        InvalidInput: this machine doesn't have what the project asks for. Another cluster may grow.
    """
    cpu = asked.cpu or _DEFAULT_CPU
    if is_here:
        has = ray.cluster_resources()
        wanted = {"CPU": cpu, "GPU": asked.gpu, "memory": asked.memory_mb << 20}
        for name, count in {**wanted, **settings.resources}.items():
            if count > has.get(name, 0):
                raise InvalidInput(
                    f"The project asks for {count:g} of {name}, and Ray finds"
                    f" {has.get(name, 0):g} on this machine."
                )
    options: dict[str, Any] = {
        "num_cpus": cpu,
        "num_gpus": asked.gpu,
        "max_restarts": 0,
        "max_task_retries": 0,
        # One thread carries out, another hears that it shall stop.
        "max_concurrency": 2,
    }
    if asked.memory_mb:
        options["memory"] = asked.memory_mb << 20
    if settings.resources:
        options["resources"] = settings.resources
    if settings.runtime_env:
        options["runtime_env"] = settings.runtime_env
    return options

"""The backend ``dask``: launches on workers of a Dask cluster.

A launch is one task of one worker. Dask reserves no cores, memory or GPUs for it; what a project
asks for is held against what the workers have.
"""

from __future__ import annotations

import logging
import os
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

_CONNECT_S: Final = 20
_GPU: Final = "GPU"
"""The resource that Dask-CUDA's workers have."""
_log = logging.getLogger(__name__)


class DaskSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--backend-config`` may say."""

    address: str = ""
    """Of the scheduler, as ``tcp://host:8786``; empty: a cluster of this process is started."""
    resources: dict[str, float] = {}
    """Abstract resources that the worker must have; Dask keeps them for the run."""
    storage_dir: str = ""
    """Folder of the worker for what is fetched."""
    background: bool = False


class DaskBackend:
    """Runs launches on a Dask cluster."""

    name = "dask"

    def submit(self, launch: Launch, config: Mapping[str, Any], *, echo: bool) -> SubmittedRun:
        """Begin; see ``Backend``."""
        settings = read_settings(DaskSettings, config, backend=self.name)
        here = not settings.address
        if settings.background:
            return background.begin(self.name, launch, config)
        client = _client(settings.address)
        resources = _resources(launch.resources, settings, client)
        content = clusters.errand(launch, storage_dir=settings.storage_dir, is_here=here)

        def carry_out(stop: threading.Event) -> Outcome:
            def send() -> _Sent:
                return _Sent(client, launch.run_id, content, resources)

            return clusters.follow(launch, send, stop, echo=echo)

        return ThreadRun(launch, carry_out)

    def attach(self, run: Run, client: Client) -> SubmittedRun:
        """The background run that was begun by another process; see ``background.attach``."""
        return background.attach(run, client)


class _Sent:
    """A launch that was sent to the scheduler."""

    def __init__(
        self, client: Any, run_id: str, content: bytes, resources: dict[str, float]
    ) -> None:
        from distributed import Event

        name = f"assay-stop-{run_id}"
        self._event = Event(name, client=client)
        self._future = client.submit(
            _on_worker,
            content,
            name,
            key=f"assay-run-{run_id}",
            pure=False,
            retries=0,
            resources=resources or None,
        )
        self._ended = threading.Event()
        self._future.add_done_callback(lambda _future: self._ended.set())

    def done(self, timeout_s: float) -> bool:
        return self._ended.wait(timeout_s)

    def outcome(self) -> Outcome:
        return msgspec.json.decode(self._future.result(), type=Outcome)

    def stop(self) -> bool:
        self._event.set()
        return True

    def drop(self) -> None:
        self._event.set()
        self._future.cancel()


def _on_worker(content: bytes, name: str) -> bytes:
    from distributed import Event, get_client

    asked, stop = Event(name, client=get_client()), threading.Event()

    def listen() -> None:
        asked.wait()
        stop.set()

    threading.Thread(target=listen, name="assay-orders", daemon=True).start()
    try:
        return clusters.carry_out(content, stop)
    finally:
        asked.set()  # nothing waits for it any more


_lock = threading.Lock()
_local: Any = None


def _client(address: str) -> Any:
    """A client of the cluster.

    Raises:
        MissingExtra: Dask isn't there.
        StoreUnavailable: no scheduler answers at the address.
    """
    global _local
    try:
        from distributed import Client as Dask
        from distributed import LocalCluster
    except ImportError:
        raise MissingExtra(
            "distributed", extra="dask", purpose="Running projects on Dask"
        ) from None
    if address:
        try:
            return Dask(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise StoreUnavailable(f"No Dask scheduler answers at {address!r}: {error}.") from error
    with _lock:
        if _local is None:
            # In threads: each command is a process of its own anyway.
            cluster = LocalCluster(
                n_workers=1,
                threads_per_worker=os.cpu_count() or 1,
                processes=False,
                dashboard_address=None,
            )
            _local = Dask(cluster, set_as_default=False)
            _log.warning("No address of a Dask cluster was given: one was started in this process.")
    return _local


def _resources(asked: Resources, settings: DaskSettings, client: Any) -> dict[str, float]:
    """What the task is restricted to.

    Raises:
        InvalidInput: no worker has what the project asks for.
    """
    wanted = dict(settings.resources)
    if asked.gpu:
        wanted.setdefault(_GPU, asked.gpu)
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    for worker in workers:
        has = worker.get("resources", {})
        if (
            worker["nthreads"] >= asked.cpu
            and (worker["memory_limit"] or 1 << 60) >= asked.memory_mb << 20
            and all(has.get(name, 0) >= count for name, count in wanted.items())
        ):
            return wanted
    if not workers and settings.address:
        return wanted  # they may come
    told = [f"{asked.cpu:g} cores"] if asked.cpu else []
    told += [f"{asked.memory_mb} MB"] if asked.memory_mb else []
    told += [f"{count:g} {name}" for name, count in wanted.items()]
    raise InvalidInput(f"No worker of the Dask cluster has {', '.join(told)}.")

"""Running a server: one process, or several that share a socket and a store.

``serve`` blocks until the server was told to stop. Several processes are forked from one that has
everything imported, so their memory is shared, and a process that dies is replaced. They keep no
state of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn

from assay.artifacts.uri import open_artifact_store
from assay.errors import InvalidInput, PermissionDenied, StoreUnavailable
from assay.http.hosts import is_loopback
from assay.http.protocol import Protocol
from assay.server.app import Application
from assay.server.auth.gate import TokenGate
from assay.server.background import start_background
from assay.server.context import Services
from assay.server.locations import PROXIED, Locations
from assay.server.middleware.gate import Gate, OpenGate
from assay.server.mlflow_api import ENUM_NUMBERS
from assay.server.monitoring import Monitor
from assay.server.routing import Table
from assay.server.settings import ServerSettings, artifacts_path
from assay.server.table import route_table
from assay.store.sql.store import SqlStore, open_sql_store
from assay.store.sql.users import SqlUsers
from assay.webhooks.addresses import AllowList

_logger = logging.getLogger(__name__)

ARTIFACT_ROOT = f"{PROXIED}:/"
"""Where runs of this server keep their artifacts: clients come back here for them."""
_KEEP_ALIVE_S = 75
"""Longer than the idle time of usual clients and proxies, so that the client closes first and no
request races a closing connection."""
_BACKLOG = 2_048
_COLLECT_AFTER = 20_000
"""Allocations between two garbage collections: requests make many short-lived objects and no
cycles."""
_DEATHS = 20
"""Processes that may die and be replaced; then the server gives up, because something is wrong
with it."""
_LOOK_S = 0.2
"""While processes start, how often the parent looks whether one of them has died."""
_STOPPERS = (signal.SIGTERM, signal.SIGINT)

Started = Callable[[str], None]


def serve(settings: ServerSettings, *, started: Started | None = None) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered first.

    Args:
        settings: what to serve, and where.
        started: called once with the server's URL when it answers; by default one line is written
            to stderr.

    Raises:
        InvalidInput: an address beyond this machine without authentication and without
            ``insecure``, or sign-in where there is nobody who could.
        StoreUnavailable: the address is taken, or the store can't be opened.
        PermissionDenied: the folder of the artifacts can't be made.
    """
    check_exposure(settings)
    _configure_logging(settings)
    listener = _listen(settings)
    monitor = Monitor(processes=settings.workers)
    table = route_table(monitor)
    url = _url(settings, listener)
    announce = started or _announce
    if settings.auth == "tokens":
        _require_users(settings)
    if settings.workers <= 1:
        _serve_here(
            settings, table=table, monitor=monitor, listener=listener, started=lambda: announce(url)
        )
        return
    # Opened once before there are several processes: the schema is brought up to date, and what
    # can't be served is said once.
    open_services(settings).close()
    _Family(
        settings.workers,
        run=lambda place: _serve_child(
            settings, table=table, monitor=monitor, listener=listener, place=place
        ),
        stop_timeout_s=settings.stop_timeout_s,
    ).run(lambda: announce(url))


def check_exposure(settings: ServerSettings) -> None:
    """Refuse to be reachable from other machines unless that was asked for.

    Raises:
        InvalidInput: the address isn't loopback, nobody has to sign in and ``insecure`` isn't set.
    """
    if settings.auth == "none" and not is_loopback(settings.host) and not settings.insecure:
        raise InvalidInput(
            f"Nobody has to sign in, so everybody who reaches {settings.host} could read and change"
            " everything. Listen on 127.0.0.1, let people sign in with --auth tokens, or pass"
            " --insecure if the network around is trusted."
        )


def _require_users(settings: ServerSettings) -> None:
    services = open_services(settings)
    try:
        if not _users(services).anybody():
            raise InvalidInput(
                "Nobody could sign in yet. Make a user and a token on this database first:"
                " `assay users add NAME --role admin`, then `assay users token NAME`."
            )
    finally:
        services.close()


def _users(services: Services) -> SqlUsers:
    assert isinstance(services.store, SqlStore)
    return services.store.users


def choose_gate(services: Services) -> Gate:
    """The gate that the settings ask for."""
    return OpenGate() if services.settings.auth == "none" else TokenGate(_users(services))


def open_services(settings: ServerSettings) -> Services:
    """The store and artifacts that ``settings`` name."""
    folder = artifacts_path(settings.artifacts_uri)
    if folder is not None:
        try:
            Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise PermissionDenied(
                f"The artifact folder {folder} can't be made: {error.strerror}."
            ) from error
    # A mistake in it shows when the server starts.
    AllowList(settings.webhook_allow)
    return Services(
        settings=settings,
        store=open_sql_store(
            settings.store_uri,
            artifact_root=ARTIFACT_ROOT,
            durability=settings.durability,
            webhook_allow=settings.webhook_allow,
            model_roots=settings.model_roots,
        ),
        artifacts=open_artifact_store(settings.artifacts_uri, durability=settings.durability),
        locations=Locations(settings.artifacts_uri),
    )


def _serve_here(
    settings: ServerSettings,
    *,
    table: Table,
    monitor: Monitor,
    listener: socket.socket,
    started: Callable[[], None],
    on_loop: Callable[[uvicorn.Server], None] | None = None,
) -> None:
    services = open_services(settings)
    app = Application(
        services, table, numbers=ENUM_NUMBERS, monitor=monitor, gate=choose_gate(services)
    )
    server = _Server(_config(settings, app), app=app, started=started, on_loop=on_loop)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    # uvicorn raises the signals that stopped it once more when it is done; then they mean nothing
    # any more.
    for number in _STOPPERS:
        signal.signal(number, _ignore)
    start_background(services)
    server.run(sockets=[listener])


def _config(settings: ServerSettings, app: Application) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.stop_timeout_s,
        backlog=_BACKLOG,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, telling when it answers."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        app: Application,
        started: Callable[[], None],
        on_loop: Callable[[uvicorn.Server], None] | None,
    ) -> None:
        super().__init__(config)
        self._app, self._tell, self._on_loop = app, started, on_loop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then tell."""
        await super().startup(sockets=sockets)
        if self.should_exit:
            return
        if self._on_loop is not None:
            self._on_loop(self)
        self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is in flight, but don't wait for streams without an end."""
        self._app.stop_streams()
        await super().shutdown(sockets=sockets)


def _serve_child(
    settings: ServerSettings, *, table: Table, monitor: Monitor, listener: socket.socket, place: int
) -> Callable[[int, int], None]:
    """What a forked process does; given the pipe that tells the parent it is ready, and the one
    that tells it the parent is gone.
    """

    def run(ready_fd: int, alive_fd: int) -> None:
        monitor.use_slice(place)

        def ready() -> None:
            os.write(ready_fd, b"1")
            os.close(ready_fd)

        def watch(server: uvicorn.Server) -> None:
            def orphaned() -> None:
                asyncio.get_running_loop().remove_reader(alive_fd)
                server.should_exit = True

            asyncio.get_running_loop().add_reader(alive_fd, orphaned)

        _serve_here(
            settings, table=table, monitor=monitor, listener=listener, started=ready, on_loop=watch
        )

    return run


class _Family:
    """A parent that keeps a number of forked processes running."""

    def __init__(
        self,
        size: int,
        *,
        run: Callable[[int], Callable[[int, int], None]],
        stop_timeout_s: int,
    ) -> None:
        self._size, self._run, self._stop_timeout_s = size, run, stop_timeout_s
        self._places: dict[int, int] = {}
        self._stopping = False
        self._deaths = 0
        self._ready_read, self._ready_write = os.pipe()
        self._alive_read, self._alive_write = os.pipe()

    def run(self, started: Callable[[], None]) -> None:
        """Start the processes and stay until all have ended."""
        for number in _STOPPERS:
            signal.signal(number, self._stop)
        signal.signal(signal.SIGALRM, self._kill)
        for place in range(self._size):
            self._spawn(place)
        waiting = self._size
        while waiting and self._places:
            if select.select([self._ready_read], [], [], _LOOK_S)[0]:
                waiting -= len(os.read(self._ready_read, waiting))
            self._reap(os.WNOHANG)
        if self._places and not self._stopping:
            started()
        while self._places:
            self._reap(0)
        if self._deaths > _DEATHS:
            raise StoreUnavailable("The server's processes keep dying; its log tells why.")

    def _reap(self, options: int) -> None:
        pid, status = os.waitpid(-1, options)
        place = self._places.pop(pid, None)
        if place is None or self._stopping:
            return
        self._deaths += 1
        _logger.error("process %d ended with status %d", pid, status)
        if self._deaths > _DEATHS:
            self._stop(signal.SIGTERM, None)
        else:
            self._spawn(place)

    def _spawn(self, place: int) -> None:
        # A signal between the fork and the child's own handlers would run the parent's in the
        # child.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPERS)
        pid = os.fork()
        if pid:
            self._places[pid] = place
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPERS)
            return
        status = 1
        try:
            for number in (*_STOPPERS, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPERS)
            os.close(self._alive_write)
            os.close(self._ready_read)
            self._run(place)(self._ready_write, self._alive_read)
            status = 0
        except BaseException:
            _logger.exception("a server process failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        self._tell_all(signal.SIGTERM)
        signal.alarm(self._stop_timeout_s + 1)

    def _kill(self, _number: int, _frame: FrameType | None) -> None:
        self._tell_all(signal.SIGKILL)

    def _tell_all(self, number: int) -> None:
        for pid in self._places:
            # A handler can run just after the end of a process was noticed, before it is
            # forgotten here.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _listen(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio, where there is no uvloop, sends small answers at once only on sockets that name TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise StoreUnavailable(
            f"Can't listen on {settings.host}:{settings.port}: {error.strerror}."
            " Choose another --port."
        ) from error
    listener.listen(_BACKLOG)
    listener.set_inheritable(True)
    return listener


def _url(settings: ServerSettings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"


def _announce(url: str) -> None:
    sys.stderr.write(f"Assay serves {url}\n")
    sys.stderr.flush()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    return


def _configure_logging(settings: ServerSettings) -> None:
    if not logging.getLogger().handlers:
        logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("assay").setLevel(settings.log_level.upper())
    logging.getLogger("uvicorn").setLevel(max(logging.WARNING, logging.getLogger("assay").level))

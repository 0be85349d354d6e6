"""The program that answers predictions: one process of a scoring server.

``assay.serving.process.crew`` starts it, in the models' Python, with the listening socket and a
pipe each way. It takes connections once it uses its first plan, and ends when its orders do.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import uvicorn

from assay.serving.app import Application
from assay.serving.connection import limited
from assay.serving.host import Host
from assay.serving.log.recorder import Recorder
from assay.serving.process.changes import Changes
from assay.serving.process.plan import (
    Answered,
    Counted,
    Hung,
    Known,
    Order,
    Prepare,
    Prepared,
    Report,
    Stop,
    Use,
    Using,
)
from assay.serving.protocols.grpc_face import GrpcFace
from assay.serving.settings import ServingSettings

_KEEP_ALIVE_S: Final = 75
_BACKLOG: Final = 2_048
_COLLECT_AFTER: Final = 20_000
"""Allocations between two garbage collections: requests make no cycles."""
_COUNT_S: Final = 1.0
_DRAIN_S: Final = 0.5
"""How long clients are told to reconnect before idle connections are closed."""
_RECORD_S: Final = 1.0
"""For what waits to be logged, at the end."""
_log = logging.getLogger(__name__)


def main(request: Mapping[str, Any]) -> None:
    """Serve until the orders on standard input end. ``request`` has the settings and the socket."""
    settings = msgspec.convert(request["settings"], ServingSettings)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("assay").setLevel(settings.log_level.upper())
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    listener = socket.socket(fileno=int(request["socket"]))
    # Whatever the models print goes to standard error.
    reports = os.dup(sys.stdout.fileno())
    records = request.get("records")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # The very reader that had the first line: it may hold more already.
    orders = sys.stdin.buffer
    sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - for good
    # Ctrl-C in the terminal is for the parent, which then says how to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop_factory = None
    if sys.platform != "win32":
        import uvloop

        loop_factory = uvloop.new_event_loop
    worker = _Worker(settings, listener, orders, reports, records)
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(worker.run())


class _Worker:
    def __init__(
        self,
        settings: ServingSettings,
        listener: socket.socket,
        orders: IO[bytes],
        reports: int,
        records: int | None,
    ) -> None:
        self._settings, self._listener = settings, listener
        self._orders, self._reports = orders, reports
        self._recorder = None
        if settings.prediction_log is not None and records is not None:
            self._recorder = Recorder(settings.prediction_log, records)
        self._host = Host(settings, self._recorder)
        if settings.allow_load:
            self._host.changes = Changes(self._report)
        self._app = Application(self._host)
        self._grpc = None
        if settings.grpc_port is not None:
            self._grpc = GrpcFace(self._host, settings.grpc_port)
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._counting: asyncio.Task[None] | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Carry out orders, one after the other, until they end."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ended.set)
        queue: asyncio.Queue[Order | None] = asyncio.Queue()
        threading.Thread(
            target=_read_orders, args=(self._orders, loop, queue), daemon=True, name="assay-orders"
        ).start()
        work = asyncio.create_task(self._obey(queue))
        await asyncio.wait(
            [work, asyncio.create_task(self._ended.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        if work.done() and (error := work.exception()) is not None:
            _log.critical("orders can't be carried out", exc_info=error)
        work.cancel()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await asyncio.gather(self._serving, self._stop_grpc())
        if self._recorder is not None:
            self._recorder.close(_RECORD_S)
        # A thread may be in a prediction that doesn't end.
        sys.stderr.flush()
        os._exit(0)

    async def _obey(self, queue: asyncio.Queue[Order | None]) -> None:
        while (order := await queue.get()) is not None:
            if isinstance(order, Prepare):
                failures = await self._host.prepare(order.plan)
                self._report(Prepared(order.plan.number, failures))
            elif isinstance(order, Use):
                self._host.use(order.number)
                await self._listen()
                self._report(Using(order.number))
            elif isinstance(order, Known):
                self._host.known = order
            elif isinstance(order, Answered):
                if self._host.changes is not None:
                    self._host.changes.answered(order)
            elif isinstance(order, Stop):
                self._app.is_draining = True
                await asyncio.sleep(_DRAIN_S)
                return

    async def _count(self) -> None:
        """Tell what was counted, for as long as there is something to count."""
        was_hung = False
        while True:
            await asyncio.sleep(_COUNT_S)
            if self._host.hangs() and not was_hung:
                was_hung = True
                self._report(Hung())
                self._take_no_more()
            self._report(Counted({key: one.counts for key, one in self._host.lanes.items()}))

    def _take_no_more(self) -> None:
        """Leave new connections to the others, or to whoever comes in this one's place."""
        self._app.is_draining = True
        for listening in [] if self._server is None else self._server.servers:
            listening.close()
        self._stopping = asyncio.create_task(self._stop_grpc())

    async def _stop_grpc(self) -> None:
        if self._grpc is not None:
            await self._grpc.stop(self._settings.stop_timeout_s)

    async def _listen(self) -> None:
        if self._server is not None:
            return
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER)
        if self._grpc is not None:
            await self._grpc.start()
        self._server = _Server(_config(self._app, self._settings))
        self._counting = asyncio.create_task(self._count())
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
            await asyncio.sleep(0.005)

    def _report(self, report: Report) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._reports, msgspec.json.encode(report) + b"\n")


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Signals are the worker's."""
        yield


def _config(app: Application, settings: ServingSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http=limited(settings.limits.timeout_s),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.stop_timeout_s,
        backlog=_BACKLOG,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )


def _read_orders(
    lines: IO[bytes], loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Order | None]
) -> None:
    decoder = msgspec.json.Decoder(Order)
    for line in lines:
        loop.call_soon_threadsafe(queue.put_nowait, decoder.decode(line))
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(queue.put_nowait, None)

"""The crew: the worker processes of a scoring server, as its supervisor sees them.

Each is a Python program of its own (``assay.serving.process.worker``), since models may need
another Python than the supervisor, and libraries with threads don't survive a fork. Its orders and
reports are lines of JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import msgspec

from assay.models.batches.pool import Interpreter
from assay.serving.process.plan import Known, Order, Report, Stop
from assay.serving.settings import ServingSettings

if TYPE_CHECKING:
    from assay.serving.log.writer import PredictionLog

_PROGRAM: Final = (
    "import sys, json; r = json.loads(sys.stdin.buffer.readline());"
    " sys.path[:] = r['path'] or sys.path + r['more_path'];"
    " from assay.serving.process.worker import main; main(r)"
)


class Said(msgspec.Struct, frozen=True):
    """Something that a worker reported."""

    worker: Worker
    report: Report


class Gone(msgspec.Struct, frozen=True):
    """A worker has ended."""

    worker: Worker
    status: int


class Worker:
    """One process. What it reports, and that it has gone, is put into a queue."""

    def __init__(
        self,
        settings: ServingSettings,
        listener: socket.socket,
        interpreter: Interpreter,
        heard: SimpleQueue[Any],
        log: PredictionLog | None = None,
    ) -> None:
        records = None if log is None else log.new_pipe()
        isolated = [] if interpreter.is_own else ["-I"]
        self.is_using: int | None = None
        """Number of the plan that it answers by."""
        self.is_leaving = False
        self.heard_at = time.monotonic()
        """When it last reported something."""
        self._orders: SimpleQueue[bytes | None] = SimpleQueue()
        """Lines that its standard input is still to get."""
        self._process = subprocess.Popen(  # noqa: S603 - our own program, an argument list
            [interpreter.python, *isolated, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[listener.fileno(), *([] if records is None else [records])],
            # Ctrl-C is for the supervisor, which then ends them.
            start_new_session=True,
        )
        if records is not None:
            os.close(records)
        begin = {
            "path": [*map(str, sys.path)] if interpreter.is_own else [],
            "more_path": list(interpreter.more_path),
            "socket": listener.fileno(),
            "records": records,
            "settings": msgspec.to_builtins(settings),
        }
        self._orders.put(json.dumps(begin).encode())
        threading.Thread(target=self._write_orders, daemon=True).start()
        threading.Thread(target=self._listen, args=(heard,), daemon=True).start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def tell(self, order: Order) -> None:
        """Give an order, without waiting for it to be read: a worker that reads nothing any more
        mustn't hold up the others. One that has gone hears nothing.
        """
        if isinstance(order, Known) and not self._orders.empty():
            # It hasn't read the last one; the next will say all that this one does.
            return
        self._orders.put(msgspec.json.encode(order))

    def stop(self) -> None:
        """Let it answer what is in flight, and end."""
        self.is_leaving = True
        self.tell(Stop())

    def terminate(self) -> None:
        """End it soon, however idle its clients are."""
        self.is_leaving = True
        self._process.terminate()

    def kill(self) -> None:
        """End it now, with all that its models have started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def _write_orders(self) -> None:
        assert self._process.stdin is not None
        pipe = self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            while (line := self._orders.get()) is not None:
                rest = memoryview(line + b"\n")
                while rest:
                    rest = rest[os.write(pipe.fileno(), rest) :]
        pipe.close()

    def _listen(self, heard: SimpleQueue[Any]) -> None:
        assert self._process.stdout is not None
        decoder = msgspec.json.Decoder(Report)
        for line in self._process.stdout:
            self.heard_at = time.monotonic()
            heard.put(Said(self, decoder.decode(line)))
        status = self._process.wait()
        self._process.stdout.close()
        self._orders.put(None)
        heard.put(Gone(self, status))

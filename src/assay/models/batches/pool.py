"""Processes that predict: each loads the model once, then answers one request after the other.

They are Python programs of their own (``assay.models.batches.worker``), spoken to through pipes, so
the caller's script is not imported again, and a model may run in another Python than this one. When
this process dies, their input ends, and so do they.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import IO, Any, Final

import msgspec

from assay import errors
from assay.errors import AssayError

HEADER: Final = struct.Struct(">cQ")
"""Before each message: its kind, and the bytes that follow."""
LOAD, TABLE, SCORE, FAILED = b"L", b"T", b"S", b"E"
_PROGRAM: Final = (
    "import sys, json; r = json.loads(sys.stdin.buffer.readline());"
    " sys.path[:] = r['path'] or sys.path + r['more_path'];"
    " from assay.models.batches.worker import main; main(r)"
)
_THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Interpreter(msgspec.Struct, frozen=True):
    """A Python that models run in."""

    python: str
    more_path: tuple[str, ...] = ()
    """Folders of packages that it needs beside its own; empty, and ``is_own``: as here."""
    is_own: bool = False
    """Whether it is this process's, with its packages."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker loads."""

    model: str
    """The model's folder."""
    trust: bool | None = None
    origin: str | None = None
    params: dict[str, Any] | None = None
    """Of each prediction."""


class Failure(msgspec.Struct, frozen=True):
    """What a worker says of an error."""

    kind: str
    """Name of the class."""
    message: str
    is_ours: bool
    """Whether it is one of ``assay.errors``."""

    def error(self) -> AssayError:
        """The error as an exception of this process."""
        kind = getattr(errors, self.kind, AssayError) if self.is_ours else AssayError
        if not (isinstance(kind, type) and issubclass(kind, AssayError)):
            kind = AssayError
        message = self.message if self.is_ours else f"{self.kind}: {self.message}"
        # Constructors take facts, which stayed in the other process.
        made = kind.__new__(kind, message)
        made.message = message
        return made


def own_interpreter() -> Interpreter:
    """This process's Python and packages."""
    return Interpreter(sys.executable, is_own=True)


class Pool:
    """Workers that answer requests. A context: on leaving it they are ended, whatever they do.

    ``submit`` never waits; at most as many requests as there are workers are answered at once.
    """

    def __init__(
        self,
        wanted: Wanted,
        *,
        workers: int = 1,
        interpreter: Interpreter | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._wanted = wanted
        self._count = workers
        self._interpreter = interpreter or own_interpreter()
        self._variables = _variables(workers, variables or {})
        self._workers: list[_Worker] = []
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Pool:
        try:
            for _ in range(self._count):
                self._workers.append(_Worker(self._interpreter, self._variables))
            for worker in self._workers:
                worker.send(LOAD, msgspec.json.encode(self._wanted))
            for worker in self._workers:
                worker.receive()
                self._idle.put(worker)
        except BaseException:
            self._end()
            raise
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="assay-predict")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def submit(self, kind: bytes, content: Any) -> Future[bytes]:
        """Ask the next idle worker; the future has its answer, or what it raised."""
        assert self._threads is not None
        return self._threads.submit(self._ask, kind, content)

    def _ask(self, kind: bytes, content: Any) -> bytes:
        worker = self._idle.get()
        try:
            worker.send(kind, content)
            return worker.receive()
        finally:
            self._idle.put(worker)

    def _end(self) -> None:
        # Threads that wait for a worker see its output end.
        for worker in self._workers:
            worker.kill()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()


class _Worker:
    def __init__(self, interpreter: Interpreter, variables: Mapping[str, str]) -> None:
        isolated = [] if interpreter.is_own else ["-I"]
        arguments: Sequence[str] = [interpreter.python, *isolated, "-c", _PROGRAM]
        self._process = subprocess.Popen(  # noqa: S603 - our own program, an argument list
            arguments,
            env=dict(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is for this process, which then ends them.
            start_new_session=True,
        )
        path = [*map(str, sys.path)] if interpreter.is_own else []
        begin = {"path": path, "more_path": list(interpreter.more_path)}
        self._write(json.dumps(begin).encode() + b"\n")

    def send(self, kind: bytes, content: Any) -> None:
        self._write(HEADER.pack(kind, len(content)), content)

    def _write(self, *parts: Any) -> None:
        assert self._process.stdin is not None
        try:
            for part in parts:
                self._process.stdin.write(part)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise self._death() from None

    def receive(self) -> bytes:
        assert self._process.stdout is not None
        try:
            head = read_exactly(self._process.stdout, HEADER.size)
            kind, size = HEADER.unpack(head)
            content = read_exactly(self._process.stdout, size)
        except (EOFError, ValueError):
            raise self._death() from None
        if kind == FAILED:
            raise msgspec.json.decode(content, type=Failure).error()
        return content

    def _death(self) -> AssayError:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return AssayError("The process that predicts stopped answering.")
        if code < 0:
            name = signal.Signals(-code).name
            memory = " (is there memory enough?)" if name == "SIGKILL" else ""
            return AssayError(f"The process that predicts was ended by {name}{memory}.")
        return AssayError(f"The process that predicts ended by itself, with exit code {code}.")

    def kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def close(self) -> None:
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                pass


def read_exactly(stream: IO[bytes], size: int) -> bytes:
    """The next ``size`` bytes.

    Raises:
        EOFError: there are fewer.
    """
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _variables(workers: int, more: Mapping[str, str]) -> dict[str, str]:
    """Threads of the libraries are shared out: each worker taking all cores slows all down."""
    share = str(max(1, (os.cpu_count() or 1) // workers))
    threads = dict.fromkeys(_THREAD_VARIABLES, share) if workers > 1 else {}
    return {**threads, **os.environ, **more}

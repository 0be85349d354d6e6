"""Logs: what a command prints, kept live with its run and shown here, if wanted."""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import sys
import threading
from collections.abc import Iterable
from typing import IO, Final, TextIO

from assay.client.recorder import Recorder
from assay.context.output import STDERR, STDOUT, OutputLog
from assay.context.source import MASK
from assay.entities.ids import RunId
from assay.errors import AssayError
from assay.fluent.live_output import LiveOutput, publish_output

_CHUNK: Final = 1 << 16
_HOLD_S: Final = 0.1
_JOIN_S: Final = 5.0
"""How long what was printed last is waited for, when something that left the command's group still
holds its streams."""
_SHORTEST_SECRET: Final = 6
"""Shorter values would mask ordinary words."""


class RunLog:
    """The log of one run: published while it grows, whole when it is closed.

    Thread-safe. Without room for it the command goes on, and nothing is kept.
    """

    def __init__(
        self, run_id: RunId, recorder: Recorder, *, echo: bool, secrets: Iterable[str] = ()
    ) -> None:
        self._run_id, self._recorder, self._echo = run_id, recorder, echo
        self._secrets = [value for value in secrets if len(value) >= _SHORTEST_SECRET]
        self._lock = threading.Lock()
        self._pumps: list[threading.Thread] = []
        self._log: OutputLog | None = None
        self._live: LiveOutput | None = None
        with contextlib.suppress(OSError):
            self._log = OutputLog()
            self._live = LiveOutput(run_id, recorder, self._log)

    def say(self, line: str) -> None:
        """One line of ours, told on stderr."""
        self._write(f"assay: {line}\n", STDERR)

    def pump(self, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        """Take over what a process prints, until both streams end."""
        for stream, number in ((stdout, STDOUT), (stderr, STDERR)):
            thread = threading.Thread(
                target=self._pump, args=(stream, number), name="assay-project-log", daemon=True
            )
            thread.start()
            self._pumps.append(thread)

    def drain(self) -> None:
        """Wait for the last words of a process that has ended."""
        for thread in self._pumps:
            thread.join(_JOIN_S)
        self._pumps.clear()

    def close(self) -> None:
        """Publish all of it. What can't be published is dropped: the run's end must be told."""
        if self._live is not None:
            self._live.stop()
        if self._log is None:
            return
        with contextlib.suppress(OSError, AssayError):
            if self._log.size_bytes:
                publish_output(self._run_id, self._recorder, self._log)
        self._log.close()

    def _pump(self, stream: IO[bytes], number: int) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with contextlib.suppress(OSError, ValueError), stream:
            begun = ""
            while True:
                # A line comes in pieces, and pieces of the other stream must not come between; but
                # a prompt or a progress bar isn't held back for long.
                if begun and not select.select([stream], [], [], _HOLD_S)[0]:
                    self._write(begun, number)
                    begun = ""
                chunk = os.read(stream.fileno(), _CHUNK)
                text = begun + decoder.decode(chunk, final=not chunk)
                whole = len(text) if not chunk or len(text) > _CHUNK else text.rfind("\n") + 1
                self._write(text[:whole], number)
                begun = text[whole:]
                if not chunk:
                    return

    def _write(self, text: str, number: int) -> None:
        if not text:
            return
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        with self._lock:
            if self._log is not None:
                self._log.write(text, number)
            if self._echo:
                _show(text, sys.stdout if number == STDOUT else sys.stderr)


def _show(text: str, stream: TextIO | None) -> None:
    # Whoever looked may have gone (a closed pipe, a terminal): the command goes on.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        assert stream is not None
        stream.write(text)
        stream.flush()

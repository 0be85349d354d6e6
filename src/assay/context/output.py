"""Output: what the program prints, kept beside the screen in a file.

The streams stay the objects they are: only their ``write`` is wrapped, so handlers of ``logging``
that took ``sys.stderr`` long ago are seen too, and a terminal stays a terminal. The screen comes
first; when the file can't be written, the program does not notice. Writing goes straight to the
file descriptor, so nothing printed here can come back here.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TextIO

from assay.context.output_marks import OutputMarks

MAX_OUTPUT_BYTES = 32 << 20
"""A program that prints more than this fills nobody's disk: the rest is counted, not kept."""

STDOUT, STDERR = 0, 1


class Printed(NamedTuple):
    """What was printed up to a moment."""

    text: bytes
    """As it looked: of a progress bar's overwritten states only the last."""
    marks: bytes
    """Where its lines came from and when: the file ``output.marks.tsv``."""


class OutputLog:
    """A copy of what was printed while it was open.

    Thread-safe. A forked child goes on writing to the same file, which has no name, so a killed
    process leaves none behind.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="assay-output-")  # noqa: SIM115 - closed by close
        self._fd = self._file.fileno()
        self._marks = OutputMarks()
        self._size = 0
        self._open = True

    def write(self, text: str, stream: int = STDOUT) -> None:
        """Append ``text`` of ``STDOUT`` or ``STDERR``; what can't be kept is dropped."""
        if not self._open:
            return
        data = text.encode("utf-8", "replace")
        self._size += len(data)
        if self._size <= MAX_OUTPUT_BYTES:
            try:
                self._marks.note(text, stream, self._fd)
                os.write(self._fd, data)
            except OSError:
                self._open = False

    @property
    def size_bytes(self) -> int:
        """How much was printed."""
        return self._size

    def printed(self) -> Printed:
        """What was printed so far. Raises ``OSError``: it can't be read back."""
        kept = os.pread(self._fd, MAX_OUTPUT_BYTES, 0)
        if b"\r" in kept:
            kept_lines = kept.split(b"\n")
            shown = b"\n".join(_last_state(line) for line in kept_lines)
        else:
            shown = kept
        if self._size > MAX_OUTPUT_BYTES:
            shown += b"\n[assay: the output went on; %d bytes were not kept]\n" % (
                self._size - len(kept)
            )
        return Printed(shown, self._marks.table(kept))

    def close(self) -> None:
        """Stop writing and let go of the file."""
        self._open = False
        self._file.close()
        self._marks.close()


def _last_state(line: bytes) -> bytes:
    if b"\r" not in line:
        return line
    return next((part for part in reversed(line.split(b"\r")) if part), b"")


class _Tap:
    """The one wrapper around a stream's ``write``, feeding all open logs."""

    def __init__(self, stream: TextIO, number: int) -> None:
        self.stream = stream
        self._number = number
        self._original: Callable[[str], int] = stream.write
        self._had_own_write = "write" in getattr(stream, "__dict__", {})
        stream.write = self._write  # type: ignore[method-assign]

    def _write(self, text: str) -> int:
        written = self._original(text)
        for log in _logs:
            log.write(text, self._number)
        return written

    def remove(self) -> bool:
        if self.stream.__dict__.get("write") != self._write:
            # Somebody wrapped it again after us: taking ours out would take theirs out too.
            return False
        if self._had_own_write:
            self.stream.write = self._original  # type: ignore[method-assign]
        else:
            del self.stream.__dict__["write"]
        return True


_lock = threading.RLock()
_logs: tuple[OutputLog, ...] = ()
_taps: list[_Tap] = []


def start_output_log() -> OutputLog | None:
    """Begin to keep what is printed, or ``None`` where there is no place or no stream for it."""
    global _logs
    with _lock:
        try:
            log = OutputLog()
        except OSError:
            return None
        followed = [_follow(sys.stdout, STDOUT), _follow(sys.stderr, STDERR)]
        if not any(followed):
            log.close()
            return None
        _logs = (*_logs, log)
        return log


def _follow(stream: Any, number: int) -> bool:
    # Any: programs put all kinds of objects into sys.stdout, and None under pythonw.
    if any(tap.stream is stream for tap in _taps):
        return True
    try:
        _taps.append(_Tap(stream, number))
    except (AttributeError, TypeError):
        return False
    return True


def stop_output_log(log: OutputLog) -> None:
    """Stop feeding ``log``; its content stays until it is closed. The last one leaves the streams
    as they were.
    """
    global _logs
    with _lock:
        _logs = tuple(other for other in _logs if other is not log)
        if not _logs:
            _taps[:] = [tap for tap in _taps if not tap.remove()]

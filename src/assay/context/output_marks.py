"""Marks of an output: which stream each line of ``assay/output.log`` came from, and when.

A mark is made where something new begins: another stream, or a line that begins some time after
the last mark. Between marks all is as at the mark before, so a program that prints ten thousand
lines in a burst makes one. Form of the published file: docs/formats/output.md.
"""

from __future__ import annotations

import os
import struct
import tempfile
import time
from typing import Final

MARKS_PATH: Final = "assay/output.marks.tsv"
HEADER: Final = b"# assay output marks 1\nline\ttime_ms\tstream\n"
"""The number is the version of the form. Who changes the form raises it, and keeps the page reading
the old one."""

MAX_MARKS: Final = 100_000
"""2.4 MB as text. A line every second of a day fits; what comes later has neither time nor
stream."""
_NEAR_NS: Final = 10_000_000
"""Lines that begin within 10 ms of a mark share its time."""
_MARK: Final = struct.Struct("<qq")
_STREAMS: Final = (b"out", b"err")


class OutputMarks:
    """The marks of one output, in a file without a name that forked children share.

    Writing takes no lock: two threads that print at the same instant can get each other's mark,
    which is a small price for a lock that a fork could leave closed.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="assay-marks-")  # noqa: SIM115 - closed by close
        self._fd = self._file.fileno()
        self._count = 0
        self._stream = -1
        self._line_began = True
        self._next_ns = 0

    def note(self, text: str, stream: int, output_fd: int) -> None:
        """``text`` of ``stream`` (0 is stdout, 1 stderr) is about to be written to ``output_fd``.

        Raises:
            OSError: the mark can't be kept.
        """
        began, self._line_began = self._line_began, text.endswith("\n")
        if not began:
            return  # a line belongs to the stream that began it
        now = time.time_ns()
        if stream == self._stream and now < self._next_ns and now >= self._next_ns - _NEAR_NS:
            return
        if self._count >= MAX_MARKS:
            return
        self._stream, self._next_ns = stream, now + _NEAR_NS
        self._count += 1
        # The place is asked for, not counted: children write to the same file.
        place = os.lseek(output_fd, 0, os.SEEK_CUR)
        os.write(self._fd, _MARK.pack(place << 1 | stream, now // 1_000_000))

    def table(self, kept: bytes) -> bytes:
        """The file for an output of which ``kept`` is what was written so far.

        Raises:
            OSError: the marks can't be read.
        """
        packed = os.pread(self._fd, MAX_MARKS * _MARK.size, 0)
        whole = len(packed) - len(packed) % _MARK.size
        rows = [HEADER]
        line, at = 1, 0
        for place_and_stream, time_ms in sorted(_MARK.iter_unpack(packed[:whole])):
            place = place_and_stream >> 1
            if place >= len(kept):
                break
            line += kept.count(b"\n", at, place)
            at = place
            rows.append(b"%d\t%d\t%s\n" % (line, time_ms, _STREAMS[place_and_stream & 1]))
        if whole == MAX_MARKS * _MARK.size:
            rows.append(b"%d\t\t\n" % (line + 1))
        return b"".join(rows)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

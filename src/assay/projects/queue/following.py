"""Following: what a run prints elsewhere, shown here while it is waited for."""

from __future__ import annotations

import sys
import unicodedata
from typing import Final, TextIO

from assay.client.client import Client
from assay.context.capture import OUTPUT_PATH
from assay.errors import AssayError

_HARMLESS: Final = "\t"


class Follower:
    """Shows the lines of a run's log that are new since the last look."""

    def __init__(self, client: Client, run_id: str, out: TextIO | None = None) -> None:
        self._client, self._run_id = client, run_id
        self._out = sys.stdout if out is None else out
        self._shown = 0

    def look(self, *, whole: bool) -> None:
        """Show what is new; the last line only if nothing more can come (``whole``).

        A log that isn't there yet, or can't be had now, is looked for again next time.
        """
        try:
            content = self._client.read_artifact(self._run_id, OUTPUT_PATH)
        except AssayError:
            return
        lines = content.decode("utf-8", "replace").split("\n")
        last = lines.pop()
        if whole and last:
            lines.append(last)
        for line in lines[self._shown :]:
            self._out.write(f"{_harmless(line) if self._out.isatty() else line}\n")
        self._out.flush()
        # Another attempt begins its log anew, which is then followed from where it differs in
        # length only: it is one program that says the same again.
        self._shown = max(self._shown, len(lines))


def _harmless(line: str) -> str:
    """Without characters that could drive a terminal."""
    return "".join(
        c if c in _HARMLESS or unicodedata.category(c) not in ("Cc", "Cf", "Cs") else "\ufffd"
        for c in line
    )

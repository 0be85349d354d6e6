"""Live output: what a program prints is published while its run goes, so that a page can follow it.

The file goes the road of all artifacts and is replaced whole. A thread of its own looks whether it
has grown; while the copy before still waits, because the store is away or slow, none is added.
"""

from __future__ import annotations

import logging
import threading

from assay.client.recorder import Recorder
from assay.context.capture import OUTPUT_PATH
from assay.context.output import MAX_OUTPUT_BYTES, OutputLog
from assay.context.output_marks import MARKS_PATH
from assay.entities.ids import RunId
from assay.entities.names import artifact_path
from assay.errors import AssayError

FIRST_S = 1.0
"""Before the first copy, and between looks that find nothing to publish. Runs that end before leave
their output at the end only."""
EVERY_S = 5.0
LARGE_EVERY_S = 30.0
LARGE_BYTES = 1 << 20
"""A larger file is published less often: each time it travels whole."""
_STOP_WAITS_S = 10.0

_log = logging.getLogger(__name__)


def publish_output(run_id: RunId, recorder: Recorder, log: OutputLog) -> None:
    """Record what was printed so far. Its marks go first: some for lines that are not there yet do
    no harm, lines without their marks would look like those before.

    Raises:
        OSError: it can't be read back, or not be recorded.
    """
    printed = log.printed()
    recorder.artifact(run_id, artifact_path(MARKS_PATH), printed.marks)
    recorder.artifact(run_id, artifact_path(OUTPUT_PATH), printed.text)


class LiveOutput:
    """Publishes the output of one run until it is stopped."""

    def __init__(self, run_id: RunId, recorder: Recorder, log: OutputLog) -> None:
        self._run_id, self._recorder, self._output = run_id, recorder, log
        self._stopping = threading.Event()
        self._published = 0
        self._thread = threading.Thread(target=self._work, name="assay-output", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is ending, or there are too many threads
            self._stopping.set()

    def _work(self) -> None:
        pause = FIRST_S
        while not self._stopping.wait(pause):
            size = min(self._output.size_bytes, MAX_OUTPUT_BYTES)
            if size == self._published or self._recorder.waiting_files:
                pause = FIRST_S  # looking costs nothing
                continue
            try:
                self._publish(size)
            except (OSError, ValueError, AssayError):
                _log.debug("The output of run %s was not shown.", self._run_id, exc_info=True)
            pause = LARGE_EVERY_S if size > LARGE_BYTES else EVERY_S

    def _publish(self, size: int) -> None:
        publish_output(self._run_id, self._recorder, self._output)
        self._published = size

    def stop(self) -> None:
        """Publish no more; what was begun is finished, so that it can't overtake the last one."""
        self._stopping.set()
        # In a forked child the thread is the parent's, and not there.
        if self._thread.is_alive():
            self._thread.join(_STOP_WAITS_S)

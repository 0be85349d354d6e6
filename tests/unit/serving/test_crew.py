"""Workers as their supervisor sees them: one that reads nothing holds up nobody."""

from __future__ import annotations

import queue
import socket
import threading
from pathlib import Path
from typing import Any

from assay.models.batches.pool import Interpreter
from assay.serving.process.crew import Gone, Worker
from assay.serving.process.plan import Known
from assay.serving.settings import ServingSettings

_LARGE = Known({}, 1, ["x" * 100_000])
"""More than a pipe holds."""


def test_orders_to_a_worker_that_reads_none_are_given_at_once(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o700)
    heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with socket.socket() as listener:
        worker = Worker(ServingSettings(), listener, Interpreter(str(program), is_own=False), heard)

        def tell() -> None:
            for _ in range(50):
                worker.tell(_LARGE)

        telling = threading.Thread(target=tell, daemon=True)
        telling.start()
        telling.join(10)
        is_held_up = telling.is_alive()
        worker.kill()
        gone = heard.get(timeout=10)
    assert not is_held_up
    assert isinstance(gone, Gone)
    assert gone.status == -9

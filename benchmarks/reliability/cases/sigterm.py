"""The server is told to stop while clients write, upload and listen."""

from __future__ import annotations

import http.client
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._load import (
    compare,
    open_database,
    start_writers,
    stop_writers,
    wait_for_acknowledged,
)
from tests.services.mlflow_client import ServerProcess

CLAIM = "SIGTERM under load: requests are answered or refused, exit in 5 s, nothing is lost"

WRITERS = 8
LONGEST_EXIT_S = 5.0
LONGEST_SHORT_EXIT_S = 60.0
"""Short runs are tests, beside others: only a server that hangs takes so long."""
UPLOAD_BYTES, CHUNK = 8 << 20, 1 << 16


def run(short: bool) -> Outcome:
    figures: Figures = {"rounds": 0, "longest_exit_s": 0.0, "wrong_exits": 0, "torn_files": 0}
    for workers in (1, 2):
        for _ in range(1 if short else 5):
            with tempfile.TemporaryDirectory() as name:
                for figure, value in _round(Path(name), workers).items():
                    before = figures.get(figure, 0)
                    longest = figure == "longest_exit_s"
                    figures[figure] = max(before, value) if longest else before + value
    broken = ("wrong_exits", "lost", "doubled", "half_batches", "done_unanswered", "torn_files")
    longest_s = LONGEST_SHORT_EXIT_S if short else LONGEST_EXIT_S
    held = not any(figures[key] for key in broken) and figures["longest_exit_s"] <= longest_s
    return Outcome(held and figures["acknowledged_batches"] > 0, figures)


def _round(folder: Path, workers: int) -> Figures:
    server = ServerProcess(folder, workers=workers)
    server.start()
    place = urlsplit(server.url).netloc
    writers = start_writers(server.url, WRITERS)
    uploader, listener = _Uploader(place), _listen(place)
    uploader.start()
    wait_for_acknowledged(writers, more=200)
    uploader.under_way.wait(30)
    began = time.monotonic()
    status = server.stop()
    exit_s = time.monotonic() - began
    stop_writers(writers)
    uploader.join(30)
    listener.close()
    store = open_database(folder / "assay.db")
    figures = compare(store, writers)
    store.close()
    figures["rounds"] = 1
    figures["longest_exit_s"] = exit_s
    figures["wrong_exits"] = status != 0
    figures["refused"] = sum(w.unanswered + sum(w.refused.values()) for w in writers)
    files = [p.stat().st_size for p in (folder / "artifacts").rglob("*") if p.suffix == ".bin"]
    figures["torn_files"] = sum(size != UPLOAD_BYTES for size in files)
    figures["lost"] += len(files) < uploader.acknowledged
    return figures


def _listen(place: str) -> http.client.HTTPConnection:
    """A client of live updates, which would never end by itself."""
    connection = http.client.HTTPConnection(place, timeout=30)
    connection.request("GET", "/api/assay/v1/live?experiment_ids=0")
    connection.getresponse()
    return connection


class _Uploader(threading.Thread):
    """Uploads slowly, so that the stop finds an upload half way."""

    def __init__(self, place: str) -> None:
        super().__init__(daemon=True)
        self.place = place
        self.under_way = threading.Event()
        self.acknowledged = 0

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.place, timeout=30)
        try:
            for number in range(100):
                path = f"/api/2.0/mlflow-artifacts/artifacts/file-{number}.bin"
                headers = {"Content-Length": str(UPLOAD_BYTES)}
                connection.request("PUT", path, self._slowly(), headers)
                self.acknowledged += connection.getresponse().status == 200
                connection.close()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def _slowly(self) -> Iterator[bytes]:
        for _ in range(UPLOAD_BYTES // CHUNK):
            yield bytes(CHUNK)
            self.under_way.set()
            time.sleep(0.005)

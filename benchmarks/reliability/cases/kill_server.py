"""The server is killed again and again while eight clients write batches and files through it."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import signal
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from assay.client.connect import open_run_artifacts, open_store
from assay.entities import ExperimentId, RunId, SeriesKey
from assay.entities.ids import new_run_id
from assay.entities.names import ArtifactPath
from assay.entities.runs import NewRun
from assay.metrics.points import batch_of_columns
from assay.store.base import Store
from assay.store.uri import resolve_location
from benchmarks.reliability.case import Outcome
from tests.services.mlflow_client import ServerProcess

CLAIM = "`kill -9` of the server loses, doubles, halves and tears nothing that was acknowledged"

WRITERS, KEYS = 8, 5
FILE_EVERY, FILE_BYTES = 10, 300_000
PRELOADED_POINTS = 1_000_000
LONGEST_RESTART_S = 3.0
LONGEST_SHORT_RESTART_S = 60.0
"""Short runs are tests, beside others: only a server that hangs takes so long."""
START = 1_700_000_000_000


def run(short: bool) -> Outcome:
    rounds = 3 if short else 20
    points = PRELOADED_POINTS // (10 if short else 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _preload(folder, points)
        server = ServerProcess(folder)
        server.start()
        port = int(server.url.rsplit(":", 1)[1])
        server.settings = type(server.settings)(
            **{f: getattr(server.settings, f) for f in server.settings.__struct_fields__}
            | {"port": port}
        )
        writers = [_Writer(port, number) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        restarts = [_kill_and_restart(server, port) for _ in range(rounds)]
        for writer in writers:
            writer.stop.set()
        for writer in writers:
            writer.join()
        server.stop()
        figures = _compare(folder, writers)
    figures |= {"rounds": rounds, "longest_restart_s": max(restarts)}
    held = (
        not any(figures[key] for key in ("lost", "doubled", "half_batches", "torn_files"))
        and figures["acknowledged_batches"] > rounds
        and max(restarts) <= (LONGEST_SHORT_RESTART_S if short else LONGEST_RESTART_S)
    )
    return Outcome(held, figures)


def _preload(folder: Path, points: int) -> None:
    store = _store(folder)
    run_id = new_run_id()
    store.runs.create(NewRun(run_id, ExperimentId("0"), START))
    for first in range(0, points, 50_000):
        steps = np.arange(first, first + 50_000)
        store.metrics.append(
            run_id,
            batch_of_columns(
                [SeriesKey("loss")],
                index=np.zeros(50_000, np.int64),
                steps=steps,
                timestamps=START + steps,
                values=np.sin(steps / 1e3),
            ),
        )
    store.close()


def _store(folder: Path) -> Store:
    return open_store(resolve_location(f"sqlite:///{folder}/assay.db"))


def _kill_and_restart(server: ServerProcess, port: int) -> float:
    time.sleep(random.uniform(0.2, 1.0))
    server.stop(signal.SIGKILL)
    began = time.monotonic()
    server.start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = json.dumps({"experiment_ids": ["0"], "max_results": 1})
    path = "/api/2.0/mlflow/runs/search"
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 200
    took_s = time.monotonic() - began
    connection.close()
    return took_s


class _Writer(threading.Thread):
    """One client: sends a batch until it is acknowledged, then the next; a file now and then."""

    def __init__(self, port: int, number: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.number = number
        self.run_id = RunId("")
        self.batches: list[int] = []
        self.files: dict[str, str] = {}
        self.sent_files: dict[str, str] = {}
        self.stop = threading.Event()
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        answer = json.loads(self._until_acknowledged("runs/create", {"experiment_id": "0"}))
        self.run_id = answer["run"]["info"]["run_id"]
        number = 0
        while not self.stop.is_set():
            self._batch(number)
            if number % FILE_EVERY == 0:
                self._file(number)
            number += 1
        self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _batch(self, number: int) -> None:
        metrics = [
            {"key": f"m{k}", "value": number + k / 10, "timestamp": START + number, "step": number}
            for k in range(KEYS)
        ]
        tags = [{"key": f"b{number % 500}", "value": str(number)}]
        body = {"run_id": self.run_id, "metrics": metrics, "tags": tags}
        self._until_acknowledged("runs/log-batch", body)
        self.batches.append(number)

    def _file(self, number: int) -> None:
        content = random.Random(number * 100 + self.number).randbytes(FILE_BYTES)
        name, digest = f"file-{number}.bin", hashlib.sha256(content).hexdigest()
        self.sent_files[name] = digest
        path = f"/api/2.0/mlflow-artifacts/artifacts/0/{self.run_id}/artifacts/{name}"
        if self._once("PUT", path, content, "application/octet-stream") is not None:
            self.files[name] = digest

    def _until_acknowledged(self, route: str, body: object) -> bytes:
        while True:
            path = f"/api/2.0/mlflow/{route}"
            answer = self._once("POST", path, json.dumps(body).encode(), "application/json")
            if answer is not None:
                return answer
            time.sleep(0.02)

    def _once(self, method: str, path: str, body: bytes, kind: str) -> bytes | None:
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            self._connection.request(method, path, body, {"Content-Type": kind})
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return None
        assert answer.status == 200, (answer.status, content)
        return content


def _compare(folder: Path, writers: list[_Writer]) -> dict[str, float | int]:
    store = _store(folder)
    location = resolve_location(
        f"sqlite:///{folder}/assay.db", environ={"ASSAY_ARTIFACT_ROOT": f"{folder}/artifacts"}
    )
    figures: dict[str, float | int] = {
        "acknowledged_batches": sum(len(writer.batches) for writer in writers),
        "acknowledged_files": sum(len(writer.files) for writer in writers),
        "lost": 0,
        "doubled": 0,
        "half_batches": 0,
        "torn_files": 0,
    }
    for writer in writers:
        steps = [
            store.metrics.history(writer.run_id, SeriesKey(f"m{key}")).steps.tolist()
            for key in range(KEYS)
        ]
        figures["lost"] += len(set(writer.batches) - set(steps[0]))
        figures["doubled"] += sum(len(found) - len(set(found)) for found in steps)
        figures["half_batches"] += len(
            set.union(*map(set, steps)) - set.intersection(*map(set, steps))
        )
        uri = store.runs.get(writer.run_id).info.artifact_uri
        files = open_run_artifacts(location, store, uri)
        there = {info.path for info in files.list(ArtifactPath(""))}
        figures["lost"] += len(set(writer.files) - there)
        for path in there:
            digest = hashlib.sha256(b"".join(files.read(path))).hexdigest()
            figures["torn_files"] += digest != writer.sent_files.get(path)
    store.close()
    return figures

"""Load: clients that write to a server without pause and remember what was acknowledged."""

from __future__ import annotations

import http.client
import json
import threading
import time
from urllib.parse import urlsplit

from assay.client.connect import open_store
from assay.entities import RunId, SeriesKey
from assay.store.base import Store
from assay.store.uri import resolve_location
from benchmarks.reliability.cases._programs import START

API = "/api/2.0/mlflow"
KEYS = 3
PAUSE_S = 0.02
"""Before a client asks again that was turned away."""


def open_database(path: object) -> Store:
    """The store in a SQLite file."""
    return open_store(resolve_location(f"sqlite:///{path}", environ={}))


class Writer(threading.Thread):
    """One client with a run of its own: batches of ``KEYS`` points at one step, one after another.

    A step is sent once, whatever becomes of it, so what is stored and was never acknowledged shows.
    """

    def __init__(self, url: str, *, run_id: str = "", number: int = 0) -> None:
        super().__init__(daemon=True)
        self.url, self.number = url, number
        self.run_id = RunId(run_id)
        self.acknowledged: list[int] = []
        self.refused: dict[int, int] = {}
        """How many answers of each status but 200."""
        self.messages: set[str] = set()
        self.unanswered = 0
        self.stop = threading.Event()
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Write until ``stop`` is set."""
        while not self.run_id and not self.stop.is_set():
            made = self.ask("runs/create", {"experiment_id": "0", "start_time": START})
            if made is not None:
                self.run_id = RunId(made["run"]["info"]["run_id"])
        step = 0
        while not self.stop.is_set():
            if self.ask("runs/log-batch", self._batch(step)) is not None:
                self.acknowledged.append(step)
            else:
                time.sleep(PAUSE_S)
            step += 1
        self.hang_up()

    def _batch(self, step: int) -> dict[str, object]:
        metrics = [
            {"key": self.key(k), "value": step + k / 10, "timestamp": START + step, "step": step}
            for k in range(KEYS)
        ]
        return {"run_id": self.run_id, "metrics": metrics}

    def key(self, place: int) -> str:
        """The name of a metric of this writer."""
        return f"w{self.number}m{place}"

    def ask(self, route: str, body: object) -> dict[str, dict[str, dict[str, str]]] | None:
        """Post once; what was answered, or ``None`` if it wasn't acknowledged."""
        try:
            if self._connection is None:
                place = urlsplit(self.url).netloc
                self._connection = http.client.HTTPConnection(place, timeout=30)
            headers = {"Content-Type": "application/json"}
            self._connection.request("POST", f"{API}/{route}", json.dumps(body), headers)
            answer = self._connection.getresponse()
            content = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            self.unanswered += 1
            self.hang_up()
            return None
        if answer.status != 200:
            self.refused[answer.status] = self.refused.get(answer.status, 0) + 1
            self.messages.add(content["message"])
            return None
        found: dict[str, dict[str, dict[str, str]]] = content
        return found

    def hang_up(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def start_writers(url: str, count: int, *, run_id: str = "") -> list[Writer]:
    """So many writers, running."""
    writers = [Writer(url, run_id=run_id, number=number) for number in range(count)]
    for writer in writers:
        writer.start()
    return writers


def stop_writers(writers: list[Writer]) -> None:
    """Let each finish the request it is at."""
    for writer in writers:
        writer.stop.set()
    for writer in writers:
        writer.join(60)


def wait_for_acknowledged(writers: list[Writer], *, more: int, timeout_s: float = 60) -> None:
    """Until so many more batches are acknowledged altogether."""
    until = sum(len(w.acknowledged) for w in writers) + more
    deadline = time.monotonic() + timeout_s
    while sum(len(w.acknowledged) for w in writers) < until:
        refused = [(w.refused, w.unanswered, w.messages) for w in writers]
        assert time.monotonic() < deadline, f"the writers get nothing acknowledged: {refused}"
        time.sleep(0.01)


def compare(store: Store, writers: list[Writer]) -> dict[str, float | int]:
    """What the store holds against what was acknowledged."""
    figures: dict[str, float | int] = {
        "acknowledged_batches": sum(len(writer.acknowledged) for writer in writers),
        "lost": 0,
        "doubled": 0,
        "half_batches": 0,
        "done_unanswered": 0,
    }
    for writer in writers:
        if not writer.run_id:
            continue
        stored = [
            store.metrics.history(writer.run_id, SeriesKey(writer.key(k))).steps.tolist()
            for k in range(KEYS)
        ]
        sets = [set(steps) for steps in stored]
        figures["lost"] += len(set(writer.acknowledged) - set.intersection(*sets))
        figures["doubled"] += sum(len(steps) - len(set(steps)) for steps in stored)
        figures["half_batches"] += len(set.union(*sets) - set.intersection(*sets))
        figures["done_unanswered"] += len(set.union(*sets) - set(writer.acknowledged))
    return figures

"""Load on a server from raw keep-alive connections: how many requests a second it answers.

``python -m benchmarks.server_load`` starts an Assay server on a fresh store, drives
``log-metric``, ``log-batch`` of 100 and ``runs/get`` from 8 connections of one process (which
waits on all of them at once, so that the client costs little of the machine), and prints rates
and percentiles. ``--url`` drives a server that runs already, MLflow's for instance.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

_SERVE = """
import sys, msgspec
from assay.server.run import serve
from assay.server.settings import ServerSettings
settings = msgspec.json.decode(sys.argv[1], type=ServerSettings)
serve(settings, started=lambda url: print(url, flush=True))
"""


class Rates(NamedTuple):
    """What one kind of request reached."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


class _Connection:
    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> int | None:
        """The status, once the whole answer is there."""
        self.received += self.socket.recv(1 << 16)
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return None
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        end = lower.find(b"\r\n", start)
        length = int(lower[start : end if end >= 0 else None])
        if len(body) < length:
            return None
        self.received = b""
        return int(head[9:12])


def drive(
    host: str, port: int, make: Callable[[int], bytes], *, seconds: float, connections: int = 8
) -> Rates:
    """Send requests on all connections, each as soon as the one before is answered."""
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = _Connection(host, port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    times: list[float] = []
    count = failed = 0
    started = time.perf_counter()
    for key in list(selector.get_map().values()):
        key.data.send(make(count))
        count += 1
    waiting = connections
    while waiting:
        for key, _ in selector.select():
            status = key.data.answer()
            if status is None:
                continue
            now = time.perf_counter()
            times.append(now - key.data.sent_at)
            failed += status != 200
            if now - started < seconds:
                key.data.send(make(count))
                count += 1
            else:
                waiting -= 1
    elapsed = time.perf_counter() - started
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    selector.close()
    cuts = statistics.quantiles(times, n=100)
    return Rates(len(times) / elapsed, cuts[49] * 1000, cuts[98] * 1000, failed)


def _post(path: str, host: str, body: bytes) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _call(url: str, path: str, body: object) -> dict[str, object]:
    request = Request(
        url + path, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urlopen(request) as answer:
        return json.load(answer)


def measure(url: str, *, seconds: float = 5) -> dict[str, float]:
    """The two rates that docs/performance.md states."""
    found = rates(url, seconds=seconds)
    return {
        "log_metric_per_s": found["log-metric"].per_second,
        "log_batch_per_s": found["log-batch of 100"].per_second,
    }


def rates(url: str, *, seconds: float) -> dict[str, Rates]:
    """All scenarios against the server at ``url``."""
    place = url.removeprefix("http://")
    host, _, port = place.partition(":")
    api = "/api/2.0/mlflow/runs"

    def runs(count: int) -> list[str]:
        made = [
            _call(url, f"{api}/create", {"experiment_id": "0", "start_time": 1})
            for _ in range(count)
        ]
        return [run["run"]["info"]["run_id"] for run in made]  # type: ignore[index]

    idents = runs(8)

    def metric(i: int) -> bytes:
        body = '{"run_id":"%s","key":"loss","value":%r,"timestamp":%d,"step":%d}'
        return _post(
            f"{api}/log-metric",
            place,
            (body % (idents[i % 8], 1 / (i + 1), 1_700_000_000_000 + i, i)).encode(),
        )

    def batch(i: int) -> bytes:
        points = ",".join(
            f'{{"key":"m{k}","value":{1 / (i + k + 1)!r},'
            f'"timestamp":{1_700_000_000_000 + i},"step":{i}}}'
            for k in range(100)
        )
        return _post(
            f"{api}/log-batch",
            place,
            f'{{"run_id":"{idents[i % 8]}","metrics":[{points}]}}'.encode(),
        )

    def get(i: int) -> bytes:
        return f"GET {api}/get?run_id={idents[i % 8]} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode()

    def health(_: int) -> bytes:
        return f"GET /health HTTP/1.1\r\nHost: {place}\r\n\r\n".encode()

    scenarios = {"health": health, "log-metric": metric, "log-batch of 100": batch, "runs/get": get}
    return {name: drive(host, int(port), make, seconds=seconds) for name, make in scenarios.items()}


@contextmanager
def running_server(workers: int) -> Iterator[str]:
    """An Assay server on a fresh store; its URL."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "port": 0,
            "workers": workers,
            "store_uri": f"sqlite:///{folder}/assay.db",
            "artifacts_uri": str(Path(folder) / "artifacts"),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, json.dumps(settings)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a server that runs already")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    if options.url:
        show(rates(options.url, seconds=options.seconds))
        return
    with running_server(options.workers) as url:
        show(rates(url, seconds=options.seconds))


def show(results: dict[str, Rates]) -> None:
    for name, rates in results.items():
        print(
            f"{name:20} {rates.per_second:8.0f}/s   p50 {rates.p50_ms:6.2f} ms"
            f"   p99 {rates.p99_ms:6.2f} ms   failed {rates.failed}"
        )


if __name__ == "__main__":
    main()

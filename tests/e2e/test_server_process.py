"""The server as a process: it starts quickly, stops cleanly, and keeps what it acknowledged."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.mlflow_client import ServerProcess
from tests.services.raw_http import Raw

API = "/api/2.0/mlflow"
Start = Callable[..., ServerProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[ServerProcess] = []

    def run(**settings: Any) -> ServerProcess:
        server = ServerProcess(tmp_path, **settings)
        started.append(server)
        server.start()
        return server

    yield run
    for server in started:
        server.stop(signal.SIGKILL)


def make_run(url: str) -> str:
    raw = Raw(url)
    try:
        made = raw("POST", f"{API}/runs/create", {"experiment_id": "0", "start_time": 1})
        return str(made.json["run"]["info"]["run_id"])
    finally:
        raw.close()


class Writer(threading.Thread):
    """Logs points, one a request, until the server is gone; remembers what was acknowledged."""

    def __init__(self, url: str, run_id: str, number: int) -> None:
        super().__init__()
        self.url, self.run_id, self.key = url, run_id, f"m{number}"
        self.acknowledged: list[int] = []
        self.sent = 0

    def run(self) -> None:
        raw = Raw(self.url)
        try:
            while True:
                step = self.sent
                self.sent += 1
                body = {"run_id": self.run_id, "key": self.key, "value": step, "timestamp": 1}
                answer = raw("POST", f"{API}/runs/log-metric", {**body, "step": step})
                if answer.status != 200:
                    return
                self.acknowledged.append(step)
        except OSError:
            return
        except Exception:  # http.client's errors for a connection that ended
            return
        finally:
            raw.close()


def write_until(url: str, stop: Callable[[], object], *, points: int = 200) -> list[Writer]:
    run_id = make_run(url)
    writers = [Writer(url, run_id, number) for number in range(4)]
    for writer in writers:
        writer.start()
    while sum(len(writer.acknowledged) for writer in writers) < points:
        writers[0].join(0.005)
    stop()
    for writer in writers:
        writer.join(30)
    return writers


def stored_steps(url: str, writer: Writer) -> list[int]:
    raw = Raw(url)
    try:
        path = f"{API}/metrics/get-history?run_id={writer.run_id}&metric_key={writer.key}"
        return sorted(point.get("step", 0) for point in raw("GET", path).json.get("metrics", []))
    finally:
        raw.close()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_is_there_once_after_the_end(
    start: Start, number: signal.Signals, workers: int
) -> None:
    server = start(workers=workers)
    began = 0.0

    def stop() -> None:
        nonlocal began
        began = time.monotonic()
        status = server.stop(number)
        assert status == (0 if number == signal.SIGTERM else -number)

    writers = write_until(server.url, stop)
    if number == signal.SIGTERM:
        assert time.monotonic() - began < 10
    url = start().url
    for writer in writers:
        steps = stored_steps(url, writer)
        assert len(steps) == len(set(steps))
        assert set(writer.acknowledged) <= set(steps)
        # One more may have been stored whose answer never arrived.
        assert len(steps) <= len(writer.acknowledged) + 1


def test_requests_in_flight_are_answered_before_the_end(start: Start) -> None:
    server = start()
    place = server.url.removeprefix("http://")
    host, _, port = place.partition(":")
    body = b'{"experiment_id":"0","start_time":1}'
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            f"POST {API}/runs/create HTTP/1.1\r\nHost: {place}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body[:10]
        )
        # The server has the request once it answers another one on a later connection.
        make_run(server.url)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        connection.sendall(body[10:])
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
    assert server.stop() == 0


def test_several_processes_serve_one_store(start: Start) -> None:
    server = start(workers=2)
    run_id = make_run(server.url)
    raws = [Raw(server.url) for _ in range(8)]
    for step, raw in enumerate(raws * 5):
        body = {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1, "step": step}
        assert raw("POST", f"{API}/runs/log-metric", body).status == 200
    history = raws[0]("GET", f"{API}/metrics/get-history?run_id={run_id}&metric_key=m").json
    assert [point["step"] for point in history["metrics"]] == list(range(40))
    figures = raws[1]("GET", "/metrics").body.decode()
    line = next(x for x in figures.splitlines() if "log-metric" in x and "requests_total" in x)
    assert line.endswith(" 40")
    for raw in raws:
        raw.close()


def test_a_process_that_dies_is_replaced(start: Start) -> None:
    server = start(workers=2)
    assert server.process is not None
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    victims = [int(pid) for pid in children.read_text().split()]
    assert len(victims) == 2
    os.kill(victims[0], signal.SIGKILL)
    make_run_retrying(server.url)
    while len(set(children.read_text().split())) < 2:
        make_run_retrying(server.url)
    assert server.stop() == 0


def make_run_retrying(url: str) -> str:
    for _ in range(100):
        try:
            return make_run(url)
        except OSError:
            continue
    raise AssertionError("the server does not answer")


def test_a_taken_port_is_said_plainly(start: Start) -> None:
    server = start()
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(AssertionError, match="Can't listen"):
        start(port=port)


def test_an_address_beyond_this_machine_needs_a_word(start: Start) -> None:
    with pytest.raises(AssertionError, match="--insecure"):
        start(host="0.0.0.0")
    assert start(host="0.0.0.0", insecure=True).url


def test_an_upload_that_breaks_off_leaves_nothing(start: Start) -> None:
    server = start()
    place = server.url.removeprefix("http://")
    host, _, port = place.partition(":")
    path = "/api/2.0/mlflow-artifacts/artifacts/torn.bin"
    for sent in (0, 1000, 3 << 20):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(
                f"PUT {path} HTTP/1.1\r\nHost: {place}\r\n"
                f"Content-Length: {4 << 20}\r\n\r\n".encode()
                + b"x" * sent
            )
    raw = Raw(server.url)
    listing = raw("GET", "/api/2.0/mlflow-artifacts/artifacts").json
    assert listing.get("files", []) == []
    raw.close()


def test_it_starts_soon_and_stays_small(start: Start) -> None:
    began = time.monotonic()
    server = start()
    assert time.monotonic() - began < 15  # 1 s on a machine of its own
    assert server.process is not None
    rollup = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text()
    pss_kb = next(int(x.split()[1]) for x in rollup.splitlines() if x.startswith("Pss:"))
    assert pss_kb < 130_000


def test_the_access_log_has_one_line_a_request(start: Start) -> None:
    server = start(access_log=True)
    raw = Raw(server.url)
    raw("GET", "/nothing%0d%0aforged?x=1")
    raw.close()
    assert server.process is not None
    assert server.process.stdout is not None
    entry = json.loads(server.process.stdout.readline())
    assert (entry["method"], entry["status"]) == ("GET", 404)
    assert entry["path"] == "/nothing\r\nforged"


def test_slow_clients_block_nobody(start: Start) -> None:
    server = start(threads=2)
    place = server.url.removeprefix("http://")
    host, _, port = place.partition(":")
    raw = Raw(server.url)
    big = "/api/2.0/mlflow-artifacts/artifacts/big.bin"
    assert raw("PUT", big, bytes(8 << 20)).status == 200
    waiting = []
    for number in range(20):
        connection = socket.create_connection((host, int(port)), timeout=10)
        waiting.append(connection)
        head = f"PUT /api/2.0/mlflow-artifacts/artifacts/{number} HTTP/1.1\r\nHost: {place}\r\n"
        if number % 2:
            # Half of them send a bit of an upload and then nothing, half never read their download.
            connection.sendall(f"{head}Content-Length: {4 << 20}\r\n\r\n".encode() + bytes(2 << 20))
        else:
            connection.sendall(f"GET {big} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    began = time.monotonic()
    for _ in range(20):
        make_run(server.url)
    assert time.monotonic() - began < 10
    for connection in waiting:
        connection.close()
    raw.close()

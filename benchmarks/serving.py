"""Serving beside `mlflow models serve` and LitServe, and beside a bare ASGI application that calls
the same model.

    python -m benchmarks.serving [--rounds 3] [--requests 3000]

One worker each, one at a time, in turn within one run; keep-alive clients on raw sockets; figures
are medians of the rounds. The model is a LogisticRegression with a signature of 20 columns.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks import environments

COLUMNS = [f"x{i}" for i in range(20)]
MAKE = """
import numpy as np, pandas as pd, joblib
from sklearn.linear_model import LogisticRegression
import assay
rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(1000, 20)), columns=[f"x{i}" for i in range(20)])
model = LogisticRegression().fit(X, (X.x0 > 0).astype(int))
assay.sklearn.save_model(model, "model", input_example=X[:3], pip_requirements=["scikit-learn"])
joblib.dump(LogisticRegression().fit(X.to_numpy(), (X.x0 > 0).astype(int)), "bare.joblib")
"""
BARE = """
import sys, joblib, numpy as np, uvicorn
model = joblib.load("bare.joblib")
row = np.zeros((1, 20))
ANSWER = b'{"predictions":[0]}'
HEAD = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await receive()
    model.predict(row)
    await send({"type": "http.response.start", "status": 200, "headers": HEAD})
    await send({"type": "http.response.body", "body": ANSWER})
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False,
            log_level="error")
"""
LITSERVE = """
import sys, joblib, numpy as np, litserve as ls
class Api(ls.LitAPI):
    def setup(self, device):
        self.model = joblib.load("bare.joblib")
    def decode_request(self, request):
        return np.array(request["dataframe_split"]["data"])
    def predict(self, rows):
        return self.model.predict(rows)
    def encode_response(self, output):
        return {"predictions": output.tolist()}
if __name__ == "__main__":
    server = ls.LitServer(Api(api_path="/invocations"), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[1]), host="127.0.0.1", generate_client_file=False,
               log_level="error", num_api_servers=1)
"""
LIBRARIES = (
    "import sklearn.linear_model, pandas, skops.io, time; print('ready', flush=True); input()"
)
"""What the model needs, whoever serves it: the memory below which nobody can be."""


class Load(NamedTuple):
    """What clients saw."""

    rate: float
    p50_ms: float
    p99_ms: float


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(arguments: list[str], folder: Path, port: int) -> Iterator[tuple[float, int]]:
    """A server; the seconds until it answered its first prediction, and its process."""
    began = time.perf_counter()
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = began + 120
        while not answers(port):
            if process.poll() is not None or time.perf_counter() > until:
                raise SystemExit(f"it does not answer: {arguments}")
            time.sleep(0.02)
        yield time.perf_counter() - began, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(port: int) -> bool:
    """Whether a prediction is answered."""
    try:
        return load(port, rows=1, clients=1, requests=1).rate > 0
    except (OSError, AssertionError):
        return False


def request_of(rows: int) -> bytes:
    """A whole request, head and body."""
    data = [[round(0.1 * ((i + j) % 17) - 0.8, 2) for j in range(20)] for i in range(rows)]
    body = json.dumps({"dataframe_split": {"columns": COLUMNS, "data": data}}).encode()
    head = f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Type: application/json\r\n\r\n" + body


def load(port: int, *, rows: int, clients: int, requests: int) -> Load:
    """Ask so many times over so many connections, each with one request at a time."""
    request = request_of(rows)
    waiting = selectors.DefaultSelector()
    begun: dict[socket.socket, float] = {}
    sockets = []
    for _ in range(clients):
        one = socket.create_connection(("127.0.0.1", port), timeout=60)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting.register(one, selectors.EVENT_READ)
        sockets.append(one)
    taken: list[float] = []
    try:
        began = time.perf_counter()
        sent = 0
        for one in sockets[:requests]:
            begun[one] = time.perf_counter()
            one.sendall(request)
            sent += 1
        while len(taken) < requests:
            for key, _ in waiting.select(60):
                one = key.fileobj
                assert isinstance(one, socket.socket)
                read_response(one)
                taken.append(time.perf_counter() - begun[one])
                if sent < requests:
                    begun[one] = time.perf_counter()
                    one.sendall(request)
                    sent += 1
        seconds = time.perf_counter() - began
    finally:
        waiting.close()
        for one in sockets:
            one.close()
    taken.sort()
    return Load(
        requests / seconds,
        1e3 * taken[len(taken) // 2],
        1e3 * taken[min(len(taken) - 1, int(0.99 * len(taken)))],
    )


def read_response(one: socket.socket) -> None:
    """The next response, which must be a good one."""
    content = b""
    while b"\r\n\r\n" not in content:
        piece = one.recv(1 << 16)
        assert piece, "hung up"
        content += piece
    head, _, body = content.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head[:200] + body[:400]
    (length,) = (
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    left = length - len(body)
    while left > 0:
        left -= len(one.recv(min(left, 1 << 20)))


def resident_mb(pid: int) -> float:
    """Memory of a process and its children that they don't share."""
    import psutil

    found = psutil.Process(pid)
    return sum(one.memory_full_info().uss for one in [found, *found.children(True)]) / 1e6


def libraries_mb(folder: Path) -> float:
    """Memory of a process that has only imported what the model needs."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIBRARIES],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    size = resident_mb(process.pid)
    process.communicate("\n")
    return size


def commands(port: int) -> dict[str, list[str]]:
    """How each server is started."""
    python = [sys.executable, "-W", "ignore"]
    where = ["--port", str(port), "--env-manager", "local"]
    lit = [str(environments.python("litserve")), "-W", "ignore"]
    return {
        "Assay": [*python, "-m", "assay", "serve", "./model", *where],
        "MLflow": [*python, "-m", "mlflow", "models", "serve", "-m", "model", *where],
        "LitServe": [*lit, "litserve_app.py", str(port)],
        "bare ASGI": [*python, "-c", BARE, str(port)],
    }


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=3_000)
    options = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-W", "ignore", "-c", MAKE], cwd=folder, check=True)
        (folder / "litserve_app.py").write_text(LITSERVE)
        bare_mb = libraries_mb(folder)
        for _ in range(options.rounds):
            for tool in commands(0):
                # Another one each time: some servers answer longer than their parent lives.
                port = free_port()
                figures = measure(commands(port)[tool], folder, port, options.requests)
                for title, value in figures.items():
                    found.setdefault(title, {}).setdefault(tool, []).append(value)
    report(found, bare_mb)


def measure(arguments: list[str], folder: Path, port: int, requests: int) -> dict[str, float]:
    """All figures of one server."""
    with running(arguments, folder, port) as (ready_s, pid):
        load(port, rows=1, clients=4, requests=requests // 10)
        one = load(port, rows=1, clients=1, requests=requests // 3)
        eight = load(port, rows=1, clients=8, requests=requests)
        batch = load(port, rows=10_000, clients=1, requests=10)
        return {
            "one row, 1 client (requests/s)": one.rate,
            "… p50 (ms)": one.p50_ms,
            "one row, 8 clients (requests/s)": eight.rate,
            "… p50 of 8 (ms)": eight.p50_ms,
            "… p99 of 8 (ms)": eight.p99_ms,
            "10,000 rows (ms)": batch.p50_ms,
            "ready after the command (s)": ready_s,
            "memory (MB)": resident_mb(pid),
        }


def report(found: dict[str, dict[str, list[float]]], bare_mb: float) -> None:
    """Print the table, and the memory of the libraries alone."""
    tools = list(next(iter(found.values())))
    print(f"| work | {' | '.join(tools)} | beside MLflow |")
    print(f"|---|{'---:|' * (len(tools) + 1)}")
    for title, figures in found.items():
        medians = {tool: statistics.median(values) for tool, values in figures.items()}
        ours, theirs = medians["Assay"], medians["MLflow"]
        ratio = ours / theirs if "requests" in title else theirs / ours
        cells = " | ".join(f"{medians[tool]:.3g}" for tool in tools)
        print(f"| {title} | {cells} | {ratio:.1f}× |")
    print(f"\nThe libraries that the model needs, imported and no more: {bare_mb:.0f} MB.")


if __name__ == "__main__":
    main()
